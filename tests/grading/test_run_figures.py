"""Figures of a run whose layers have settings of their own."""

from __future__ import annotations

import math

import pytest

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.checks import Number, Outcome
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.grading.run_figures import RUN_FIGURES


@pytest.fixture(scope="module")
def boxes():
    exp = Experiment.load("scenes")
    return exp.run(Recipe()), exp.run(Recipe(sparsity=0.5))


def test_figures_of_a_detector_are_its_reports_own(boxes):
    base, report = boxes
    lost = 100 * (base.map_50_95 - report.map_50_95)
    expected = {
        "map_50": report.map_50,
        "map_50_95": report.map_50_95,
        "lowest_ap": report.ap_50.min(),
        "percent_right": 100 * report.map_50,
        "strict_drop": lost,
    }
    assert {name: RUN_FIGURES[name](*boxes) for name in expected} == pytest.approx(expected)
    assert lost > RUN_FIGURES["drop"](*boxes) + 10


@pytest.fixture
def first(digits):
    return next(iter(digits.run(Recipe()).size.layers))


def test_no_number_of_bytes_is_promised_where_layers_have_other_bits(digits, first):
    runs = digits.run(Recipe()), digits.run(Recipe(layers=((first, None, 4),)))
    for name in ("promised_bytes", "bytes_beyond_weights", "bits_alone"):
        assert math.isnan(RUN_FIGURES[name](*runs)), name
    assert QUESTIONS["both.beyond"].check("1", *runs).outcome is Outcome.NOT_ATTEMPTED
    assert "nan" not in QUESTIONS["both.beyond"].solve(*runs)


def test_the_pruned_share_is_counted_where_layers_have_other_sparsities(digits, first):
    base, report = digits.run(Recipe()), digits.run(Recipe(layers=((first, 0.5, None),)))
    share = 100 * report.pruned_weights / report.prunable_weights
    assert 0 < share < 50
    assert RUN_FIGURES["percent_pruned"](base, report) == pytest.approx(share)


def test_a_slip_without_a_number_hides_no_other_slip(digits, first):
    slips = {RUN_FIGURES["bits_alone"]: "bits", 7.0: "seven"}
    question = Number(
        key="demo", prompt="?", value=1, tolerance=0.1, slips=slips, hint="h", solution="s"
    )
    runs = digits.run(Recipe()), digits.run(Recipe(layers=((first, None, 4),)))
    assert question.check(7, *runs).message == "seven"
