"""State of one user: requested recipe, latest report, and whether it is stale. No widgets.

A fast recipe runs synchronously when ``recipe`` is set. A front end that waits for the callback
sends only the newest value next, so no values queue. Long work runs in a single background thread,
where newer work cancels older work. A recipe too slow for a slider uses both: first a quick preview
runs synchronously, marked stale, then the whole recipe runs in the background.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import RLock
from time import perf_counter
from typing import Any

from traitlets import Bool, HasTraits, Instance, Unicode, observe

from optiwidgets.engine.execution.progress import AT_START, Progress, ProgressCallback
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.measurements import Integers
from optiwidgets.engine.types.recipe import BY_TRAINING, Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.session.background import BackgroundWorker, Job, is_method
from optiwidgets.session.idle_jobs import comparing, failure, measuring, swapping
from optiwidgets.session.progressive import check_first, preview_recipe, preview_size
from optiwidgets.session.shipped_cases import all_openers
from optiwidgets.texts import mark, text

REST_S = 0.3  # seconds without a request before long work starts
SHORT_REST_S = 0.1  # seconds before a preview is completed
WAITING = Progress(0.0, mark("waiting for a free slot"))  # all slots are taken by other processes
log = logging.getLogger("optiwidgets")


class Session(HasTraits):
    """State of one user of one experiment.

    Setting ``recipe`` runs it. When the assignment returns, ``report`` is its report; on a failure
    ``error`` has the reason and the old report stays, marked ``stale``. If the recipe is too slow
    for a slider, ``report`` is that of a simpler recipe, marked ``stale`` too, until the whole
    recipe has run in the background; ``progress`` has the progress.

    While a slider is dragged (``ask``), only the images that fit the time limit are run:
    ``preview`` has baseline and report of the first images, in stratified order, until ``report``
    is computed.

    Widgets are notified of new reports by ``on_report`` only.

    Parameters
    ----------
    experiment
        Experiment to run recipes on; by default the shipped cases and models, starting with digits
        and "small".
    first
        Images to run while a slider is dragged; by default as many as fit a tenth of a second.

    Examples
    --------
    >>> session = Session()
    >>> session.recipe = Recipe(sparsity=0.5)
    >>> session.stale, session.report.recipe == session.recipe
    (False, True)
    """

    experiment: Experiment = Instance(Experiment)  # type: ignore[assignment]
    case: str = Unicode(help="one of `cases`")  # type: ignore[assignment]
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

    def __init__(self, experiment: Experiment | None = None, *, first: int | None = None) -> None:
        super().__init__()
        if experiment is not None and not isinstance(experiment, Experiment):
            kind = type(experiment).__name__
            raise ValueError(f"experiment is an Experiment of optiwidgets, not {kind}")
        self.first = check_first(first)
        self._baselines: dict[int, Report] = {}  # baselines on the first images, by their number
        self._paces: deque[float] = deque(maxlen=20)  # seconds per image of the latest runs
        self.dragging = False  # set by ask() while a slider is dragged
        self._short_rest_s = SHORT_REST_S
        self._lock = RLock()
        self._followers: list[tuple[Callable[[], None], bool]] = []
        self._on_measured: list[Callable[[], None]] = []
        self._announced: Report | None = None
        self.cases: dict[str, dict[str, Callable[[], Experiment]]] = (
            all_openers()
            if experiment is None
            else {experiment.dataset.name: {experiment.name: lambda: experiment}}
        )
        self.slow = BackgroundWorker(self._fail, self._lock)
        self.on_idle: list[Callable[[Report], Job]] = [
            partial(job, self) for job in (swapping, measuring)
        ]
        self.previous = self.recipe
        self.measures = True  # speed and stability, as an idle job
        self.case = next(iter(self.cases))
        if not self.model:  # an empty case name is no change and opens no model
            self.model = next(iter(self.models))
        self.report = self.baseline

    @property
    def shown(self) -> tuple[Report, Report]:
        """Newest baseline and report on the same images; the preview if there is one."""
        return self.preview or (self.baseline, self.report)

    @property
    def indices(self) -> Integers | None:
        """Indices of the images of ``shown`` among the exploration images; None for all."""
        if self.preview is None:
            return None
        return self._order[: self.preview[1].count]

    @property
    def is_whole(self) -> bool:
        """True if the report is that of the requested recipe, on all images.

        Examples
        --------
        >>> Session().is_whole
        True
        """
        whole = self.report.count == self.baseline.count
        current = not (self.stale or self.busy) and self.report.recipe == self.recipe
        return whole and current

    @property
    def is_comparing(self) -> bool:
        """True until the drop of the report has its interval, which can take long.

        Examples
        --------
        >>> Session().is_comparing
        False
        """
        return not (self.stale or self.report.outcome.is_compared)

    @property
    def models(self) -> dict[str, Callable[[], Experiment]]:
        """Functions that load the case's models, by name."""
        return self.cases[self.case]

    @observe("case")
    def _open_case(self, change: Any) -> None:
        """Change to another case; keep the model's name if the case has such a model."""
        if self.model in self.models:
            self._open_model(change)
        else:
            self.model = next(iter(self.models))

    @observe("model")
    def _open_model(self, change: Any) -> None:
        """Change to another model; keep the recipe, but without a recovery by training."""
        with self._lock:
            self.experiment = self.models[self.model]()
            self.experiment.on_measured(self._take_measurement)
            self._run_baseline()
            self._order = self.baseline.outcome.order
            if self.recipe.recovery in BY_TRAINING:
                self.recipe = replace(self.recipe, recovery="none")
            else:
                self.refresh()

    def _run_baseline(self) -> None:
        """Run the untouched model; store the seconds per image of a large one."""
        known, began = self.experiment.remembers(Recipe()), perf_counter()
        self.baseline, self._baselines = self.experiment.run(Recipe()), {}
        self._paces.clear()
        if self.experiment.is_large and not known:
            self._paces.append((perf_counter() - began) / self.baseline.count)

    @observe("recipe")
    def _run_recipe(self, change: Any) -> None:
        self.previous = change.old
        if self.stale or self.report.recipe != self.recipe:
            self.refresh()

    def on_report(self, callback: Callable[[], None], *, previews: bool = False) -> None:
        """Register a callback for new reports, called when no run is in progress.

        Parameters
        ----------
        callback
            Called without arguments, after all traits are set.
        previews
            Whether to call it also for previews, and for errors that keep the old report.

        Examples
        --------
        >>> session, seen = Session(), []
        >>> session.on_report(lambda: seen.append(session.report.recipe.bits))
        >>> session.recipe = Recipe(bits=4)
        >>> seen
        [4]
        """
        self._followers.append((callback, previews))

    def forget(self, owner: object) -> None:
        """Remove the callbacks and idle jobs that are methods of an object: a closed widget.

        Examples
        --------
        >>> session, seen = Session(), []
        >>> session.on_report(seen.clear)
        >>> session.forget(seen)
        >>> seen.append("kept")
        >>> session.recipe = Recipe(bits=4)
        >>> seen
        ['kept']
        """
        self._followers[:] = [pair for pair in self._followers if not is_method(pair[0], owner)]
        self.on_idle[:] = [job for job in self.on_idle if not is_method(job, owner)]
        self._on_measured[:] = [one for one in self._on_measured if not is_method(one, owner)]

    def on_measured(self, callback: Callable[[], None]) -> None:
        """Register a callback for measurements of any recipe, by any session of the experiment.

        Examples
        --------
        >>> session, seen = Session(), []
        >>> session.on_measured(lambda: seen.append("measured"))
        >>> seen
        []
        """
        self._on_measured.append(callback)

    def _take_measurement(self) -> None:
        """Show the newest measurement of the report's recipe, whoever made it."""
        with self._lock:
            measured = self.experiment.measured(self.report)
            if measured is not self.report:
                self.report = measured
                self.announce()
            for callback in [*self._on_measured]:
                callback()

    def announce(self) -> None:
        """Call the callbacks of ``on_report``; without a new report, only those of previews."""
        new, self._announced = self.report is not self._announced, self.report
        for callback, previews in [*self._followers]:
            if new or previews:
                callback()

    def ask(self, recipe: Recipe, *, dragging: bool = False) -> bool:
        """Set the recipe, or retry it if it was cancelled or failed; return whether it runs.

        ``dragging`` is True while a slider is dragged: a slow recipe then runs on the first images.
        """
        with self._lock, self._drag(dragging):
            if recipe != self.recipe:
                self.recipe = recipe
            elif (self.stale or self.error) and not self.completing:
                self.refresh()
            else:
                return False
        return True

    @contextmanager
    def _drag(self, dragging: bool) -> Iterator[None]:
        self.dragging = dragging
        try:
            yield
        finally:
            self.dragging = False

    def hold(self, held: bool) -> None:
        """Tell that a slider is held, or was released: a preview is then completed at once.

        Examples
        --------
        >>> session = Session(first=100)
        >>> session.ask(Recipe(bits=4), dragging=True)
        True
        >>> session.hold(False)
        >>> session.wait()
        >>> session.is_whole
        True
        """
        with self._lock:
            self._short_rest_s = SHORT_REST_S if held else 0.0
            if not held and (self.is_comparing or self.completing) and self.progress is None:
                self.slow.hurry()

    def refresh(self) -> None:
        """Run the recipe, or first a quick preview, and announce the report."""
        with self._lock:
            self.cancel()
            self.stale = self.busy = True
            try:
                self._run()
            except Exception as error:  # noqa: BLE001 (shown on the page, and logged)
                self._set_error(error)
            else:
                if self.stale:
                    self._complete()
                else:
                    self.settle()
            finally:
                self.busy = False
            self.announce()

    def _run(self) -> None:
        """Run the part of the recipe, and of the images, that is fast enough for a slider."""
        recipe = preview_recipe(self.recipe, self.experiment.is_quick)
        count, run = self._preview_size(recipe), self.experiment.run
        known = count is None and self.experiment.remembers(recipe)  # a cached report is not timed
        began = perf_counter()
        if count is not None:
            large = self.experiment.is_large
            report = run(recipe, first=count, estimate_size=large)
            if count not in self._baselines:
                baseline = self.experiment.baseline_of_first
                self._baselines[count] = baseline(count) if large else run(Recipe(), first=count)
            self.preview, self.error = (self._baselines[count], report), ""
        else:
            report, self.preview = self.experiment.measured(run(recipe)), None
            with self.hold_trait_notifications():
                self.report, self.error = report, ""
                self.stale = report.recipe != self.recipe
        if not known:
            self._paces.append((perf_counter() - began) / report.count)

    def _preview_size(self, recipe: Recipe) -> int | None:
        """Choose the number of images of a preview; None for all images."""
        if not self.dragging or self.experiment.remembers(recipe):
            return None
        count = self.first or preview_size(self.baseline.count, min(self._paces, default=0.0))
        return count if count < self.baseline.count else None

    def settle(self) -> None:
        """Start the idle jobs, such as the speed measurement, once no slider is dragged.

        A drop that is not compared yet comes first. No job starts while the report is stale or
        other background work runs.
        """
        if self.stale or self.progress is not None:
            return
        if self.is_comparing:
            self.slow.submit(comparing(self, self.report), rest_s=self._short_rest_s, short=True)
        else:
            self.slow.submit(*(job(self.report) for job in self.on_idle), rest_s=REST_S)

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until the newest background work has ended or was cancelled.

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

    def in_background(
        self, work: Callable[[ProgressCallback], Any], done: Callable[[Any], None]
    ) -> Future[None]:
        """Run work of seconds in the background; newer work or ``cancel`` ends it.

        ``work`` is called with a progress callback that sets ``progress``, and ``done`` with the
        result of ``work``.
        """

        def finish(result: Any) -> None:
            self.progress = None
            done(result)

        with self._lock:  # observers of progress may cancel the work
            job = self.slow.publish(work, self._show_progress), finish
            future = self.slow.submit(job, waits=self._show_waiting)
            self.progress = AT_START
        return future

    def _complete(self) -> None:
        """Run the whole recipe on all images in the background, once no slider is dragged."""
        quick = self.experiment.is_quick(self.recipe)
        run = partial(self.experiment.run, self.recipe)
        work = self.slow.publish(lambda tell: run(on_progress=tell), self._show_progress)
        rest_s = self._short_rest_s if quick else REST_S
        job = work, self._complete_with
        self.slow.submit(job, rest_s=rest_s, short=quick, waits=self._show_waiting)
        self.completing = True
        if not quick:
            self.progress = AT_START  # last, since its observers may cancel the work

    def _show_progress(self, progress: Progress) -> None:
        self.progress = progress

    def _show_waiting(self, waiting: bool) -> None:
        self.progress = WAITING if waiting else AT_START

    def _complete_with(self, report: Report) -> None:
        self.adopt(report)
        self.settle()

    def cancel(self) -> None:
        """Cancel background work; keep the report."""
        with self._lock:
            self.slow.cancel()
            self.completing, self.progress = False, None

    def adopt(self, report: Report) -> None:
        """Set a report from background work, from a search or from a measurement."""
        report = report if report.latency else self.experiment.measured(report)
        with self._lock:
            self.busy = True
            with self.hold_trait_notifications():
                self.recipe, self.report = report.recipe, report
                self.error, self.stale, self.progress = "", False, None
                self.preview, self.completing = None, False
            self.busy = False
            self.announce()

    def adopt_new(self, report: Report) -> None:
        """Adopt a measured report unless its measurement is shown already."""
        if report.latency is not self.report.latency:
            self.adopt(report)

    def _fail(self, error: Exception) -> None:
        """Set the error of failed background work; the report that is shown stays."""
        self._set_error(error)
        self.announce()

    def _set_error(self, error: Exception) -> None:
        log.warning("running %s failed", self.recipe, exc_info=error)
        self.error = text(failure(error, self.stale), recipe=self.recipe, error=error)
        self.completing, self.progress = False, None
