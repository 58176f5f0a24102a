"""Waterfall of sizes in a page without a kernel: the numbers and names of the live page."""

import numpy as np
import pytest
from node_answers import answers  # tests/widgets

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.widgets.pages.page_waterfalls import waterfall_json, waterfalls
from optiwidgets.widgets.panels.report_payload import size_payload

SPARSITIES, BITS = (0.0, 0.5, 0.95), (1, 4, 32)
FAMILIES = ({"pruning": "global"}, {"pruning": "channel", "score": "random"})


@pytest.fixture(scope="module")
def tables(digits):
    """Make tables of both families, with arrays in place of their names."""
    made = []
    for shared in FAMILIES:
        recipes = [Recipe(s, bits=b, **shared) for b in BITS for s in SPARSITIES]
        table, arrays = waterfall_json(
            waterfalls(digits.run, recipes), shared, SPARSITIES, BITS
        )
        flat = {name: arrays[table[name]].ravel() for name in ("steps", "estimates")}
        made.append(table | flat)
    return made


def found(tables, recipes):
    given = [recipe.as_dict() for recipe in recipes]
    return answers("pages/size_steps.js", [["findSizes", tables, recipe] for recipe in given])


def test_every_recipe_of_a_family_has_the_waterfall_of_the_live_page(digits, tables):
    recipes = [Recipe(s, bits=b, **shared) for shared in FAMILIES for b in BITS for s in SPARSITIES]
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


def test_work_ends_at_an_exception_of_its_progress(digits):
    class Stopped(Exception):
        pass

    def stop(done):
        raise Stopped

    with pytest.raises(Stopped):
        waterfalls(digits.run, [Recipe(), Recipe(bits=4)], stop)


def test_rows_hold_bytes_as_int32(digits):
    made = waterfalls(digits.run, [Recipe()])
    assert (made.steps.dtype, made.steps.shape) == (np.int32, (1, 10))
    assert made.estimates.dtype == np.float64
