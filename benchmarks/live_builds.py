"""``live.py --build``: the explorer of two checkouts, dragged in turn in one Chromium.

Every checkout serves its own pages. Ratios are of medians over all drags of a row. The longest task
is the median of the longest task of each drag (0 if none took 50 ms).
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import live
import numpy as np
from builds import OTHER, OURS, builds, in_turn
from free_mouse import launch
from playwright.sync_api import Page, sync_playwright

ROWS = {"ours": "all 1,500 images", "memory": "from memory"}  # pages of live.py
DRAGS = 4  # for one page in one round
FIGURES = {
    "updates_per_s": "updates a second",
    "final_ms_p95": "release to final picture, p95, ms",
    "task_ms": "longest task, ms",
    "gap_ms": "longest gap between frames, ms",
}
Drags = dict[tuple[str, str], list[dict[str, Any]]]  # by build and page


def compare(other: Path, rounds: int) -> dict[str, Any]:
    """Open the pages of both checkouts once, then drag on each in turn, round by round."""
    folders = builds(other)
    drags: Drags = {(name, row): [] for row in ROWS for name in folders}
    with ExitStack() as stack:
        urls = {name: stack.enter_context(live.lessons(at)) for name, at in folders.items()}
        browser = launch(stack.enter_context(sync_playwright()))
        pages = {key: live.open_page(browser, urls[key[0]], key[1]) for key in drags}
        for turn in range(rounds):
            for row in ROWS:
                for name in in_turn(list(folders), turn):
                    drags[name, row] += drag(pages[name, row], row)
        browser.close()
    return summary(drags) | {"rounds": rounds}


def drag(page: Page, row: str) -> list[dict[str, Any]]:
    """Bring a page to the front and drag on it several times."""
    page.bring_to_front()
    return [live.drag(page, row) for _ in range(DRAGS)]


def summary(drags: Drags) -> dict[str, Any]:
    """Compute figures of both builds, and ratios of this build to the other; None over 0."""
    found: dict[str, Any] = {}
    for row in ROWS:
        ours, other = (figures(drags[name, row]) for name in (OURS, OTHER))
        ratios = {key: ours[key] / other[key] if other[key] else None for key in FIGURES}
        found[row] = {OURS: ours, OTHER: other, "ratios": ratios}
    return found


def figures(taken: list[dict[str, Any]]) -> dict[str, float]:
    """Compute the figures of one page over all drags."""
    return {
        "updates_per_s": median(d["updates_per_s"] for d in taken),
        "final_ms_p95": float(np.percentile([d["final_ms"] for d in taken], 95)),
        "task_ms": median(d["task_ms"] for d in taken),
        "gap_ms": median(d["gap_ms"] for d in taken),
    }


def table(result: dict[str, Any]) -> str:
    """Format one line for each page and figure."""
    lines = [f"{'':54}{OURS:>12}{OTHER:>12}   ratio"]
    for row, label in ROWS.items():
        for key, what in FIGURES.items():
            ours, other = (result[row][name][key] for name in (OURS, OTHER))
            ratio = result[row]["ratios"][key]
            said = "-" if ratio is None else f"{ratio:.2f}"
            lines.append(f"{f'{label}: {what}':54}{ours:12.1f}{other:12.1f}{said:>8}")
    return "\n".join(lines)
