"""Beliefs about the whole sparsity slider, measured at each of its 100 positions."""

from __future__ import annotations

import math

import numpy as np

from optiwidgets.engine.beliefs.belief import Belief
from optiwidgets.engine.beliefs.estimates import of_share
from optiwidgets.engine.beliefs.subject import Subject
from optiwidgets.engine.types.belief import Estimate
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.texts import mark

POSITIONS = range(100)  # percent
TURNS = 3  # changes between right and wrong
FAR = 5.0  # points


def slider_reports(subject: Subject) -> list[Report]:
    """Run the sparsity of every position of the slider."""
    return [subject.run(Recipe(sparsity=percent / 100)) for percent in POSITIONS]


def many_turns(subject: Subject) -> Estimate:
    """Measure the share of images that turn between right and wrong three times or more."""
    reports = (subject.classified(Recipe(sparsity=percent / 100)) for percent in POSITIONS)
    right = np.array([report.predictions == report.labels for report in reports])
    turns = (right[1:] != right[:-1]).sum(axis=0)
    return of_share(int((turns >= TURNS).sum()), right.shape[1])


def rule_of_the_solver(sparsity: float) -> float:
    """Compute the points of accuracy lost by the solver's formula.

    Examples
    --------
    >>> rule_of_the_solver(0.5), round(rule_of_the_solver(0.9), 2)
    (0.1, 6.05)
    """
    return 0.1 if sparsity <= 0.5 else math.exp(2 * sparsity)


def far_from_the_rule(subject: Subject) -> Estimate:
    """Measure the share of positions at which the solver's formula is 5 points off or more.

    All positions are measured, so the interval is not of a sample: its ends count the positions
    whose whole interval of the drop is that far off, and those with any part of it.
    """
    base, *_ = reports = slider_reports(subject)
    surely = off = perhaps = 0
    for report in reports:
        drop, rule = report.drop_from(base), rule_of_the_solver(report.recipe.sparsity)
        distances = abs(rule - drop.low), abs(rule - drop.high)
        off += abs(rule - drop.points) > FAR
        surely += min(distances) > FAR and not drop.low <= rule <= drop.high
        perhaps += max(distances) > FAR
    return Estimate(*(100 * count / len(reports) for count in (off, surely, perhaps)))


WHOLE_SLIDER = (
    Belief(
        key="stays-wrong",
        statement=mark("An image that pruning turns wrong stays wrong."),
        guess=mark("hardly an image comes back"),
        quantity=mark("of the images turn three times or more between right and wrong, 0 to 99 %"),
        unit="percent",
        measure=many_turns,
        most=10.0,
    ),
    Belief(
        key="formula",
        statement=mark("A formula tells the loss: 0.1 points up to 50 % sparsity, then e^(2s)."),
        guess=mark("off at 1 position in 10"),
        quantity=mark("of the slider's positions are more than 5 points off"),
        unit="percent",
        measure=far_from_the_rule,
        most=10.0,
        source=mark("MLSysBook Co-Labs, formula of the solver (mlsysim)"),
    ),
)
