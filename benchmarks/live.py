"""Updates a second under a dragged slider, in real Chromium on the Voila page.

Every update evaluates all 1,500 images, memory off. Beside it, in turn on the same machine, the
same two matrices done the usual way, with ``interact`` and ``seaborn.heatmap``.

Usage: ``python benchmarks/live.py [--rounds 3] [--json]``
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Any

import nbformat
import numpy as np
from playwright.sync_api import Page, TimeoutError, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]
FLOORS = {"updates_per_s": 12, "release_to_final_ms_p95": 150}
SHARED = "import optiwidgets as ow\nexp = ow.Experiment.load('digits', memory_mb=0)\n"
OURS = SHARED + "ow.Explorer(exp)"
USUAL = (
    SHARED
    + """
import seaborn as sns
from matplotlib import pyplot as plt
from ipywidgets import interact, IntSlider, HTML
from IPython.display import display
shown = HTML(); display(shown)
base = exp.run(ow.Recipe())
def draw(percent):
    rep = exp.run(ow.Recipe(sparsity=percent / 100))
    figure, axes = plt.subplots(1, 2, figsize=(12, 5))
    for ax, r in zip(axes, (base, rep)):
        sns.heatmap(r.confusion.counts, annot=True, fmt="d", cmap="Blues", ax=ax)
    plt.show()
    shown.value = f"<b class='shown' data-percent='{percent}'></b>"
interact(draw, percent=IntSlider(0, 0, 99));
"""
)
WATCH = """(usual) => {
  window.seen = []; window.gaps = []; let last = performance.now();
  const recipe = () => JSON.parse(document.querySelector('.ow-explorer').dataset.owRecipe);
  const value = () => usual
    ? +document.querySelector('.shown')?.dataset.percent
    : Math.round(100 * recipe().sparsity);
  const note = () => {
    const v = value();
    if (!seen.length || seen.at(-1).v !== v) seen.push({ v, t: performance.now() });
  };
  const attributeFilter = ['data-ow-recipe', 'data-percent'];
  new MutationObserver(note).observe(document.body,
    { subtree: true, childList: true, attributes: true, attributeFilter });
  const frame = (t) => { gaps.push(t - last); last = t; requestAnimationFrame(frame); };
  requestAnimationFrame((t) => { last = t; requestAnimationFrame(frame); });
  note();
}"""
MEASURED = "() => !document.querySelector('.ow-cards').innerText.includes('not measured')"
ASKED = "() => +document.querySelector('.noUi-handle').ariaValueNow"


def main() -> None:
    """Measure both ways in turn and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    result = measure(options.rounds)
    print(json.dumps(result) if options.json else table(result))


def measure(rounds: int) -> dict[str, Any]:
    """Open both pages once, then drag on one and the other, round by round."""
    drags: dict[str, list[dict[str, Any]]] = {"ours": [], "usual": []}
    with lessons() as url, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        pages = {name: open_page(browser, url, name) for name in drags}
        for _ in range(rounds):
            for name, page in pages.items():
                page.bring_to_front()
                drags[name] += [
                    drag(page, usual=name == "usual") for _ in range(8 if name == "ours" else 1)
                ]
        browser.close()
    ours, usual = drags["ours"], drags["usual"]
    finals = [d["final_ms"] for d in ours]
    return {
        "updates_per_s": median(d["updates_per_s"] for d in ours),
        "updates_per_s_usual": median(d["updates_per_s"] for d in usual),
        "release_to_final_ms_median": median(finals),
        "release_to_final_ms_p95": float(np.percentile(finals, 95)),
        "release_to_final_ms_usual": median(d["final_ms"] for d in usual),
        "longest_gap_ms": max(d["gap_ms"] for d in ours),
        "releases": len(finals),
    }


@contextmanager
def lessons() -> Iterator[str]:
    """Serve two notebooks: the explorer, and the usual way."""
    with tempfile.TemporaryDirectory() as folder:
        for name, source in (("ours", OURS), ("usual", USUAL)):
            kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
            book = nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell(source)], metadata={"kernelspec": kernel}
            )
            nbformat.write(book, Path(folder, f"{name}.ipynb"))
        command = [sys.executable, "-m", "optiwidgets.cli", "app", "--port", "0"]
        server = subprocess.Popen(
            [*command, "--lessons", folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()
            server.wait()


def open_page(browser: Any, url: str, name: str) -> Page:
    """Open a notebook and wait until its first picture is drawn."""
    page: Page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.set_default_timeout(120_000)
    ready = '.ow-explorer[data-ow-state="fresh"]' if name == "ours" else ".shown"
    for patience_ms in (30_000, 30_000, 120_000):  # Voila can lose the end of a cell with an Output
        page.goto(f"{url}voila/render/{name}.ipynb", wait_until="commit")
        try:
            page.wait_for_selector(ready, state="attached", timeout=patience_ms)
            break
        except TimeoutError:
            print(f"{name}: no picture yet, opening the page again", file=sys.stderr)
    else:
        raise SystemExit(f"{name}: the page shows no picture")
    if name == "ours":  # speed is measured once, after opening, when the hand rests
        page.wait_for_function(MEASURED)
    page.evaluate(WATCH, name == "usual")
    return page


def drag(page: Page, usual: bool, seconds: float = 3.0) -> dict[str, Any]:
    """Drag the handle from where it is to the far end, release, wait for the last picture.

    The hand moves by the clock, up to 60 times a second, and does not wait for the page.
    """
    rail = page.locator(".noUi-target").first.bounding_box()
    handle = page.locator(".noUi-handle").first.bounding_box()
    assert rail is not None
    assert handle is not None
    y = handle["y"] + handle["height"] / 2
    x = handle["x"] + handle["width"] / 2
    to_right = x < rail["x"] + rail["width"] / 2
    end = rail["x"] + rail["width"] * (0.92 if to_right else 0.02)
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("() => { seen.length = 0; gaps.length = 0; window.start = performance.now(); }")
    began = monotonic()
    while (share := (monotonic() - began) / seconds) < 1:
        page.mouse.move(x + (end - x) * share, y)
        sleep(max(0.0, 1 / 60 - (monotonic() - began - share * seconds)))
    moving = page.evaluate("() => performance.now() - start")
    updates = page.evaluate("() => seen.length")
    page.mouse.up()
    released, asked = page.evaluate("() => performance.now()"), page.evaluate(ASKED)
    page.wait_for_function(f"() => seen.at(-1)?.v === {int(asked)}")
    final = page.evaluate("() => seen.at(-1).t")
    return {
        "updates_per_s": 1e3 * updates / moving,
        "final_ms": max(0.0, final - released),
        "gap_ms": page.evaluate("() => Math.max(...gaps)"),
    }


def table(result: dict[str, Any]) -> str:
    """Two rows: ours, and the usual way."""
    ours = (
        f"explorer             {result['updates_per_s']:8.1f} "
        f"{result['release_to_final_ms_median']:12.0f} "
        f"{result['release_to_final_ms_p95']:9.0f} {result['longest_gap_ms']:10.0f}"
    )
    usual = (
        f"interact + seaborn   {result['updates_per_s_usual']:8.1f} "
        f"{result['release_to_final_ms_usual']:12.0f}"
    )
    head = "                     updates/s   final ms    p95 ms     gap ms"
    floors = ", ".join(f"{name} {value}" for name, value in FLOORS.items())
    return re.sub(r"\n +\n", "\n", "\n".join([head, ours, usual, f"floors: {floors}"]))


if __name__ == "__main__":
    main()
