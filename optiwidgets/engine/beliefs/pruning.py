"""Beliefs about pruning: how much, where, by which score."""

from __future__ import annotations

from functools import partial

import numpy as np

from optiwidgets.engine.beliefs.belief import Belief
from optiwidgets.engine.beliefs.estimates import of_drop
from optiwidgets.engine.beliefs.subject import NotApplicableError, Subject
from optiwidgets.engine.evaluation.paired_test import paired_drop
from optiwidgets.engine.types.belief import Estimate
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.texts import mark

MILD, HALF, HARD, VERY_HARD = 0.3, 0.5, 0.8, 0.9


def drop_of(after: Recipe, before: Recipe, subject: Subject) -> Estimate:
    """Measure the points that one recipe loses against another."""
    return subject.drop(after, before)


def folding(subject: Subject) -> Estimate:
    """Measure the points that magnitude loses more on folded weights than on trained ones.

    Raises
    ------
    NotApplicableError
        The model has no BatchNorm that was folded.
    """
    if not subject.has_folded_norms:
        raise NotApplicableError("no BatchNorm was folded into a layer, so both are the same")
    return subject.drop(Recipe(HARD, score="magnitude-folded"), Recipe(HARD))


def worst_class(subject: Subject) -> Estimate:
    """Measure the drop of the class that falls most, chosen on one half of the images.

    The class is chosen by the first, third, ... image of each class and measured on the others: the
    largest of many falls on the same images would be too large by chance.

    Raises
    ------
    NotApplicableError
        No class has two images.
    """
    before, after = (subject.classified(recipe) for recipe in (Recipe(), Recipe(HARD)))
    chosen = np.zeros(len(before.labels), bool)
    for label in np.unique(before.labels):
        chosen[np.flatnonzero(before.labels == label)[::2]] = True

    def fall(label: int) -> float:
        inside = chosen & (before.labels == label)
        right = [(one.predictions == label)[inside].mean() for one in (before, after)]
        return float(right[0] - right[1])

    present = sorted(set(before.labels[chosen].tolist()) & set(before.labels[~chosen].tolist()))
    if not present:
        raise NotApplicableError("no class has two images: one to choose by and one to measure on")
    worst = max(present, key=fall)
    images = ~chosen & (before.labels == worst)
    parts = (values[images] for values in (before.labels, before.predictions, after.predictions))
    return of_drop(paired_drop(*parts))


PRUNING = (
    Belief(
        key="half-is-free",
        statement=mark("Half of the weights of a trained network can go at no cost."),
        guess=mark("0.1 points"),
        quantity=mark("lost at 50 % sparsity, largest weights kept"),
        unit="points",
        measure=partial(drop_of, Recipe(HALF), Recipe()),
        most=1.0,
        source=mark("TensorFlow Model Optimization's guide: Inception V3, 78.1 to 78.0 % at 50 %"),
    ),
    Belief(
        key="ninety-percent",
        statement=mark("Nine of ten weights can go, if the largest stay."),
        guess=mark("6 points"),
        quantity=mark("lost at 90 % sparsity, nothing repaired"),
        unit="points",
        measure=partial(drop_of, Recipe(VERY_HARD), Recipe()),
        most=10.0,
        source=mark("MLSysBook Co-Labs, formula of the solver: e^(2 x 0.9) = 6.0 points"),
    ),
    Belief(
        key="any-weights",
        statement=mark("Few are removed, so it hardly matters which."),
        guess=mark("a few points"),
        quantity=mark("lost at 30 % sparsity, weights drawn at random"),
        unit="points",
        measure=partial(drop_of, Recipe(MILD, score="random"), Recipe()),
        most=5.0,
    ),
    Belief(
        key="same-share",
        statement=mark("The same share of every layer is the safe choice."),
        guess=mark("no difference"),
        quantity=mark("lost more than with one ranking of all layers, at 50 %"),
        unit="points",
        measure=partial(drop_of, Recipe(HALF, pruning="layer"), Recipe(HALF)),
        most=1.0,
    ),
    Belief(
        key="folding",
        statement=mark("Folding BatchNorm changes no output, so pruning costs the same after it."),
        guess=mark("no difference"),
        quantity=mark("lost more on folded weights than on weights as trained, at 80 %"),
        unit="points",
        measure=folding,
        least=-1.0,
        most=1.0,
    ),
    Belief(
        key="gradients",
        statement=mark("A score that uses gradients finds better weights than their size."),
        guess=mark("clearly less is lost"),
        quantity=mark("lost more by Fisher scores than by magnitude, at 80 %"),
        unit="points",
        measure=partial(drop_of, Recipe(HARD, score="fisher"), Recipe(HARD)),
        most=0.0,
    ),
    Belief(
        key="two-of-four",
        statement=mark("2:4 patterns cost no more than 50 % anywhere."),
        guess=mark("no difference"),
        quantity=mark("lost more by 2:4 than by 50 % of all layers together"),
        unit="points",
        measure=partial(drop_of, Recipe(pruning="2:4"), Recipe(HALF)),
        most=1.0,
    ),
    Belief(
        key="classes-alike",
        statement=mark("All classes lose about as much as the accuracy does."),
        guess=mark("a few points each"),
        quantity=mark("lost by the class that falls most, at 80 %"),
        unit="points",
        measure=worst_class,
        most=10.0,
    ),
)
