"""Activities of a class in a page without a kernel: recipes of seeds, and words, as in Python."""

import random

import numpy as np
from node_answers import answers  # tests/widgets
from page_runs import page_experiment, page_recipe, page_run

from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe
from optiwidgets.widgets.classroom.covered_payload import without_recipe
from optiwidgets.widgets.classroom.hidden_recipe import SPARSITIES, WIDTHS, hide, told
from optiwidgets.widgets.classroom.prediction import Guess, read, tally


def test_a_seed_draws_the_numbers_of_python():
    seeds = [0, 1, 7, 12345, 999_999, *random.Random(1).sample(range(10**6), 20)]
    found = answers(
        ["pages/hidden_recipe.js", "../../tests/javascript/drawn_numbers.js"],
        [["drawnNumbers", seed, [*SPARSITIES], [*WIDTHS], 400] for seed in seeds],
    )
    for seed, numbers in zip(seeds, found, strict=True):
        chance = random.Random(seed)
        assert numbers == [
            chance.choice(values) for _ in range(400) for values in (SPARSITIES, WIDTHS)
        ]


def test_the_hidden_recipe_of_a_seed_is_that_of_python(digits):
    seeds = [3, 7, 11, 500, 31_415]
    every = [Recipe(s / 100, bits=bits) for s in SPARSITIES for bits in WIDTHS]
    baseline = page_run(digits.run(Recipe()))
    experiment = page_experiment(digits, "digits", "small") | {"baseline": baseline}
    runs = [page_run(digits.run(recipe)) for recipe in every]
    found = answers(
        ["pages/hidden_recipe.js", "../../tests/javascript/drawn_numbers.js"],
        [["hiddenBySeed", seed, experiment, runs] for seed in seeds],
    )
    assert found == [page_recipe(hide(seed, digits.run).recipe) for seed in seeds]


def test_a_guess_is_told_as_by_python():
    chance = random.Random(2)
    cases = [
        (Recipe(chance.choice(SPARSITIES) / 100, bits=chance.choice(WIDTHS)), sparsity, bits)
        for sparsity in (0, 29, 57, 99)
        for bits in BIT_WIDTHS
    ]
    calls = [["toldRecipe", page_recipe(recipe), *guess] for recipe, *guess in cases]
    assert answers("pages/hidden_recipe.js", calls) == [told(*case) for case in cases]


def test_predictions_are_read_and_told_as_by_python():
    given = ["88,5 %", "101", "", "  ", "100%", "7.125", "1.2345", "-3", "1e2", "it's", "٣", "0 %"]
    given += ["a" * 50, "5 %%", "05", "100.1", "\n42\n", "42 \u00a0"]

    def outcome(text):
        try:
            return [read(text), ""]
        except ValueError as error:
            return [None, str(error)]

    found = answers("pages/predicted_accuracy.js", [["readPercent", text] for text in given])
    refused = [[None if one["refusal"] else one["value"], one["refusal"]] for one in found]
    assert refused == [outcome(text) for text in given]
    chance = np.random.default_rng(3)
    guesses = [Guess(float(g), float(c)) for g, c in chance.uniform(0, 100, (60, 2)).round(3)]
    guesses += [Guess(84.3, 84.26), Guess(90.0, 90.05), Guess(0.0, 100.0), Guess(50.0, 1 / 3)]
    pairs = [{"guessed": guess.guessed, "came": guess.came} for guess in guesses]
    calls = [[name, pair] for name in ("guessWords", "guessMarker") for pair in pairs]
    calls += [["tallyGuesses", pairs[:count]] for count in (0, 1, 2, 64)]
    expected = [guess.words for guess in guesses] + [guess.marker for guess in guesses]
    expected += [tally(guesses[:count]) for count in (0, 1, 2, 64)]
    assert answers("pages/predicted_accuracy.js", calls) == expected


def test_matrices_of_a_hidden_recipe_are_those_of_the_live_page(digits):
    baseline = digits.run(Recipe())
    own = page_experiment(digits, "digits", "small") | {"baseline": page_run(baseline)}
    hidden = [hide(seed, digits.run) for seed in (5, 6)]
    calls = [["hiddenPayload", own, page_run(report)] for report in hidden]
    assert answers("pages/page_activities.js", calls) == [
        without_recipe(baseline, report) for report in hidden
    ]
