"""Pruning: scores -> who goes first -> masks.

A score says how much a weight matters. Ranking the scores once turns every later sparsity into one
comparison: the ``k`` lowest ranks go. Equal scores are broken by index, so that the promised number
of weights goes, never more (a threshold would take all of a tie).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def pruned_count(sparsity: float, total: int) -> int:
    """How many of ``total`` go at ``sparsity`` (0..1): the nearest whole number, halves up.

    Examples
    --------
    >>> pruned_count(0.5, 5), pruned_count(0.9, 25034)
    (3, 22531)
    """
    return int(sparsity * total + 0.5)


def weight_scores(weights: Sequence[Tensor], score: str, seed: int) -> list[Tensor]:
    """One score a weight, in the weights' shapes: |w|, or random numbers as a control.

    Random scores depend on the seed and the position alone, so that masks of one seed nest.

    Source: S. Han et al., "Learning both weights and connections for efficient neural networks",
    NeurIPS 2015, section 3 (magnitude).

    Examples
    --------
    >>> weight_scores([torch.tensor([[-3.0, 2.0]])], "magnitude", 0)
    [tensor([[3., 2.]])]
    """
    if score == "magnitude":
        return [w.abs() for w in weights]
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(w.shape, generator=generator) for w in weights]


def channel_scores(weights: Sequence[Tensor], score: str, seed: int) -> list[Tensor]:
    """One score an output channel, (O,) a layer: the filter's sum of |w|, or random numbers.

    Source: H. Li et al., "Pruning filters for efficient ConvNets", ICLR 2017, section 3.1.

    Examples
    --------
    >>> channel_scores([torch.tensor([[-3.0, 2.0], [1.0, 1.0]])], "magnitude", 0)
    [tensor([5., 2.])]
    """
    if score == "magnitude":
        return [w.abs().flatten(1).sum(1) for w in weights]
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(len(w), generator=generator) for w in weights]


def rank(scores: Tensor) -> Tensor:
    """Place of every score in ascending order, in the scores' shape; ties: lower index first.

    Examples
    --------
    >>> rank(torch.tensor([[0.5, 0.1], [0.5, 0.3]]))
    tensor([[2, 0],
            [3, 1]])
    """
    order = scores.flatten().argsort(stable=True)
    places = torch.empty_like(order)
    places[order] = torch.arange(len(order))
    return places.view(scores.shape)


def rank_together(scores: Sequence[Tensor]) -> list[Tensor]:
    """Ranks over all layers at once, in the layers' shapes.

    Examples
    --------
    >>> rank_together([torch.tensor([0.5, 0.1]), torch.tensor([0.3])])
    [tensor([2, 0]), tensor([1])]
    """
    places = rank(torch.cat([s.flatten() for s in scores]))
    parts = places.split([s.numel() for s in scores])
    return [part.view(s.shape) for part, s in zip(parts, scores, strict=True)]


def keep_masks(ranks: Sequence[Tensor], pruning: str, sparsity: float) -> list[Tensor]:
    """Boolean masks, True where a weight stays, from the ranks of ``rank`` or ``rank_together``.

    Examples
    --------
    >>> keep_masks([torch.tensor([2, 0]), torch.tensor([1])], "global", 0.67)
    [tensor([ True, False]), tensor([False])]
    """
    total = sum(r.numel() for r in ranks)
    cuts = [pruned_count(sparsity, total if pruning == "global" else r.numel()) for r in ranks]
    return [r >= cut for r, cut in zip(ranks, cuts, strict=True)]


def kept_channels(ranks: Tensor, sparsity: float) -> Tensor:
    """Indices of the output channels that stay, ascending; at least one always does.

    Examples
    --------
    >>> kept_channels(torch.tensor([1, 3, 0, 2]), 0.5)
    tensor([1, 3])
    >>> kept_channels(torch.tensor([1, 3, 0, 2]), 0.99)
    tensor([1])
    """
    cut = min(pruned_count(sparsity, len(ranks)), len(ranks) - 1)
    return (ranks >= cut).nonzero().flatten()
