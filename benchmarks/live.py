"""Updates per second while a slider is dragged, in real Chromium on the Voila page.

Three rows are the explorer's of a classifier: every update evaluates all 1,500 images, without
report cache; the first 500 while dragging and all afterwards, without report cache; all from the
report cache. Two rows are a detector's, without report cache: all 300 scenes in every update, and
the first 100 while dragging. An update is a painted frame with a new ``data-ow-recipe``. For
comparison, in turn on the same machine, two matrices of the classifier are drawn by ``interact``
and ``seaborn.heatmap``.

Usage: ``python benchmarks/live.py [--rounds 3] [--build PATH] [--json]``; with another checkout its
pages are dragged in turn with this one's, see live_builds.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import Any

import nbformat
import numpy as np
from builds import THIS, environment
from free_mouse import FreeMouse, launch
from options import read_options
from playwright.sync_api import Page, TimeoutError, sync_playwright

FLOORS = {
    "updates_per_s": 22,
    "release_to_final_ms_p95": 80,
    "updates_per_s_progressive": 35,
    "updates_per_s_memory": 45,
    "updates_per_s_scenes": 12,
    "scenes_release_to_final_ms_p95": 120,
    "updates_per_s_scenes_first": 25,
}
SHARED = "import optiwidgets as ow\nexp = ow.Experiment.load('digits', memory_mb=0)\n"
SCENES = SHARED.replace("digits", "scenes")
REMEMBERED = """import optiwidgets as ow
exp = ow.Experiment.load('digits')
for percent in range(100):
    exp.run(ow.Recipe(sparsity=percent / 100))
ow.Explorer(exp)
"""
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
  window.seen = []; window.gaps = []; window.tasks = [0];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration)))
    .observe({ entryTypes: ["longtask"] }); let last = performance.now();
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
BEGIN = """() => {
  seen.length = 0; gaps.length = 0; tasks.length = 1; window.start = performance.now();
}"""
PAGES = {
    "ours": SHARED + "ow.Explorer(exp)",
    "progressive": SHARED + "ow.Explorer(exp, first=500)",
    "memory": REMEMBERED,
    "scenes": SCENES + "ow.Explorer(exp, first=300)",
    "scenes_first": SCENES + "ow.Explorer(exp, first=100)",
    "usual": USUAL,
}
IN_TWO_STEPS = ("progressive", "scenes_first")  # first a part of the images, then all
DRAGS = {"ours": 8, "scenes": 8, "usual": 1}  # of a round, 4 on other pages
ASKED = "() => +document.querySelector('.noUi-handle').ariaValueNow"


def main() -> None:
    """Measure both ways in turn and print a table, or JSON."""
    options = read_options(__doc__, "rounds", default=3, least=1, build=True)
    if options.build:
        import live_builds  # live_builds imports this module

        found = live_builds.compare(options.build, options.rounds)
        print(json.dumps(found, indent=2) if options.json else live_builds.table(found))
        return
    result = measure(options.rounds)
    print(json.dumps(result) if options.json else table(result))


def measure(rounds: int) -> dict[str, Any]:
    """Open both pages once, then drag on one and the other, round by round."""
    drags: dict[str, list[dict[str, Any]]] = {name: [] for name in PAGES}
    with lessons() as url, sync_playwright() as play:
        browser = launch(play)
        pages = {name: open_page(browser, url, name) for name in drags}
        for _ in range(rounds):
            for name, page in pages.items():
                page.bring_to_front()
                drags[name] += [drag(page, name) for _ in range(DRAGS.get(name, 4))]
        browser.close()
    finals, scenes = ([d["final_ms"] for d in drags[name]] for name in ("ours", "scenes"))
    rates = {name: median(d["updates_per_s"] for d in taken) for name, taken in drags.items()}
    return {
        "updates_per_s": rates["ours"],
        "updates_per_s_progressive": rates["progressive"],
        "updates_per_s_memory": rates["memory"],
        "updates_per_s_scenes": rates["scenes"],
        "updates_per_s_scenes_first": rates["scenes_first"],
        "updates_per_s_usual": rates["usual"],
        "release_to_final_ms_median": median(finals),
        "release_to_final_ms_p95": float(np.percentile(finals, 95)),
        "scenes_release_to_final_ms_p95": float(np.percentile(scenes, 95)),
        "scenes_release_to_interval_ms": median(d["fresh_ms"] for d in drags["scenes"]),
        "release_to_final_ms": {
            name: median(d["final_ms"] for d in taken) for name, taken in drags.items()
        },
        "release_to_final_ms_usual": median(d["final_ms"] for d in drags["usual"]),
        "longest_gap_ms": max(d["gap_ms"] for d in drags["ours"]),
        "longest_task_ms": max(
            d["task_ms"] for name in PAGES if name != "usual" for d in drags[name]
        ),
        "releases": len(finals),
    }


@contextmanager
def lessons(build: Path = THIS, pages: Mapping[str, str] = PAGES) -> Iterator[str]:
    """Serve notebooks by one checkout's package, by default one for each row."""
    with tempfile.TemporaryDirectory() as folder:
        for name, source in pages.items():
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
            env=environment(build),
            cwd=folder,
        )
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()
            server.wait()


def open_page(browser: Any, url: str, name: str) -> Page:
    """Open a notebook, and record its updates from the first picture on."""
    page = load_page(browser, url, name)
    page.evaluate(WATCH, name == "usual")
    return page


def load_page(browser: Any, url: str, name: str) -> Page:
    """Open a notebook and wait for its first picture."""
    page: Page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.set_default_timeout(120_000)
    ready = ".shown" if name == "usual" else '.ow-explorer[data-ow-state="fresh"]'
    for patience_ms in (60_000, 60_000, 120_000):  # Voila can lose the end of a cell with an Output
        page.goto(f"{url}voila/render/{name}.ipynb", wait_until="commit")
        try:
            page.wait_for_selector(ready, state="attached", timeout=patience_ms)
            break
        except TimeoutError:
            print(f"{name}: no picture yet, opening the page again", file=sys.stderr)
    else:
        raise SystemExit(f"{name}: the page shows no picture")
    if name != "usual":  # speed is measured once after opening, without dragging
        page.wait_for_function(MEASURED, polling=200)
    return page


def drag(page: Page, name: str, seconds: float = 3.0) -> dict[str, Any]:
    """Drag the handle to the far end, back and there again; release; wait for the last picture.

    The mouse moves by the clock, up to 60 times a second, and does not wait for the page. It passes
    90 positions a second, because fewer positions would limit the number of updates.
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
    mouse = FreeMouse(page)
    page.evaluate(BEGIN)
    began = monotonic()
    while (share := (monotonic() - began) / seconds) < 1:
        there = 1 - abs(1 - 3 * share % 2)
        mouse.move(x + (end - x) * there, y)
        sleep(max(0.0, 1 / 60 - (monotonic() - began - share * seconds)))
    mouse.move(end, y)
    moving, updates = page.evaluate("() => [performance.now() - start, seen.length]")
    mouse.close()
    page.mouse.move(end, y)  # where the release is
    page.mouse.up()
    released, asked = page.evaluate("() => performance.now()"), page.evaluate(ASKED)
    page.wait_for_function(f"() => seen.at(-1)?.v === {int(asked)}")
    final = page.evaluate("() => seen.at(-1).t")
    if name != "usual":  # the last report is of all images, and its drop has an interval
        page.wait_for_selector('.ow-explorer[data-ow-state="fresh"]')
    fresh = page.evaluate("() => performance.now()")
    return {
        "updates_per_s": 1e3 * updates / moving,
        "final_ms": max(0.0, (fresh if name in IN_TWO_STEPS else final) - released),
        "fresh_ms": fresh - released,
        "gap_ms": page.evaluate("() => Math.max(...gaps)"),
        "task_ms": page.evaluate("() => Math.max(...tasks)"),
    }


def table(result: dict[str, Any]) -> str:
    """Format one row for each page, and the lower bounds below."""
    names = {
        "updates_per_s": ("ours", "all 1,500 images"),
        "updates_per_s_progressive": ("progressive", "first 500, then all"),
        "updates_per_s_memory": ("memory", "from memory"),
        "updates_per_s_scenes": ("scenes", "all 300 scenes"),
        "updates_per_s_scenes_first": ("scenes_first", "first 100, then all"),
        "updates_per_s_usual": ("usual", "interact + seaborn"),
    }
    lines = ["                       updates/s   floor   final ms (median)"]
    for key, (name, label) in names.items():
        lines.append(
            f"{label:21}{result[key]:11.1f}{FLOORS.get(key, ''):8}"
            f"{result['release_to_final_ms'][name]:11.0f}"
        )
    lines.append(
        f"all 300 scenes: final p95 {result['scenes_release_to_final_ms_p95']:.0f} ms (floor "
        f"{FLOORS['scenes_release_to_final_ms_p95']}); with the interval of the drop "
        f"{result['scenes_release_to_interval_ms']:.0f} ms (median)"
    )
    lines.append(
        f"all 1,500 images: final p95 {result['release_to_final_ms_p95']:.0f} ms of "
        f"{result['releases']} releases (floor {FLOORS['release_to_final_ms_p95']}), longest gap "
        f"between frames {result['longest_gap_ms']:.0f} ms; longest task in our pages "
        f"{result['longest_task_ms']:.0f} ms (0: none over 50)"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
