"""The page of the shipped digits, with all that it has: minutes when the cache is empty."""

from __future__ import annotations

import random

import pytest
from page_reports import assert_runs, assert_sizes  # tests/widgets

from optiwidgets.widgets.pages.page_content import FULL, TWO_SLIDERS
from optiwidgets.widgets.pages.page_experiment import page_experiment

LIMITS = {"two sliders": 340_000, "full": 900_000}  # bytes, without the runtime and the widgets


def bytes_of(blocks):
    return sum(len(block["data"]) for block in blocks.values())


@pytest.mark.slow
def test_300_random_positions_of_digits_have_the_numbers_of_run(digits):
    page = page_experiment(digits, FULL)
    chance = random.Random(1)
    every = {recipe for family in FULL.families for recipe in family.recipes}
    known = sorted(every - {*FULL.measured}, key=str)  # these have the speed of another time
    weighed = [recipe for family in FULL.sizes for recipe in family.recipes]
    assert_runs(page, digits, chance.sample(known, 300))
    assert_sizes(page, digits, chance.sample(weighed, 60))
    assert bytes_of(page[1]) < LIMITS["full"]
    assert bytes_of(page_experiment(digits, TWO_SLIDERS)[1]) < LIMITS["two sliders"]
