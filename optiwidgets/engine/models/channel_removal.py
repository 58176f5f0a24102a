"""Removal of output channels, and of the inputs that read them."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.models.tracing import Flow


def kept_columns(weight: Tensor, kept: Tensor, channels: int) -> Tensor:
    """Return the indices of a layer's inputs (rows I H W flattened) read from the kept channels.

    Behind a flatten every channel is a block of neighbouring inputs.

    Examples
    --------
    >>> kept_columns(torch.zeros(1, 6), torch.tensor([0, 2]), channels=3)
    tensor([0, 1, 4, 5])
    """
    block = weight[0].numel() // channels
    return (kept[:, None] * block + torch.arange(block)).flatten()


def remove_channels(model: nn.Module, keep: Mapping[str, Tensor], flow: Flow) -> nn.Module:
    """Copy a model without the output channels that ``keep`` leaves out and what read them.

    ``keep`` maps layer names to the ascending indices of the channels that stay; layers it does
    not name keep all.

    Examples
    --------
    >>> from optiwidgets.engine.models.tracing import channel_flow
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(8, 3))
    >>> small = remove_channels(net, {"0": torch.tensor([1])}, channel_flow(net))
    >>> small[0].weight.shape, small[2].weight.shape
    (torch.Size([1, 1, 1, 1]), torch.Size([3, 4]))
    """
    smaller = copy.deepcopy(model)
    original = prunable(model)
    for name, layer in prunable(smaller).items():
        if name in keep:
            _keep_outputs(layer, keep[name])
        reads = flow.feeds.get(name)
        if reads is not None and reads in keep:
            _keep_inputs(layer, keep[reads], len(original[reads].weight))
    for name, module in smaller.named_modules():
        reads = flow.feeds.get(name)
        if isinstance(module, _BatchNorm) and reads is not None and reads in keep:
            _keep_norm(module, keep[reads])
    return smaller


def _keep_outputs(layer: nn.Conv2d | nn.Linear, kept: Tensor) -> None:
    layer.weight = nn.Parameter(layer.weight[kept], requires_grad=False)
    if layer.bias is not None:
        layer.bias = nn.Parameter(layer.bias[kept], requires_grad=False)
    if isinstance(layer, nn.Conv2d):
        layer.out_channels = len(kept)
    else:
        layer.out_features = len(kept)


def _keep_inputs(layer: nn.Conv2d | nn.Linear, kept: Tensor, channels: int) -> None:
    columns = kept_columns(layer.weight, kept, channels)
    rows = layer.weight.flatten(1)[:, columns]
    if isinstance(layer, nn.Conv2d):
        rows = rows.unflatten(1, (len(kept), *layer.kernel_size))
        layer.in_channels = len(kept)
    else:
        layer.in_features = rows.shape[1]
    layer.weight = nn.Parameter(rows, requires_grad=False)


def _keep_norm(norm: _BatchNorm, kept: Tensor) -> None:
    for name, parameter in norm.named_parameters():
        setattr(norm, name, nn.Parameter(parameter[kept], requires_grad=False))
    for name, buffer in norm.named_buffers():
        if buffer.dim():
            setattr(norm, name, buffer[kept])
    norm.num_features = len(kept)
