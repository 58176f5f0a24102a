"""Files that a recipe visits from ``Experiment.run`` to the report.

A profile function records the file of every function of the package at its first call, on all
threads; a loop over layers counts once. Consecutive functions of one file are one stay. A stay in a
file that was visited before is a return: a reader who follows the recipe has to go back. The
experiment ran other recipes before, as when a slider is dragged, so one-time work is not traced.
``calls`` has the same counts for all calls, not only for the first.

The numbers at 7a2873f come from this file too: ``git archive 7a2873f | tar x -C DIR``, then
``PYTHONPATH=DIR python walk.py``, with a copy of this file in DIR.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

import optiwidgets as ow

PACKAGE = Path(ow.__file__).parent
INLINED = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}  # calls in some Pythons only
BEFORE: dict[str, Any] = {  # this file run in `git archive 7a2873f`, Python 3.11
    "commit": "7a2873f",
    **{"stays": 55, "files": 20, "returns": 35},
    "calls": {"stays": 157, "files": 20, "returns": 137},
}


def main() -> None:
    """Print the walk, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    result = measure()
    print(json.dumps(result, indent=2) if arguments.json else table(result))


def measure() -> dict[str, Any]:
    """Return stays in order, and the number of returns."""
    recorder = Recorder()
    threading.setprofile(recorder)  # before the first worker thread
    sys.setprofile(recorder)
    try:
        experiment = ow.Experiment.load("digits", memory_mb=0)
        for recipe in (ow.Recipe(), ow.Recipe(sparsity=0.5, bits=4)):  # each kind is checked once
            experiment.run(recipe)
        recipe = ow.Recipe(sparsity=0.8, bits=4)
        called = recorder.record(lambda: experiment.run(recipe))
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    walk, calls = (merge(file for file, _ in some) for some in (dict.fromkeys(called), called))
    return {**count(walk), "calls": count(calls), "walk": walk, "before": BEFORE}


class Recorder:
    """Profile function that records files and lines of functions."""

    def __init__(self) -> None:
        self.called: list[tuple[str, int]] | None = None

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Record a call of one of the package's functions."""
        code = frame.f_code
        if event != "call" or self.called is None or code.co_name in INLINED:
            return
        path = Path(code.co_filename)
        if path.is_relative_to(PACKAGE):
            self.called.append((path.relative_to(PACKAGE).as_posix(), code.co_firstlineno))

    def record(self, work: Callable[[], object]) -> list[tuple[str, int]]:
        """Return functions called during ``work``, in order."""
        self.called = called = []
        try:
            work()
        finally:
            self.called = None
        return called


def merge(files: Iterable[str]) -> list[str]:
    """Merge consecutive calls into the same file to one stay."""
    return [file for file, _ in groupby(files)]


def count(stays: list[str]) -> dict[str, int]:
    """Count stays, files, and stays that are returns."""
    files = len(set(stays))
    return {"stays": len(stays), "files": files, "returns": len(stays) - files}


def table(result: dict[str, Any]) -> str:
    """Format one line for each stay, with returns marked, then the counts and those before."""
    seen: set[str] = set()
    lines = []
    for number, file in enumerate(result["walk"], start=1):
        lines.append(f"{number:3} {file}{'  (return)' if file in seen else ''}")
        seen.add(file)
    for name, counts in (("now", result), (f"at {BEFORE['commit']}", result["before"])):
        told = ", ".join(f"{counts[what]} {what}" for what in ("stays", "files", "returns"))
        lines.append(f"{name}: {told} ({counts['calls']['returns']} counting every call)")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
