"""A page of the shipped digits with every kind of recipe that it has, at drawn sparsities."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from page_reports import assert_runs, assert_sizes  # tests/widgets

from optiwidgets.engine.types.recipe_family import SLIDERS, RecipeFamily
from optiwidgets.widgets.pages.page_content import FULL, TWO_SLIDERS
from optiwidgets.widgets.pages.page_experiment import page_experiment

LIMIT = 340_000  # bytes of the two sliders alone, without the runtime and the widgets


def thinned(family: RecipeFamily, chance: random.Random, count: int) -> RecipeFamily:
    """Keep a few drawn sparsities of a family, all of its bit-widths."""
    kept = sorted(chance.sample(family.sparsities, count))
    return replace(family, sparsities=tuple(kept))


@pytest.mark.slow
def test_300_random_positions_of_digits_have_the_numbers_of_run(digits):
    chance = random.Random(1)
    grids = [thinned(family, chance, 9) for family in FULL.families if family != SLIDERS]
    content = replace(
        FULL,
        families=(SLIDERS, *grids),
        sizes=tuple(thinned(family, chance, 1) for family in FULL.sizes),
        waterfalls=(),
        measured=(),
    )
    page = page_experiment(digits, content)
    known = sorted({recipe for family in content.families for recipe in family.recipes}, key=str)
    weighed = [recipe for family in content.sizes for recipe in family.recipes]
    assert_runs(page, digits, chance.sample(known, 300))
    assert_sizes(page, digits, chance.sample(weighed, 60))


@pytest.mark.slow
def test_a_page_of_two_sliders_is_small(digits):
    blocks = page_experiment(digits, TWO_SLIDERS)[1]
    assert sum(len(block["data"]) for block in blocks.values()) < LIMIT
