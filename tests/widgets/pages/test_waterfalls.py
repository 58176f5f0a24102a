"""Waterfall of sizes in a page without a kernel: the numbers and names of the live page."""

import pytest
from node_answers import answers  # tests/widgets
from page_runs import page_recipe

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.session.page_numbers import page_waterfalls
from optiwidgets.widgets.pages.page_experiment import BlockStore, _waterfall
from optiwidgets.widgets.panels.report_payload import size_payload

AXES = {"sparsities": (0.0, 0.5, 0.95), "bits": (1, 4, 32)}
FAMILIES = (RecipeFamily(**AXES), RecipeFamily(Recipe(pruning="channel", score="random"), **AXES))


@pytest.fixture(scope="module")
def tables(digits, tmp_path_factory):
    """Call that opens the tables of both families."""
    blocks = BlockStore("digits ")
    found = page_waterfalls(digits, FAMILIES, folder=tmp_path_factory.mktemp("cache"))
    told = [_waterfall(each, blocks, place) for place, each in enumerate(found)]
    return ["openWaterfalls", told, blocks.found]


def found(tables, recipes):
    calls = [["findSizes", {"$answer": 0}, page_recipe(recipe)] for recipe in recipes]
    return answers("pages/size_steps.js", [tables, *calls])[1:]


def test_every_recipe_of_a_family_has_the_waterfall_of_the_live_page(digits, tables):
    recipes = [recipe for family in FAMILIES for recipe in family.recipes]
    assert found(tables, recipes) == [
        {**payload, "steps": list(payload["steps"])}
        for payload in (size_payload(digits.run(recipe)) for recipe in recipes)
    ]


def test_fields_without_effect_do_not_count(digits, tables):
    (told,) = found(tables, [Recipe(bits=4, pruning="layer", score="random", seed=5)])
    assert told["steps"][-1]["bytes"] == digits.run(Recipe(bits=4)).size.total_bytes


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(0.51, bits=4),
        Recipe(0.5, bits=3),
        Recipe(0.5, pruning="layer", bits=4),
        Recipe(0.5, bits=4, granularity="channel"),
        Recipe(0.5, "channel", "random", bits=4, seed=1),
    ],
    ids=str,
)
def test_a_recipe_outside_of_the_tables_has_none(tables, recipe):
    assert found(tables, [recipe]) == [None]
