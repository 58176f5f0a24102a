"""Beliefs: measured values against independent computations, planted reports, and limits."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from optiwidgets.engine.beliefs import pruning, quantization, repair, size_and_speed, whole_slider
from optiwidgets.engine.beliefs.belief import Belief
from optiwidgets.engine.beliefs.catalogue import BELIEFS, beliefs
from optiwidgets.engine.beliefs.estimates import of_paired_mean
from optiwidgets.engine.beliefs.subject import NotApplicableError, Subject
from optiwidgets.engine.evaluation.paired_test import paired_drop
from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models import batchnorm_folding, zoo
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME

ROOM = 100 * 5 / 1500  # points: five images that another runtime may predict otherwise
TIMED = {belief.key for belief in size_and_speed.SIZE_AND_SPEED if "fast" in belief.quantity}


class Planted(Subject):
    """Subject whose reports are made up: by recipe, which images are right."""

    def __init__(self, right_by_recipe, labels=None):
        self.right_by_recipe, self.labels, self.asked = right_by_recipe, labels, []

    def run(self, recipe):
        self.asked.append(recipe)
        right = np.asarray(self.right_by_recipe(recipe), bool)
        labels = np.zeros(len(right), int) if self.labels is None else self.labels
        predictions = np.where(right, labels, labels + 1)
        report = SimpleNamespace(
            recipe=recipe, labels=labels, predictions=predictions, is_classified=True
        )
        report.drop_from = lambda base: paired_drop(labels, base.predictions, report.predictions)
        return report


def trained():
    return zoo.load_trained("small", "digits")


def folded():
    return batchnorm_folding.fold(trained())


def layers_of(net):
    return [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def keep_largest(net, sparsity):
    """Set the smallest weights of all layers to zero, by torch's own pruning."""
    named = [(layer, "weight") for layer in layers_of(net)]
    count = int(sparsity * sum(layer.weight.numel() for layer, _ in named) + 0.5)
    prune.global_unstructured(named, pruning_method=prune.L1Unstructured, amount=count)
    return net


def rounded(net, bits_of, channel=False):
    """Round every layer's weights to evenly spaced levels, ranges by the largest weight."""
    for index, layer in enumerate(layers_of(net)):
        top = 2 ** (bits_of(index) - 1) - 1
        sizes = layer.weight.data.abs().flatten(1)
        scale = (sizes.max(1).values if channel else sizes.max().expand(len(sizes))) / top
        scale = scale.view(-1, *[1] * (layer.weight.dim() - 1))
        layer.weight.data = (layer.weight.data / scale).round().clamp(-top, top) * scale
    return net


@pytest.fixture(scope="module")
def accuracy(digits):
    """Compute the accuracy of a net in torch, in points."""
    images, labels = digits.dataset.exploration

    def measure(net):
        with torch.inference_mode():
            return 100 * float((net.eval()(images).argmax(1) == labels).double().mean())

    return measure


@pytest.fixture(scope="module")
def subject(digits):
    return Subject(digits)


@pytest.fixture(scope="module")
def plain(toy):
    """Experiment on a net of two layers without BatchNorm."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 7, 3))
    return Experiment(net, toy)


# ---- values against computations in torch


@pytest.mark.parametrize(("key", "sparsity"), [("half-is-free", 0.5), ("ninety-percent", 0.9)])
def test_lost_points_are_those_of_torchs_own_pruning(subject, accuracy, key, sparsity):
    expected = accuracy(trained()) - accuracy(keep_largest(trained(), sparsity))
    found = BELIEFS[key].test(subject)
    assert found.estimate.value == pytest.approx(expected, abs=ROOM)
    assert found.estimate.low < found.estimate.value < found.estimate.high


def test_folding_compares_torchs_pruning_of_both_writings(subject, accuracy):
    as_trained, as_folded = keep_largest(trained(), 0.8), keep_largest(folded(), 0.8)
    found = pruning.folding(subject)
    assert found.value == pytest.approx(accuracy(as_trained) - accuracy(as_folded), abs=ROOM)
    assert abs(found.value) > 5


def test_a_scale_a_channel_is_compared_with_one_a_tensor_at_3_bits(subject, accuracy):
    tensor, channel = (rounded(folded(), lambda _: 3, channel) for channel in (False, True))
    found = BELIEFS["scale-a-channel"].test(subject).estimate
    assert found.value == pytest.approx(accuracy(tensor) - accuracy(channel), abs=ROOM)


def test_first_and_last_layer_keep_8_bits(subject, accuracy):
    last = len(layers_of(folded())) - 1
    ends = rounded(folded(), lambda index: 8 if index in (0, last) else 3)
    every = rounded(folded(), lambda _: 3)
    found = quantization.both_ends(subject)
    assert found.value == pytest.approx(accuracy(ends) - accuracy(every), abs=ROOM)


def test_times_smaller_is_the_ratio_of_two_written_files(subject, digits, tmp_path):
    sizes = []
    for recipe in (Recipe(), Recipe(0.9)):
        digits.run(recipe).save(tmp_path / "m.owz")
        sizes.append((tmp_path / "m.owz").stat().st_size)
    found = BELIEFS["ten-times-smaller"].test(subject)
    assert found.estimate == (sizes[0] / sizes[1],) * 3
    assert found.holds is (sizes[0] >= 10 * sizes[1])


# ---- planted reports, worked by hand


def test_turns_are_counted_image_by_image():
    def right(recipe):
        percent = round(100 * recipe.sparsity)
        return [True, percent < 50, percent not in (70, 71), percent != 40 and percent < 90]

    subject = Planted(right)  # 0, 1, 2 and 3 turns
    found = whole_slider.many_turns(subject)
    assert found.value == 25
    assert found.low < 25 < found.high
    assert [recipe.sparsity for recipe in subject.asked] == [p / 100 for p in range(100)]


def test_positions_far_from_the_formula_are_counted():
    def right(recipe):  # nothing is lost up to 60 %, everything from 61 % on
        return np.full(4000, recipe.sparsity < 0.605)

    found = whole_slider.far_from_the_rule(Planted(right))
    near = sum(abs(np.exp(2 * p / 100) - 0) <= 5 for p in range(51, 61))
    assert near == 10
    assert tuple(found) == (39, 39, 39)


def test_a_position_whose_interval_reaches_the_formula_is_not_surely_far():
    def right(recipe):  # 12 images of 100: the interval is 13 points wide
        lost = 0 if recipe.sparsity < 0.895 else 12
        return np.arange(100) >= lost

    found = whole_slider.far_from_the_rule(Planted(right))
    above = 89 - 81 + 1  # nothing is lost, and e^(2 x 0.81) is 5.05
    below = 97 - 90 + 1  # 12 points are lost, and e^(2 x 0.98) is 7.1
    assert found.value == above + below
    assert found.low == 0
    assert found.high > found.value


def test_the_worst_class_is_chosen_on_other_images_than_it_is_measured_on():
    labels = np.arange(80) // 2 % 2  # 0 0 1 1: each class has images of even and of odd index
    even = np.arange(80) % 2 == 0

    def right(recipe):
        lost = (labels == 1) & even | (labels == 0) & ~even
        return ~lost if recipe.prunes else np.ones(80, bool)

    found = pruning.worst_class(Planted(right, labels))
    assert found.value == 0  # class 1 falls on the even images and is measured on the odd ones


def test_two_classes_that_alternate_are_split_each_by_its_own_order():
    labels = np.arange(80) % 2

    def right(recipe):
        return labels == 0 if recipe.prunes else np.ones(80, bool)

    assert pruning.worst_class(Planted(right, labels)).value == 100


def test_classes_of_one_image_have_no_worst_one():
    planted = Planted(lambda recipe: np.ones(3, bool), np.arange(3))
    reason = "no class has two images: one to choose by and one to measure on"
    assert BELIEFS["classes-alike"].test(planted).reason == reason


def test_a_fault_is_no_reason_but_a_refused_recipe_is():
    def fault(subject):
        raise ValueError("max() arg is an empty sequence")

    with pytest.raises(ValueError, match="empty sequence"):
        Belief("k", "s", "g", "q", "points", fault).test(Planted(lambda recipe: [True]))

    def refuse(recipe, on_progress):
        on_progress(None)
        raise ValueError("no such layer")

    refusing = Subject(SimpleNamespace(run=refuse))
    assert BELIEFS["eight-bits"].test(refusing).reason == "no such layer"


def test_an_error_of_the_callers_tick_is_no_refusal():
    ticks = iter([None])

    def tick():
        if next(ticks, "late") == "late":
            raise ValueError("mine")

    def run(recipe, on_progress):
        on_progress(None)

    with pytest.raises(ValueError, match="mine"):
        BELIEFS["eight-bits"].test(Subject(SimpleNamespace(run=run), tick))


def test_more_than_the_sum_is_a_contrast_of_four_reports():
    def right(recipe):
        lost = {(False, False): 0, (True, False): 10, (False, True): 20, (True, True): 70}
        return np.arange(100) >= lost[recipe.prunes, recipe.quantizes]

    found = quantization.sum_of_losses(Planted(right))
    assert found.value == pytest.approx(70 - 10 - 20)
    values = np.r_[np.full(10, -1), np.zeros(10), np.ones(50), np.zeros(30)]
    half = 1.96 * 100 * values.std() / 10
    assert found.low == pytest.approx(40 - half, abs=1.5)
    assert found.high == pytest.approx(40 + half, abs=1.5)


def test_the_bootstrap_covers_the_normal_interval_of_many_images():
    values = np.repeat([-1, 0, 1], [300, 9000, 700])
    found = of_paired_mean(values)
    half = 1.96 * 100 * values.std() / 100
    assert found.value == pytest.approx(4.0)
    assert (found.low, found.high) == pytest.approx((4 - half, 4 + half), abs=0.05)


def test_few_images_that_all_agree_have_an_interval():
    found = of_paired_mean(np.zeros(20, int))
    paired = paired_drop(np.zeros(20, int), np.zeros(20, int), np.zeros(20, int))
    assert (found.low, found.high) == pytest.approx((paired.low, paired.high), abs=2)
    assert found.low < 0 == found.value < found.high


def test_speed_is_the_measured_ratio_of_the_named_runtime(subject, monkeypatch):
    dense, sparse = Latency(0.9, 0.8, 1.0, 1, 1, 1), Latency(2.0, 1.8, 2.2, 1, 1, 1)
    timed = SimpleNamespace(
        latencies={ONNX_RUNTIME: dense, SPARSE_RUNTIME: sparse}, latency_reasons={}
    )
    monkeypatch.setattr(subject.experiment, "measure", lambda report, stop: timed, raising=False)
    answers = {
        key: BELIEFS[key].test(subject) for key in ("zeros-are-fast", "zeros-are-never-fast")
    }
    assert answers["zeros-are-fast"].estimate == (0.9, 0.8, 1.0)
    assert answers["zeros-are-never-fast"].estimate == (2.0, 1.8, 2.2)
    assert [found.holds for found in answers.values()] == [False, False]
    del timed.latencies[SPARSE_RUNTIME]
    timed.latency_reasons[SPARSE_RUNTIME] = "it is not compiled here"
    found = BELIEFS["zeros-are-never-fast"].test(subject)
    assert found.answer.endswith("no speed in the sparse runtime: it is not compiled here")


# ---- other experiments, progress, keys


def test_half_the_calibration_images_keep_all_classes_and_the_exploration_images(digits):
    half = Subject(digits).on_half_the_calibration().experiment
    _, (_, _, tuned_on, *_) = half.__reduce__()
    labels = tuned_on.calibration[1]
    assert len(labels) == len(digits.dataset.calibration[1]) / 2
    assert np.bincount(labels).min() >= len(labels) // 10 - 1
    assert half.run(Recipe()).drop_from(digits.run(Recipe())).points == 0


def test_calibration_images_are_compared_on_the_same_exploration_images(digits):
    subject = Subject(digits)
    half = subject.on_half_the_calibration()
    found = repair.more_calibration_images(subject)
    share = [s.run(repair.TUNED).confusion.accuracy for s in (subject, half)]
    assert found.value == pytest.approx(100 * (share[0] - share[1]))


def test_a_net_without_batchnorm_or_a_third_layer_gets_the_reason(plain):
    found = beliefs(plain, ["folding", "first-and-last"])
    assert found.about("folding").answer == (
        "does not apply: no BatchNorm was folded into a layer, so both are the same"
    )
    assert found.about("first-and-last").reason == "all 2 layers are the first or the last one"
    assert [finding.holds for finding in found] == [None, None]
    with pytest.raises(NotApplicableError, match="no BatchNorm"):
        pruning.folding(Subject(plain))


def test_a_detector_loses_map_where_a_classifier_loses_nearly_nothing(subject):
    scenes = Subject(Experiment.load("scenes"))
    base, report = scenes.run(Recipe()), scenes.run(Recipe(0.3))
    found = BELIEFS["detector-alike"].test(scenes)
    assert found.estimate.value == pytest.approx(100 * (base.map_50 - report.map_50))
    assert found.estimate.low < found.estimate.value < found.estimate.high
    assert found.holds is False
    assert subject.drop(Recipe(0.3)).high < 1
    assert BELIEFS["detector-alike"].test(subject).answer == (
        "does not apply: it is about boxes, and this task is classification"
    )
    assert BELIEFS["classes-alike"].test(scenes).answer.startswith("does not apply: ")


def test_every_belief_is_measured_on_a_small_net_or_says_why_not(plain, monkeypatch):
    monkeypatch.setattr(whole_slider, "POSITIONS", range(0, 100, 20))
    keys = [key for key in BELIEFS if key not in TIMED]
    seen, done = [], []
    found = beliefs(plain, keys, on_finding=seen.append, on_progress=lambda p: done.append(p.done))
    assert [finding.key for finding in found] == keys == [finding.key for finding in seen]
    assert done == sorted(done)
    assert done[-1] < 1
    for finding in found:
        assert (finding.estimate is None) == bool(finding.reason)
        if finding.estimate:
            assert finding.estimate.low <= finding.estimate.value <= finding.estimate.high
    saved = json.loads(json.dumps([finding.as_dict() for finding in found], allow_nan=False))
    assert [row["holds"] for row in saved] == [finding.holds for finding in found]
    assert len(TIMED) + len(keys) == len(BELIEFS) >= 15


def test_a_cancelled_test_ends_before_its_next_recipe(plain):
    def cancel(progress):
        raise Cancelled

    seen = []
    with pytest.raises(Cancelled):
        beliefs(plain, on_progress=cancel, on_finding=seen.append)
    assert seen == []


@pytest.mark.parametrize(
    ("keys", "said"),
    [(["gone"], "beliefs are half-is-free, .*, not 'gone'"), ([], "not none"), ("all", "a list")],
)
def test_unknown_beliefs_are_refused(plain, keys, said):
    with pytest.raises(ValueError, match=said):
        beliefs(plain, keys)


def test_every_belief_has_words_and_a_limit():
    for key, belief in BELIEFS.items():
        found = belief.found(None, "not tested")
        assert key == belief.key
        assert all((belief.statement, belief.guess, belief.source, belief.quantity, found.limit))
        assert belief.least < belief.most
        assert np.isfinite([belief.least, belief.most]).any()


def test_the_table_for_notebooks_has_a_row_for_each_belief(plain):
    found = beliefs(plain, ["eight-bits", "folding"])
    html = found._repr_html_()
    assert html.count("<tr>") == 1 + len(found)
    assert found[0].measured in html
    assert "no BatchNorm" in html
    title, eight, folding = str(found).splitlines()
    assert title == "own model on own images, 23 images"
    assert folding.index(found[1].statement) == eight.index(found[0].statement)
    assert folding.endswith(f"({found[1].answer})")
