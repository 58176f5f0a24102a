"""Draw the pictures of README and lessons from real runs: a session, file sizes, speeds.

Usage: ``python benchmarks/picture.py`` (Chromium has to be installed, the machine be idle).
"""

from __future__ import annotations

from typing import Any

import latency
import latency_pictures
import moving_picture
import seaborn as sns
import size
import torch
from matplotlib.figure import Figure
from moving_picture import PICTURES


def main() -> None:
    """Record the explorer, then measure file sizes and speeds and draw them."""
    with moving_picture.lessons() as url:
        moving_picture.write(moving_picture.record(url), PICTURES / "explorer.webp")
    draw_sizes({name: size.measure(name, rounds=1) for name in size.TARGETS})
    torch.set_num_threads(1)
    latency_pictures.draw(latency.run(seconds=4.0))


def draw_sizes(result: dict[str, list[dict[str, Any]]]) -> None:
    """Bars: each encoding against the order-0 estimate, recipe by recipe, one Axes a model."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    for ax, (name, rows) in zip(figure.subplots(1, 2, sharey=True), result.items(), strict=True):
        bars = [
            (f"{100 * row['sparsity']:.0f} %, {row['bits']} bits", way, row["multiples"][way])
            for row in rows
            for way in ("dense", "bitmask", "zlib", "file")
        ]
        recipes, ways, multiples = zip(*bars, strict=True)
        sns.barplot(x=recipes, y=multiples, hue=ways, ax=ax, palette="colorblind")
        ax.axhline(1, color="black", linewidth=1)
        ax.set(title=name, yscale="log", ylabel="bytes / order-0 estimate", yticks=[1, 2, 5, 10])
        ax.yaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
    figure.savefig(PICTURES / "size.png", dpi=90)


if __name__ == "__main__":
    main()
