"""Activation ranges: lowest and highest input of each layer on the calibration images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from optiwidgets.engine.models.copying import copy_net
from optiwidgets.engine.models.layers import layer_hooks, prunable

Range = tuple[float, float]


def calibrate(net: nn.Module, images: Tensor) -> dict[str, Range]:
    """Compute the lowest and highest input of every Conv2d and Linear layer on images N C H W.

    Every range is extended to contain 0, so that padding and ReLU's zeros are exact.

    Examples
    --------
    >>> import torch
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(2, 1), nn.ReLU())
    >>> calibrate(net, torch.tensor([[0.5, 2.0], [1.0, 1.5]]).view(2, 1, 1, 2))
    {'1': (0.0, 2.0)}
    """
    net = copy_net(net)  # otherwise copies made by other threads would include the hooks
    names: dict[nn.Module, str] = {layer: name for name, layer in prunable(net).items()}
    ranges: dict[str, Range] = dict.fromkeys(names.values(), (0.0, 0.0))

    def observe(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        low, high = ranges[names[layer]]
        least, most = inputs[0].aminmax()
        ranges[names[layer]] = min(low, least.item()), max(high, most.item())

    with layer_hooks(net, observe), torch.inference_mode():
        for batch in images.split(64):
            net(batch)
    return ranges
