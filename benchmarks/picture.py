"""Draw the README's pictures from real runs: explorer in a browser, file sizes, latency.

Usage: ``python benchmarks/picture.py`` (Chromium has to be installed, the machine be idle).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import latency
import latency_pictures
import seaborn as sns
import size
import torch
from chromium import launch
from matplotlib.figure import Figure
from playwright.sync_api import sync_playwright

PICTURES = Path(__file__).parents[1] / "lessons" / "pictures"
FRESH = '.ow-explorer[data-ow-state="fresh"]'
MEASURED = "() => !document.querySelector('.ow-cards').innerText.includes('not measured')"


def main() -> None:
    """Serve the lessons, set 74 % and 4 bits, save a screenshot; then measure and draw."""
    command = [sys.executable, "-m", "optiwidgets.cli", "app", "--port", "0"]
    server = subprocess.Popen(
        [*command, "--lessons", str(PICTURES.parent)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        photograph(server.stdout.readline().strip())
    finally:
        server.terminate()
        server.wait()
    draw_sizes({name: size.measure(name, rounds=1) for name in size.TARGETS})
    torch.set_num_threads(1)
    latency_pictures.draw(latency.run(seconds=4.0))


def draw_sizes(result: dict[str, list[dict[str, Any]]]) -> None:
    """Draw bars: each encoding against the order-0 estimate, by recipe, one Axes for each model."""
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


def photograph(url: str) -> None:
    """Save a screenshot of the explorer at ``url`` as lessons/pictures/explorer.png."""
    with sync_playwright() as play:
        browser = launch(play)
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(url)
        page.wait_for_selector(FRESH)
        for name, key, presses in (("Sparsity", "ArrowRight", 74), ("Bit-width", "ArrowLeft", 6)):
            handle = page.get_by_role("slider", name=name)
            for _ in range(presses):
                handle.press(key)
        page.wait_for_function(
            "JSON.parse(document.querySelector('.ow-explorer').dataset.owRecipe).bits === 4"
        )
        page.wait_for_function(MEASURED)
        page.locator(FRESH + ":not(.ow-waiting)").screenshot(path=PICTURES / "explorer.png")
        browser.close()


if __name__ == "__main__":
    main()
