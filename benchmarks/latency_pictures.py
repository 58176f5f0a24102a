"""Draw two pictures of speed for lessons/METHODS.md: times faster, and time against sparsity.

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
    """Write ``latency.png`` and ``latency_of_zeros.png``."""
    draw_speeds(result["rows"]).savefig(PICTURES / "latency.png", dpi=90)
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
        ax.xaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
        ax.set_yticklabels([f"{row['what']}, {row['engine']}" for row in chosen])
        ax.invert_yaxis()
    figure.supxlabel("times faster than the baseline in the same runtime (95 %)")
    ax.legend()
    return figure


def draw_zeros(rows: Sequence[dict[str, Any]]) -> Figure:
    """Time of each runtime against sparsity, ONNX Runtime's untouched model being 1."""
    figure = Figure(figsize=(11, 5.8), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, sharey=True)
    for line, place in zip(grid, PLACES, strict=True):
        for ax, name in zip(line, latency.MODELS, strict=True):
            for engine, color in (("ONNX Runtime", BLUE), ("sparse runtime", ORANGE)):
                found = [r for r in rows if (r["model"], r["engine"]) == (name, engine)]
                shares = [100 * row["sparsity"] for row in found]
                times = [1 / row[place]["ratio"] for row in found]
                least = [1 / row[place]["interval"][1] for row in found]
                most = [1 / row[place]["interval"][0] for row in found]
                ax.plot(shares, times, marker="o", color=color, label=engine)
                ax.fill_between(shares, least, most, color=color, alpha=0.25, linewidth=0)
            ax.axhline(1, color="black", linewidth=1)
            ax.set_title(f"{name}, {PLACES[place]}")
    for ax in grid[1]:
        ax.set_xlabel("sparsity (%), zeros anywhere")
    grid[0][0].set_ylim(bottom=0)  # of all: they share it
    figure.supylabel("time, untouched model in ONNX Runtime = 1")
    grid[0][0].legend()
    return figure


if __name__ == "__main__":
    main()
