"""GPTQ: rounding weights one input after the other, the rest making up for every error."""

from __future__ import annotations

import torch
from torch import Tensor

from optiwidgets.engine.calibration.statistics import Layer, damped
from optiwidgets.engine.quantization.weights import (
    QuantizedWeight,
    choose_qparams,
    from_codes,
    to_codes,
)
from optiwidgets.engine.types.recipe import Recipe

DAMPING = 0.1  # ten times that of a refit: coarse codes push the weights left far off


def encode_gptq(layer: Layer, mask: Tensor, recipe: Recipe, moments: Tensor) -> QuantizedWeight:
    """Codes for a layer's weights, on the grid that nearest rounding would use.

    Inputs are taken in order of their strength, the strongest first ("act order"). Of each, all
    outputs' weights get their nearest code (pruned ones 0), and what that missed is spread over the
    inputs that are still to come, as the inverse Hessian says. The bias, the weight of an input
    that is always 1, comes last and is not rounded: it is changed in place.

    Parameters
    ----------
    layer
        Its weights are O I H W or O I, float32, and stay as they are.
    mask
        In the weight's shape, True where one was kept.
    recipe
        1 to 8 bits, no codebook.
    moments
        (G, I + 1, I + 1): second moments of the inputs of each of the layer's G groups, a column of
        ones at the end.

    Notes
    -----
    Source: E. Frantar et al., "GPTQ: accurate post-training quantization for generative pre-trained
    transformers", ICLR 2023, algorithm 1 and section 3.

    Examples
    --------
    >>> layer = torch.nn.Linear(3, 1, bias=False).requires_grad_(False)
    >>> _ = layer.weight.copy_(torch.tensor([[1.0, 0.4, 0.4]]))
    >>> inputs = torch.tensor([[3.0, 0.0, 0.0, 1.0], [0.0, 2.0, 2.0, 1.0]])  # the last two alike
    >>> coded = encode_gptq(layer, layer.weight > 0, Recipe(bits=2), (inputs.T @ inputs)[None])
    >>> coded.codes.tolist()
    [[1, 0, 1]]
    """
    scale, zero_point = choose_qparams(layer.weight, mask, recipe)
    bias = torch.empty(len(mask), 0) if layer.bias is None else layer.bias[:, None]
    rows, kept = torch.cat([layer.weight.flatten(1), bias], dim=1), mask.flatten(1)
    of_rows = (rows, kept, scale.expand(len(rows)), zero_point.expand(len(rows)))
    codes, left = [], []
    for own, w, k, s, z in zip(moments, *(t.chunk(len(moments)) for t in of_rows), strict=True):
        hessian = damped(own[: rows.shape[1], : rows.shape[1]], DAMPING)
        rounded = _round_group(hessian, w, k, s, z, recipe)
        codes.append(rounded[0])
        left.append(rounded[1])
    if layer.bias is not None:
        layer.bias.copy_(torch.cat(left).squeeze(1))
    return from_codes(torch.cat(codes).view(mask.shape), mask, scale, zero_point, recipe)


def _round_group(
    hessian: Tensor, rows: Tensor, kept: Tensor, scale: Tensor, zero_point: Tensor, recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """Codes (O, I) of the outputs of one group, and what became of the columns after them."""
    count = kept.shape[1]
    order = hessian.diagonal()[:count].argsort(descending=True)
    order = torch.cat([order, torch.arange(count, len(hessian))])
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(hessian[order][:, order]))
    spread = torch.linalg.cholesky(inverse).mT  # upper: what is to come, given what was rounded
    rows, codes = rows[:, order], torch.empty(kept.shape)
    steps = torch.where(scale > 0, scale, 1.0)  # where nothing is kept, nothing has a scale
    for place, column in enumerate(order[:count].tolist()):
        exact = rows[:, place]
        code = to_codes(exact[:, None], steps, zero_point, recipe).flatten()
        missed = exact - (code - zero_point) * scale * kept[:, column]
        codes[:, column] = code
        rows[:, place:] -= torch.outer(missed / spread[place, place], spread[place, place:])
    return codes, rows[:, count:]
