"""Beliefs about accuracy that is won back: statistics, biases, refit, calibration images."""

from __future__ import annotations

from functools import partial

from optiwidgets.engine.beliefs.belief import Belief
from optiwidgets.engine.beliefs.estimates import of_drop
from optiwidgets.engine.beliefs.pruning import HALF, HARD, VERY_HARD, drop_of
from optiwidgets.engine.beliefs.subject import Subject
from optiwidgets.engine.types.belief import Estimate
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.texts import mark

FINE_STEPS = Recipe(bits=2, granularity="channel", clip="mse")
SEQUENTIAL = Recipe(VERY_HARD, score="lamp", recovery="sequential")
TUNED = Recipe(HARD, score="lamp", recovery="sequential")


def regained(after: Recipe, before: Recipe, subject: Subject) -> Estimate:
    """Measure the points that one recipe wins back of another's loss."""
    return subject.regained(after, before)


def more_calibration_images(subject: Subject) -> Estimate:
    """Measure the points won by all calibration images instead of every second one."""
    many, half = subject, subject.on_half_the_calibration()
    value, low, high = of_drop(many.run(TUNED).drop_from(half.run(TUNED)))
    return Estimate(-value, -high, -low)


REPAIR = (
    Belief(
        key="recalibrate-mild",
        statement=mark("Recalibrated statistics never do harm."),
        guess=mark("no loss"),
        quantity=mark("lost by recalibration at 50 %"),
        unit="points",
        measure=partial(drop_of, Recipe(HALF, recovery="recalibrate"), Recipe(HALF)),
        most=1.0,
    ),
    Belief(
        key="recalibrate-hard",
        statement=mark("Statistics are cosmetics: a network pruned to 90 % needs training."),
        guess=mark("5 points won back at most"),
        quantity=mark("won back by recalibration at 90 %"),
        unit="points",
        measure=partial(regained, Recipe(VERY_HARD, recovery="recalibrate"), Recipe(VERY_HARD)),
        most=5.0,
        source=(
            mark(
                "often heard; against it Apple's Compress and Compare: ResNet-20, 11.6 to "
                "42.0 % at 90 % by recalibration"
            )
        ),
    ),
    Belief(
        key="bias-pruned",
        statement=mark("Bias correction never does harm."),
        guess=mark("no loss"),
        quantity=mark("lost by bias correction at 90 % sparsity"),
        unit="points",
        measure=partial(drop_of, Recipe(VERY_HARD, recovery="bias"), Recipe(VERY_HARD)),
        most=1.0,
    ),
    Belief(
        key="bias-few-bits",
        statement=mark("At 2 bits the weights are gone: no correction of biases helps."),
        guess=mark("5 points won back at most"),
        quantity=mark(
            "won back by bias correction at 2 bits, a scale a channel, least-error range"
        ),
        unit="points",
        measure=partial(
            regained,
            Recipe(bits=2, granularity="channel", clip="mse", recovery="bias"),
            FINE_STEPS,
        ),
        most=5.0,
    ),
    Belief(
        key="only-training",
        statement=mark("After 90 % only training with labels brings the accuracy back."),
        guess=mark("10 points or more stay lost"),
        quantity=mark("lost at 90 % by LAMP with sequential refit, without a label"),
        unit="points",
        measure=partial(drop_of, SEQUENTIAL, Recipe()),
        least=10.0,
    ),
    Belief(
        key="more-calibration",
        statement=mark("Twice as many calibration images make a better model."),
        guess=mark("a point or more"),
        quantity=mark("won by all calibration images instead of half, sequential refit at 80 %"),
        unit="points",
        measure=more_calibration_images,
        least=1.0,
    ),
)
