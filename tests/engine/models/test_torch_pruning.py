"""Groups of coupled channels are equal to those of Torch-Pruning."""

import copy

import numpy as np
import pytest
import torch
from example_nets import Block
from torch import nn
from torch.nn import functional as F  # noqa: N812

from optiwidgets.engine.models.channel_groups import find_groups
from optiwidgets.engine.models.channel_removal import remove_channels

tp = pytest.importorskip("torch_pruning", reason="Torch-Pruning is not installed")


def unit(inputs, outputs, size=1, step=1, groups=1):
    conv = nn.Conv2d(inputs, outputs, size, step, size // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU6())


class Inverted(nn.Module):
    """Inverted residual block as in MobileNetV2, with a shortcut if the shapes agree."""

    def __init__(self, inputs, outputs, step):
        super().__init__()
        wide, self.past = 2 * inputs, step == 1 and inputs == outputs
        self.steps = nn.Sequential(
            unit(inputs, wide), unit(wide, wide, 3, step, groups=wide),
            nn.Conv2d(wide, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip

    def forward(self, x):
        return self.steps(x) + x if self.past else self.steps(x)


class Dense(nn.Module):
    """Dense block as in DenseNet: each layer's outputs are concatenated to all before."""

    def __init__(self, inputs, growth):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, growth, 3, padding=1)

    def forward(self, x):
        return torch.cat([x, self.conv(F.relu(self.norm(x)))], 1)


def ending(features):
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, 5)


NETS = {
    "resnet18": lambda: nn.Sequential(
        unit(3, 8, 3), Block(8, 8), Block(8, 8), Block(8, 16, 2), Block(16, 16), *ending(16)
    ),
    "mobilenet_v2": lambda: nn.Sequential(
        unit(3, 8, 3, 2), Inverted(8, 6, 1), Inverted(6, 6, 1), Inverted(6, 10, 2),
        Inverted(10, 10, 1), unit(10, 20), *ending(20),
    ),
    "densenet121": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), Dense(8, 4), Dense(12, 4), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 8, 1), nn.AvgPool2d(2), Dense(8, 4), nn.BatchNorm2d(12), nn.ReLU(),
        *ending(12),
    ),
}  # fmt: skip


def drawn(make):
    """Make a net in eval mode with BatchNorms far from the identity, and images."""
    torch.manual_seed(0)
    net = make().eval()
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                tensor.data.uniform_(0.5, 1.5)
    return net, torch.randn(2, 3, 16, 16)


def convolutions(net):
    """Return the convolutions with one group, by name."""
    named = net.named_modules()
    return {n: m for n, m in named if isinstance(m, nn.Conv2d) and m.groups == 1}


def places(group, net):
    """Return the indices by tensor and axis of one Torch-Pruning group."""
    names, found = {module: name for name, module in net.named_modules()}, set()
    for dependency, indices in group:
        layer, inputs = dependency.target.module, "in" in dependency.handler.__name__
        if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
            depthwise = isinstance(layer, nn.Conv2d) and layer.groups > 1
            axis = int(inputs and not isinstance(layer, nn.BatchNorm2d) and not depthwise)
            found |= {(names[layer], axis, int(i)) for i in indices}
    return found


@pytest.mark.parametrize("make", NETS.values(), ids=NETS)
def test_every_channel_is_coupled_with_the_same(make):
    net, images = drawn(make)
    groups = find_groups(net, images)
    graph = tp.DependencyGraph().build_dependency(net, example_inputs=images)
    weights = {n: m for n, m in net.named_modules() if getattr(m, "weight", None) is not None}
    for name, layer in convolutions(net).items():
        for index, channel in enumerate(groups.of_outputs(name)):
            ours = {
                (other, axis, int(i))
                for other in weights
                for axis, ids in enumerate(groups.tensors[f"{other}.weight"])
                for i in np.flatnonzero(ids == channel)
            }
            theirs = graph.get_pruning_group(layer, tp.prune_conv_out_channels, [index])
            assert ours == places(theirs, net)


@pytest.mark.parametrize("make", NETS.values(), ids=NETS)
def test_without_the_same_channels_the_scores_are_the_same(make):
    net, images = drawn(make)
    groups, theirs = find_groups(net, images), copy.deepcopy(net)
    gone, seen = [], set()
    for name in convolutions(net):
        own = groups.of_outputs(name)
        if not seen & {*own.tolist()}:  # one layer of each group
            seen |= {*own.tolist()}
            gone.append(own[1::3])
            graph = tp.DependencyGraph().build_dependency(theirs, example_inputs=images)
            layer, places = theirs.get_submodule(name), list(range(len(own)))[1::3]
            graph.get_pruning_group(layer, tp.prune_conv_out_channels, places).prune()
    ours = remove_channels(net, np.concatenate(gone), groups)
    shapes = [{n: p.shape for n, p in m.named_parameters()} for m in (ours, theirs)]
    assert shapes[0] == shapes[1]
    torch.testing.assert_close(ours(images), theirs.eval()(images))
    assert len(gone) > 3
