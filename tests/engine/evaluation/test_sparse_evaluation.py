"""The sparse runtime's evaluation agrees with ONNX Runtime and torch, or is left to them."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from optiwidgets import Dataset, Experiment, Recipe
from optiwidgets.engine.evaluation import sparse_evaluation
from optiwidgets.engine.evaluation.incremental import IncrementalEvaluator
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.evaluation.sparse_evaluation import RuntimeChoice, SparseEvaluator
from optiwidgets.engine.evaluation.stratification import stratified
from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.sparse_runtime import library
from optiwidgets.engine.sparse_runtime.library import load
from optiwidgets.engine.sparse_runtime.runtime import NotFiniteError, SparseRuntime
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME, TORCH

pytestmark = pytest.mark.skipif(load() is None, reason="the library was not built here")

RECIPES = [
    *(Recipe(sparsity=s, bits=b) for s, b in ((0, 32), (0.5, 32), (0.8, 8), (0.9, 4), (0.95, 3))),
    *(Recipe(0.5, pruning=p, bits=6) for p in ("2:4", "channel")),
    *(Recipe(0.7, recovery=r) for r in ("recalibrate", "bias", "sequential", "refit")),
    *(
        Recipe(0.99),
        Recipe(bits=16),
        Recipe(bits=2, scheme="codebook"),
        Recipe(0.3, pruning="layer", score="random"),
    ),
]


def net_of(*layers, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(*layers).eval().requires_grad_(False)


def pooled(seed=0):
    body = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3)
    return net_of(*body, seed=seed)


def dataset_of(images):
    labels = torch.arange(len(images)) % 3
    parts = dict.fromkeys(("train", "calibration", "exploration", "sealed"), (images, labels))
    return Dataset(**parts, class_names=["a", "b", "c"])


@pytest.fixture
def images():
    return torch.randn(60, 1, 6, 6, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def both():
    """Open the same case in both runtimes, for each model."""
    made = {}
    for model in ("small", "wide"):
        with pytest.MonkeyPatch.context() as patch:
            pair = [Experiment.load("digits", model=model, memory_mb=0)]
            patch.setitem(library.MOST_MACS, load().name, 1e9)
            pair[0].run(Recipe())
            patch.setenv("OPTIWIDGETS_SPARSE", "off")
            pair.append(Experiment.load("digits", model=model, memory_mb=0))
            pair[1].run(Recipe())
        made[model] = pair
    return made


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
@pytest.mark.parametrize("model", ["small", "wide"])
def test_every_recipe_predicts_and_scores_as_in_onnx_runtime(both, model, recipe):
    here, there = (experiment.run(recipe) for experiment in both[model])
    assert (here.runtime, there.runtime) == (SPARSE_RUNTIME, ONNX_RUNTIME)
    assert here.predictions.tolist() == there.predictions.tolist()
    assert np.abs(here.scores - there.scores).max() <= 1e-5


def test_int8_stays_with_onnx_runtime_and_rounded_activations_with_torch(both):
    experiment = both["small"][0]
    assert experiment.run(Recipe(bits=8, activation_bits=8)).runtime == ONNX_RUNTIME
    assert experiment.run(Recipe(bits=4, activation_bits=6)).runtime == TORCH


def test_other_images_are_evaluated_in_the_same_runtime(both):
    experiment = both["small"][0]
    recipe = Recipe(0.5)
    first, whole = experiment.run(recipe, first=100), experiment.run(recipe)
    order = stratified(whole.labels)[:100]
    assert first.runtime == experiment.open_sealed(recipe).runtime == SPARSE_RUNTIME
    assert first.scores.tolist() == whole.scores[order].tolist()  # bit-identical, in other lanes
    assert experiment.on(experiment.dataset).run(recipe).runtime == SPARSE_RUNTIME


def test_the_choice_is_settled_once_for_all_images_of_a_model(monkeypatch, images):
    checked, check = [], RuntimeChoice._check
    monkeypatch.setattr(
        RuntimeChoice, "_check", lambda self, library: checked.append(check(self, library))
    )
    experiment = Experiment(pooled(), dataset_of(images))
    other = experiment.on(dataset_of(images + 1))
    for evaluated in (experiment, other, other.on(experiment.dataset)):
        assert evaluated.run(Recipe()).runtime == SPARSE_RUNTIME
    assert len(checked) == 1


def test_the_choice_is_settled_by_the_model_and_the_library(monkeypatch, images):
    found = load()
    monkeypatch.setitem(library.MOST_MACS, found.name, 4 * 4 * 9 * 4 + 48)
    assert RuntimeChoice(pooled(), images[:4]).library == found
    monkeypatch.setitem(library.MOST_MACS, found.name, 4 * 4 * 9 * 4 + 47)
    choice = RuntimeChoice(pooled(), images[:4])
    assert choice.library is None
    assert choice.evaluator([images]) is None
    assert choice.reason.startswith("the model has 624 multiply-accumulates per image")


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (net_of(nn.Conv2d(1, 2, 3), nn.GELU(), nn.Flatten(), nn.Linear(32, 3)), "has no"),
        (net_of(nn.Flatten(), nn.Linear(36, 30_000), nn.Linear(30_000, 3)), "too large"),
    ],
)
def test_a_model_that_it_cannot_take_goes_to_onnx_runtime(images, net, reason):
    choice = RuntimeChoice(net, images[:4])
    assert choice.library is None
    assert reason in choice.reason
    evaluator = IncrementalEvaluator([images], choice=choice)
    assert evaluator.evaluate(net).runtime == ONNX_RUNTIME


def test_an_absent_library_leaves_all_to_onnx_runtime(monkeypatch, images):
    monkeypatch.setenv("OPTIWIDGETS_SPARSE", "off")
    assert RuntimeChoice(pooled(), images[:4]).reason == "the sparse runtime is absent"
    experiment = Experiment(pooled(), dataset_of(images))
    assert experiment.run(Recipe()).runtime == ONNX_RUNTIME


def test_a_library_that_is_none_is_an_error(monkeypatch, images):
    monkeypatch.setenv("OPTIWIDGETS_SPARSE", "OFF")
    with pytest.raises(ValueError, match="'OFF' is none of avx512, avx2, baseline, off"):
        Experiment(pooled(), dataset_of(images)).run(Recipe())


@pytest.mark.parametrize("off", [2e-5, float("nan")])
def test_a_runtime_that_disagrees_with_torch_on_the_probe_is_not_taken(monkeypatch, images, off):
    right = SparseRuntime.run

    def wrong(self, tensors, blocks):
        scores = right(self, tensors, blocks)
        scores[0, 0] += off * np.abs(scores).max()
        return scores

    monkeypatch.setattr(SparseRuntime, "run", wrong)
    choice = RuntimeChoice(pooled(), images[:4])
    assert choice.reason == "the sparse runtime's scores differ from torch's"
    report = Experiment(pooled(), dataset_of(images)).run(Recipe())
    assert report.runtime == ONNX_RUNTIME


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 3e38])
def test_weights_that_are_not_finite_or_overflow_are_evaluated_in_torch(images, value):
    net = pooled()
    evaluator = IncrementalEvaluator([images], choice=RuntimeChoice(net, images[:4]))
    assert evaluator.evaluate(net).runtime == SPARSE_RUNTIME
    other = pooled(seed=3)
    other[0].weight[1, 0, 2, 2] = value
    found = evaluator.evaluate(other)
    assert found.runtime == TORCH
    assert torch.equal(found.scores.nan_to_num(7), evaluate(other, [images]).nan_to_num(7))
    assert evaluator.evaluate(net).runtime == SPARSE_RUNTIME  # the next net is valid again


def test_a_zero_weight_hides_no_infinite_activation(images):
    """Zero times infinity is not 0: the image has no finite score in a dense net."""
    net = pooled()
    net[4].weight[:] = 0
    evaluator = IncrementalEvaluator([images], choice=RuntimeChoice(net, images[:4]))
    other = pooled()
    other[0].weight[:] = 3e38
    other[4].weight[:] = 0
    found = evaluator.evaluate(other)
    assert found.runtime == TORCH
    assert found.scores.isnan().any()


def test_a_report_says_that_its_overflow_was_evaluated_in_torch(images):
    net = pooled()
    net[0].weight *= 1e30
    net[4].weight *= 1e20
    report = Experiment(net, dataset_of(images)).run(Recipe())
    assert (report.runtime, report.not_finite) == (TORCH, 60)


def test_one_image_with_nan_sends_all_to_torch(images):
    """ReLU and max-pooling propagate nan in torch."""
    net = pooled()
    images[41, 0, 2, 3] = torch.nan
    evaluator = IncrementalEvaluator(list(images.split(20)), choice=RuntimeChoice(net, images[:4]))
    found = evaluator.evaluate(net)
    assert found.runtime == TORCH
    assert found.scores.isnan().any(1).nonzero().ravel().tolist() == [41]


def test_a_model_that_is_refused_later_runs_in_torch(images, caplog):
    net = pooled()
    evaluator = IncrementalEvaluator([images], choice=RuntimeChoice(net, images[:4]))
    other = net_of(nn.Conv2d(1, 4, 3), nn.GELU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3))
    other[4] = nn.Linear(16, 2).requires_grad_(False)  # other shapes, so the plan is made again
    with caplog.at_level(logging.INFO, "optiwidgets"):
        assert evaluator.evaluate(other).runtime == TORCH
    assert "has no" in caplog.text


def test_many_images_are_laid_out_in_parts_and_not_kept(monkeypatch, images):
    net = pooled()
    whole = SparseEvaluator([images], load())(net)
    monkeypatch.setattr(sparse_evaluation, "MOST_LAID_OUT", 100)
    monkeypatch.setattr(sparse_evaluation, "PART", 25)
    evaluator, shares = SparseEvaluator(images.split(10), load()), []
    for _ in range(2):
        assert torch.equal(evaluator(net, lambda p: shares.append(p.done)), whole)
    assert shares == [pytest.approx(s) for s in (1 / 3, 2 / 3)] * 2
    assert evaluator._laid_out is None


def test_progress_may_end_the_work(monkeypatch, images):
    monkeypatch.setattr(sparse_evaluation, "PART", 25)
    evaluator = SparseEvaluator(images.split(10), load())

    def stop(progress):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        evaluator(pooled(), stop)
    assert torch.allclose(evaluator(pooled()), evaluate(pooled(), [images]), atol=1e-5)


def test_threads_do_not_mix_up_their_models(images):
    evaluator = SparseEvaluator(images.split(20), load())
    nets = [pooled(seed) for seed in range(12)]
    expected = [evaluate(net, [images]) for net in nets]
    with ThreadPoolExecutor(4) as pool:
        for found, wanted in zip(pool.map(evaluator, nets), expected, strict=True):
            assert torch.allclose(found, wanted, atol=1e-5)


def test_the_untouched_model_keeps_the_order_of_its_weights(images):
    """``weight.view(-1)`` works on ``rep.model()`` as on the original model."""
    body = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(16, 3)
    experiment = Experiment(net_of(*body), dataset_of(images.sigmoid()))
    report = experiment.measure(experiment.run(Recipe()))
    assert all(p.is_contiguous() for p in experiment._compressor.folded.parameters())
    assert all(p.is_contiguous() for p in report.model().parameters())


def test_a_pixel_that_is_not_finite_raises(images):
    images[3, 0, 0, 0] = torch.inf
    with pytest.raises(NotFiniteError, match="pixel"):
        SparseEvaluator([images], load())(pooled())
