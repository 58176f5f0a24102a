"""Accuracy against sparsity, one line for each method, drawn from the methods benchmark."""

from __future__ import annotations

from itertools import pairwise
from math import log2
from typing import Any

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

LINES = (  # method, label, index in the palette, marker
    ("lamp + finetune", "LAMP + fine-tuning (labels)", 0, "o"),
    ("lamp + sequential", "LAMP + sequential refit", 2, "s"),
    ("lamp + refit", "LAMP + refit", 1, "D"),
    ("lamp", "LAMP", 4, "^"),
    ("magnitude, global", "magnitude", 3, "X"),
)
CHANCE = ("random", "random")
GREY = "#5b6470"
APART = 6.2  # points of accuracy between two labels
Row = dict[str, Any]


def draw(result: Row) -> Figure:
    """Draw both models side by side, with labels at the lines' ends."""
    figure = Figure(figsize=(12, 5.4), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    with sns.axes_style("whitegrid"):
        axes = figure.subplots(1, len(result["models"]), sharey=True, squeeze=False)[0]
    for ax, (name, model) in zip(axes, result["models"].items(), strict=True):
        draw_model(ax, name, model)
    axes[0].set_ylabel("accuracy, %", fontsize=13)
    return figure


def draw_model(ax: Axes, name: str, model: Row) -> None:
    """Draw one model: lines with 95 % intervals of their drops, and the baseline's accuracy."""
    level, colors, ends = 100 * model["accuracy"], sns.color_palette("colorblind"), []
    pruned = [row for row in model["rows"] if row["group"] == "sparsity"]
    ax.axhline(level, color=GREY, linewidth=1.2, linestyle=(0, (4, 3)))
    chosen = [(m, text, colors[c], mark) for m, text, c, mark in LINES]
    for method, text, color, mark in [*chosen, (*CHANCE, GREY, "")]:
        rows = [row for row in pruned if row["method"] == method]
        places = [place(row["sparsity"]) for row in rows]
        heights = [level - row["points"] for row in rows]
        ax.plot(places, heights, color=color, marker=mark, markersize=7, linewidth=2.2)
        low, high = ([level - row[end] for row in rows] for end in ("high", "low"))
        ax.fill_between(places, low, high, color=color, alpha=0.18, linewidth=0)
        ends.append((heights[-1], text, color))
    label(ax, places[-1], ends)
    dress(ax, [row["sparsity"] for row in rows])
    title = f"{name}: {model['weights']:,} weights, {level:.1f} % untouched (dashed)"
    ax.set_title(title, fontsize=13, loc="left")


def place(sparsity: float) -> float:
    """Compute the x position of a sparsity: one step for each halving of the kept weights."""
    return -log2(1 - sparsity)


def label(ax: Axes, right: float, ends: list[tuple[float, str, Any]]) -> None:
    """Write a label at each line's end, without overlaps, connected by a thin line."""
    heights = spread([height for height, _, _ in ends])
    for (end, text, color), height in zip(ends, heights, strict=True):
        joined = [right + 0.1, right + 0.45], [end, height]
        ax.plot(*joined, color=color, linewidth=0.9, clip_on=False)
        dark = [0.75 * part for part in to_rgb(color)]
        ax.text(right + 0.52, height, text, color=dark, fontsize=12, va="center")


def spread(heights: list[float]) -> list[float]:
    """Move heights apart where they are closer than the height of a label; keep their order.

    >>> spread([50.0, 50.0, 90.0])
    [53.1, 46.9, 90.0]
    """
    order = sorted(range(len(heights)), key=lambda i: (heights[i], -i))
    moved = [heights[i] for i in order]
    for _ in range(200):
        for low, high in pairwise(range(len(moved))):
            missing = max(0.0, APART - (moved[high] - moved[low]))
            moved[low], moved[high] = moved[low] - missing / 2, moved[high] + missing / 2
    return [moved[order.index(i)] for i in range(len(heights))]


def dress(ax: Axes, sparsities: list[float]) -> None:
    """Set scales, ticks and axis labels."""
    places = [place(sparsity) for sparsity in sparsities]
    ax.set(xlim=(places[0] - 0.15, places[-1] + 0.2), ylim=(0, 103))
    ax.set_xticks(places, [f"{100 * sparsity:g}" for sparsity in sparsities])
    ax.set_xlabel("sparsity, % of all weights", fontsize=13)
    ax.tick_params(labelsize=12)
    sns.despine(ax=ax)
