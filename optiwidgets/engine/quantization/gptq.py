"""GPTQ: rounding of weights input by input; later weights compensate for rounding errors."""

from __future__ import annotations

import torch
from torch import Tensor

from optiwidgets.engine.calibration.layer_statistics import Layer, damped
from optiwidgets.engine.quantization.weights import (
    QuantizedWeight,
    choose_qparams,
    from_codes,
    to_codes,
)
from optiwidgets.engine.types.recipe import Recipe

DAMPING = 0.1  # ten times that of a refit: with few bits, later weights get large corrections


def encode_gptq(layer: Layer, mask: Tensor, recipe: Recipe, moments: Tensor) -> QuantizedWeight:
    """Quantize a layer's weights by GPTQ, with the same scale as for nearest rounding.

    Inputs are processed by descending second moment ("act order"). The weights of each input are
    rounded to their nearest code (pruned ones are 0), and the rounding error is distributed over
    the weights of later inputs by the inverse Hessian. The bias, the weight of an input that is
    always 1, comes last; it is not rounded, but updated in place.

    Parameters
    ----------
    layer
        Layer with float32 weights O I H W or O I, which are not changed.
    mask
        In the weight's shape, True where a weight is kept.
    recipe
        Recipe of 1 to 8 bits without a codebook.
    moments
        Second moments (G, I + 1, I + 1) of the inputs of each of the layer's G groups and a last
        column of ones.

    Notes
    -----
    Source: E. Frantar et al., "GPTQ: accurate post-training quantization for generative pre-trained
    transformers", ICLR 2023, algorithm 1 and section 3.

    Examples
    --------
    >>> layer = torch.nn.Linear(3, 1, bias=False).requires_grad_(False)
    >>> _ = layer.weight.copy_(torch.tensor([[1.0, 0.4, 0.4]]))
    >>> inputs = torch.tensor([[3.0, 0.0, 0.0, 1.0], [0.0, 2.0, 2.0, 1.0]])  # the last two alike
    >>> moments = (inputs.T @ inputs)[None]
    >>> encode_gptq(layer, layer.weight > 0, Recipe(bits=2), moments).codes.tolist()
    [[1, 0, 1]]
    """
    scale, zero_point = choose_qparams(layer.weight, mask, recipe)
    bias = torch.empty(len(mask), 0) if layer.bias is None else layer.bias[:, None]
    rows, kept = torch.cat([layer.weight.flatten(1), bias], dim=1), mask.flatten(1)
    per_row = (rows, kept, scale.expand(len(rows)), zero_point.expand(len(rows)))
    codes, biases = [], []
    for own, w, k, s, z in zip(moments, *(t.chunk(len(moments)) for t in per_row), strict=True):
        hessian = damped(own[: rows.shape[1], : rows.shape[1]], DAMPING)
        group_codes, group_bias = _round_group(hessian, w, k, s, z, recipe)
        codes.append(group_codes)
        biases.append(group_bias)
    if layer.bias is not None:
        layer.bias.copy_(torch.cat(biases).squeeze(1))
    return from_codes(torch.cat(codes).view(mask.shape), mask, scale, zero_point, recipe)


def _round_group(
    hessian: Tensor, rows: Tensor, kept: Tensor, scale: Tensor, zero_point: Tensor, recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """Round the weights of one group; return codes (O, I) and the compensated bias columns."""
    count = kept.shape[1]
    order = hessian.diagonal()[:count].argsort(descending=True)
    order = torch.cat([order, torch.arange(count, len(hessian))])
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(hessian[order][:, order]))
    factor = torch.linalg.cholesky(inverse).mT  # upper triangular: row i given columns before i
    rows, codes = rows[:, order], torch.empty(kept.shape)
    steps = torch.where(scale > 0, scale, 1.0)  # the scale is 0 if no weight is kept
    for index, column in enumerate(order[:count].tolist()):
        exact = rows[:, index]
        code = to_codes(exact[:, None], steps, zero_point, recipe).flatten()
        error = exact - (code - zero_point) * scale * kept[:, column]
        codes[:, column] = code
        rows[:, index:] -= torch.outer(error / factor[index, index], factor[index, index:])
    return codes, rows[:, count:]
