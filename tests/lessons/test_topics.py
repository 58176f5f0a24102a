"""Six topics of the core path: each predicted, seen in the learner's run, graded, and true here."""

from __future__ import annotations

import ast
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from lesson_pages import path, read

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.checks import Outcome, Prediction
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.grading.submissions import submit
from optiwidgets.widgets.lesson.file_figures import PARTS

TOPICS = {  # prediction, live texts, graded questions
    "zeros in a runtime": (
        "both.predict",
        {"both.speed", "both.runtimes", "both.removed"},
        {"both.zeros", "both.channels"},
    ),
    "parts of a file": ("both.size_guess", {"both.parts"}, {"both.beyond", "both.layer"}),
    "sealed images": (
        "pitfalls.predict",
        {"pitfalls.tuned", "pitfalls.chosen"},
        {"pitfalls.new_data", "pitfalls.sealed", "pitfalls.reused"},
    ),
    "one outlier": (
        "quantization.outlier_guess",
        {"quantization.fitted"},
        {"quantization.outlier", "quantization.few_bits"},
    ),
    "repairs before training": ("pruning.repair_guess", {"pruning.repaired"}, {"pruning.repair"}),
    "flips": (
        "pitfalls.flip_guess",
        {"pitfalls.flips"},
        {"pitfalls.flip", "pitfalls.low_precision"},
    ),
}


def keys(name: str) -> set[str]:
    """Collect the keys that a lesson asks or shows."""
    code = [cell.source for cell in read(name).cells if cell.cell_type == "code"]
    nodes = [node for source in code for node in ast.walk(ast.parse(source))]
    return {
        str(node.args[0].value)
        for node in nodes
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("ow.ask", "ow.live")
        and isinstance(node.args[0], ast.Constant)
    }


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_predicted_seen_and_graded_on_one_page_of_the_core_path(topic):
    predicted, seen, graded = TOPICS[topic]
    core = path()[: path().index("90_self_check")]
    assert any({predicted, *seen, *graded} <= keys(name) for name in core)
    assert isinstance(QUESTIONS[predicted], Prediction)
    assert not any(isinstance(QUESTIONS[key], Prediction) for key in graded)


@pytest.fixture(scope="module")
def wide() -> Experiment:
    return Experiment.load("digits", model="wide")


def part_of(digits: Experiment, kept: torch.Tensor) -> Experiment:
    images, labels = digits.dataset.exploration
    return digits.on(replace(digits.dataset, exploration=(images[kept], labels[kept])))


@pytest.fixture
def few(digits: Experiment) -> Experiment:
    return part_of(digits, torch.arange(len(digits.dataset.exploration[1])) % 30 == 0)


@pytest.fixture
def rest(digits: Experiment) -> Experiment:
    return part_of(digits, torch.arange(len(digits.dataset.exploration[1])) % 30 != 0)


def lost(experiment: Experiment, **settings) -> float:
    drop = experiment.run(Recipe(**settings)).drop_from(experiment.run(Recipe()))
    return drop.points


@pytest.mark.parametrize(
    "cure", [{"granularity": "channel"}, {"clip": "mse"}, {"recovery": "bias"}]
)
def test_each_cure_of_an_outlier_wins_most_of_three_bits_back(wide, cure):
    one_scale = lost(wide, bits=3)
    assert one_scale > 20
    assert lost(wide, bits=3, **cure) < 0.2 * one_scale


@pytest.mark.parametrize("recovery", ["recalibrate", "bias", "refit", "sequential"])
def test_each_repair_wins_most_of_the_loss_beyond_the_cliff_back(digits, recovery):
    assert lost(digits, sparsity=0.8, recovery=recovery) < 0.2 * lost(digits, sparsity=0.8)


def test_bias_correction_alone_hurts_far_beyond_the_cliff(digits):
    assert lost(digits, sparsity=0.9, recovery="bias") > lost(digits, sparsity=0.9) + 5


def test_more_is_lost_at_one_step_of_five_percent_than_in_all_steps_before_it(digits):
    losses = [lost(digits, sparsity=percent / 100) for percent in range(50, 90, 5)]
    assert max(after - 2 * before for before, after in pairwise(losses)) > 5


def test_the_recipe_chosen_by_fifty_images_is_checked_and_loses_more_on_sealed_ones(few):
    base, question = few.run(Recipe()), QUESTIONS["pitfalls.sealed"]
    for percent, outcome in (
        (65, Outcome.CORRECT),
        (30, Outcome.INCORRECT),
        (85, Outcome.INCORRECT),
    ):
        assert question.check(few.run(Recipe(sparsity=percent / 100)), base).outcome is outcome
    chosen = few.run(Recipe(sparsity=0.74))
    submission = submit(few, chosen)
    assert submission.sealed_drop.points > submission.exploration_drop.points


def test_a_tenth_chosen_at_random_costs_more_than_half_chosen_by_magnitude(digits):
    assert lost(digits, sparsity=0.1, score="random") > 10 * lost(digits, sparsity=0.5)


def test_the_best_of_many_on_fifty_images_loses_more_on_the_others(few, rest):
    assert few.run(Recipe()).confusion.counts.sum(axis=1).tolist() == [5] * 10
    sparsities = [percent / 100 for percent in range(60, 91)]
    chosen = max(s for s in sparsities if lost(few, sparsity=s) < 2)
    assert lost(few, sparsity=chosen) < 2 < lost(rest, sparsity=chosen)


def test_three_bit_activations_flip_more_than_three_times_as_often(digits):
    report = digits.measure(digits.run(Recipe(activation_bits=3)))
    assert report.drop_from(digits.run(Recipe())).points < 5
    assert report.flip_rate > max(3 * report.baseline_flip_rate, report.baseline_flip_rate + 0.02)


@pytest.mark.parametrize("recipe", [Recipe(sparsity=0.9), Recipe(sparsity=0.5)], ids=str)
def test_the_bytes_beyond_the_weights_are_all_parts_but_the_codes(digits, recipe):
    base, report = digits.run(Recipe()), digits.run(recipe)
    beyond = sum(report.size.parts[part] for part in PARTS if part != "codes")
    question = QUESTIONS["both.beyond"]
    assert question.check(f"{beyond:,} bytes", base, report).outcome is Outcome.CORRECT
    for wrong in (report.size.total_bytes, report.size.parts["positions"], beyond + 10):
        assert question.check(wrong, base, report).outcome is Outcome.INCORRECT
    assert question.check(beyond, base, base).outcome is Outcome.NOT_ATTEMPTED
