"""Main-thread CPU time of one update of the explorer's page while dragging, by kind of work.

Chromium traces its main thread while the Sparsity handle is dragged from position to position; the
first rounds fill the report cache. Each position waits until it is painted, so an update is counted
once. With ``--build PATH`` another checkout's page is traced in turn with this one's.

Usage: ``python benchmarks/page_trace.py [--rounds 4] [--build PATH] [--json]``
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import live
from builds import OTHER, OURS, THIS, builds, in_turn
from chromium import launch
from options import read_options
from playwright.sync_api import Browser, Page, sync_playwright

CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel"]
KINDS = {  # an event's own time, without nested events
    "style": ("UpdateLayoutTree", "ScheduleStyleRecalculation", "ParseAuthorStyleSheet"),
    "layout": ("Layout",),
    "paint": ("Paint", "PrePaint", "Layerize", "Commit", "UpdateLayer", "UpdateLayerTree"),
    "script": (
        "FunctionCall",
        "EvaluateScript",
        "FireAnimationFrame",
        "EventDispatch",
        "TimerFire",
        "RunMicrotasks",
        "v8.callFunction",
        "MajorGC",
        "MinorGC",
    ),
}
PAGES = {"remembered": "import optiwidgets as ow\now.Explorer(ow.Experiment.load('digits'))"}
STEPS = 60  # positions of one round
# Always moving: after 120 ms without movement the page treats the handle as released.
NEVER_STILL = """() => {
  const timer = window.setTimeout;
  window.setTimeout = (f, ms, ...more) => ms === 120 ? 1 : timer(f, ms, ...more);
}"""
SHOWN = """(percent) => new Promise((shown) => {
  const root = document.querySelector('.ow-explorer');
  const look = () => {
    if (Math.round(100 * JSON.parse(root.dataset.owRecipe).sparsity) !== percent) return false;
    requestAnimationFrame(() => setTimeout(shown));
    return true;
  };
  if (look()) return;
  const seen = new MutationObserver(() => { if (look()) seen.disconnect(); });
  seen.observe(root, { attributeFilter: ['data-ow-recipe'] });
})"""
Event = dict[str, Any]


def main() -> None:
    """Print the table, or JSON."""
    options = read_options(__doc__, "rounds", default=4, least=1, build=True)
    result = measure(options.build, options.rounds)
    print(json.dumps(result, indent=2) if options.json else table(result))


def measure(other: Path | None, rounds: int) -> dict[str, Any]:
    """Trace drags on each page in turn; return medians over rounds, in ms for each update."""
    folders = builds(other) if other else {OURS: THIS}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in folders}
    with ExitStack() as stack:
        urls = {name: stack.enter_context(live.lessons(at, PAGES)) for name, at in folders.items()}
        browser = launch(stack.enter_context(sync_playwright()))
        pages = {name: live.load_page(browser, urls[name], *PAGES) for name in folders}
        for turn in range(rounds + 2):  # up and down, as a warm-up
            for name in in_turn(list(folders), turn):
                found[name].append(trace(browser, pages[name], turn))
        browser.close()
    return {
        name: {kind: median(one[kind] for one in each[2:]) for kind in each[0]}
        for name, each in found.items()
    }


def trace(browser: Browser, page: Page, turn: int) -> dict[str, float]:
    """Drag the handle up or down while the browser traces; return ms of each update by kind."""
    page.bring_to_front()
    page.evaluate(NEVER_STILL)
    handle = page.locator(".noUi-handle").first
    rail = page.locator(".noUi-target").first.bounding_box()
    box = handle.bounding_box()
    assert rail
    assert box
    y = box["y"] + box["height"] / 2
    places = [10 + STEPS * step // STEPS for step in range(STEPS)]
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    move(page, rail, y, 5 if turn % 2 == 0 else 80)
    browser.start_tracing(page=page, categories=CATEGORIES)
    for place in places if turn % 2 == 0 else places[::-1]:
        move(page, rail, y, place)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    page.mouse.up()
    page.wait_for_selector('.ow-explorer[data-ow-state="fresh"]')
    return {kind: ms / STEPS for kind, ms in own_times(main_thread(events)).items()}


def move(page: Page, rail: Any, y: float, percent: int) -> None:
    """Move the held handle to a position and wait until its update is painted."""
    page.mouse.move(rail["x"] + rail["width"] * percent / 99, y)
    asked = int(page.evaluate(live.ASKED))
    page.evaluate(SHOWN, asked)


def main_thread(events: list[Event]) -> list[Event]:
    """Return timed events of the busiest renderer's main thread, in order."""
    names = {
        (e["pid"], e["tid"])
        for e in events
        if e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain"
    }
    threads = [
        [e for e in events if (e["pid"], e["tid"]) == name and e["ph"] == "X" and "tdur" in e]
        for name in names
    ]
    busiest = max(threads, key=lambda thread: sum(kind_of(e["name"]) == "paint" for e in thread))
    return sorted(busiest, key=lambda e: (e["ts"], -e["dur"]))


def own_times(events: list[Event]) -> dict[str, float]:
    """Compute CPU ms of each kind: an event's time without that of nested events.

    Examples
    --------
    >>> outer = {"name": "FunctionCall", "ts": 0, "dur": 9, "tdur": 9000}
    >>> own_times([outer, {"name": "Layout", "ts": 1, "dur": 4, "tdur": 4000}])["script"]
    5.0
    """
    times = dict.fromkeys([*KINDS, "rest", "all"], 0.0)
    open_events: list[Event] = []
    for event in events:
        while open_events and event["ts"] >= open_events[-1]["ts"] + open_events[-1]["dur"]:
            open_events.pop()
        ms = event["tdur"] / 1e3
        if open_events:
            times[kind_of(open_events[-1]["name"])] -= ms
        else:
            times["all"] += ms
        times[kind_of(event["name"])] += ms
        open_events.append(event)
    return times


def kind_of(name: str) -> str:
    """Classify an event by kind of work."""
    return next((kind for kind, names in KINDS.items() if name in names), "rest")


def table(result: dict[str, Any]) -> str:
    """Format one line for each build."""
    kinds = [*KINDS, "rest", "all"]
    lines = [f"{'main thread, CPU ms an update':32}" + "".join(f"{kind:>9}" for kind in kinds)]
    lines += [
        f"{name:32}" + "".join(f"{times[kind]:9.2f}" for kind in kinds)
        for name, times in result.items()
    ]
    if OTHER in result:
        ratio = result[OURS]["all"] / result[OTHER]["all"]
        lines.append(f"{OURS} over {OTHER}: {ratio:.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
