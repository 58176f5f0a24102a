"""Result of pruning one layer: mask of its weights, and kept channels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LayerCut:
    """Kept weights and channels of one layer after pruning.

    ``mask`` is in the weight's shape, True where a weight is kept. If channels were removed,
    ``outputs`` are the indices of the kept outputs, ``columns`` the indices of the kept inputs in
    the baseline layer's flattened rows, and ``groups`` the indices of the kept groups of a grouped
    convolution. Each is None if all are kept.
    """

    mask: Tensor
    outputs: Tensor | None = None
    columns: Tensor | None = None
    groups: Tensor | None = None

    @property
    def with_bias(self) -> Tensor:
        """Indices of the kept columns, and of the last column, the bias."""
        assert self.columns is not None
        return torch.cat([self.columns, torch.tensor([-1])])

    def of_inputs(self, moments: Tensor) -> Tensor:
        """Select the kept inputs from the baseline layer's moments (G, I + 1, I + 1)."""
        if self.groups is not None:
            moments = moments[self.groups]
        if self.columns is None:
            return moments
        return moments[:, self.with_bias][:, :, self.with_bias]
