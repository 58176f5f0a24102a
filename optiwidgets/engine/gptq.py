"""GPTQ: rounding weights one input after the other, the rest making up for every error."""

from __future__ import annotations

import torch
from torch import Tensor

from optiwidgets.engine.quantize import Coded, choose_grid, from_codes, to_codes
from optiwidgets.engine.recipe import Recipe


def encode_gptq(weight: Tensor, mask: Tensor, recipe: Recipe, hessians: Tensor) -> Coded:
    """Codes for a float32 weight (O I H W or O I), on the grid that nearest rounding would use.

    Inputs are taken in order of their strength, the strongest first ("act order"). Of each, all
    outputs' weights get their nearest code (pruned ones 0), and what that missed is spread over the
    inputs that are still to come, as the inverse Hessian says.

    Parameters
    ----------
    weight, mask
        The weights, and True where one was kept.
    recipe
        1 to 8 bits, no codebook.
    hessians
        (G, I, I): damped second moments of the inputs of each of the layer's G groups.

    Notes
    -----
    Source: E. Frantar et al., "GPTQ: accurate post-training quantization for generative pre-trained
    transformers", ICLR 2023, algorithm 1 and section 3.

    Examples
    --------
    >>> weight, mask = torch.tensor([[1.0, 0.4, 0.4]]), torch.ones(1, 3, dtype=torch.bool)
    >>> moments = torch.tensor([[[9.0, 0.0, 0.0], [0.0, 1.0, 0.99], [0.0, 0.99, 1.0]]])
    >>> coded = encode_gptq(weight, mask, Recipe(bits=2), moments)  # two inputs nearly alike
    >>> coded.codes.tolist()
    [[1, 0, 1]]
    """
    scale, zero_point = choose_grid(weight, mask, recipe)
    rows, kept = weight.flatten(1).clone(), mask.flatten(1)
    codes = torch.zeros_like(rows)
    for outputs, hessian in zip(
        torch.arange(len(rows)).chunk(len(hessians)), hessians, strict=True
    ):
        own = slice(int(outputs[0]), int(outputs[-1]) + 1)
        scales = scale if len(scale) == 1 else scale[own]
        zeros = zero_point if len(zero_point) == 1 else zero_point[own]
        codes[own] = _round_group(rows[own], kept[own], hessian, scales, zeros, recipe)
    return from_codes(codes.view(weight.shape), mask, scale, zero_point, recipe)


def _round_group(
    rows: Tensor, kept: Tensor, hessian: Tensor, scale: Tensor, zero_point: Tensor, recipe: Recipe
) -> Tensor:
    """Codes (O, I) of the outputs of one group."""
    order = hessian.diagonal().argsort(descending=True)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(hessian[order][:, order]))
    spread = torch.linalg.cholesky(inverse).mT  # upper: what is to come, given what was rounded
    rows, kept, codes = rows[:, order], kept[:, order], torch.empty_like(rows)
    for place in range(len(order)):
        column = rows[:, place]
        shape = (1, -1) if len(scale) == 1 else (-1, 1)
        code = to_codes(column.view(shape), scale, zero_point, recipe)
        value = ((code - zero_point[:, None]) * scale[:, None]).flatten()
        missed = torch.where(kept[:, place], column - value, column)
        codes[:, place] = code.flatten()
        rows[:, place:] -= torch.outer(missed / spread[place, place], spread[place, place:])
    return torch.empty_like(codes).scatter_(1, order.expand_as(codes), codes)
