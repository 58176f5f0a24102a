"""Starting from the first changed layer on gives the same bits as starting from the images."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import nn

from optiwidgets.engine import network, zoo
from optiwidgets.engine.activations import calibrate, quantize_activations
from optiwidgets.engine.evaluate import BATCH, evaluate
from optiwidgets.engine.experiment import Experiment
from optiwidgets.engine.recipe import Recipe
from optiwidgets.engine.resume import Resumer


class Residual(nn.Module):
    """Several values cross every cut, and what is kept is changed in place, under two names."""

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
    """Changes a value that has two names in a way that torch.fx does not record."""

    def add(self, also):
        also += self.scale
        return also


@pytest.fixture
def residual():
    torch.manual_seed(5)
    return network.fold(Residual())


@pytest.fixture
def batches():
    random = torch.Generator().manual_seed(4)
    return torch.randn(2 * BATCH + 5, 2, 6, 9, generator=random).split(BATCH)


def changed(net, name):
    """A copy of the model with another tensor of this name."""
    other = copy.deepcopy(net)
    state = other.state_dict()
    with torch.no_grad():
        state[name].add_(torch.rand(state[name].shape))
    return other


def same(resumer, net):
    return torch.equal(resumer(net), evaluate(copy.deepcopy(net), resumer.batches))


@pytest.mark.parametrize("model", ["small", "wide"])
@pytest.mark.parametrize("name", ["features.0", "features.4", "features.8", "hidden", "head"])
def test_the_shipped_models_give_the_same_bits_from_every_layer_on(model, name):
    net = network.fold(zoo.load_trained(model))
    random = torch.Generator().manual_seed(1)
    resumer = Resumer(torch.randn(70, 1, 28, 28, generator=random).split(BATCH))
    assert same(resumer, net)
    for _ in range(3):
        net = changed(net, f"{name}.weight")
        assert same(resumer, net)
    assert resumer.kept_at == (None if name == "features.0" else name)


@pytest.mark.parametrize("name", ["left.weight", "left.bias", "scale", "right.bias", "head.weight"])
def test_so_does_a_residual_net_with_steps_in_place(residual, batches, name):
    resumer = Resumer(batches)
    for _ in range(4):
        assert same(resumer, residual)
        residual = changed(residual, name)
    assert same(resumer, residual)
    assert resumer.kept_at == name.split(".")[0]


def test_any_order_of_changes_is_followed(residual, batches):
    resumer = Resumer(batches)
    for name in ("head", "right", "left", "left", "head", "enter", "head", "head", "right"):
        residual = changed(residual, f"{name}.weight")
        assert same(resumer, residual), name


def test_a_change_before_the_cut_lets_it_go(residual, batches):
    resumer = Resumer(batches)
    for name, kept_at in (("head", None), ("head", "head"), ("enter", None), ("left", "left")):
        residual = changed(residual, f"{name}.bias")
        assert same(resumer, residual)
        assert resumer.kept_at == kept_at


def test_the_same_model_again_and_a_layer_never_called_change_nothing(residual, batches):
    resumer = Resumer(batches)
    resumer(residual)
    assert same(resumer, changed(residual, "unused.weight"))
    assert resumer.kept_at is None
    residual = changed(residual, "head.weight")
    assert same(resumer, residual)
    assert same(resumer, residual)
    assert resumer.kept_at == "head"


def test_batchnorms_that_stayed_count(make_own, batches):
    net, resumer = network.fold(make_own()), Resumer(batches)
    for name in ("after.running_mean", "after.running_mean", "deep.weight", "enter.bias"):
        assert same(resumer, net)
        net = changed(net, name)
    assert same(resumer, net)


def test_removed_channels_are_followed(make_own, toy):
    experiment = Experiment(make_own(), toy, memory_mb=0)
    resumer = Resumer(toy.exploration[0].split(5))
    for deep, hidden in ((0.0, 0.0), (0.5, 0.0), (0.8, 0.0), (0.8, 0.5), (0.8, 0.7), (0.3, 0.7)):
        layers = (("deep", deep, None), ("hidden", hidden, None))
        net = experiment._optimizer.optimize(Recipe(pruning="channel", layers=layers)).simulation()
        assert same(resumer, net)
        assert resumer.kept_at != "wide"


def test_rounded_activations_are_not_resumed(residual, batches):
    resumer = Resumer(batches)
    for _ in range(2):
        residual = changed(residual, "head.weight")
        ranges = calibrate(residual, batches[0])
        rounded = quantize_activations(residual, ranges, 3)
        assert same(resumer, residual)
        assert same(resumer, rounded)
        assert not torch.equal(resumer(rounded), resumer(residual))


def test_steps_that_are_not_what_the_model_does_are_not_taken(batches):
    torch.manual_seed(5)
    net, resumer = network.fold(Renamed()), Resumer(batches)
    for _ in range(3):
        assert same(resumer, net)
        net = changed(net, "head.weight")
    assert resumer.kept_at is None


def test_in_inference_mode_it_is_the_same(residual, batches):
    resumer = Resumer(batches)
    with torch.inference_mode():
        for _ in range(3):
            net = copy.deepcopy(residual)
            net.head.weight.copy_(torch.rand(net.head.weight.shape))
            assert same(resumer, net)
    assert resumer.kept_at == "head"


def test_what_takes_too_much_memory_is_not_kept(residual, batches):
    one_map = sum(map(len, batches)) * 4 * 6 * 9 * 4  # of 4 channels
    resumer = Resumer(batches, most_bytes=one_map)
    for name, kept_at in (("left", None), ("left", None), ("head", "head"), ("right", None)):
        residual = changed(residual, f"{name}.weight")
        assert same(resumer, residual)
        assert resumer.kept_at == kept_at


def test_what_was_kept_is_left_as_it_was_by_a_run_that_starts_from_it(residual, batches):
    resumer, on_the_left = Resumer(batches), changed(residual, "left.weight")
    for net in (residual, on_the_left):
        resumer(net)
    cut = resumer._last.cut
    assert resumer.kept_at == "left"
    before = copy.deepcopy(cut.values)
    further = changed(on_the_left, "head.weight")
    assert torch.equal(resumer(further), evaluate(copy.deepcopy(further), batches))
    for values, kept in zip(cut.values, before, strict=True):
        assert all(torch.equal(values[name], kept[name]) for name in kept)


def test_threads_do_not_mix_up_their_models(residual, batches):
    resumer = Resumer(batches)
    nets = [changed(residual, f"{name}.weight") for name in ("enter", "left", "right", "head") * 6]
    expected = [evaluate(copy.deepcopy(net), batches) for net in nets]
    with ThreadPoolExecutor(4) as pool:
        assert all(map(torch.equal, pool.map(resumer, nets), expected))


def test_an_experiment_says_what_it_says_without(digits):
    afresh = Experiment.load("digits", memory_mb=0)
    for step in range(3):
        recipe = Recipe(layers=(("features.8", 0.5 + step / 10, 4),), bits=6)
        afresh._resumer = Resumer(afresh._images.batches)
        assert (digits.run(recipe).scores == afresh.run(recipe).scores).all()
    assert digits._resumer.kept_at == "features.8"


def test_other_images_are_never_taken_for_the_explored_ones(make_own, toy):
    experiment = Experiment(make_own(), toy, memory_mb=0)
    for bits in (3, 4):
        recipe = Recipe(layers=(("head", None, bits),))
        here, sealed = experiment.run(recipe), experiment.open_sealed(recipe)
        assert len(here.labels) == 23
        assert len(sealed.labels) == 10
    assert experiment._resumer.kept_at == "head"
    elsewhere = experiment.on(toy)
    assert elsewhere._resumer is not experiment._resumer
