from __future__ import annotations

import copy
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from torch import nn

from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.engine.evaluation.stratification import stratified
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models import zoo
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.onnx_runtime import session
from optiwidgets.engine.recovery import finetuning
from optiwidgets.engine.serialization.reader import load_packed
from optiwidgets.engine.types.recipe import BIT_WIDTHS, CHOICES, WITHOUT_TRAINING, Recipe

SOME = [
    Recipe(),
    Recipe(sparsity=0.8, bits=4),
    Recipe(sparsity=0.5, pruning="channel", bits=2, granularity="channel"),
    Recipe(sparsity=0.3, score="random", seed=5, bits=1),
    Recipe(sparsity=0.7, pruning="layer", bits=6, scheme="affine", clip="mse"),
]


def same(one, other):
    return one.size == other.size and np.array_equal(one.scores, other.scores)


# A report


def test_a_report_holds_what_the_contract_says(own):
    report = own.run(Recipe(sparsity=0.5, bits=4))
    assert (report.labels.dtype, report.labels.shape) == (np.int64, (23,))
    assert (report.predictions.dtype, report.predictions.shape) == (np.int64, (23,))
    assert (report.scores.dtype, report.scores.shape) == (np.float32, (23, 3))
    assert report.confusion.counts.sum(axis=1).tolist() == [11, 4, 8]
    assert report.class_names == report.confusion.class_names == ("ape", "bee", "cat")


def test_what_a_report_has_not_measured_is_none(own, digits):
    report = own.run(Recipe())
    assert (report.latency, report.flip_rate, report.baseline_flip_rate) == (None, None, None)
    assert (report.positive, digits.run(Recipe()).positive) == (1, None)


def test_scores_are_probabilities_and_predictions_their_largest(digits):
    report = digits.run(Recipe(sparsity=0.8, bits=3))
    np.testing.assert_allclose(report.scores.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(report.predictions, report.scores.argmax(axis=1))
    rows, columns = report.labels[report.labels == 4], report.predictions[report.labels == 4]
    assert report.confusion.counts[4, 9] == (columns == 9).sum()
    assert len(rows) == 150


def test_the_baseline_is_the_model_as_it_was_given(make_own, toy, own):
    model = make_own().eval()
    with torch.inference_mode():
        expected = model(toy.exploration[0]).softmax(1)
    report = own.run(Recipe())
    np.testing.assert_allclose(report.scores, expected, rtol=1e-4, atol=1e-6)
    assert (report.pruned_weights, report.size.ratio) == (0, 1.0)


def test_images_come_in_the_same_order_in_every_report(own, toy):
    for recipe in SOME:
        assert own.run(recipe).labels.tolist() == toy.exploration[1].tolist()
        assert own.run(recipe).images == own.run(Recipe()).images


@pytest.mark.parametrize("recipe", SOME, ids=str)
def test_the_model_handed_out_predicts_what_the_report_says(digits, assert_classes, recipe):
    report = digits.run(recipe)
    with torch.inference_mode():
        scores = report.model()(digits.dataset.exploration[0]).softmax(1)
    assert_classes(report.predictions, scores)
    np.testing.assert_allclose(scores, report.scores, rtol=1e-3, atol=1e-4)


def test_a_model_handed_out_is_fresh_and_in_eval_mode(own):
    report = own.run(Recipe(sparsity=0.5))
    first = report.model()
    first.head.weight.zero_()
    assert report.model().head.weight.any()
    assert not any(module.training for module in report.model().modules())
    assert same(Experiment(own.run(Recipe()).model(), own.dataset).run(Recipe()), own.run(Recipe()))


def test_a_remembered_report_cannot_be_changed(own):
    report = own.run(Recipe(bits=5))
    for array in (report.scores, report.predictions, report.labels, report.confusion.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(TypeError):
        report.size.parts["codes"] = 0


def test_channels_that_were_asked_for_and_those_removed_are_both_known(own):
    assert own.run(Recipe(sparsity=0.99, pruning="channel")).removed_channels == (15, 18)
    assert own.run(Recipe(sparsity=0.99)).removed_channels == (0, 18)


def test_size_is_weighed_against_the_baseline_whichever_runs_first(make_own, toy):
    experiment = Experiment(make_own(), toy)
    first = experiment.run(Recipe(bits=8)).size
    assert first.ratio == experiment.run(Recipe()).size.total_bytes / first.total_bytes > 1


def recipe_or_none(**fields):
    try:
        return Recipe(**fields)
    except ValueError:  # an excluded combination; test_recipe.py lists them
        return None


CONTROLS = st.builds(
    recipe_or_none,
    sparsity=st.sampled_from([0.0, 0.01, 0.37, 0.5, 0.8, 0.95, 0.99]),
    pruning=st.sampled_from(CHOICES["pruning"]),
    score=st.sampled_from(CHOICES["score"]),
    bits=st.sampled_from(BIT_WIDTHS[1:]),
    granularity=st.sampled_from(CHOICES["granularity"]),
    scheme=st.sampled_from(CHOICES["scheme"]),
    clip=st.sampled_from(CHOICES["clip"]),
    rounding=st.sampled_from(CHOICES["rounding"]),
    recovery=st.sampled_from(["none", *WITHOUT_TRAINING]),
    seed=st.integers(0, 3),
).filter(bool)


@given(recipe=CONTROLS)
def test_no_position_of_the_controls_raises(own, recipe):
    if recipe.score in own.impossible and recipe.prunes:  # the controls do not offer it
        with pytest.raises(ValueError, match="layer 'deep' has none"):
            own.run(recipe)
        return
    report = own.run(recipe)
    assert np.isfinite(report.scores).all()
    assert 0 <= report.pruned_weights < report.prunable_weights == 435
    assert sum(report.size.parts.values()) == report.size.total_bytes > 0
    low, high = report.accuracy_interval
    assert 0 <= low <= report.confusion.accuracy <= high <= 1


# Unchanged models and equal recipes


@pytest.mark.parametrize("recipe", SOME, ids=str)
def test_nothing_changes_the_model_and_the_images_it_was_given(make_own, toy, recipe):
    model = make_own().train()
    before = copy.deepcopy(model.state_dict())
    images = {name: getattr(toy, name)[0].clone() for name in ("exploration", "sealed")}
    experiment = Experiment(model, toy)
    experiment.run(recipe)
    experiment.open_sealed(recipe)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert all(torch.equal(getattr(toy, name)[0], old) for name, old in images.items())


def test_changing_the_model_later_does_not_change_the_experiment(make_own, toy, own):
    model = make_own()
    experiment = Experiment(model, toy)
    model.head.weight.data.zero_()
    assert same(experiment.run(Recipe(bits=4)), own.run(Recipe(bits=4)))


@pytest.mark.parametrize("recipe", SOME, ids=str)
def test_two_experiments_and_two_runs_agree_to_the_bit(make_own, toy, own, recipe):
    forgetful = Experiment(make_own(), toy, memory_mb=0)
    assert same(forgetful.run(recipe), own.run(recipe))
    assert same(forgetful.run(recipe), forgetful.run(recipe))


def test_what_ran_before_does_not_matter(make_own, toy):
    forwards, backwards = Experiment(make_own(), toy), Experiment(make_own(), toy)
    there = [forwards.run(recipe) for recipe in SOME]
    back = [backwards.run(recipe) for recipe in reversed(SOME)]
    assert all(map(same, there, reversed(back)))


def test_many_threads_may_run_one_experiment(make_own, toy, own):
    experiment = Experiment(make_own(), toy, memory_mb=0.01)
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(experiment.run, SOME * 8))
    assert all(same(report, own.run(report.recipe)) for report in reports)
    assert [report.recipe for report in reports] == SOME * 8


def test_a_model_in_another_memory_order_is_the_same_model(make_own, toy, own):
    turned = Experiment(make_own().to(memory_format=torch.channels_last), toy)
    for recipe in SOME:
        assert same(turned.run(recipe), own.run(recipe))


def test_a_model_that_ends_in_log_softmax_can_lose_channels(make_own, toy, own):
    recipe = Recipe(sparsity=0.5, pruning="channel")
    report = Experiment(nn.Sequential(make_own(), nn.LogSoftmax(1)), toy).run(recipe)
    np.testing.assert_allclose(report.scores, own.run(recipe).scores, rtol=1e-4, atol=1e-6)
    assert report.pruned_weights == own.run(recipe).pruned_weights


# Report cache


def test_a_remembered_recipe_is_not_run_again(make_own, toy):
    experiment = Experiment(make_own(), toy)
    assert experiment.run(Recipe(bits=4)) is experiment.run(Recipe(bits=4))
    forgetful = Experiment(make_own(), toy, memory_mb=0)
    assert forgetful.run(Recipe(bits=4)) is not forgetful.run(Recipe(bits=4))


def test_the_recipe_used_longest_ago_is_forgotten_first(make_own, toy):
    room = 3 * (23 * 3 * 4 + 23 * 8 + 9 * 8)  # scores, predictions and counts of three reports
    experiment = Experiment(make_own(), toy, memory_mb=(room + 1) / 1e6)
    first, second, third = (experiment.run(Recipe(bits=bits)) for bits in (2, 3, 4))
    assert experiment.run(Recipe(bits=2)) is first
    experiment.run(Recipe(bits=5))
    assert experiment.run(Recipe(bits=2)) is first
    assert experiment.run(Recipe(bits=4)) is third
    assert experiment.run(Recipe(bits=3)) is not second


def test_memory_never_holds_more_than_it_may(make_own, toy):
    experiment = Experiment(make_own(), toy, memory_mb=0.002)
    for bits in BIT_WIDTHS:
        experiment.run(Recipe(bits=bits))
        held = experiment._cache.reports.values()
        assert experiment._cache.used_bytes == sum(map(experiment._cache.weigh, held)) <= 2000
    assert len(held) == 3


def test_codes_of_reports_without_a_size_take_as_much_again_and_no_more(make_own, toy):
    experiment = Experiment(make_own(), toy, memory_mb=0.01)
    reports = [experiment.run(Recipe(bits=bits)) for bits in BIT_WIDTHS]
    held = [report.held_bytes for report in experiment._cache.reports.values()]
    assert 0 < sum(held) <= 10_000
    assert held == sorted(held)  # the size of the oldest reports was computed
    assert [report.held_bytes for report in reports] == held
    assert reports[-1].size.total_bytes > reports[0].size.total_bytes
    experiment.run(Recipe(bits=3, sparsity=0.5))
    assert reports[-2].held_bytes  # below the limit again


def test_a_report_that_two_threads_made_at_once_is_weighed_once(make_own, toy):
    experiment = Experiment(make_own(), toy)
    start = Barrier(8)

    def run(bits):
        start.wait()
        return experiment.run(Recipe(bits=bits))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, [2] * 8))
    experiment._cache.put(experiment.run(Recipe(bits=2)))
    (held,) = experiment._cache.reports.values()
    assert experiment._cache.used_bytes == experiment._cache.weigh(held)


def test_memory_without_an_end_is_allowed(make_own, toy):
    experiment = Experiment(make_own(), toy, memory_mb=float("inf"))
    assert experiment.run(Recipe(bits=2)) is experiment.run(Recipe(bits=2))


# Sealed images


def test_every_opening_of_the_sealed_images_is_recorded_in_order(make_own, toy):
    experiment = Experiment(make_own(), toy)
    experiment.run(Recipe(bits=2))
    assert experiment.openings == []
    for recipe in (Recipe(bits=4), Recipe(), Recipe(bits=4)):
        experiment.open_sealed(recipe)
    assert experiment.openings == [Recipe(bits=4), Recipe(), Recipe(bits=4)]
    experiment.openings.clear()
    assert len(experiment.openings) == 3


def test_a_sealed_report_is_about_the_sealed_images(make_own, toy):
    report = Experiment(make_own(), toy).open_sealed(Recipe(bits=4))
    assert report.part == "sealed"
    assert report.labels.tolist() == toy.sealed[1].tolist()
    assert report.confusion.counts.sum(axis=1).tolist() == [2, 5, 3]
    assert report.size == Experiment(make_own(), toy).run(Recipe(bits=4)).size


def test_only_the_images_to_explore_decide_what_run_says(make_own, toy, own):
    other = (torch.randn(3, 2, 6, 9), torch.tensor([2, 1, 0]))
    changed = replace(toy, train=other, calibration=other, sealed=(other[0] + 1, other[1]))
    for recipe in SOME:
        assert same(Experiment(make_own(), changed).run(recipe), own.run(recipe))


# A model from torchvision


def residual():
    """Build a ResNet-10 of torchvision's blocks, with an eighth of the usual width."""
    resnet = pytest.importorskip("torchvision.models").resnet

    class Narrow(resnet.ResNet):
        def _make_layer(self, block, planes, *others, **more):
            return super()._make_layer(block, planes // 8, *others, **more)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = Narrow(resnet.BasicBlock, [1, 1, 1, 1])
        made.fc = nn.Linear(64, 3)
    return made


def whole_resnet():
    models = pytest.importorskip("torchvision.models")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return models.resnet18(weights=None, num_classes=3)


def experiment_on(model):
    images = torch.randn(10, 3, 32, 32, generator=torch.Generator().manual_seed(6))
    part = (images, torch.arange(10) % 3)
    dataset = Dataset(
        train=part,
        calibration=part,
        exploration=part,
        sealed=(images + 1, part[1]),
        class_names=("a", "b", "c"),
    )
    return Experiment(model, dataset, memory_mb=0)


@pytest.fixture(scope="module")
def resnet():
    return experiment_on(residual())


@pytest.mark.parametrize("make", [residual, pytest.param(whole_resnet, marks=pytest.mark.slow)])
def test_a_resnet_is_folded_whole_and_answers_as_before(make):
    resnet = experiment_on(make())
    with torch.inference_mode():
        expected = make().eval()(resnet.dataset.exploration[0]).softmax(1)
    np.testing.assert_allclose(resnet.run(Recipe()).scores, expected, rtol=1e-3, atol=1e-5)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in resnet.run(Recipe()).model().modules())


@pytest.mark.parametrize("pruning", ["global", "layer"])
def test_a_resnet_is_pruned_and_quantized_like_any_other_model(resnet, pruning, tmp_path):
    report = resnet.run(Recipe(sparsity=0.7, pruning=pruning, bits=4, granularity="channel"))
    model = report.model()
    report.save(tmp_path / "resnet.owz")
    loaded = load_packed(tmp_path / "resnet.owz", model=residual())
    assert report.pruned_weights == pytest.approx(
        0.7 * report.prunable_weights, abs=14
    )  # one for each layer
    assert (tmp_path / "resnet.owz").stat().st_size == report.size.total_bytes
    assert all(map(torch.equal, loaded.state_dict().values(), model.state_dict().values()))


@pytest.mark.parametrize("recovery", ["none", "refit", "sequential", "recalibrate", "iterative"])
def test_channels_across_a_residual_sum_are_removed_and_packed(resnet, tmp_path, recovery):
    recipe = Recipe(sparsity=0.5, pruning="channel", bits=8, recovery=recovery)
    report = resnet.run(recipe)
    report.save(tmp_path / "half.owz")
    loaded = load_packed(tmp_path / "half.owz", model=residual())
    small, state = report.model(), loaded.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in small.state_dict().items())
    before, after = (
        sum(layer.weight.numel() for layer in prunable(net).values()) for net in (residual(), small)
    )
    assert after < before / 2


def test_channels_of_a_resnet_are_no_error_while_none_is_asked_for(resnet):
    assert resnet.run(Recipe(pruning="channel")).size.ratio == 1.0


# Measurements


def test_a_report_of_another_experiment_is_not_measured(make_own, toy, own):
    other = Experiment(make_own(), other_images(toy)).run(Recipe(bits=4))
    with pytest.raises(ValueError, match=r"<Report Recipe\(bits=4\): .* 14 exploration .* another"):
        own.measure(other)
    twin = Experiment(make_own(), toy).run(Recipe(bits=4))
    with pytest.raises(ValueError, match="is a report of another experiment than <Experiment: own"):
        own.measure(twin)


def test_what_is_no_report_is_not_measured(own):
    with pytest.raises(ValueError, match=r"rep is a report of this experiment, .* not Recipe"):
        own.measure(own.run(Recipe(bits=4)).recipe)


def test_a_sealed_report_is_not_measured(make_own, toy):
    experiment = Experiment(make_own(), toy)
    with pytest.raises(
        ValueError, match=r"exploration images, .* measure the report of run\(Recipe\(bits=4\)\)"
    ):
        experiment.measure(experiment.open_sealed(Recipe(bits=4)))


@pytest.mark.parametrize("threads", [0, -1, 10**6, 1.5, 2.0, "2", True, None])
def test_threads_are_checked_before_any_work(own, monkeypatch, threads):
    report = own.run(Recipe(bits=4))
    monkeypatch.setattr(own._compressor, "compress", lambda *_: pytest.fail("worked"))
    most = os.cpu_count()
    with pytest.raises(ValueError, match=f"whole number, 1 to {most} here, not {threads!r}"):
        own.measure(report, threads=threads)


def test_images_that_do_not_lead_back_to_pixels_are_not_measured(make_own, toy):
    experiment = Experiment(make_own(), replace(toy, mean=0.0, std=1.0))
    report = experiment.run(Recipe(bits=4))
    with pytest.raises(ValueError, match=r"mean 0.0 and std 1.0 the images lead back to pixels"):
        experiment.measure(report)


def test_threads_may_be_numpys_and_a_measured_report_may_be_measured_again(own):
    report = own.measure(own.run(Recipe(bits=4)), threads=np.int64(1))
    assert type(report.latency.threads) is int
    assert own.measure(report).agreement == report.agreement


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(bits=8, activation_bits=4),
        Recipe(activation_bits=2),
        Recipe(bits=8, activation_bits=8, scheme="codebook"),
        Recipe(sparsity=0.5, pruning="channel", bits=4, activation_bits=8),
    ],
    ids=str,
)
def test_an_exported_file_predicts_what_the_report_says(digits, assert_classes, tmp_path, recipe):
    report = digits.run(recipe)
    report.export(tmp_path / "m.onnx")
    scores = session.predict(
        session.open_session(onnx.load(tmp_path / "m.onnx")), digits.dataset.exploration[0]
    )
    # rounding may go either way, and scores of few bits then differ by one step
    same = np.isclose(softmax(scores, axis=1), report.scores, atol=1e-3).all(axis=1)
    assert same.mean() >= 0.98
    assert_classes(report.predictions[same], scores[same])


def test_shares_are_as_exact_as_counts(digits):
    report = digits.measure(digits.run(Recipe(sparsity=0.9)))
    for share in (report.flip_rate, report.baseline_flip_rate, report.agreement):
        assert share == round(1500 * share) / 1500


def test_many_threads_make_reports_of_one_experiment(make_own, toy):
    experiment = Experiment(make_own(), toy)
    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(experiment.run, SOME))
    assert all(experiment._reports.made(report) for report in reports)


# Refused values


class Pair(nn.Module):
    """Model that returns two tensors, like models with auxiliary heads."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(108, 3)

    def forward(self, images):
        scores = self.head(images.flatten(1))
        return scores, scores


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.Flatten()), "no Conv2d or Linear layer, so there is nothing to prune"),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), "the model does not take images of 2 x 6 x 9"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(54, 3)),
            "the model does not take images of 2 x 6 x 9",
        ),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(108, 5)),
            r"returns \(2, 5\) for 2 images, .* 3 classes need scores of \(2, 3\)",
        ),
        (nn.Conv2d(2, 3, 3), r"returns \(2, 3, 4, 7\) for 2 images, .* need scores of \(2, 3\)"),
        (Pair(), "returns a tuple of 2, and head=None finds no tensor of scores in it"),
        (
            nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(108, 3)),
            "the model changes the images it is given: its first step is in place",
        ),
        (
            nn.Sequential(nn.ReLU6(inplace=True), nn.Flatten(), nn.Linear(108, 3)),
            "the model changes the images it is given: its first step is in place",
        ),
        ("small", "model is a torch module, not str"),
        (zoo.CNN, "model is a torch module, not type"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(toy, model, message):
    with pytest.raises(ValueError, match=message):
        Experiment(model, toy)


def test_a_first_step_in_place_is_found_on_images_that_it_would_leave_alone(toy):
    model = nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(108, 3))
    bright = {name: (getattr(toy, name)[0].abs(), getattr(toy, name)[1]) for name in PARTS}
    with pytest.raises(ValueError, match="its first step is in place"):
        Experiment(model, replace(toy, **bright))


def test_a_dataset_that_is_none_is_refused(make_own):
    with pytest.raises(ValueError, match="dataset is an optiwidgets Dataset, not str"):
        Experiment(make_own(), "digits")


@pytest.mark.parametrize("memory_mb", [-1, float("nan"), "64", None, True])
def test_a_memory_out_of_range_is_refused(make_own, toy, memory_mb):
    with pytest.raises(ValueError, match=f"memory_mb is 0 MB or more, not {memory_mb!r}"):
        Experiment(make_own(), toy, memory_mb=memory_mb)


@pytest.mark.parametrize("recipe", [None, 0.8, {"bits": 4}, "Recipe()"])
def test_what_is_no_recipe_is_refused(own, recipe):
    for run in (own.run, own.open_sealed):
        with pytest.raises(ValueError, match=f"not {type(recipe).__name__}$"):
            run(recipe)
    assert own.openings == []


def test_an_unknown_case_or_model_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"case is one of 'digits', .*'scenes', .*not 'letters'"):
        Experiment.load("letters")
    with pytest.raises(ValueError, match=r"not 'fashion-mnist'; .* load_dataset"):
        Experiment.load("fashion-mnist")
    with pytest.raises(
        ValueError, match="model for 'digits' is one of 'small', 'wide', not 'huge'"
    ):
        Experiment.load(model="huge")


def test_a_run_that_failed_leaves_the_experiment_as_it_was(resnet):
    before = resnet.run(Recipe(bits=8))
    with pytest.raises(ValueError, match="layers of this model are"):
        resnet.run(Recipe(pruning="channel", layers=(("no", 0.5, None),)))
    assert same(resnet.run(Recipe(bits=8)), before)


def test_an_experiment_prints_its_model_and_its_images(own, digits):
    assert repr(own).startswith("<Experiment: own model, 435 weights, <Dataset: 3 classes")
    assert repr(digits).startswith("<Experiment: small, 24904 weights, <Dataset: 10 classes")


# Other images with the same models


def other_images(toy, seed=8):
    """Make exploration and sealed images of the same classes and shape, but fewer."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(3).repeat_interleave(torch.tensor([2, 9, 3]))
    images = torch.randn(2, len(labels), 2, 6, 9, generator=random)
    return replace(toy, exploration=(images[0], labels), sealed=(images[1], labels))


@pytest.mark.parametrize("recipe", SOME)
def test_on_other_images_it_says_what_an_experiment_made_for_them_says(make_own, toy, own, recipe):
    others = other_images(toy)
    fresh = Experiment(make_own(), others)
    assert same(own.on(others).run(recipe), fresh.run(recipe))
    assert same(own.on(others).open_sealed(recipe), fresh.open_sealed(recipe))


@pytest.mark.parametrize("recipe", [Recipe(activation_bits=4), Recipe(0.5, recovery="finetune")])
def test_on_other_images_nothing_is_tuned_anew(make_own, toy, recipe):
    own = Experiment(make_own(), toy)
    poison = (torch.full((2, 2, 6, 9), 1e4), torch.tensor([2, 2]))
    poisoned = replace(toy, train=poison, calibration=poison)
    assert not same(Experiment(make_own(), poisoned).run(recipe), own.run(recipe))
    assert same(own.on(poisoned).run(recipe), own.run(recipe))


def test_on_other_images_a_fine_tuned_model_is_not_tuned_a_second_time(make_own, toy, monkeypatch):
    own, recipe = Experiment(make_own(), toy), Recipe(0.5, recovery="finetune")
    own.run(recipe)
    monkeypatch.setattr(finetuning, "finetune", lambda *_, **__: pytest.fail("tuned again"))
    own.on(other_images(toy)).run(recipe)


def test_on_other_images_openings_and_memory_are_kept_apart(make_own, toy):
    own = Experiment(make_own(), toy)
    before = own.run(Recipe(bits=4))
    own.open_sealed(Recipe(bits=4))
    other = own.on(other_images(toy))
    assert other.openings == []
    assert len(other.run(Recipe(bits=4)).labels) == 14
    other.open_sealed(Recipe(bits=2))
    assert own.openings == [Recipe(bits=4)]
    assert own.run(Recipe(bits=4)) is before
    assert own.dataset is toy
    assert own.run(Recipe(bits=4)).part == "exploration"


def test_on_other_images_reports_are_not_compared_with_the_first_ones(own, toy):
    with pytest.raises(ValueError, match="same images"):
        own.on(other_images(toy)).run(Recipe(bits=4)).drop_from(own.run(Recipe()))


def test_on_images_of_another_kind_is_refused(own, toy, digits):
    with pytest.raises(ValueError, match="dataset is an optiwidgets Dataset, not str"):
        own.on("smear")
    with pytest.raises(ValueError, match=r"classes are \('ape', 'bee', 'cat'\), not \('0', '1'"):
        own.on(digits.dataset)
    with pytest.raises(ValueError, match="the positive class is 1, not 2"):
        own.on(replace(toy, positive=2))
    narrow = {name: (getattr(toy, name)[0][..., :8], getattr(toy, name)[1]) for name in PARTS}
    with pytest.raises(ValueError, match=r"images are \(2, 6, 9\), not \(2, 6, 8\)"):
        own.on(replace(toy, **narrow))
    with pytest.raises(ValueError, match="another mean and std"):
        own.on(replace(toy, mean=0.25))


def test_the_first_images_are_stratified_and_compared_with_each_other(digits, assert_classes):
    base, report = (digits.run(recipe, first=200) for recipe in (Recipe(), Recipe(0.7)))
    whole = digits.run(Recipe(0.7))
    assert (len(report.labels), report.out_of) == (200, 1500)
    assert (len(whole.labels), whole.out_of) == (1500, 1500)
    shares = [np.bincount(r.labels, minlength=10) / len(r.labels) for r in (report, whole)]
    assert np.abs(shares[0] - shares[1]).max() < 1 / 200
    chosen = stratified(whole.labels)[:200]
    np.testing.assert_allclose(report.scores, whole.scores[chosen], rtol=1e-3, atol=1e-4)
    assert_classes(report.predictions, whole.scores[chosen])
    assert (report.labels == whole.labels[chosen]).all()
    assert report.drop_from(base).points == pytest.approx(
        100 * (base.confusion.accuracy - report.confusion.accuracy)
    )
    with pytest.raises(ValueError, match="paired, so both reports must be of the same images"):
        report.drop_from(digits.run(Recipe()))


def test_the_first_part_is_never_taken_for_the_whole(digits):
    digits.run(Recipe(0.3), first=100)
    assert len(digits.run(Recipe(0.3)).labels) == 1500
    assert len(digits.run(Recipe(0.3), first=1500).labels) == 1500
    with pytest.raises(ValueError, match="all 1500 exploration images"):
        digits.measure(digits.run(Recipe(0.3), first=100))


@pytest.mark.parametrize("first", [0, -1, 1501, 2.0, True])
def test_a_first_part_has_images_and_no_more_than_there_are(digits, first):
    with pytest.raises(ValueError, match=r"first is a number of images, 1 to 1500, not"):
        digits.run(Recipe(), first=first)


@pytest.mark.parametrize("recovery", ["none", "sequential"])
def test_a_layer_that_is_gone_has_finite_ternary_codes_by_gptq(own, recovery):
    how = {"score": "magnitude-folded", "scheme": "ternary", "rounding": "gptq"}
    report = own.run(Recipe(0.8, bits=2, recovery=recovery, **how))
    assert not report.model().hidden.weight.any()  # 80 % over all layers pruned all of it
    assert np.isfinite(report.scores).all()
