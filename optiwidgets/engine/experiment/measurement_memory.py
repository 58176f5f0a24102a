"""Memory of an experiment's measurements: one per recipe, shared by all that show it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock
from typing import Any
from weakref import WeakMethod

from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report

MOST = 1000  # measurements; the oldest is dropped first
POLL_S = 0.05  # between two looks at ``stop`` while another measurement runs
FIELDS = (
    *("latency", "latencies", "latency_reasons"),
    *("agreement", "flip_rate", "baseline_flip_rate"),
)
_TIMING = Lock()  # one measurement at a time in a process: two would slow each other down


@contextmanager
def timing(stop: Callable[[], bool]) -> Iterator[None]:
    """Wait until no other measurement of this process runs; raise Cancelled once ``stop()``."""
    while not _TIMING.acquire(timeout=POLL_S):
        if stop():
            raise Cancelled("the measurement was stopped")
    try:
        yield
    finally:
        _TIMING.release()


class MeasurementMemory:
    """Newest measurement of each recipe, by the number of threads.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> report, memory = Experiment.load("digits").run(Recipe(bits=4)), MeasurementMemory()
    >>> memory.known(report) is report
    True
    >>> memory.store(replace(report, flip_rate=0.01))
    >>> memory.known(report).flip_rate
    0.01
    """

    def __init__(self) -> None:
        self._measured: OrderedDict[tuple[Recipe, int], dict[str, Any]] = OrderedDict()
        self._followers: list[WeakMethod[Callable[[], None]]] = []
        self._lock = Lock()

    def __contains__(self, key: tuple[Recipe, int]) -> bool:
        return key in self._measured

    def known(self, report: Report, threads: int = 1) -> Report:
        """Return the report with the measurement of its recipe, or itself if there is none."""
        measured = self._measured.get((report.recipe, threads))
        if measured is None or report.latency is measured["latency"] is not None:
            return report
        return replace(report, **measured)

    def store(self, report: Report, threads: int = 1) -> None:
        """Store a report's measurement in place of an older one, and call the followers."""
        key = report.recipe, threads
        with self._lock:
            self._measured[key] = {name: getattr(report, name) for name in FIELDS}
            self._measured.move_to_end(key)
            while len(self._measured) > MOST:
                self._measured.popitem(last=False)
            self._followers = [one for one in self._followers if one() is not None]
            followers = [one() for one in self._followers]
        for follower in followers:
            if follower is not None:
                follower()

    def follow(self, method: Callable[[], None]) -> None:
        """Call a method after every measurement, as long as its object is used elsewhere."""
        with self._lock:
            if WeakMethod(method) not in self._followers:
                self._followers.append(WeakMethod(method))
