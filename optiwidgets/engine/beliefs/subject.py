"""Experiment on which a belief is tested: runs recipes, compares reports, and can be cancelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from optiwidgets.engine.beliefs.estimates import of_drop, of_latency
from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.execution.progress import Progress
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models.preparation import PreparedModel
from optiwidgets.engine.types.belief import Estimate
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME

Answer = TypeVar("Answer")


class NotApplicableError(Exception):
    """A belief does not apply to a model; the message is the reason."""


class Subject:
    """Experiment with the comparisons that measurements of beliefs share.

    Parameters
    ----------
    experiment
        Experiment whose exploration images are used.
    tick
        Called before every recipe and every round of timing; an exception raised by it ends the
        measurement.

    Examples
    --------
    >>> subject = Subject(Experiment.load("digits"))
    >>> subject.drop(Recipe(bits=8)).value < 1
    True
    """

    def __init__(self, experiment: Experiment, tick: Callable[[], None] = lambda: None) -> None:
        self.experiment, self.tick = experiment, tick

    @property
    def has_folded_norms(self) -> bool:
        """True if a BatchNorm was folded into a layer of the model."""
        _, (prepared, *_) = self.experiment.__reduce__()
        assert isinstance(prepared, PreparedModel)
        return bool(prepared.trained.factors)

    def run(self, recipe: Recipe) -> Report:
        """Run a recipe on all exploration images.

        Raises
        ------
        NotApplicableError
            The experiment refuses the recipe; the message has the reason.
        """

        def work(tick: Callable[[], None]) -> Report:
            def on_progress(progress: Progress) -> None:
                tick()

            return self.experiment.run(recipe, on_progress=on_progress)

        self.tick()
        return self._unless_refused(work)

    def classified(self, recipe: Recipe) -> Report:
        """Run a recipe whose report must have a predicted class for each image.

        Raises
        ------
        NotApplicableError
            The task is another one than classification, or the experiment refuses the recipe.
        """
        report = self.run(recipe)
        if not report.is_classified:
            raise NotApplicableError(f"an image has no single class in a report of {report.task}")
        return report

    def _unless_refused(self, work: Callable[[Callable[[], None]], Answer]) -> Answer:
        """Call work with the tick; a refusal by the experiment becomes ``NotApplicableError``."""
        by_tick: list[ValueError] = []

        def tick() -> None:
            try:
                self.tick()
            except ValueError as error:
                by_tick.append(error)
                raise

        try:
            return work(tick)
        except ValueError as error:
            if error in by_tick:  # of the caller, not of the experiment
                raise
            raise NotApplicableError(str(error)) from error

    def drop(self, after: Recipe, before: Recipe | None = None) -> Estimate:
        """Measure the points of accuracy that one recipe loses against another, paired."""
        return of_drop(self.run(after).drop_from(self.run(before or Recipe())))

    def regained(self, after: Recipe, before: Recipe) -> Estimate:
        """Measure the points of accuracy that one recipe has more than another, paired."""
        value, low, high = self.drop(after, before)
        return Estimate(-value, -high, -low)

    def speed(self, recipe: Recipe, runtime: str = ONNX_RUNTIME) -> Estimate:
        """Measure the speed of one image, as a multiple of the untouched model's.

        Raises
        ------
        NotApplicableError
            The runtime cannot run this model, or the images cannot be measured; the message has
            the reason.
        """
        report = self.run(recipe)

        def work(tick: Callable[[], None]) -> Report:
            def stop() -> bool:
                tick()
                return False

            return self.experiment.measure(report, stop=stop)

        measured = self._unless_refused(work)
        if runtime not in measured.latencies:
            reason = measured.latency_reasons.get(runtime, "it is absent")
            raise NotApplicableError(f"no speed in the {runtime}: {reason}")
        return of_latency(measured.latencies[runtime])

    def on_half_the_calibration(self) -> Subject:
        """Return a subject whose experiment has every second calibration image only.

        Calibration images are often stored class by class, so the first half would lack classes.
        """
        reopen, (prepared, spec, tuned_on, dataset, task, memory_mb) = self.experiment.__reduce__()
        assert isinstance(tuned_on, Dataset)
        pixels, labels = tuned_on.calibration
        half = pixels[::2], labels[::2]

        def work(tick: Callable[[], None]) -> Experiment:
            fewer = replace(tuned_on, calibration=half)
            return reopen(prepared, spec, fewer, dataset, task, memory_mb)

        return Subject(self._unless_refused(work), self.tick)
