"""Evaluation from the first changed layer is bit-identical to evaluation from the images."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import nn

from optiwidgets.engine.calibration.activation_ranges import calibrate
from optiwidgets.engine.evaluation import incremental
from optiwidgets.engine.evaluation.images import BATCH
from optiwidgets.engine.evaluation.incremental import EvaluationSet, IncrementalEvaluator
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models import batchnorm_folding, zoo
from optiwidgets.engine.onnx_runtime import export
from optiwidgets.engine.quantization.activations import quantize_activations
from optiwidgets.engine.types.recipe import Recipe


class Residual(nn.Module):
    """Net in which several values cross each boundary, and stored ones change through an alias."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Conv2d(2, 4, 3, padding=1)
        self.left = nn.Conv2d(4, 4, 3, padding=1)
        self.right = nn.Conv2d(4, 4, 1)
        self.scale = nn.Parameter(torch.ones(4, 1, 1))
        self.unused = nn.Linear(3, 3)
        self.head = nn.Linear(4 * 6 * 9, 3)

    def forward(self, images):
        entered = self.enter(images)
        also = entered.view(images.shape[0], 4, 6, 9)
        left = F.relu(self.left(entered), True)
        also = self.add(also)
        F.relu_(entered)
        right = self.right(also)
        return self.head((left + right + entered).flatten(1))

    def add(self, also):
        return also.add_(self.scale)


class Renamed(Residual):
    """Net that changes a value with two names in a way that torch.fx does not record."""

    def add(self, also):
        also += self.scale
        return also


def in_integers(net):
    """Return the folded model with integer weights: its sums are exact in any order of operations.

    With float weights the runtime may fuse operations, and subgraphs are not bit-identical to the
    whole graph. Then nothing is stored.
    """
    net = batchnorm_folding.fold(net)
    for tensor in net.state_dict().values():
        tensor.copy_(torch.randint(-1, 2, tensor.shape))
    return net


def kept(evaluator, *layers):
    """Return the layers stored for a model with float weights; none on some processors."""
    return layers if all(evaluator._exact.values()) else ()


@pytest.fixture
def residual():
    torch.manual_seed(5)
    return in_integers(Residual())


@pytest.fixture
def batches():
    random = torch.Generator().manual_seed(4)
    images = torch.randint(-2, 3, (2 * BATCH + 5, 2, 6, 9), generator=random)
    return images.float().split(BATCH)


def changed(net, name):
    """Copy a model and replace one tensor by name."""
    other = copy.deepcopy(net)
    state = other.state_dict()
    whole = torch.equal(state[name], state[name].round())
    with torch.no_grad():
        by = torch.randint(1, 3, state[name].shape) if whole else torch.rand(state[name].shape)
        state[name].add_(by)
    return other


def same(evaluator, net):
    """Return True if scores are bit-identical to those of a full run, and agree with torch."""
    scores = evaluator(net)
    whole, torchs = (
        IncrementalEvaluator(evaluator.batches)(net),
        evaluate(copy.deepcopy(net), evaluator.batches),
    )
    return torch.equal(scores, whole) and torch.allclose(scores, torchs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("model", ["small", "wide"])
@pytest.mark.parametrize("name", ["features.0", "features.4", "features.8", "hidden", "head"])
def test_the_shipped_models_give_the_same_bits_from_every_layer_on(model, name):
    net = batchnorm_folding.fold(zoo.load_trained(model))
    random = torch.Generator().manual_seed(1)
    evaluator = IncrementalEvaluator(torch.randn(70, 1, 28, 28, generator=random).split(BATCH))
    assert same(evaluator, net)
    for _ in range(3):
        net = changed(net, f"{name}.weight")
        assert same(evaluator, net)
    assert evaluator.cached_at == (() if name == "features.0" else kept(evaluator, name))


@pytest.mark.parametrize("name", ["left.weight", "left.bias", "scale", "right.bias", "head.weight"])
def test_so_does_a_residual_net_with_steps_in_place(residual, batches, name):
    evaluator = IncrementalEvaluator(batches)
    for _ in range(4):
        assert same(evaluator, residual)
        residual = changed(residual, name)
    assert same(evaluator, residual)
    assert set(evaluator.cached_at) <= {name.split(".")[0]}


def test_any_order_of_changes_is_followed(residual, batches):
    evaluator = IncrementalEvaluator(batches)
    for name in ("head", "right", "left", "left", "head", "enter", "head", "head", "right"):
        residual = changed(residual, f"{name}.weight")
        assert same(evaluator, residual), name


def test_a_change_of_the_first_layer_makes_the_cut_anew(residual, batches):
    evaluator = IncrementalEvaluator(batches)
    for name, cached_at in (
        ("head", ()),
        ("head", ("head",)),
        ("enter", ("head",)),
        ("head", ("head",)),
    ):
        residual = changed(residual, f"{name}.bias")
        assert same(evaluator, residual)
        assert evaluator.cached_at == cached_at


def test_the_same_model_again_and_a_layer_never_called_change_nothing(residual, batches):
    evaluator = IncrementalEvaluator(batches)
    evaluator(residual)
    assert same(evaluator, changed(residual, "unused.weight"))
    assert evaluator.cached_at == ()
    residual = changed(residual, "head.weight")
    assert same(evaluator, residual)
    assert same(evaluator, residual)
    assert evaluator.cached_at == ("head",)


def test_batchnorms_that_stayed_count(make_own, batches):
    net, evaluator = batchnorm_folding.fold(make_own()), IncrementalEvaluator(batches)
    for name in ("after.running_mean", "after.running_mean", "deep.weight", "enter.bias"):
        assert same(evaluator, net)
        net = changed(net, name)
    assert same(evaluator, net)


@pytest.mark.slow
def test_removed_channels_are_followed(make_own, toy):
    experiment = Experiment(make_own(), toy, memory_mb=0)
    evaluator = IncrementalEvaluator(toy.exploration[0].split(5))
    for deep, hidden in ((0.0, 0.0), (0.5, 0.0), (0.8, 0.0), (0.8, 0.5), (0.8, 0.7), (0.3, 0.7)):
        layers = (("deep", deep, None), ("hidden", hidden, None))
        net = experiment._compressor.compress(Recipe(pruning="channel", layers=layers)).simulation()
        assert same(evaluator, net)
        assert "wide" not in evaluator.cached_at


def test_rounded_activations_are_not_resumed(residual, batches):
    evaluator = IncrementalEvaluator(batches)
    for _ in range(2):
        residual = changed(residual, "head.weight")
        ranges = calibrate(residual, batches[0])
        rounded = quantize_activations(residual, ranges, 3)
        assert same(evaluator, residual)
        assert same(evaluator, rounded)
        assert not torch.equal(evaluator(rounded), evaluator(residual))


def test_what_a_model_does_counts_not_what_fx_records_of_it(batches):
    torch.manual_seed(5)
    net, evaluator = in_integers(Renamed()), IncrementalEvaluator(batches)
    for _ in range(3):
        assert same(evaluator, net)
        net = changed(net, "head.weight")
    assert evaluator.cached_at == ("head",)


def test_in_inference_mode_it_is_the_same(residual, batches):
    evaluator = IncrementalEvaluator(batches)
    with torch.inference_mode():
        for _ in range(3):
            net = copy.deepcopy(residual)
            net.head.weight.copy_(torch.randint(-1, 2, net.head.weight.shape))
            assert same(evaluator, net)
    assert evaluator.cached_at == ("head",)


def test_what_takes_too_much_memory_is_not_kept():
    net = batchnorm_folding.fold(zoo.load_trained("small"))
    images = torch.randn(70, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    evaluator = IncrementalEvaluator(
        images.split(BATCH), most_bytes=70 * 4000
    )  # bytes an image: 6272, 3136 and 1152
    for layer, cached_at in (
        *(("features.4", ()), ("features.4", ()), ("features.8", ("features.8",))),
        *(("hidden", ("hidden",)), ("hidden", ("hidden",)), ("features.8", ("features.8",))),
    ):
        assert same(evaluator, net)
        net = changed(net, f"{layer}.weight")
        assert same(evaluator, net)
        assert evaluator.cached_at == kept(evaluator, *cached_at)


def test_what_was_kept_is_left_as_it_was_by_a_run_that_starts_from_it(residual, batches):
    evaluator, further = IncrementalEvaluator(batches), changed(residual, "head.weight")
    for net in (residual, further):
        evaluator(net)
    (boundary,) = evaluator._previous.boundaries
    before = copy.deepcopy(boundary.values)
    assert same(evaluator, changed(further, "head.weight"))
    for values, kept in zip(boundary.values, before, strict=True):
        assert values.keys() == kept.keys()
        assert all((values[name] == kept[name]).all() for name in kept)


def test_a_model_that_cannot_be_exported_runs_in_torch(batches, caplog):
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(2 * 6 * 9, 3)

        def forward(self, images):
            return self.head(torch.special.bessel_j0(images).flatten(1))

    net, evaluator = batchnorm_folding.fold(Odd()), IncrementalEvaluator(batches)
    with caplog.at_level("INFO", "optiwidgets"):
        for _ in range(2):
            assert torch.equal(evaluator(net), evaluate(copy.deepcopy(net), batches))
            net = changed(net, "head.weight")
    said = [r.getMessage() for r in caplog.records if r.name == "optiwidgets"]
    assert len(said) == 1
    assert said[0].startswith("evaluated in torch: the model cannot be exported")


def test_a_graph_that_the_runtime_cannot_open_runs_in_torch(residual, batches, monkeypatch):
    def other(net, example):
        model = copy.deepcopy(export.template(net, example))
        model.graph.node[-1].op_type = "NoSuchStep"
        return model

    monkeypatch.setattr(incremental, "template", other)
    assert torch.equal(
        IncrementalEvaluator(batches)(residual), evaluate(copy.deepcopy(residual), batches)
    )


def test_a_graph_that_says_something_else_is_not_taken(residual, batches, monkeypatch):
    def other(net, example):
        model = copy.deepcopy(export.template(net, example))
        (alpha,) = (a for a in model.graph.node[-1].attribute if a.name == "alpha")
        alpha.f = 2.0
        return model

    monkeypatch.setattr(incremental, "template", other)
    assert torch.equal(
        IncrementalEvaluator(batches)(residual), evaluate(copy.deepcopy(residual), batches)
    )


@pytest.mark.parametrize("model", ["small", "wide"])
def test_torch_and_the_runtime_predict_alike(assert_classes, model):
    experiment = Experiment.load("digits", model=model, memory_mb=0)
    images = experiment.dataset.exploration[0]
    for step in range(10):
        recipe = Recipe(step / 10, bits=(32, 8, 4, 3, 2)[step % 5])
        report = experiment.run(recipe)
        with torch.inference_mode():
            scores = report.model()(images)
        np.testing.assert_allclose(report.scores, scores.softmax(1), atol=1e-3, err_msg=str(recipe))
        assert_classes(report.predictions, scores)


def test_threads_do_not_mix_up_their_models(residual, batches):
    evaluator = IncrementalEvaluator(batches)
    nets = [changed(residual, f"{name}.weight") for name in ("enter", "left", "right", "head") * 6]
    expected = [IncrementalEvaluator(batches)(net) for net in nets]
    with ThreadPoolExecutor(4) as pool:
        assert all(map(torch.equal, pool.map(evaluator, nets), expected))


@pytest.fixture
def only_onnx_runtime(monkeypatch):
    monkeypatch.setenv("OPTIWIDGETS_SPARSE", "off")


@pytest.mark.usefixtures("only_onnx_runtime")
def test_an_experiment_says_what_it_says_without():
    digits, afresh = (Experiment.load("digits", memory_mb=mb) for mb in (64, 0))
    for step in range(3):
        recipe = Recipe(layers=(("features.8", 0.5 + step / 10, 4),), bits=6)
        afresh._reports.whole = EvaluationSet.of(afresh.dataset)
        assert (digits.run(recipe).scores == afresh.run(recipe).scores).all()
    assert digits._reports.whole.resumer.cached_at[-1:] == kept(
        digits._reports.whole.resumer, "features.8"
    )


@pytest.mark.usefixtures("only_onnx_runtime")
def test_other_images_are_never_taken_for_the_explored_ones(make_own, toy):
    experiment = Experiment(make_own(), toy, memory_mb=0)
    for bits in (3, 4):
        recipe = Recipe(layers=(("head", None, bits),))
        here, sealed = experiment.run(recipe), experiment.open_sealed(recipe)
        assert len(here.labels) == 23
        assert len(sealed.labels) == 10
    evaluator = experiment._reports.whole.resumer
    assert evaluator.cached_at == kept(evaluator, "head")
    elsewhere = experiment.on(toy)
    assert elsewhere._reports.whole.resumer is not experiment._reports.whole.resumer
