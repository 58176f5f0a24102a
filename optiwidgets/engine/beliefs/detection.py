"""Beliefs about detectors, whose outputs are boxes."""

from __future__ import annotations

from optiwidgets.engine.beliefs.belief import Belief
from optiwidgets.engine.beliefs.estimates import of_drop
from optiwidgets.engine.beliefs.pruning import MILD
from optiwidgets.engine.beliefs.subject import NotApplicableError, Subject
from optiwidgets.engine.types.belief import Estimate
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.texts import mark


def lost_by_a_detector(subject: Subject) -> Estimate:
    """Measure the points of mAP@0.5 that a detector loses where a classifier loses nearly none.

    Raises
    ------
    NotApplicableError
        The model finds no boxes.
    """
    base = subject.run(Recipe())
    if not hasattr(base, "boxes"):
        raise NotApplicableError(f"it is about boxes, and this task is {base.task}")
    return of_drop(subject.run(Recipe(MILD)).drop_from(base))


DETECTION = (
    Belief(
        key="detector-alike",
        statement=mark("What is harmless for a classifier is harmless for a detector."),
        guess=mark("less than 1 point"),
        quantity=mark("mAP@0.5 lost by a detector at 30 % sparsity, largest weights kept"),
        unit="points",
        measure=lost_by_a_detector,
        most=1.0,
    ),
)
