"""Submissions: evaluation of a recipe on the sealed images, compared with exploration."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable
from weakref import WeakKeyDictionary

from optiwidgets.engine.types.measurements import Drop
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.grading.answers import unfit
from optiwidgets.grading.drop_words import drop_words, interval_words
from optiwidgets.texts import text


@runtime_checkable
class Sealed(Protocol):
    """Interface of ``Experiment`` that a submission uses."""

    @property
    def openings(self) -> Sequence[Recipe]:
        """Recipes that opened the sealed images, in order."""

    def run(self, recipe: Recipe, /) -> Report:
        """Run a recipe on the exploration images."""

    def open_sealed(self, recipe: Recipe, /) -> Report:
        """Run a recipe on the sealed images, and record it."""


@dataclass(frozen=True)
class Submission:
    """Result of a recipe on the sealed images.

    ``number`` counts the recipes that opened the experiment's sealed images. The result *held up*
    if the 95 % interval of the sealed drop contains the exploration drop.
    """

    number: int
    held_up: bool
    exploration_drop: Drop
    sealed_drop: Drop

    def __str__(self) -> str:
        """Describe the submission in one sentence."""
        explored, new = self.exploration_drop, self.sealed_drop
        begun = (
            text("Submission {n}. Held up:", n=self.number)
            if self.held_up
            else text("Submission {n}. Did not hold up:", n=self.number)
        )
        drops = text(
            "{explored} on the exploration images, {new} on the sealed ones "
            "(95 % interval {interval}).",
            explored=drop_words(explored.points),
            new=drop_words(new.points),
            interval=interval_words(new),
        )
        return f"{begun} {drops}"


@dataclass
class _SubmissionLog:
    base: Report
    submissions: dict[Recipe, Submission] = field(default_factory=dict)


_LOGS: WeakKeyDictionary[Sealed, _SubmissionLog] = WeakKeyDictionary()


def submit(experiment: Sealed, report: Report) -> Submission:
    """Open the sealed images for a recipe, once, and compare with its exploration drop.

    The baseline is evaluated on the sealed images too: they are opened for ``Recipe()`` once per
    experiment, before its first submission, and ``experiment.openings`` lists it. The baseline is
    not counted in the number. Submitting the same recipe again gives the same submission and opens
    nothing.

    Parameters
    ----------
    experiment
        Experiment that made the report.
    report
        Report on its exploration images.

    Raises
    ------
    ValueError
        ``experiment`` is no ``Experiment``, or the report is not one of an optimized model on its
        exploration images.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> exp = Experiment.load("digits")
    >>> submission = submit(exp, exp.run(Recipe(bits=4)))
    >>> submission.number, submission.held_up, [str(recipe) for recipe in exp.openings]
    (1, True, ['Recipe()', 'Recipe(bits=4)'])
    """
    if not isinstance(experiment, Sealed):
        raise ValueError(
            f"experiment is an Experiment, whose sealed images are opened, not "
            f"{reprlib.repr(experiment)}"
        )
    base = experiment.run(Recipe())
    if reason := unfit(base, report):
        raise ValueError(reason)
    if experiment not in _LOGS:
        _LOGS[experiment] = _SubmissionLog(experiment.open_sealed(Recipe()))
    log = _LOGS[experiment]
    if report.recipe not in log.submissions:
        sealed = experiment.open_sealed(report.recipe).drop_from(log.base)
        explored = report.drop_from(base)
        number = sum(recipe != Recipe() for recipe in experiment.openings)
        held_up = sealed.low <= explored.points <= sealed.high
        log.submissions[report.recipe] = Submission(number, held_up, explored, sealed)
    return log.submissions[report.recipe]
