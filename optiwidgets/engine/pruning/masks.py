"""Pruning masks: scores -> ranks -> masks.

A score says how much a weight matters. Ranking the scores once turns every later sparsity into one
comparison: the ``k`` lowest ranks are pruned. Ties are broken by index, so that exactly the
promised number of weights is pruned (a threshold would prune all of a tie).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from optiwidgets.engine.types.recipe import N_OF_M


def pruned_count(sparsity: float, total: int) -> int:
    """Compute how many of ``total`` are pruned at ``sparsity`` (0..1), halves rounded up.

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


def rank_together(scores: Sequence[Tensor]) -> list[Tensor]:
    """Rank scores over all layers at once, in the layers' shapes.

    Examples
    --------
    >>> rank_together([torch.tensor([0.5, 0.1]), torch.tensor([0.3])])
    [tensor([2, 0]), tensor([1])]
    """
    ranks = rank(torch.cat([s.flatten() for s in scores]))
    parts = ranks.split([s.numel() for s in scores])
    return [part.view(s.shape) for part, s in zip(parts, scores, strict=True)]


def keep_masks(ranks: Sequence[Tensor], pruning: str, sparsity: float) -> list[Tensor]:
    """Make masks, True where a weight stays, from the ranks of ``rank`` or ``rank_together``.

    ``pruning`` is ``"global"``, ``"layer"``, or a pattern such as ``"2:4"``.

    Examples
    --------
    >>> keep_masks([torch.tensor([2, 0]), torch.tensor([1])], "global", 0.67)
    [tensor([ True, False]), tensor([False])]
    """
    if pruning in N_OF_M:
        return [keep_n_of_m(r, *map(int, pruning.split(":"))) for r in ranks]
    total = sum(r.numel() for r in ranks)
    cuts = [pruned_count(sparsity, total if pruning == "global" else r.numel()) for r in ranks]
    return [r >= cut for r, cut in zip(ranks, cuts, strict=True)]


def keep_n_of_m(scores: Tensor, n: int, m: int) -> Tensor:
    """Make the mask that keeps the ``n`` best of every ``m`` neighbouring inputs, O I H W or O I.

    Neighbours are input channels at the same position of the kernel, as hardware that supports such
    a pattern wants it. Where their number is not divisible by ``m`` the last, shorter group keeps
    its share, rounded up: a layer that reads one channel stays as it is.

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
    """Return the indices of the output channels that stay, ascending; at least one always does.

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
    """Mark the ``count`` greatest of every row (R, m); of equal ones the higher index stays."""
    order = rows.argsort(dim=1, stable=True)
    return torch.zeros_like(rows, dtype=torch.bool).scatter_(
        1, order[:, rows.shape[1] - count :], True
    )
