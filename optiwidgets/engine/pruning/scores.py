"""Pruning scores: magnitude, LAMP, random, WANDA, Fisher, OBS, and those of channels.

A layer that a BatchNorm follows can be written in two ways: as trained, or folded, each output's
row times the BatchNorm's factor. Both compute the same, and weights rank differently in them. Each
function says which of the two it is given.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def magnitude(weights: Sequence[Tensor]) -> list[Tensor]:
    """Score weights by |w|.

    Of the weights as trained, since that is what the paper and ``torch.nn.utils.prune`` rank;
    ``"magnitude-folded"`` gives it the folded ones, in which a filter's scale, which BatchNorm
    held, counts too.

    Source: S. Han et al., "Learning both weights and connections for efficient neural networks",
    NeurIPS 2015, section 3.

    Examples
    --------
    >>> magnitude([torch.tensor([[-3.0, 2.0]])])
    [tensor([[3., 2.]])]
    """
    return [w.abs() for w in weights]


def at_random(shapes: Sequence[Sequence[int]], seed: int) -> list[Tensor]:
    """Draw random scores, a control: they depend on seed and index alone, so masks nest.

    Examples
    --------
    >>> at_random([(1, 2)], 0)[0].equal(at_random([(1, 2), (3,)], 0)[0])
    True
    """
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(*shape, generator=generator) for shape in shapes]


def lamp(weights: Sequence[Tensor]) -> list[Tensor]:
    """Score by w^2 over the sum of all w^2 of the layer that are no smaller: layers compare.

    A layer's largest weight scores 1, so no layer is emptied. Of equal weights the lower index is
    taken for the smaller one. Of the weights as trained, as in the paper; ``"lamp-folded"`` gives
    it the folded ones.

    Source: J. Lee et al., "Layer-adaptive sparsity for the magnitude-based pruning", ICLR 2021,
    equation 4.

    Examples
    --------
    >>> lamp([torch.tensor([[3.0, -1.0]]), torch.tensor([[0.1, 0.1]])])
    [tensor([[1.0000, 0.1000]]), tensor([[0.5000, 1.0000]])]
    """
    return [_normalize_by_tail_sum(w.square()) for w in weights]


def wanda(weights: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    """Score weights by |w| times the root mean square of the input.

    Compared over all layers or within one, as the recipe says; the paper compares the weights of
    one output, whose order is the same in both writings. Outputs and layers are compared by the
    folded weights: the score says how far an output moves, and what reads it does so after its
    BatchNorm.

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
    """Score by w^2 times the mean square of the loss's gradient: roughly the rise of the loss.

    Of the folded weights, in which the gradient is computed. The writing does not matter: where a
    factor multiplies a weight, it divides its gradient.

    Source: L. Theis et al., "Faster gaze prediction with dense networks and Fisher pruning",
    arXiv:1801.05787, equation 6.

    Examples
    --------
    >>> fisher([torch.tensor([[-3.0, 2.0]])], [torch.tensor([[1.0, 4.0]])])
    [tensor([[ 9., 16.]])]
    """
    return [w.square() * g for w, g in zip(weights, gradients, strict=True)]


def obs(weights: Sequence[Tensor], inverses: Sequence[Tensor]) -> list[Tensor]:
    """Score by w^2 over the inverse Hessian's diagonal: the error after the others are refitted.

    Normalized by layer as in ``lamp``, so that layers compare. Of the folded weights: the error is
    that of an output after its BatchNorm, as the next layer reads it, and refitting works on them
    too.

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
    return [_normalize_by_tail_sum(w.square() / d) for w, d in zip(weights, inverses, strict=True)]


def channel_scores(weights: Sequence[Tensor], score: str) -> list[Tensor]:
    """Score output channels, (O,) a layer, by the filter's sum of |w| (L1), or its L2 norm.

    Of the filters as trained, as in the paper. (``"bn-scale"`` takes the BatchNorm's own scale and
    looks at no filter; ``"activation"`` what comes out after the BatchNorm.)

    Source: H. Li et al., "Pruning filters for efficient ConvNets", ICLR 2017, section 3.1.

    Examples
    --------
    >>> filters = [torch.tensor([[-3.0, 4.0], [1.0, 1.0]])]
    >>> channel_scores(filters, "magnitude"), channel_scores(filters, "l2")
    ([tensor([7., 2.])], [tensor([5.0000, 1.4142])])
    """
    order = 1 if score == "magnitude" else 2
    return [w.flatten(1).norm(order, dim=1) for w in weights]


def _normalize_by_tail_sum(values: Tensor) -> Tensor:
    """Divide each value by the sum of itself and all that rank above it, in the values' shape."""
    ascending, order = values.flatten().sort(stable=True)
    rest = ascending.double().flip(0).cumsum(0).flip(0)
    shares = torch.empty_like(ascending)
    shares[order] = (ascending / rest.clamp(min=torch.finfo(torch.float32).tiny)).float()
    return shares.view(values.shape)
