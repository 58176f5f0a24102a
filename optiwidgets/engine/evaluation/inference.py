"""Inference of a torch model on batches of images, on two worker threads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from optiwidgets.engine.execution.worker_pool import each


def evaluate(net: nn.Module, batches: Sequence[Tensor]) -> Tensor:
    """Compute the scores before softmax (N, K) of all batches, in order.

    Weights and images are brought into channels_last order: mixed orders run three times slower.

    Examples
    --------
    >>> evaluate(nn.Flatten(), [torch.zeros(2, 1, 1, 3), torch.ones(1, 1, 1, 3)]).shape
    torch.Size([3, 3])
    """
    net = net.to(memory_format=torch.channels_last)

    def forward(batch: Tensor) -> Tensor:
        with torch.inference_mode():  # entered in the worker: it is a thread's own
            scores: Tensor = net(batch.contiguous(memory_format=torch.channels_last))
            return scores

    return torch.cat(each(forward, batches))
