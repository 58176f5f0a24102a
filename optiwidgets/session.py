"""What is asked, what is known, and whether the two agree. No widgets, no pictures.

Two lanes. The fast one runs inside the change of ``recipe``: a front end that waits for its
callback sends only the newest value next, so nothing ever queues. The slow one is a single
background thread in which newer work makes older work void.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cached_property
from threading import Condition, RLock
from typing import Any, TypeVar

from traitlets import Bool, HasTraits, Instance, Unicode, observe

from optiwidgets.engine.experiment import Experiment
from optiwidgets.engine.recipe import Recipe
from optiwidgets.engine.report import Report

T = TypeVar("T")
log = logging.getLogger("optiwidgets")


class Session(HasTraits):
    """One experiment under one hand.

    Set ``recipe`` and it runs at once; when the assignment returns, ``report`` answers it, or
    ``error`` says why not and the old report stays, marked ``stale``.

    Parameters
    ----------
    experiment
        What to run recipes on; without one, the digits and the zoo's models, "small" first.

    Examples
    --------
    >>> session = Session()
    >>> session.recipe = Recipe(sparsity=0.5)
    >>> session.stale, session.report.recipe == session.recipe
    (False, True)
    """

    experiment: Experiment = Instance(Experiment)  # type: ignore[assignment]
    model: str = Unicode(help="name of the model, one of `models`")  # type: ignore[assignment]
    recipe: Recipe = Instance(Recipe, ())  # type: ignore[assignment]
    report: Report = Instance(Report, allow_none=True)  # type: ignore[assignment]
    baseline: Report = Instance(Report, allow_none=True)  # type: ignore[assignment]
    busy: bool = Bool(False)  # type: ignore[assignment]
    stale: bool = Bool(False)  # type: ignore[assignment]
    error: str = Unicode()  # type: ignore[assignment]

    def __init__(self, experiment: Experiment | None = None) -> None:
        super().__init__()
        self._lock = RLock()
        self.models: dict[str, Callable[[], Experiment]] = (
            {name: _opener(name) for name in ("small", "wide")}
            if experiment is None
            else {experiment.name: lambda: experiment}
        )
        self.slow = SlowLane(self._fail)
        self.model = next(iter(self.models))
        self.report = self.baseline

    @observe("model")
    def _open_model(self, change: Any) -> None:
        """Change to another model; the recipe stays."""
        with self._lock:
            self.experiment = self.models[self.model]()
            self.baseline = self.experiment.run(Recipe())
            self.refresh()

    @observe("recipe")
    def _follow(self, change: Any) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Run the recipe of the moment and publish what came of it."""
        with self._lock:
            self.stale = self.busy = True
            try:
                report = self.experiment.run(self.recipe)
            except Exception as error:  # noqa: BLE001 (shown on the screen, and logged)
                self._fail(error)
            else:
                with self.hold_trait_notifications():
                    self.report, self.error = report, ""
                    self.stale = report.recipe != self.recipe
            finally:
                self.busy = False

    def _fail(self, error: Exception) -> None:
        """Say what went wrong; what was shown stays, marked stale."""
        log.warning("running %s failed", self.recipe, exc_info=error)
        self.error = f"{self.recipe} could not be run: {error}"


class SlowLane:
    """One background thread that only ever finishes the newest work.

    Parameters
    ----------
    failed
        Told the exception when work raised one, unless the work was void by then.
    executor
        Runs the work; by default a thread of its own, made on first use.

    Examples
    --------
    >>> seen = []
    >>> lane = SlowLane(failed=seen.append)
    >>> lane.submit(lambda: 6 * 7, seen.append).result()
    >>> seen
    [42]
    """

    def __init__(
        self, failed: Callable[[Exception], None], executor: Executor | None = None
    ) -> None:
        self._failed = failed
        self._given = executor
        self._generation = 0
        self._changed = Condition()

    @cached_property
    def _executor(self) -> Executor:
        return self._given or ThreadPoolExecutor(1, "slow-lane")

    def cancel(self) -> int:
        """Make all work so far void, and return the number of the work to come."""
        with self._changed:
            self._generation += 1
            self._changed.notify_all()
            return self._generation

    def submit(self, work: Callable[[], T], done: Callable[[T], None], rest_s: float = 0.0) -> Any:
        """Call ``done(work())`` in the background unless something newer comes first.

        Parameters
        ----------
        work
            What takes long.
        done
            Gets the result; not called when newer work was submitted or all was cancelled.
        rest_s
            Seconds of quiet to wait for before starting.

        Returns
        -------
        concurrent.futures.Future
            Done when this work has ended, or was given up.
        """
        return self._executor.submit(self._run, self.cancel(), work, done, rest_s)

    def _run(
        self, mine: int, work: Callable[[], T], done: Callable[[T], None], rest_s: float
    ) -> None:
        with self._changed:
            if self._changed.wait_for(lambda: self._generation != mine, rest_s):
                return
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 (handed on)
            self._deliver(mine, self._failed, error)
        else:
            self._deliver(mine, done, result)

    def _deliver(self, mine: int, to: Callable[[T], None], what: T) -> None:
        with self._changed:
            if self._generation == mine:
                to(what)


def _opener(name: str) -> Callable[[], Experiment]:
    opened: list[Experiment] = []

    def open_once() -> Experiment:
        if not opened:
            opened.append(Experiment.load("digits", model=name))
        return opened[0]

    return open_once
