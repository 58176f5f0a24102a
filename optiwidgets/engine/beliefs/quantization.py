"""Beliefs about quantization: bits, scales, ranges, layers that keep more bits."""

from __future__ import annotations

from functools import partial

from optiwidgets.engine.beliefs.belief import Belief
from optiwidgets.engine.beliefs.estimates import of_paired_mean
from optiwidgets.engine.beliefs.pruning import HARD, drop_of
from optiwidgets.engine.beliefs.repair import regained
from optiwidgets.engine.beliefs.subject import NotApplicableError, Subject
from optiwidgets.engine.types.belief import Estimate
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.texts import mark


def both_ends(subject: Subject) -> Estimate:
    """Measure the points won at 3 bits by 8 bits for the first and the last layer.

    Raises
    ------
    NotApplicableError
        The model has fewer than three layers.
    """
    names = list(subject.experiment.layers)
    if len(names) < 3:
        raise NotApplicableError(f"all {len(names)} layers are the first or the last one")
    ends = tuple((name, None, 8) for name in (names[0], names[-1]))
    return subject.regained(Recipe(bits=3, layers=ends), Recipe(bits=3))


def sum_of_losses(subject: Subject) -> Estimate:
    """Measure the points that pruning and rounding together lose more than the sum of both."""
    recipes = (Recipe(), Recipe(HARD), Recipe(bits=3), Recipe(HARD, bits=3))
    reports = [subject.classified(recipe) for recipe in recipes]
    base, pruned, rounded, both = ((r.predictions == r.labels).astype(int) for r in reports)
    return of_paired_mean((base - both) - (base - pruned) - (base - rounded))


QUANTIZATION = (
    Belief(
        key="eight-bits",
        statement=mark("8-bit weights cost next to nothing."),
        guess=mark("less than 1 point"),
        quantity=mark("lost at 8 bits"),
        unit="points",
        measure=partial(drop_of, Recipe(bits=8), Recipe()),
        most=1.0,
        source=mark("MIT 6.5940, lab 2: 92.95 % in float, 92.90 % in int8"),
    ),
    Belief(
        key="four-bits",
        statement=mark("4-bit weights cost points that only training wins back."),
        guess=mark("2.5 points"),
        quantity=mark("lost at 4 bits, one scale a tensor, nothing repaired"),
        unit="points",
        measure=partial(drop_of, Recipe(bits=4), Recipe()),
        least=2.0,
        source=mark("MLSysBook Co-Labs, formula of the solver: 2.5 points at 4 to 7 bits"),
    ),
    Belief(
        key="two-bits",
        statement=mark("2-bit weights cost a few points."),
        guess=mark("5 points"),
        quantity=mark("lost at 2 bits, one scale a tensor, nothing repaired"),
        unit="points",
        measure=partial(drop_of, Recipe(bits=2), Recipe()),
        most=10.0,
        source=mark("MLSysBook Co-Labs, formula of the solver: 5.0 points at 2 bits"),
    ),
    Belief(
        key="scale-a-channel",
        statement=mark("A scale for each channel is never worse than one for the tensor."),
        guess=mark("no loss"),
        quantity=mark("lost more by a scale a channel at 3 bits, min-max ranges"),
        unit="points",
        measure=partial(drop_of, Recipe(bits=3, granularity="channel"), Recipe(bits=3)),
        most=1.0,
    ),
    Belief(
        key="zero-point",
        statement=mark("A zero point uses the codes better, so it never costs accuracy."),
        guess=mark("no loss"),
        quantity=mark("lost more by affine codes at 2 bits, min-max ranges"),
        unit="points",
        measure=partial(drop_of, Recipe(bits=2, scheme="affine"), Recipe(bits=2)),
        most=1.0,
    ),
    Belief(
        key="largest-weights",
        statement=mark("The largest weights matter most, so the range must hold them."),
        guess=mark("clipping loses points"),
        quantity=mark("lost more by the range of least error than by min-max, at 2 bits"),
        unit="points",
        measure=partial(drop_of, Recipe(bits=2, clip="mse"), Recipe(bits=2)),
        least=0.0,
    ),
    Belief(
        key="first-and-last",
        statement=mark("Keep the first and the last layer at 8 bits: they are the sensitive ones."),
        guess=mark("a point or more"),
        quantity=mark("won by 8 bits for these two layers, all others at 3 bits"),
        unit="points",
        measure=both_ends,
        least=1.0,
    ),
    Belief(
        key="even-levels",
        statement=mark("Learned levels are a luxury: evenly spaced ones are nearly as good."),
        guess=mark("1 or 2 points"),
        quantity=mark("won by a codebook at 2 bits, against even levels of least error"),
        unit="points",
        measure=partial(regained, Recipe(bits=2, scheme="codebook"), Recipe(bits=2, clip="mse")),
        most=5.0,
    ),
    Belief(
        key="activations",
        statement=mark(
            "Activations are the hard part: 4 bits hurt there more than in the weights."
        ),
        guess=mark("several points more"),
        quantity=mark("lost more by 4-bit activations than by 4-bit weights"),
        unit="points",
        measure=partial(drop_of, Recipe(activation_bits=4), Recipe(bits=4)),
        least=1.0,
    ),
    Belief(
        key="losses-add",
        statement=mark("The losses of pruning and of rounding add up."),
        guess=mark("the sum, give or take a point"),
        quantity=mark("lost at 80 % and 3 bits together, less the sum of both losses"),
        unit="points",
        measure=sum_of_losses,
        least=-1.0,
        most=1.0,
    ),
)
