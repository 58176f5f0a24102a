"""Pruning scores: magnitude, LAMP, random, WANDA, Fisher, OBS, and channel scores.

A layer followed by a BatchNorm has two equivalent forms: trained weights, and folded weights, where
each output's row is multiplied by the BatchNorm's factor. Both give the same outputs, but the
weights rank differently. Each docstring names the form that the function gets.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def magnitude(weights: Sequence[Tensor]) -> list[Tensor]:
    """Score weights by magnitude, |w|.

    ``"magnitude"`` uses the trained weights, as in the paper and in ``torch.nn.utils.prune``;
    ``"magnitude-folded"`` uses the folded weights, which include the BatchNorm scale of a filter.

    Source: S. Han et al., "Learning both weights and connections for efficient neural networks",
    NeurIPS 2015, section 3.

    Examples
    --------
    >>> magnitude([torch.tensor([[-3.0, 2.0]])])
    [tensor([[3., 2.]])]
    """
    return [w.abs() for w in weights]


def at_random(shapes: Sequence[Sequence[int]], seed: int) -> list[Tensor]:
    """Draw random scores as a control; they only depend on seed and index, so masks are nested.

    Examples
    --------
    >>> at_random([(1, 2)], 0)[0].equal(at_random([(1, 2), (3,)], 0)[0])
    True
    """
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(*shape, generator=generator) for shape in shapes]


def lamp(weights: Sequence[Tensor]) -> list[Tensor]:
    """Score weights by LAMP: w^2 over the sum of all w^2 of the layer that are not smaller.

    Scores of different layers are comparable. A layer's largest weight scores 1, so no layer is
    pruned completely. Of equal weights, the lower index counts as smaller. ``"lamp"`` uses the
    trained weights, as in the paper; ``"lamp-folded"`` uses the folded weights.

    Source: J. Lee et al., "Layer-adaptive sparsity for the magnitude-based pruning", ICLR 2021,
    equation 4.

    Examples
    --------
    >>> lamp([torch.tensor([[3.0, -1.0]]), torch.tensor([[0.1, 0.1]])])
    [tensor([[1.0000, 0.1000]]), tensor([[0.5000, 1.0000]])]
    """
    return [_normalize_by_tail_sum(w.square()) for w in weights]


def wanda(weights: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    """Score weights by WANDA: |w| times the root mean square of the input.

    Scores are ranked over all layers or within one, depending on the recipe. The paper ranks only
    the weights of one output, whose order is the same for trained and folded weights. The folded
    weights are used here, because the score estimates the change of an output after its BatchNorm,
    as the next layer gets it.

    Parameters
    ----------
    weights
        Folded weights of every layer, O I H W or O I.
    inputs
        Mean square of each input of every layer, in the shape of the weight or of one row of it.

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
    """Score weights by w^2 times the mean square of the loss gradient: an estimated loss increase.

    The folded weights are used, for which the gradient is computed. Trained weights give the same
    scores: a factor that multiplies a weight divides its gradient.

    Source: L. Theis et al., "Faster gaze prediction with dense networks and Fisher pruning",
    arXiv:1801.05787, equation 6.

    Examples
    --------
    >>> fisher([torch.tensor([[-3.0, 2.0]])], [torch.tensor([[1.0, 4.0]])])
    [tensor([[ 9., 16.]])]
    """
    return [w.square() * g for w, g in zip(weights, gradients, strict=True)]


def obs(weights: Sequence[Tensor], inverses: Sequence[Tensor]) -> list[Tensor]:
    """Score weights by OBS: w^2 over the inverse Hessian's diagonal.

    This is the error after the other weights are refitted. It is normalized by layer as in
    ``lamp``, so that scores of different layers are comparable. The folded weights are used: the
    error is that of an output after its BatchNorm, as the next layer gets it, and recovery refits
    folded weights too.

    Parameters
    ----------
    weights
        Folded weights of every layer, O I H W or O I.
    inverses
        Diagonal of the inverse of every layer's second moments, in the shape of the weight or of
        one row of it.

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
    """Score output channels, (O,) a layer, by the L1 norm or the L2 norm of their filter.

    The trained filters are used, as in the paper. (Of the other channel scores, ``"bn-scale"`` uses
    the scale of the BatchNorm, and ``"activation"`` the outputs after the BatchNorm.)

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
    """Divide each value by the sum of itself and all values ranked above it; keep the shape."""
    ascending, order = values.flatten().sort(stable=True)
    rest = ascending.double().flip(0).cumsum(0).flip(0)
    shares = torch.empty_like(ascending)
    shares[order] = (ascending / rest.clamp(min=torch.finfo(torch.float32).tiny)).float()
    return shares.view(values.shape)
