"""What is asked, what is known, and whether the two agree. No widgets, no pictures.

Two lanes. The fast one runs inside the change of ``recipe``: a front end that waits for its
callback sends only the newest value next, so nothing ever queues. The slow one is a single
background thread in which newer work makes older work void. A recipe that takes longer than a
slider waits goes through both: the fast lane shows a quick stand-in, marked stale, the slow one
the whole.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from threading import Condition, RLock
from typing import Any

import numpy as np
from traitlets import Bool, HasTraits, Instance, Unicode, observe

from optiwidgets.engine.experiment import Experiment
from optiwidgets.engine.handwriting import Reader, as_digit, unreadable
from optiwidgets.engine.newdata import changed
from optiwidgets.engine.recipe import BY_TRAINING, Recipe
from optiwidgets.engine.recover import AT_START, Cancelled, Listener, Progress
from optiwidgets.engine.report import Floats, Integers, Report
from optiwidgets.engine.search import nearest_recipe
from optiwidgets.engine.zoo import shipped_models

Job = tuple[Callable[[Callable[[], bool]], Any], Callable[[Any], None]]
CASES = ("digits", "smear")
REST_S = 0.3  # how long the hand must be still before the slow lane starts
LEFT_OUT: tuple[dict[str, Any], ...] = (  # of a stand-in, one more at a time
    {"rounding": "nearest"},
    {"recovery": "none"},
    {"score": "magnitude"},
)
log = logging.getLogger("optiwidgets")


class Session(HasTraits):
    """One experiment under one hand.

    Set ``recipe`` and it runs at once; when the assignment returns, ``report`` answers it, or
    ``error`` says why not and the old report stays, marked ``stale``. Where the recipe takes
    longer than a slider waits, ``report`` is that of a quick stand-in, marked ``stale`` too, until
    the whole is done in the background; ``progress`` says how far.

    Parameters
    ----------
    experiment
        What to run recipes on; without one, the shipped cases and models, digits and "small" first.

    Examples
    --------
    >>> session = Session()
    >>> session.recipe = Recipe(sparsity=0.5)
    >>> session.stale, session.report.recipe == session.recipe
    (False, True)
    """

    experiment: Experiment = Instance(Experiment)  # type: ignore[assignment]
    case: str = Unicode(help="what is looked at, one of `cases`")  # type: ignore[assignment]
    model: str = Unicode(help="name of the model, one of `models`")  # type: ignore[assignment]
    recipe: Recipe = Instance(Recipe, ())  # type: ignore[assignment]
    report: Report = Instance(Report, allow_none=True)  # type: ignore[assignment]
    baseline: Report = Instance(Report, allow_none=True)  # type: ignore[assignment]
    busy: bool = Bool(False)  # type: ignore[assignment]
    stale: bool = Bool(False)  # type: ignore[assignment]
    error: str = Unicode()  # type: ignore[assignment]
    progress: Progress | None = Instance(Progress, allow_none=True)  # type: ignore[assignment]

    def __init__(self, experiment: Experiment | None = None) -> None:
        super().__init__()
        self._lock = RLock()
        self._reader: Reader | None = None  # of drawings, once there are some
        self.cases: dict[str, dict[str, Callable[[], Experiment]]] = (
            {case: _openers(case) for case in CASES}
            if experiment is None
            else {experiment.dataset.name: {experiment.name: lambda: experiment}}
        )
        self.slow = SlowLane(self._fail, self._lock)
        self.at_rest: list[Callable[[Report], Job]] = [self._measuring]
        self.previous = self.recipe
        self.measures = True  # speed and stability, once the hand rests
        self.case = next(iter(self.cases))
        if not self.model:  # a case without a name is no change
            self.model = next(iter(self.models))
        self.report = self.baseline

    @property
    def models(self) -> dict[str, Callable[[], Experiment]]:
        """How to open each model of the case."""
        return self.cases[self.case]

    @observe("case")
    def _open_case(self, change: Any) -> None:
        """Change to another case; the model stays where there is one of that name."""
        if self.model in self.models:
            self._open_model(change)
        else:
            self.model = next(iter(self.models))

    @observe("model")
    def _open_model(self, change: Any) -> None:
        """Change to another model; the recipe stays, but for training: that was another's."""
        with self._lock:
            self.experiment = self.models[self.model]()
            self.baseline = self.experiment.run(Recipe())
            if self.recipe.recovery in BY_TRAINING:
                self.recipe = replace(self.recipe, recovery="none")
            else:
                self.refresh()

    @observe("recipe")
    def _follow(self, change: Any) -> None:
        self.previous = change.old
        if self.stale or self.report.recipe != self.recipe:
            self.refresh()

    def ask(self, recipe: Recipe) -> bool:
        """Set the recipe; one that was given up or failed is tried again. False: nothing to do."""
        with self._lock:
            if recipe != self.recipe:
                self.recipe = recipe
            elif self.stale and self.progress is None:
                self.refresh()
            else:
                return False
        return True

    def refresh(self) -> None:
        """Run the recipe of the moment, or first a quick stand-in, and publish what came of it."""
        with self._lock:
            self.slow.cancel()
            self.stale = self.busy = True
            self.progress = None
            try:
                report = self.experiment.run(stand_in(self.recipe, self.experiment.is_quick))
            except Exception as error:  # noqa: BLE001 (shown on the screen, and logged)
                self._fail(error)
            else:
                with self.hold_trait_notifications():
                    self.report, self.error = report, ""
                    self.stale = report.recipe != self.recipe
                if self.stale:
                    self._complete()
                else:
                    self.settle()
            finally:
                self.busy = False

    def settle(self) -> None:
        """Once the hand rests, do what takes longer: measure speed, and what is in ``at_rest``.

        While what is shown is not what was asked, or something else is being worked on, there is
        nothing to settle on.
        """
        if self.stale or self.progress is not None:
            return
        report = self.report
        self.slow.submit(*(job(report) for job in self.at_rest), rest_s=REST_S)

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until the background has done its newest work, or given it up.

        Examples
        --------
        >>> session = Session()
        >>> session.recipe = Recipe(sparsity=0.9, recovery="sequential")
        >>> session.stale, session.report.recipe == Recipe(sparsity=0.9)
        (True, True)
        >>> session.wait()
        >>> session.stale, session.report.recipe == session.recipe
        (False, True)
        """
        self.slow.newest.result(timeout_s)

    def pixels(self, places: Sequence[int]) -> Floats:
        """Exploration images by place, (M, H, W, C) of 0..1, to look at."""
        dataset = self.experiment.dataset
        shown = dataset.pixels(dataset.exploration[0][list(places)]).clamp(0, 1)
        pixels: Floats = shown.permute(0, 2, 3, 1).double().numpy()
        return pixels

    @property
    def unreadable(self) -> str:
        """Why a drawing cannot be given to the models of the moment; empty if it can."""
        return unreadable(self.experiment.dataset)

    def scores_of(self, drawing: bytes) -> tuple[Floats, Floats, bytes]:
        """Read a drawing of 28 x 28 bytes with the baseline and the model shown.

        Returns
        -------
        tuple
            Scores (K,) of both, and the drawing as both see it: laid out as the digits are.

        Examples
        --------
        >>> before, after, seen = Session().scores_of(bytes(28 * 14) + bytes([255]) * (28 * 14))
        >>> len(before), bool((before == after).all()), len(seen)
        (10, True, 784)
        """
        if self._reader is None or self._reader.experiment is not self.experiment:
            self._reader = Reader(self.experiment)
        ink = np.frombuffer(drawing, np.uint8).reshape(28, 28)
        read = (self._reader.scores(recipe, ink) for recipe in (Recipe(), self.report.recipe))
        return *read, as_digit(ink).tobytes()  # type: ignore[return-value]

    def on_new_data(self, **dial: float) -> tuple[Report, Report]:
        """Baseline and the recipe shown, on the images as ``changed(dataset, **dial)`` has them."""
        elsewhere = self.experiment.on(changed(self.experiment.dataset, **dial))
        return elsewhere.run(Recipe()), elsewhere.run(self.report.recipe)

    def search(self, counts: Integers, done: Callable[[Report], None]) -> Future[None]:
        """Look in the background for the recipe whose confusion is nearest to these counts."""
        experiment = self.experiment
        with self._lock:
            self.cancel()
            return self.slow.submit((lambda void: nearest_recipe(experiment, counts, void), done))

    def in_background(
        self, work: Callable[[Listener], Any], done: Callable[[Any], None]
    ) -> Future[None]:
        """Do work that takes seconds; ``progress`` says how far, newer work or ``cancel`` ends it.

        ``work`` gets what it should tell its progress to, ``done`` what it returned.
        """

        def finish(result: Any) -> None:
            self.progress = None
            done(result)

        with self._lock:  # what follows from the news may make it void again
            future = self.slow.submit((self._told(work), finish))
            self.progress = AT_START
        return future

    def _complete(self) -> None:
        """Run the whole recipe in the background once the hand rests."""
        recipe, experiment = self.recipe, self.experiment
        work = self._told(lambda tell: experiment.run(recipe, tell=tell))
        self.slow.submit((work, self._complete_with), rest_s=REST_S)
        self.progress = AT_START  # last: what follows from the news may make it void again

    def _complete_with(self, report: Report) -> None:
        self.adopt(report)
        self.settle()

    def _told(self, work: Callable[[Listener], Any]) -> Callable[[Callable[[], bool]], Any]:
        """Work for the slow lane whose progress is published, and which ends once it is void."""

        def run(void: Callable[[], bool]) -> Any:
            def tell(progress: Progress) -> None:
                with self._lock:
                    if void():
                        raise Cancelled
                    self.progress = progress

            return work(tell)

        return run

    def cancel(self) -> None:
        """Give up what the slow lane is doing; what is shown stays."""
        with self._lock:
            self.slow.cancel()
            self.progress = None

    def adopt(self, report: Report) -> None:
        """Show a report that came from elsewhere: completed in the background, found, measured."""
        with self._lock:
            self.busy = True
            with self.hold_trait_notifications():
                self.recipe, self.report = report.recipe, report
                self.error, self.stale, self.progress = "", False, None
            self.busy = False

    def _measuring(self, report: Report) -> Job:
        def work(void: Callable[[], bool]) -> Report:
            known = report.latency or not self.measures
            return report if known else self.experiment.measure(report, stop=void)

        return work, self.adopt

    def _fail(self, error: Exception) -> None:
        """Say what went wrong; what was shown stays, marked stale."""
        log.warning("running %s failed", self.recipe, exc_info=error)
        self.error = f"{self.recipe} could not be run: {error}"
        self.progress = None


class SlowLane:
    """One background thread that only ever finishes the newest work.

    Parameters
    ----------
    failed
        Told the exception when work raised one, unless the work was void by then.
    lock
        Held while results are delivered, so that nothing lands in the middle of something else.
    executor
        Runs the work; by default a thread of its own, made on first use.

    Examples
    --------
    >>> seen = []
    >>> lane = SlowLane(failed=seen.append)
    >>> lane.submit((lambda void: 6 * 7, seen.append)).result()
    >>> seen
    [42]
    """

    def __init__(
        self,
        failed: Callable[[Exception], None],
        lock: RLock | None = None,
        executor: Executor | None = None,
    ) -> None:
        self._failed = failed
        self._given = executor
        self._generation = 0
        self.newest: Future[None] = Future()
        self.newest.set_result(None)
        self._changed = Condition(lock or RLock())

    @cached_property
    def _executor(self) -> Executor:
        return self._given or ThreadPoolExecutor(1, "slow-lane")

    def cancel(self) -> int:
        """Make all work so far void, and return the number of the work to come."""
        with self._changed:
            self._generation += 1
            self._changed.notify_all()
            return self._generation

    def submit(self, *jobs: Job, rest_s: float = 0.0) -> Future[None]:
        """Do jobs one after the other in the background, until something newer comes.

        Parameters
        ----------
        jobs
            Pairs ``(work, done)``. ``work(void)`` does what takes long; it should look at
            ``void()`` now and then, and give up by raising ``Cancelled`` once that is True.
            ``done`` gets what it returned, unless newer work was submitted or all was cancelled.
        rest_s
            Seconds of quiet to wait for before starting.

        Returns
        -------
        concurrent.futures.Future
            Done when the jobs have ended, or were given up.
        """
        self.newest = self._executor.submit(self._run, self.cancel(), jobs, rest_s)
        return self.newest

    def _run(self, mine: int, jobs: Sequence[Job], rest_s: float) -> None:
        def void() -> bool:
            return self._generation != mine

        with self._changed:
            self._changed.wait_for(void, rest_s)
        for work, done in jobs:
            if void():
                return
            try:
                result = work(void)
            except Cancelled:
                return
            except Exception as error:  # noqa: BLE001 (handed on)
                if self._is_closing():
                    return
                result, done = error, self._failed
            with self._changed:
                if not void():
                    done(result)

    def _is_closing(self) -> bool:
        """Tell whether Python is on its way out: no pool takes work, and nobody is left to tell."""
        try:
            self._executor.submit(int)
        except RuntimeError:
            return True
        return False


def stand_in(recipe: Recipe, is_quick: Callable[[Recipe], bool]) -> Recipe:
    """The recipe itself if it is quick, else as much of it as is.

    Examples
    --------
    >>> recipe = Recipe(sparsity=0.9, bits=4, rounding="gptq", recovery="refit")
    >>> str(stand_in(recipe, lambda recipe: recipe.rounding == "nearest"))
    "Recipe(sparsity=0.9, bits=4, recovery='refit')"
    >>> str(stand_in(recipe, lambda recipe: False))
    'Recipe(sparsity=0.9, bits=4)'
    """
    for less in LEFT_OUT:
        if is_quick(recipe):
            break
        recipe = replace(recipe, **less)
    return recipe


def _openers(case: str) -> dict[str, Callable[[], Experiment]]:
    return {name: _opener(case, name) for name in shipped_models(case)}


def _opener(case: str, name: str) -> Callable[[], Experiment]:
    opened: list[Experiment] = []

    def open_once() -> Experiment:
        if not opened:
            opened.append(Experiment.load(case, model=name))
        return opened[0]

    return open_once
