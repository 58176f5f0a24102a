"""Pruning: scores -> who goes first -> masks.

A score says how much a weight matters. Ranking the scores once turns every later sparsity into one
comparison: the ``k`` lowest ranks go. Equal scores are broken by index, so that the promised number
of weights goes, never more (a threshold would take all of a tie).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from optiwidgets.engine.recipe import N_OF_M


def pruned_count(sparsity: float, total: int) -> int:
    """How many of ``total`` go at ``sparsity`` (0..1): the nearest whole number, halves up.

    Examples
    --------
    >>> pruned_count(0.5, 5), pruned_count(0.9, 25034)
    (3, 22531)
    """
    return int(sparsity * total + 0.5)


def magnitude(weights: Sequence[Tensor]) -> list[Tensor]:
    """|w|.

    Source: S. Han et al., "Learning both weights and connections for efficient neural networks",
    NeurIPS 2015, section 3.

    Examples
    --------
    >>> magnitude([torch.tensor([[-3.0, 2.0]])])
    [tensor([[3., 2.]])]
    """
    return [w.abs() for w in weights]


def at_random(shapes: Sequence[Sequence[int]], seed: int) -> list[Tensor]:
    """Random numbers, a control: they depend on the seed and the place alone, so masks nest.

    Examples
    --------
    >>> at_random([(1, 2)], 0)[0].equal(at_random([(1, 2), (3,)], 0)[0])
    True
    """
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(*shape, generator=generator) for shape in shapes]


def lamp(weights: Sequence[Tensor]) -> list[Tensor]:
    """w^2 over the sum of all w^2 of its layer that are no smaller: comparable between layers.

    A layer's largest weight scores 1, so no layer is emptied. Of equal weights the lower index is
    taken for the smaller one.

    Source: J. Lee et al., "Layer-adaptive sparsity for the magnitude-based pruning", ICLR 2021,
    equation 4.

    Examples
    --------
    >>> lamp([torch.tensor([[3.0, -1.0]]), torch.tensor([[0.1, 0.1]])])
    [tensor([[1.0000, 0.1000]]), tensor([[0.5000, 1.0000]])]
    """
    return [_share_of_the_rest(w.square()) for w in weights]


def wanda(weights: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    """|w| times the root mean square of the input it multiplies.

    Compared over all layers or within one, as the recipe says; the paper compares the weights of
    one output.

    Parameters
    ----------
    weights
        O I H W or O I each.
    inputs
        For every layer the mean square of each input, in the shape of one row of the weight.

    Notes
    -----
    Source: M. Sun et al., "A simple and effective pruning approach for large language models",
    ICLR 2024, equation 1.

    Examples
    --------
    >>> wanda([torch.tensor([[-3.0, 2.0]])], [torch.tensor([1.0, 16.0])])
    [tensor([[3., 8.]])]
    """
    return [w.abs() * x.sqrt() for w, x in zip(weights, inputs, strict=True)]


def fisher(weights: Sequence[Tensor], gradients: Sequence[Tensor]) -> list[Tensor]:
    """w^2 times the mean square of the loss's gradient: what the loss would rise by, roughly.

    Source: L. Theis et al., "Faster gaze prediction with dense networks and Fisher pruning",
    arXiv:1801.05787, equation 6.

    Examples
    --------
    >>> fisher([torch.tensor([[-3.0, 2.0]])], [torch.tensor([[1.0, 4.0]])])
    [tensor([[ 9., 16.]])]
    """
    return [w.square() * g for w, g in zip(weights, gradients, strict=True)]


def obs(weights: Sequence[Tensor], inverses: Sequence[Tensor]) -> list[Tensor]:
    """w^2 over the inverse Hessian's diagonal: the error left when the others make up for it.

    Brought to one measure between layers as in ``lamp``.

    Parameters
    ----------
    weights
        O I H W or O I each.
    inverses
        For every layer the diagonal of the inverse of its inputs' second moments, in the shape of
        one row of the weight.

    Notes
    -----
    Source: B. Hassibi, D. Stork, "Second order derivatives for network pruning: optimal brain
    surgeon", NeurIPS 1992, equation 5.

    Examples
    --------
    >>> obs([torch.tensor([[3.0, -2.0]])], [torch.tensor([9.0, 1.0])])
    [tensor([[0.2000, 1.0000]])]
    """
    return [_share_of_the_rest(w.square() / d) for w, d in zip(weights, inverses, strict=True)]


def channel_scores(weights: Sequence[Tensor], score: str) -> list[Tensor]:
    """One score an output channel, (O,) a layer: the filter's sum of |w| (L1), or L2 norm.

    Source: H. Li et al., "Pruning filters for efficient ConvNets", ICLR 2017, section 3.1.

    Examples
    --------
    >>> filters = [torch.tensor([[-3.0, 4.0], [1.0, 1.0]])]
    >>> channel_scores(filters, "magnitude"), channel_scores(filters, "l2")
    ([tensor([7., 2.])], [tensor([5.0000, 1.4142])])
    """
    order = 1 if score == "magnitude" else 2
    return [w.flatten(1).norm(order, dim=1) for w in weights]


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
    """Mask that keeps the ``n`` best of every ``m`` neighbouring inputs, O I H W or O I.

    Neighbours are input channels at the same place of the kernel, as hardware that has use for such
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


def _share_of_the_rest(values: Tensor) -> Tensor:
    """Every value over the sum of itself and all that rank above it, in the values' shape."""
    ascending, order = values.flatten().sort(stable=True)
    rest = ascending.double().flip(0).cumsum(0).flip(0)
    shares = torch.empty_like(ascending)
    shares[order] = (ascending / rest.clamp(min=torch.finfo(torch.float32).tiny)).float()
    return shares.view(values.shape)


def _keep_best(rows: Tensor, count: int) -> Tensor:
    """Mask of the ``count`` greatest of every row (R, m); of equal ones the higher index stays."""
    order = rows.argsort(dim=1, stable=True)
    return torch.zeros_like(rows, dtype=torch.bool).scatter_(
        1, order[:, rows.shape[1] - count :], True
    )
