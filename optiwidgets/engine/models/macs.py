"""Counts of multiply-accumulates (MACs), layer by layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from optiwidgets.engine.models.copying import copy_net
from optiwidgets.engine.models.layers import layer_hooks, prunable


def positions(net: nn.Module, example: Tensor) -> list[int]:
    """Count the output positions of each Conv2d and Linear layer for one image.

    Each weight is used once for each position, so a layer's multiply-accumulates are its number
    of positions times its number of weights, including zeros.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    >>> positions(net, torch.zeros(1, 1, 4, 4))
    [4, 1]
    """
    net = copy_net(net)  # some models store tensors of a forward pass
    used = dict.fromkeys(prunable(net).values(), 0)

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        used[layer] += output.numel() // len(layer.weight)  # type: ignore[index, arg-type]

    with layer_hooks(net, count), torch.inference_mode():
        net(example[:1])
    return list(used.values())


def macs(net: nn.Module, example: Tensor) -> int:
    """Count the multiply-accumulates of Conv2d and Linear layers for one image.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    >>> macs(net, torch.zeros(1, 1, 4, 4))
    96
    """
    layers = prunable(net).values()
    used = positions(net, example)
    return sum(layer.weight.numel() * n for layer, n in zip(layers, used, strict=True))


def names_of_some_images(net: nn.Module, images: Tensor) -> str:
    """List the layers that run for some images and not for others; empty if there are none."""
    layers = prunable(net)
    used = [positions(net, image[None]) for image in images]
    counts = zip(*used, strict=True)
    return ", ".join(repr(n) for n, c in zip(layers, counts, strict=True) if len(set(c)) > 1)
