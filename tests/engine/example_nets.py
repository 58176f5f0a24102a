"""Small nets shared by the engine's tests, and torch's own scores of them."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from optiwidgets.engine.models import batchnorm_folding, channel_removal, zoo
from optiwidgets.engine.models.channel_groups import find_groups
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.quantization.weights import encode
from optiwidgets.engine.types.recipe import Recipe

SMALL = zoo.Spec(name="small", channels=1, size=28, classes=10)


def coded(net, **fields):
    """Quantize every layer of a folded copy by a recipe; return the copy and its codes."""
    net, layers = batchnorm_folding.fold(net), {}
    for name, layer in prunable(net).items():
        kept = torch.ones_like(layer.weight, dtype=torch.bool)
        layers[name] = encode(layer.weight, kept, Recipe(**{"bits": 8, **fields}))
        layer.weight.copy_(layers[name].decode())
    return net, layers


def half(net, images=None):
    """Return the folded model with every second channel removed."""
    folded = batchnorm_folding.fold(net)
    images = torch.zeros(2, 1, 28, 28) if images is None else images
    groups = find_groups(folded, images)
    gone = np.concatenate([channels[1::2] for channels in groups.sets])
    return channel_removal.remove_channels(folded, gone, groups)


class Block(nn.Module):
    """Residual block: two convolutions and a shortcut, strided if the step is 2."""

    def __init__(self, inputs, outputs, step=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, step, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        past = (nn.Conv2d(inputs, outputs, 1, step, bias=False), nn.BatchNorm2d(outputs))
        self.past = nn.Sequential(*past) if step > 1 else nn.Identity()

    def forward(self, images):
        features = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(images)), True)))
        return functional.relu(features + self.past(images), True)


def folded_resnet():
    """Build a folded ResNet of three blocks, with BatchNorms far from the identity."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 7, 2, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
        nn.MaxPool2d(3, 2, 1), Block(16, 16), Block(16, 32, 2), Block(32, 32),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 7),
    )  # fmt: skip
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.1)
            norm.running_var.uniform_(0.5, 1.5)
    return batchnorm_folding.fold(net)


def torch_scores(net, images):
    with torch.inference_mode():
        return net(images).numpy()


class Fixed(nn.Module):
    """Operations that exporters often rewrite: constants, equal and zero tensors, odd reshapes."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4)
        self.head = nn.Linear(16, 3, bias=False)
        self.register_buffer("shift", torch.ones(1))
        self.register_buffer("unused", torch.ones(5))

    def forward(self, images):
        pooled = torch.max_pool2d(functional.relu6(self.conv(images - self.shift)), 2)
        return self.head(self.norm(pooled).view(images.size(0), -1))


class Twice(nn.Module):
    """Net that calls one convolution twice."""

    def __init__(self):
        super().__init__()
        self.first, self.again = nn.Conv2d(2, 9, 1), nn.Conv2d(9, 9, 1)
        self.head = nn.Linear(324, 3)

    def forward(self, images):
        return self.head(self.again(self.again(self.first(images))).flatten(1))


class Parted(nn.Module):
    """Net in which one convolution is used by another one and by a sum."""

    def __init__(self):
        super().__init__()
        self.first, self.left, self.right = (
            nn.Conv2d(2, 9, 1),
            nn.Conv2d(9, 9, 1),
            nn.Conv2d(9, 9, 1),
        )
        self.head = nn.Linear(324, 3)

    def forward(self, images):
        stem = functional.relu(self.first(images))
        left = self.left(stem)
        return self.head((left + self.right(left)).flatten(1))
