"""Inference of a torch model on batches of images, on two worker threads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from optiwidgets.engine.execution.worker_pool import each
from optiwidgets.engine.models.layers import class_logits, interface_of


def evaluate(net: nn.Module, batches: Sequence[Tensor]) -> Tensor:
    """Compute the scores before softmax (N, K) of all batches, in order.

    Weights and images are converted to channels_last if the model supports it: mixed memory formats
    are three times slower.

    Examples
    --------
    >>> evaluate(nn.Flatten(), [torch.zeros(2, 1, 1, 3), torch.ones(1, 1, 1, 3)]).shape
    torch.Size([3, 3])
    """
    channels_last = interface_of(net).channels_last
    order = torch.channels_last if channels_last else torch.contiguous_format
    net = net.to(memory_format=order)

    def forward(batch: Tensor) -> Tensor:
        with torch.inference_mode():  # entered in the worker: the mode is per thread
            return class_logits(net, batch.contiguous(memory_format=order))

    return torch.cat(each(forward, batches))
