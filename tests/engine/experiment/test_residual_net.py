"""A residual net trained on the digits: opened unchanged, pruned and recovered."""

import copy

import pytest
import torch
from example_nets import Block
from torch import nn
from torch.nn import functional as F  # noqa: N812

from optiwidgets.engine.data.loaders import load_dataset
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.types.recipe import Recipe

RATE, EPOCHS, BATCH = 4e-3, 3, 50


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def trained(digits):
    """Train three residual blocks after a narrow stem for a few epochs."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        Block(16, 16), Block(16, 32, 2), Block(32, 32),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip
    images, labels = digits.train
    optimizer = torch.optim.AdamW(net.parameters())
    steps = EPOCHS * -(-len(images) // BATCH)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimizer.step()
            cycle.step()
    return net.eval()


@pytest.fixture(scope="module")
def experiment(trained, digits):
    return Experiment(trained, digits)


def accuracy(net, data):
    images, labels = data.exploration
    with torch.inference_mode():
        return float((net(images).argmax(1) == labels).float().mean())


def test_it_is_opened_unchanged(experiment, trained, digits):
    before = accuracy(trained, digits)
    assert before > 0.9
    assert experiment.run(Recipe()).confusion.accuracy == pytest.approx(before, abs=2 / 1500)


def zeroed(net, layers, share):
    """Copy a model, with channels written by several layers set to zero where they are read."""
    twin, lost = copy.deepcopy(net), {}
    for writers, readers in layers:
        sums = sum(net.get_parameter(f"{w}.weight").abs().flatten(1).sum(1) for w in writers)
        lost |= dict.fromkeys(readers, sums.argsort()[: round(share * len(sums))])
    for name, channels in lost.items():
        twin.get_submodule(name).register_forward_pre_hook(
            lambda _, x, gone=channels: (x[0].index_fill(1, gone, 0),)
        )
    return twin


def test_its_channels_are_removed_as_zeros_would_be(experiment, trained, digits):
    report = experiment.run(Recipe(sparsity=0.3, pruning="channel"))
    smaller = report.model()
    assert [len(layer.weight) for layer in prunable(smaller).values()] == [
        11, 11, 11, 22, 22, 22, 22, 22, 10,
    ]  # fmt: skip
    first, second = (
        14 * 14 * 9 * (11 + 2 * 11 * 11),
        7 * 7 * (9 * (11 * 22 + 3 * 22 * 22) + 11 * 22),
    )
    assert report.macs == first + second + 22 * 10
    written_and_read = [
        (["0", "3.conv2"], ["3.conv1", "4.conv1", "4.past.0"]),
        (["3.conv1"], ["3.conv2"]),
        (["4.conv1"], ["4.conv2"]),
        (["4.conv2", "4.past.0", "5.conv2"], ["5.conv1", "8"]),
        (["5.conv1"], ["5.conv2"]),
    ]
    images = digits.exploration[0][:100]
    with torch.inference_mode():
        scores, right = smaller(images), zeroed(trained, written_and_read, 0.3)(images)
    assert (scores - right).abs().max() < 1e-4 * right.abs().max()


def test_half_its_weights_go_within_a_point(experiment):
    pruned = experiment.run(Recipe(sparsity=0.5, score="lamp", recovery="sequential"))
    before = experiment.run(Recipe()).confusion.accuracy
    assert pruned.pruned_weights == pytest.approx(pruned.prunable_weights / 2, abs=1)
    assert pruned.confusion.accuracy > before - 0.01
