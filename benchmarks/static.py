"""Updates per second of a handout, a page without a kernel, in real Chromium from a file.

The handout of the two sliders is dragged in turn with the Voila page that answers all recipes from
the report cache, of this checkout or of another one. An update is a painted frame with a new
``data-ow-recipe``; its cost is the CPU time of the page's main thread, which depends less than the
rate on what else runs. The time to open is from the request of the file to the first fresh picture.
Recipes that the page computes itself are timed by page_runtime.py.

Usage: ``python benchmarks/static.py [--rounds 3] [--build PATH] [--json]``
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import live
from builds import THIS
from free_mouse import launch
from options import read_options
from playwright.sync_api import Browser, Page, sync_playwright

import optiwidgets as ow

FLOORS = {"updates_per_s": 55, "ratio_to_memory": 1.5}
MOST_OPENING_MS = 1000
DRAGS = 4  # for one page in one round
OPENINGS = 5
FRESH = '.ow-explorer[data-ow-state="fresh"]'


def main() -> None:
    """Measure in turn and print a table, or JSON."""
    options = read_options(__doc__, "rounds", default=3, least=1, build=True)
    result = measure(options.build or THIS, options.rounds)
    print(json.dumps(result) if options.json else table(result))


def measure(build: Path, rounds: int) -> dict[str, Any]:
    """Open all pages once, then drag on each in turn, round by round."""
    drags: dict[str, list[dict[str, Any]]] = {"grid": [], "memory": []}
    costs: dict[str, list[float]] = {name: [] for name in drags}
    with ExitStack() as stack:
        handout = Path(stack.enter_context(tempfile.TemporaryDirectory()), "digits.html")
        ow.Explorer().to_html(handout, sliders_only=True)
        memory = {"memory": live.REMEMBERED}
        url = stack.enter_context(live.lessons(build, memory))
        browser = launch(stack.enter_context(sync_playwright()))
        openings = [opening(browser, handout) for _ in range(OPENINGS)]
        pages = {
            "grid": open_handout(browser, handout),
            "memory": live.open_page(browser, url, "memory"),
        }
        clocks = {name: main_thread(page) for name, page in pages.items()}
        for _ in range(rounds):
            for name, page in pages.items():
                page.bring_to_front()
                for _ in range(DRAGS):
                    before = clocks[name]()
                    drags[name].append(live.drag(page, name))
                    updates = page.evaluate("() => seen.length")
                    costs[name].append((clocks[name]() - before) / max(1, updates))
        browser.close()
        size = handout.stat().st_size
    rates = {name: median(d["updates_per_s"] for d in taken) for name, taken in drags.items()}
    return {
        "updates_per_s": rates["grid"],
        "updates_per_s_memory": rates["memory"],
        "ratio_to_memory": rates["grid"] / rates["memory"],
        "update_cpu_ms": {name: median(taken) for name, taken in costs.items()},
        "release_to_final_ms": {n: median(d["final_ms"] for d in t) for n, t in drags.items()},
        "opening_ms": median(openings),
        "opening_ms_most": max(openings),
        "bytes": size,
    }


def opening(browser: Browser, handout: Path) -> float:
    """Time from the navigation to the first fresh picture, in milliseconds."""
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.goto(handout.as_uri())
    page.wait_for_selector(FRESH, state="attached")
    found: float = page.evaluate("() => performance.now()")
    page.close()
    return found


def open_handout(browser: Browser, handout: Path) -> Page:
    """Open the file, and record its updates from the first picture on."""
    page = browser.new_page(viewport={"width": 1366, "height": 768})
    page.set_default_timeout(120_000)
    page.goto(handout.as_uri())
    page.wait_for_selector(FRESH, state="attached")
    page.evaluate(live.WATCH, False)
    return page


def main_thread(page: Page) -> Callable[[], float]:
    """Return a clock of the CPU time that the page's main thread has taken, in milliseconds."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def taken() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return 1e3 * next(float(m["value"]) for m in metrics if m["name"] == "TaskDuration")

    return taken


def table(result: dict[str, Any]) -> str:
    """Format one row for each page, and the bounds below."""
    names = {
        "updates_per_s": ("grid", "handout"),
        "updates_per_s_memory": ("memory", "Voila, from memory"),
    }
    lines = ["                     updates/s   floor   CPU ms an update   final ms (median)"]
    for key, (name, label) in names.items():
        cost, final = result["update_cpu_ms"][name], result["release_to_final_ms"][name]
        floor = FLOORS.get(key, "")
        lines.append(f"{label:20}{result[key]:10.1f}{floor:>8}{cost:19.1f}{final:20.0f}")
    lines.append(
        f"handout to memory: {result['ratio_to_memory']:.2f} (floor {FLOORS['ratio_to_memory']}); "
        f"opening {result['opening_ms']:.0f} ms, at most {result['opening_ms_most']:.0f} "
        f"(asked {MOST_OPENING_MS}); {result['bytes']:,} bytes"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
