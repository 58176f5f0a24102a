"""Result of pruning one layer: the mask of its weights, and the channels that stayed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LayerCut:
    """Kept weights and channels of one layer after pruning.

    ``mask`` is in the weight's shape, True where a weight stayed. Where channels were removed,
    ``outputs`` are the indices of those that stayed, and ``columns`` those of the inputs, of the
    untouched layer's flattened rows, ``groups`` those of a grouped convolution's groups; None where
    all did.
    """

    mask: Tensor
    outputs: Tensor | None = None
    columns: Tensor | None = None
    groups: Tensor | None = None

    @property
    def with_bias(self) -> Tensor:
        """Indices of the columns that stayed, and of the last one: that of the bias."""
        assert self.columns is not None
        return torch.cat([self.columns, torch.tensor([-1])])

    def of_inputs(self, moments: Tensor) -> Tensor:
        """Select the inputs that stayed from the untouched layer's moments (G, I + 1, I + 1)."""
        if self.groups is not None:
            moments = moments[self.groups]
        if self.columns is None:
            return moments
        return moments[:, self.with_bias][:, :, self.with_bias]
