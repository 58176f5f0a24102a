"""``classroom.py --build``: a class that drags on ``optiwidgets serve`` of two checkouts, in turn.

Every round starts a fresh server of each build, with the same simulated students. A ratio is this
build's median over the other's.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from statistics import median
from typing import Any

from builds import OTHER, OURS, builds, in_turn
from crowd import crowd
from hosts import serving

FIGURES = {
    "updates_per_s": "answers a second, all students",
    "answer_p50_s": "slider's answer, median, s",
    "answer_p95_s": "slider's answer, p95, s",
    "ready_s": "the last is ready, s",
    "served": "served",
}
Found = dict[str, Any]


def compare(options: argparse.Namespace) -> Found:
    """Measure a class on both builds, round by round."""
    folders = builds(options.build)
    rounds: dict[str, list[Found]] = {name: [] for name in folders}
    for turn in range(options.rounds):
        for name in in_turn(list(folders), turn):
            rounds[name].append(one_class(folders[name], options))
    return summary(rounds) | {"users": options.users, "rounds": options.rounds}


def one_class(build: Path, options: argparse.Namespace) -> Found:
    """Measure a class on a fresh server of a checkout."""
    with serving("serve", options.users, build) as host:
        gap_s = 1 / options.arrivals
        coming = crowd(host, options.users, gap_s, options.seconds, options.patience)
        return asyncio.run(coming)


def summary(rounds: dict[str, list[Found]]) -> Found:
    """Compute medians of both builds, their ratios, and all errors; None for missing figures."""
    middle = {
        name: {key: middle_of([one[key] for one in found]) for key in FIGURES}
        for name, found in rounds.items()
    }
    ours, other = middle[OURS], middle[OTHER]
    ratios = {key: ours[key] / other[key] if ours[key] and other[key] else None for key in FIGURES}
    errors = {name: [one["errors"] for one in found] for name, found in rounds.items()}
    return {**middle, "ratios": ratios, "errors": errors}


def middle_of(values: list[float | None]) -> float | None:
    """Compute the median; None if a value is missing.

    Examples
    --------
    >>> middle_of([1.0, 2.0, 9.0])
    2.0
    """
    known = [value for value in values if value is not None]
    return median(known) if len(known) == len(values) else None


def table(result: Found) -> str:
    """Format one line for each figure, then the errors."""
    lines = [f"{result['users']} students drag{'':20}{OURS:>12}{OTHER:>12}   ratio"]
    for key, what in FIGURES.items():
        ours, other, ratio = (result[part][key] for part in (OURS, OTHER, "ratios"))
        cells = "".join("never".rjust(12) if v is None else f"{v:12.3f}" for v in (ours, other))
        lines.append(f"{what:37}{cells}{'-' if ratio is None else f'{ratio:.2f}':>8}")
    for name, errors in result["errors"].items():
        lines += [f"{name}: errors {found}" for found in errors if found]
    return "\n".join(lines)
