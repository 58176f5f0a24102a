"""Words of a page without a kernel: recipes and numbers as Python writes them."""

import random

import numpy as np
import pytest
from node_answers import answers  # tests/widgets

from optiwidgets.engine.types.recipe import (
    BIT_WIDTHS,
    CHANNEL_SCORES,
    CHOICES,
    WEIGHT_SCORES,
    Recipe,
    is_untouched,
    without_idle,
)
from optiwidgets.widgets.controls.recipe_words import in_words

LAYERS = ("head", "features.0", "it's", 'say "so"', "line\nbreak\\")


def as_json(recipe):
    return recipe.as_dict() | {"layers": [list(layer) for layer in recipe.layers]}


def random_recipe(chance):
    """Draw any recipe that is valid: fields of their own, layers apart, idle fields."""
    while True:
        pruning = chance.choice(CHOICES["pruning"])
        scores = CHANNEL_SCORES if pruning == "channel" else WEIGHT_SCORES
        layers = [
            (name, chance.choice((None, 0.0, 0.25)), chance.choice((None, 2, 32)))
            for name in LAYERS
            if chance.random() < 0.1
        ]
        try:
            return Recipe(
                chance.choice((0, 0.07, 0.5, 0.825, 0.99)) if ":" not in pruning else 0.0,
                pruning,
                chance.choice(("magnitude", *scores)),
                chance.choice(BIT_WIDTHS),
                activation_bits=chance.choice((32, 8, 2)),
                layers=tuple(layers),
                seed=chance.choice((0, 0, 7)),
                **{
                    name: chance.choice((CHOICES[name][0], *CHOICES[name]))
                    for name in ("granularity", "scheme", "clip", "rounding", "recovery")
                },
            )
        except ValueError:  # fields that exclude each other: draw again
            continue


@pytest.fixture(scope="module")
def recipes():
    chance = random.Random(19)
    return [random_recipe(chance) for _ in range(400)]


def test_recipes_have_the_same_words(recipes):
    calls = [["recipeInWords", as_json(recipe)] for recipe in recipes]
    assert answers("pages/recipe_in_words.js", calls) == [in_words(recipe) for recipe in recipes]
    assert len({in_words(recipe) for recipe in recipes}) > 250


def test_recipes_have_the_same_line_and_rules(recipes):
    names = ("recipeLine", "withoutIdle", "isUntouched")
    calls = [[name, as_json(recipe)] for recipe in recipes for name in names]
    told = answers("pages/recipe_rules.js", calls)
    expected = [
        value
        for recipe in recipes
        for value in (str(recipe), as_json(without_idle(recipe)), is_untouched(recipe))
    ]
    assert told == expected


def numbers():
    chance = np.random.default_rng(19)
    drawn = chance.normal(size=300) * 10.0 ** chance.integers(-8, 18, 300)
    ties = [k / 2**n for k in range(-9, 12) for n in range(5)]
    return [*ties, *drawn.tolist(), 0.1, 1e16, 1e-4, 1e-5, 123456.0, 99.95, 0.0, -0.0]


@pytest.mark.parametrize(
    "spec", [":.0f", ":.1f", ":.2f", ":.3f", ":.3g", ":.2g", ":g", ":.0%", ":.1%", ":,.1f"]
)
def test_numbers_have_the_same_format(spec):
    message = "{value" + spec + "}"
    calls = [["format", message, {"value": value}] for value in numbers()]
    assert answers("pages/python_format.js", calls) == [
        message.format(value=value) for value in numbers()
    ]


def test_floats_and_texts_are_repeated_as_python_does():
    given = numbers()
    texts = ["", "a", "it's", '"', "'\"", "\\", "a\nb\tc\r", "\x00\x7f", "é", "\u202e", "𝄞"]
    calls = [["pythonFloat", value] for value in given] + [["pythonText", each] for each in texts]
    assert answers("pages/python_format.js", calls) == [repr(each) for each in [*given, *texts]]
