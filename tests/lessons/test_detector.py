"""Claims of the lesson on detectors: each is true of the shipped detector."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from lesson_pages import read

from optiwidgets.engine.evaluation.detection_counts import found_objects
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading import worked_numbers
from optiwidgets.grading.checks import Outcome
from optiwidgets.grading.questions import QUESTIONS

PAGE = "65_detector"
HALF = Recipe(sparsity=0.5)


@pytest.fixture(scope="module")
def scenes() -> Experiment:
    return Experiment.load("scenes")


@pytest.fixture(scope="module")
def base(scenes):
    return scenes.run(Recipe())


def falls(scenes, recipe):
    """Points that mAP@0.5, the strict mean, and the found small and large objects lose."""
    base, report = scenes.run(Recipe()), scenes.run(recipe)
    names = ("map_50", "map_50_95", "found_small", "found_large")
    return [100 * (getattr(base, name) - getattr(report, name)) for name in names]


def test_the_drawing_has_the_boxes_of_the_worked_example():
    (drawing,) = (cell.source for cell in read(PAGE).cells if "Rectangle" in cell.source)
    tuples = [n for n in ast.walk(ast.parse(drawing)) if isinstance(n, ast.Tuple)]
    pairs = [
        ast.literal_eval(n) for n in tuples if all(isinstance(e, ast.Constant) for e in n.elts)
    ]
    (call,) = (
        n
        for n in ast.walk(ast.parse(drawing))
        if isinstance(n, ast.Call) and ast.unparse(n.func) == "plt.Rectangle"
    )
    width, height = (argument.value for argument in call.args[1:3])
    for x0, y0, x1, y1 in (worked_numbers.TRUE_BOX, worked_numbers.FOUND_BOX):
        assert (x0, y0) in pairs
        assert (x1 - x0, y1 - y0) == (width, height)


def test_a_detector_breaks_at_half_its_weights_where_a_classifier_does_not_notice(scenes, digits):
    assert digits.run(HALF).drop_from(digits.run(Recipe())).high < 1.5
    assert scenes.run(HALF).drop_from(scenes.run(Recipe())).low > 10


def test_the_fit_of_the_boxes_goes_first(scenes):
    loose, strict, *_ = falls(scenes, Recipe(sparsity=0.1))
    assert loose < 1
    assert strict > 5
    loose, strict, *_ = falls(scenes, Recipe(bits=6))
    assert strict > 4 * loose


@pytest.mark.parametrize("sparsity", [0.2, 0.3, 0.4, 0.5])
def test_pruning_takes_small_objects_first(scenes, sparsity):
    _, _, small, large = falls(scenes, Recipe(sparsity=sparsity))
    assert small > large + 2


def test_at_three_bits_the_large_objects_go_first(scenes):
    _, _, small, large = falls(scenes, Recipe(bits=3))
    assert large > small + 20


def test_eight_bits_save_more_bytes_than_a_tenth_pruned_and_cost_less_fit(scenes):
    pruned, rounded = Recipe(sparsity=0.1), Recipe(bits=8)
    assert scenes.run(rounded).size.ratio > 4 * scenes.run(pruned).size.ratio
    assert falls(scenes, rounded)[1] < 0.5 * falls(scenes, pruned)[1]


def test_bias_correction_lowers_scores_and_hides_objects_at_nearly_the_same_map(scenes, base):
    plain, biased = scenes.run(HALF), scenes.run(Recipe(sparsity=0.5, recovery="bias"))
    assert abs(plain.map_50 - biased.map_50) < 0.06
    assert biased.drop_from(base).lost > 2 * plain.drop_from(base).lost
    best = [np.median([boxes[:, 4].max() for boxes in each.boxes]) for each in (plain, biased)]
    assert best[1] < best[0] - 0.1
    missed = [
        (~found_objects(biased.found, biased.true, 0.5, score)).sum() for score in (0.3, 0.05)
    ]
    assert missed[1] < 0.5 * missed[0]


def test_recalibration_wins_back_what_bias_correction_does_not(scenes, base):
    plain, better = scenes.run(HALF), scenes.run(Recipe(sparsity=0.5, recovery="recalibrate"))
    assert better.map_50 > plain.map_50 + 0.1
    assert better.drop_from(base).lost < plain.drop_from(base).lost


def test_points_of_the_strict_mean_are_graded_on_the_learners_own_run(scenes, base):
    report, question = scenes.run(HALF), QUESTIONS["detector.lost"]
    lost = 100 * (base.map_50_95 - report.map_50_95)
    assert question.check(f"{lost:.1f}", base, report).outcome is Outcome.CORRECT
    result = question.check(f"{report.drop_from(base).points:.1f}", base, report)
    assert (result.outcome, "mAP@0.5" in result.message) == (Outcome.INCORRECT, True)
    result = question.check(f"{100 * report.map_50:.1f}", base, report)
    assert (result.outcome, "left" in result.message) == (Outcome.INCORRECT, True)
    assert question.check(f"{lost / 100:.3f}", base, report).outcome is Outcome.INCORRECT
    assert question.check(lost, base, base).outcome is Outcome.NOT_ATTEMPTED


def test_the_strict_mean_of_a_classifier_is_no_number(digits):
    base, report = digits.run(Recipe()), digits.run(HALF)
    result = QUESTIONS["detector.lost"].check("3", base, report)
    assert result.outcome is Outcome.NOT_ATTEMPTED
