"""Comparison of every layer's weights before and after compression, and values of its codes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from optiwidgets.engine.pruning.layer_cut import LayerCut
from optiwidgets.engine.quantization.weights import QuantizedWeight
from optiwidgets.engine.types.measurements import LayerWeights
from optiwidgets.engine.types.recipe import Recipe


def compare_weights(
    weights: Mapping[str, Tensor],
    layers: Mapping[str, QuantizedWeight],
    cuts: Mapping[str, LayerCut],
    recipe: Recipe,
) -> tuple[LayerWeights, ...]:
    """Compare the untouched weights with the decoded ones, layer by layer.

    Parameters
    ----------
    weights
        Weights of the untouched model, by layer.
    layers, cuts
        Quantized weights of the optimized model, and the cuts made by pruning, by layer.
    recipe
        Recipe of the optimized model.

    Examples
    --------
    >>> weight = torch.tensor([[0.25, -1.0, 0.0, 0.5]])
    >>> mask = torch.tensor([[True, True, False, True]])
    >>> codes, scale = torch.tensor([[1, -3, 0, 1]]), torch.tensor([0.25])
    >>> coded = QuantizedWeight(codes, mask, 3, scale, torch.empty(0))
    >>> cuts = {"head": LayerCut(mask)}
    >>> (layer,) = compare_weights({"head": weight}, {"head": coded}, cuts, Recipe(bits=3))
    >>> layer.values.tolist(), layer.pruned, layer.distinct
    ([[-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75]], 1, 2)
    >>> layer.error  # (0.25 ** 2 + 0.25 ** 2) / 4
    0.03125
    """
    return tuple(
        _compare_layer(name, weights[name], coded, cuts[name], recipe)
        for name, coded in layers.items()
    )


def _compare_layer(
    name: str, before: Tensor, coded: QuantizedWeight, cut: LayerCut, recipe: Recipe
) -> LayerWeights:
    before, after = before.detach(), coded.decode()
    outputs, error = torch.arange(len(before)) if cut.outputs is None else cut.outputs, math.nan
    if recipe.recovery == "iterative" and recipe.pruning == "channel":
        outputs = torch.full(
            (len(after),), -1
        )  # the cuts are those of the last step, relative to the channels left by then
    else:
        error = float((_in_place(after, before, cut) - before).square().mean(dtype=torch.float64))
    values, places = representable_values(coded, recipe)
    return LayerWeights(
        name,
        coded.bits,
        before=before.numpy(),
        after=after.numpy(),
        kept=coded.mask.numpy(),
        values=values.numpy(),
        places=places.numpy(),
        outputs=outputs.numpy(),
        error=error,
    )


def _in_place(after: Tensor, before: Tensor, cut: LayerCut) -> Tensor:
    """Place the weights after at their indices before; removed channels become 0."""
    if after.shape == before.shape:
        return after
    whole = torch.zeros_like(before).flatten(1)
    rows = torch.arange(len(before)) if cut.outputs is None else cut.outputs
    columns = torch.arange(whole.shape[1]) if cut.columns is None else cut.columns
    whole[rows[:, None], columns] = after.flatten(1)
    return whole.view(before.shape)


def representable_values(coded: QuantizedWeight, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """List all values that a layer's codes can represent, and the index of each weight's value.

    Returns
    -------
    tuple
        Values (R, n), ascending, n = 0 for floats; indices into a row, in the weight's shape.

    Examples
    --------
    >>> codes = torch.tensor([[1, -1]], dtype=torch.int16)
    >>> coded = QuantizedWeight(codes, codes > 0, 1, torch.tensor([0.5]), torch.empty(0))
    >>> representable_values(coded, Recipe(bits=1))
    (tensor([[-0.5000,  0.5000]]), tensor([[1, 0]], dtype=torch.int16))
    """
    if coded.bits >= 16:
        return torch.empty(1, 0), torch.empty(0, dtype=torch.int16)
    if coded.centroids.numel():
        return coded.centroids[None], coded.codes.to(torch.int16)
    if coded.zero_point.numel():
        codes = torch.arange(2**coded.bits).float() - coded.zero_point.float()[:, None]
        return codes * coded.scale[:, None], coded.codes
    if coded.bits == 1:
        return torch.tensor([-1.0, 1.0]) * coded.scale[:, None], (coded.codes + 1) // 2
    top = 1 if recipe.scheme == "ternary" else 2 ** (coded.bits - 1) - 1
    return torch.arange(-top, top + 1).float() * coded.scale[:, None], coded.codes + top
