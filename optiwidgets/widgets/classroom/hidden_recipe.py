"""Recipe hidden behind a seed, and distance of a guess from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from reprlib import repr as shortened

from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.texts import plural, text
from optiwidgets.widgets.controls.recipe_words import bits_words

SEEDS = 10**6  # 0..999,999
SPARSITIES = range(30, 96, 5)  # %
WIDTHS = (2, 3, 4, 5, 6, 8, 32)
HURT = (3.0, 60.0)  # points lost: visible in the matrix, without breaking the model
TRIES = 60
A_POINT, A_STEP = 2, 10  # deduction per point of sparsity, per step of bit-width


@dataclass(frozen=True)
class Nearness:
    """Distance of a guess from the hidden recipe: points of sparsity, steps of bit-width, score.

    The score is 100 less 2 for every point and 10 for every step, 0 at least.
    """

    points: int
    steps: int
    score: int


def hide(seed: int, run: Callable[[Recipe], Report]) -> Report:
    """Return the report of the recipe that belongs to a seed, always the same for one model.

    Recipes are drawn from the seed until one loses visible accuracy without breaking the model.

    Raises
    ------
    ValueError
        The seed is not a whole number from 0 to 999999.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> run = Experiment.load("digits").run
    >>> hide(7, run).recipe == hide(7, run).recipe
    True
    """
    chance, baseline = Random(check_seed(seed)), run(Recipe())
    for _ in range(TRIES):
        recipe = Recipe(chance.choice(SPARSITIES) / 100, bits=chance.choice(WIDTHS))
        report = run(recipe)
        if HURT[0] <= report.drop_from(baseline).points <= HURT[1]:
            break
    return report


def check_seed(seed: object) -> int:
    """Return a seed; raise ValueError unless it is a whole number from 0 to 999999."""
    if type(seed) is not int or not 0 <= seed < SEEDS:
        raise ValueError(f"a seed is a whole number 0 to {SEEDS - 1}, not {shortened(seed)}")
    return seed


def nearness(hidden: Recipe, sparsity: int, bits: int) -> Nearness:
    """Compute the distance of a guess, sparsity in percent.

    Examples
    --------
    >>> nearness(Recipe(0.85, bits=4), sparsity=80, bits=3)
    Nearness(points=5, steps=1, score=80)
    """
    points = abs(round(100 * hidden.sparsity) - sparsity)
    steps = abs(BIT_WIDTHS.index(hidden.bits) - BIT_WIDTHS.index(bits))
    return Nearness(points, steps, max(0, 100 - A_POINT * points - A_STEP * steps))


def told(hidden: Recipe, sparsity: int, bits: int) -> str:
    """Describe the hidden recipe, the guess and its score.

    Examples
    --------
    >>> told(Recipe(0.85, bits=4), sparsity=84, bits=4)
    'It was 85 % and 4 bits; you said 84 % and 4 bits: 1 point and 0 steps off. 98 of 100.'
    """
    near = nearness(hidden, sparsity, bits)
    return text(
        "It was {sparsity} % and {bits}; you said {guess} % and {guessed_bits}: "
        "{points} and {steps} off. {score} of 100.",
        sparsity=f"{100 * hidden.sparsity:.0f}",
        bits=bits_words(hidden.bits),
        guess=sparsity,
        guessed_bits=bits_words(bits),
        points=plural("{n} point", "{n} points", near.points),
        steps=plural("{n} step", "{n} steps", near.steps),
        score=near.score,
    )
