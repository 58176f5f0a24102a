"""Application of masks to weights."""

from __future__ import annotations

import torch
from torch import Tensor

INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by size in bytes


def apply_mask(weight: Tensor, mask: Tensor) -> Tensor:
    """Set the weights outside a mask to 0 in a copy, including nan and inf.

    The weights are multiplied by 0 or 1 as integers, several times faster than ``torch.where``.

    Examples
    --------
    >>> apply_mask(torch.tensor([-1.5, -2.0, float("inf")]), torch.tensor([True, False, False]))
    tensor([-1.5000,  0.0000,  0.0000])
    """
    return weight.view(INTEGERS[weight.itemsize]).mul(mask).view(weight.dtype)
