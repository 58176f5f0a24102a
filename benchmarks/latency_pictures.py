"""Draw the README's two pictures of speed: times faster by recipe, and time against sparsity.

Usage: ``python benchmarks/latency_pictures.py`` runs ``latency.py`` and draws what it finds; with
``--from FILE`` it draws the JSON that ``latency.py --json`` printed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import latency
import seaborn as sns
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PICTURES = Path(__file__).parents[1] / "lessons" / "pictures"
PLACES = {"image": "one image", "batch": "batch of 32"}
BLUE, ORANGE = sns.color_palette("colorblind", 2)


def main() -> None:
    """Measure or read, print the tables and draw both pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--from", dest="file", metavar="FILE", help="JSON of latency.py")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = json.loads(Path(arguments.file).read_text()) if arguments.file else latency.run(4.0)
    print(latency.report(result))
    draw(result)


def draw(result: dict[str, Any]) -> None:
    """Write ``latency.png`` and, where the sparse runtime ran, ``latency_of_zeros.png``."""
    draw_speeds(result["rows"]).savefig(PICTURES / "latency.png", dpi=90)
    if result["zeros"]:
        draw_zeros(result["zeros"]).savefig(PICTURES / "latency_of_zeros.png", dpi=90)


def draw_speeds(rows: Sequence[dict[str, Any]]) -> Figure:
    """Dots with their 95 % intervals: times faster than the baseline, one Axes a model."""
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    for ax, name in zip(figure.subplots(1, 2, sharex=True), latency.MODELS, strict=True):
        chosen = [row for row in rows if row["model"] == name]
        for shift, color, place in ((-0.13, BLUE, "image"), (0.13, ORANGE, "batch")):
            ratios = [row[place]["ratio"] for row in chosen]
            ends = [row[place]["interval"] for row in chosen]
            away = [[r - low for r, (low, _) in zip(ratios, ends, strict=True)]]
            away += [[high - r for r, (_, high) in zip(ratios, ends, strict=True)]]
            heights = [at + shift for at in range(len(chosen))]
            ax.errorbar(ratios, heights, xerr=away, fmt="o", color=color, label=PLACES[place])
        ax.axvline(1, color="black", linewidth=1)
        ax.set(title=name, xscale="log", xticks=[0.5, 1, 2, 4, 8], yticks=range(len(chosen)))
        ax.set_xlabel("times faster than the baseline in the same runtime (95 %)")
        ax.xaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
        ax.set_yticklabels([f"{row['what']}, {row['engine']}" for row in chosen])
        ax.invert_yaxis()
    ax.legend()
    return figure


def draw_zeros(rows: Sequence[dict[str, Any]]) -> Figure:
    """Lines of milliseconds against sparsity, with quartiles: both runtimes, timed in turn."""
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True)
    for line, place in zip(grid, PLACES, strict=True):
        for ax, name in zip(line, latency.MODELS, strict=True):
            chosen = [row for row in rows if row["model"] == name]
            shares = [100 * row["sparsity"] for row in chosen]
            parts = [row[place] for row in chosen]
            _draw_runtime(ax, shares, parts, "baseline", ("ONNX Runtime", BLUE))
            _draw_runtime(ax, shares, parts, "optimized", ("sparse runtime", ORANGE))
            ax.set(title=f"{name}, {PLACES[place]}", ylabel="milliseconds")
            ax.set_ylim(bottom=0)
    for ax in grid[1]:
        ax.set_xlabel("sparsity (%), zeros anywhere")
    grid[0][0].legend()
    return figure


def _draw_runtime(
    ax: Axes,
    shares: Sequence[float],
    parts: Sequence[dict[str, Any]],
    arm: str,
    style: tuple[str, Any],
) -> None:
    label, color = style
    medians = [part[f"{arm}_ms"] for part in parts]
    lower, upper = zip(*(part[f"{arm}_iqr_ms"] for part in parts), strict=True)
    ax.plot(shares, medians, marker="o", color=color, label=label)
    ax.fill_between(shares, lower, upper, color=color, alpha=0.2, linewidth=0)


if __name__ == "__main__":
    main()
