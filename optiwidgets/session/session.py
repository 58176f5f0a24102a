"""What is asked, what is known, and whether the two agree. No widgets, no pictures.

Two lanes. The fast one runs inside the change of ``recipe``: a front end that waits for its
callback sends only the newest value next, so nothing ever queues. The slow one is a single
background thread in which newer work makes older work void. A recipe that takes longer than a
slider waits goes through both: the fast lane shows a quick stand-in, marked stale, the slow one
the whole.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from threading import RLock
from time import perf_counter
from typing import Any

import numpy as np
from traitlets import Bool, HasTraits, Instance, Unicode, observe

from optiwidgets.engine.data.corruptions import corrupt
from optiwidgets.engine.data.digit_image import as_digit, unreadable
from optiwidgets.engine.evaluation.drawn_digit import DigitReader
from optiwidgets.engine.evaluation.images import stratified
from optiwidgets.engine.execution.progress import AT_START, Cancelled, Progress, ProgressCallback
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.recipe_search import nearest_recipe
from optiwidgets.engine.types.measurements import Floats, Integers
from optiwidgets.engine.types.recipe import BY_TRAINING, Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.session.background import BackgroundWorker, Job, no_work
from optiwidgets.session.progressive import check_first, preview_recipe, preview_size
from optiwidgets.session.shipped_cases import CASES, openers

REST_S = 0.3  # how long the hand must be still before the slow lane starts
SHORT_REST_S = 0.1  # and before it completes a first part
WAITING = Progress(0.0, "waiting for a free place")  # others' long work has them all
log = logging.getLogger("optiwidgets")


class Session(HasTraits):
    """One experiment under one hand.

    Set ``recipe`` and it runs at once; when the assignment returns, ``report`` answers it, or
    ``error`` says why not and the old report stays, marked ``stale``. Where the recipe takes
    longer than a slider waits, ``report`` is that of a quick stand-in, marked ``stale`` too, until
    the whole is done in the background; ``progress`` says how far.

    A moving hand (``ask``) does not wait for all images where they take too long: ``preview`` holds
    baseline and report of the first of them, in stratified order, until ``report`` is there.

    Parameters
    ----------
    experiment
        What to run recipes on; without one, the shipped cases and models, digits and "small" first.
    first
        How many images a moving hand waits for; by default as many as fit a tenth of a second.

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
    preview: tuple[Report, Report] | None = None
    completing: bool = False
    _reader: DigitReader | None = None  # of drawings to this model, once there are some

    def __init__(self, experiment: Experiment | None = None, *, first: int | None = None) -> None:
        super().__init__()
        self.first = check_first(first)
        self._baselines: dict[int, Report] = {}  # of the first images, by their number
        self._paces: deque[float] = deque(maxlen=20)  # seconds an image, lately
        self.dragging = False
        self._lock = RLock()
        self.cases: dict[str, dict[str, Callable[[], Experiment]]] = (
            {case: openers(case) for case in CASES}
            if experiment is None
            else {experiment.dataset.name: {experiment.name: lambda: experiment}}
        )
        self.slow = BackgroundWorker(self._fail, self._lock)
        self.on_idle: list[Callable[[Report], Job]] = [self._measuring]
        self.previous = self.recipe
        self.measures = True  # speed and stability, once the hand rests
        self.case = next(iter(self.cases))
        if not self.model:  # a case without a name is no change
            self.model = next(iter(self.models))
        self.report = self.baseline

    @property
    def shown(self) -> tuple[Report, Report]:
        """Baseline and report as a screen shows them: of the same images, the newest there are."""
        return self.preview or (self.baseline, self.report)

    @property
    def places(self) -> Integers | None:
        """Where the images of ``shown`` are among all, None if they are all."""
        if self.preview is None:
            return None
        return self._order[: len(self.preview[1].labels)]

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
            self.baseline, self._baselines = self.experiment.run(Recipe()), {}
            self._order, self._reader = stratified(self.baseline.labels), None
            if self.recipe.recovery in BY_TRAINING:
                self.recipe = replace(self.recipe, recovery="none")
            else:
                self.refresh()

    @observe("recipe")
    def _follow(self, change: Any) -> None:
        self.previous = change.old
        if self.stale or self.report.recipe != self.recipe:
            self.refresh()

    def ask(self, recipe: Recipe, *, dragging: bool = False) -> bool:
        """Set the recipe; one that was given up or failed is tried again. False: nothing to do.

        ``dragging``: a hand is moving, and does not wait for all images where that takes long.
        """
        with self._lock, self._start_drag(dragging):
            if recipe != self.recipe:
                self.recipe = recipe
            elif self.stale and not self.completing:
                self.refresh()
            else:
                return False
        return True

    @contextmanager
    def _start_drag(self, dragging: bool) -> Iterator[None]:
        self.dragging = dragging
        try:
            yield
        finally:
            self.dragging = False

    def refresh(self) -> None:
        """Run the recipe of the moment, or first a quick stand-in, and publish what came of it."""
        with self._lock:
            self.cancel()
            self.stale = self.busy = True
            try:
                self._run()
            except Exception as error:  # noqa: BLE001 (shown on the screen, and logged)
                self._fail(error)
            else:
                if self.stale:
                    self._complete()
                else:
                    self.settle()
            finally:
                self.busy = False

    def _run(self) -> None:
        """As much of the recipe as a slider waits for."""
        recipe = preview_recipe(self.recipe, self.experiment.is_quick)
        count, run = self._enough(recipe), self.experiment.run
        known = count is None and self.experiment.remembers(recipe)  # says nothing of the pace
        began = perf_counter()
        if count is not None:
            report = run(recipe, first=count)
            if count not in self._baselines:
                self._baselines[count] = run(Recipe(), first=count)
            self.preview, self.error = (self._baselines[count], report), ""
        else:
            report, self.preview = run(recipe), None
            with self.hold_trait_notifications():
                self.report, self.error = report, ""
                self.stale = report.recipe != self.recipe
        if not known:
            self._paces.append((perf_counter() - began) / len(report.labels))

    def _enough(self, recipe: Recipe) -> int | None:
        """How many images to look at for now; None for all."""
        there = len(self.baseline.labels)
        if not self.dragging or self.experiment.remembers(recipe):
            return None
        count = self.first or preview_size(there, min(self._paces, default=0.0))
        return count if count < there else None

    def settle(self) -> None:
        """Once the hand rests, do what takes longer: measure speed, and what is in ``on_idle``.

        While what is shown is not what was asked, or something else is being worked on, there is
        nothing to settle on.
        """
        if self.stale or self.progress is not None:
            return
        report = self.report
        self.slow.submit(*(job(report) for job in self.on_idle), rest_s=REST_S)

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until the background has done its newest work, or given it up.

        Examples
        --------
        >>> session = Session()
        >>> session.recipe = Recipe(sparsity=0.93, recovery="sequential")
        >>> session.stale, session.report.recipe == Recipe(sparsity=0.93)
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
        if self._reader is None:
            self._reader = DigitReader(self.experiment.dataset)
        ink = np.frombuffer(drawing, np.uint8).reshape(28, 28)
        read = (self._reader.scores(report, ink) for report in (self.baseline, self.report))
        return *read, as_digit(ink).tobytes()  # type: ignore[return-value]

    def on_new_data(self, **dial: float) -> tuple[Report, Report]:
        """Baseline and the recipe shown, on the images as ``corrupt(dataset, **dial)`` has them."""
        elsewhere = self.experiment.on(corrupt(self.experiment.dataset, **dial))
        return elsewhere.run(Recipe()), elsewhere.run(self.report.recipe)

    def search(self, counts: Integers, done: Callable[[Report], None]) -> Future[None]:
        """Look in the background for the recipe whose confusion is nearest to these counts."""
        experiment = self.experiment
        with self._lock:
            self.cancel()
            return self.slow.submit(
                (lambda is_cancelled: nearest_recipe(experiment, counts, is_cancelled), done)
            )

    def in_background(
        self, work: Callable[[ProgressCallback], Any], done: Callable[[Any], None]
    ) -> Future[None]:
        """Do work that takes seconds; ``progress`` says how far, newer work or ``cancel`` ends it.

        ``work`` gets what it should tell its progress to, ``done`` what it returned.
        """

        def finish(result: Any) -> None:
            self.progress = None
            done(result)

        with self._lock:  # what follows from the news may make it void again
            future = self.slow.submit((self._told(work), finish), waits=self._say_waiting)
            self.progress = AT_START
        return future

    def _complete(self) -> None:
        """Run the whole recipe, on all images, in the background once the hand rests."""
        recipe, experiment = self.recipe, self.experiment
        quick = experiment.is_quick(recipe)
        work = self._told(lambda on_progress: experiment.run(recipe, on_progress=on_progress))
        job, rest_s = (work, self._complete_with), SHORT_REST_S if quick else REST_S
        self.slow.submit(job, rest_s=rest_s, short=quick, waits=self._say_waiting)
        self.completing = True
        if not quick:
            self.progress = AT_START  # last: what follows from the news may make it void again

    def _say_waiting(self, waiting: bool) -> None:
        self.progress = WAITING if waiting else AT_START

    def _complete_with(self, report: Report) -> None:
        self.adopt(report)
        self.settle()

    def _told(self, work: Callable[[ProgressCallback], Any]) -> Callable[[Callable[[], bool]], Any]:
        """Work for the slow lane whose progress is published, and which ends once it is void."""

        def run(is_cancelled: Callable[[], bool]) -> Any:
            def on_progress(progress: Progress) -> None:
                with self._lock:
                    if is_cancelled():
                        raise Cancelled
                    self.progress = progress

            return work(on_progress)

        return run

    def cancel(self) -> None:
        """Give up what the slow lane is doing; what is shown stays."""
        with self._lock:
            self.slow.cancel()
            self.completing, self.progress = False, None

    def adopt(self, report: Report) -> None:
        """Show a report that came from elsewhere: completed in the background, found, measured."""
        with self._lock:
            self.busy = True
            with self.hold_trait_notifications():
                self.recipe, self.report = report.recipe, report
                self.error, self.stale, self.progress = "", False, None
                self.preview, self.completing = None, False
            self.busy = False

    def _measuring(self, report: Report) -> Job:
        if (
            report.latency or not self.measures or report.recipe == Recipe()
        ):  # itself against itself
            return no_work, lambda _: self.adopt(report)
        return lambda is_cancelled: self.experiment.measure(report, stop=is_cancelled), self.adopt

    def _fail(self, error: Exception) -> None:
        """Say what went wrong; what was shown stays, marked stale."""
        log.warning("running %s failed", self.recipe, exc_info=error)
        self.error = f"{self.recipe} could not be run: {error}"
        self.completing, self.progress = False, None


def is_whole(session: Session) -> bool:
    """Tell whether the report answers what is asked, with all of the images.

    Examples
    --------
    >>> is_whole(Session())
    True
    """
    report, recipe = session.report, session.recipe
    whole = len(report.labels) == len(session.baseline.labels)
    return whole and not session.stale and not session.busy and report.recipe == recipe
