"""Pruning masks, computed from pruning scores.

A score estimates the importance of a weight, and the ``k`` lowest are pruned. Ties are broken by
index, so that exactly the requested number of weights is pruned (a threshold would prune all
weights of a tie).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optiwidgets.engine.types.recipe import N_OF_M


def pruned_count(sparsity: float, total: int) -> int:
    """Compute the number pruned of ``total`` at ``sparsity`` (0..1), halves rounded up.

    Examples
    --------
    >>> pruned_count(0.5, 5), pruned_count(0.9, 25034)
    (3, 22531)
    """
    return int(sparsity * total + 0.5)


def rank(scores: Tensor) -> Tensor:
    """Rank scores in ascending order, in the scores' shape; ties: lower index first.

    Examples
    --------
    >>> rank(torch.tensor([[0.5, 0.1], [0.5, 0.3]]))
    tensor([[2, 0],
            [3, 1]])
    """
    order = scores.flatten().argsort(stable=True)
    ranks = torch.empty_like(order)
    ranks[order] = torch.arange(len(order))
    return ranks.view(scores.shape)


def keep_highest(
    scores: Sequence[Tensor], pruned: int, ascending: NDArray[np.float32] | None = None
) -> list[Tensor]:
    """Compute masks that prune the ``pruned`` lowest of all scores; ties: lower index first.

    Only the greatest pruned score is searched for, which is many times faster than a full ranking;
    nan is greater than any number.

    Parameters
    ----------
    scores
        Scores of each layer.
    pruned
        Number of weights to prune in all layers together.
    ascending
        All scores in ascending order, as ``sort_together`` returns them, if already computed.

    Examples
    --------
    >>> keep_highest([torch.tensor([[0.5, 0.1], [0.5, 0.3]])], 3)
    [tensor([[False, False],
            [ True, False]])]
    """
    if not pruned:
        return [torch.ones(s.shape, dtype=torch.bool) for s in scores]
    together = _together(scores)
    if ascending is None:
        ascending = np.partition(together, pruned - 1)
    last = ascending[pruned - 1]
    unordered = math.isnan(last)  # nan <= nan is False
    gone = np.ones(len(together), np.bool_) if unordered else together <= last
    if staying := np.count_nonzero(gone) - pruned:  # scores equal to the greatest pruned one
        tied = np.flatnonzero(np.isnan(together) if unordered else together == last)
        gone[tied[len(tied) - staying :]] = False
    kept = torch.from_numpy(np.logical_not(gone, out=gone)).split([s.numel() for s in scores])
    return [mask.view(s.shape) for mask, s in zip(kept, scores, strict=True)]


def sort_together(scores: Sequence[Tensor]) -> NDArray[np.float32]:
    """Sort the scores of all layers in ascending order, nan last.

    Examples
    --------
    >>> sort_together([torch.tensor([0.5, 0.1]), torch.tensor([0.3])])
    array([0.1, 0.3, 0.5], dtype=float32)
    """
    return np.sort(_together(scores))


def _together(scores: Sequence[Tensor]) -> NDArray[np.float32]:
    together: NDArray[np.float32] = torch.cat([s.flatten() for s in scores]).numpy()
    return together


def keep_masks(
    scores: Sequence[Tensor],
    pruning: str,
    sparsity: float,
    ascending: NDArray[np.float32] | None = None,
) -> list[Tensor]:
    """Compute masks, True where a weight is kept, from the scores of all layers.

    ``pruning`` is ``"global"``, ``"layer"``, or a pattern such as ``"2:4"``; ``ascending`` has the
    same meaning as in ``keep_highest``, and is only used for ``"global"``.

    Examples
    --------
    >>> keep_masks([torch.tensor([0.5, 0.1]), torch.tensor([0.3])], "global", 0.67)
    [tensor([ True, False]), tensor([False])]
    """
    if pruning in N_OF_M:
        return [keep_n_of_m(s, *map(int, pruning.split(":"))) for s in scores]
    if pruning != "global":
        return [keep_highest([s], pruned_count(sparsity, s.numel()))[0] for s in scores]
    return keep_highest(scores, pruned_count(sparsity, sum(s.numel() for s in scores)), ascending)


def keep_n_of_m(scores: Tensor, n: int, m: int) -> Tensor:
    """Compute the mask of the ``n`` best of every ``m`` neighbouring inputs, O I H W or O I.

    Neighbours are input channels at the same position of the kernel, as required by hardware with
    N:M support. If their number is not divisible by ``m``, the last, shorter group keeps its share,
    rounded up: a layer with one input channel is not pruned.

    Source: A. Mishra et al., "Accelerating sparse deep neural networks", arXiv:2104.08378,
    section 3.

    Examples
    --------
    >>> keep_n_of_m(torch.tensor([[4.0, 3.0, 2.0, 1.0, 9.0]]), 2, 4).int()
    tensor([[1, 1, 0, 0, 1]], dtype=torch.int32)
    """
    inputs_last = scores.movedim(1, -1)
    rows = inputs_last.flatten(0, -2)
    whole = rows.shape[1] // m * m
    groups = [rows[:, :whole].reshape(-1, m), rows[:, whole:]]
    first, last = (_keep_best(group, math.ceil(group.shape[1] * n / m)) for group in groups)
    kept = torch.cat([first.view(len(rows), whole), last], dim=1)
    return kept.view(inputs_last.shape).movedim(-1, 1)


def kept_channels(ranks: Tensor, sparsity: float) -> Tensor:
    """Return the indices of the kept output channels, ascending; at least one is always kept.

    Examples
    --------
    >>> kept_channels(torch.tensor([1, 3, 0, 2]), 0.5)
    tensor([1, 3])
    >>> kept_channels(torch.tensor([1, 3, 0, 2]), 0.99)
    tensor([1])
    """
    cut = min(pruned_count(sparsity, len(ranks)), len(ranks) - 1)
    return (ranks >= cut).nonzero().flatten()


def _keep_best(rows: Tensor, count: int) -> Tensor:
    """Mark the ``count`` greatest values of every row (R, m); ties: the higher index is kept."""
    order = rows.argsort(dim=1, stable=True)
    return torch.zeros_like(rows, dtype=torch.bool).scatter_(
        1, order[:, rows.shape[1] - count :], True
    )
