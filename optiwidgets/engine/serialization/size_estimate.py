"""Estimate of a packed file's parts from a sample of the codes, fast enough while dragging."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.models.layers import other_parameters
from optiwidgets.engine.quantization.weights import QuantizedWeight
from optiwidgets.engine.serialization.bit_packing import packed_length
from optiwidgets.engine.serialization.encodings import to_symbols
from optiwidgets.engine.serialization.writer import CHECKSUM, FRAME, PARTS, Packable, header_bytes

MOST_SAMPLED = 2**14  # codes per layer


def estimate_parts(model: Packable) -> tuple[dict[str, int], dict[str, float]]:
    """Estimate the bytes by part and by layer, which ``writer.weigh`` computes exactly.

    Codes and positions count with their order-0 entropy, estimated from evenly spaced codes of
    each layer, or with the size of a plain encoding if that is smaller. The tables of the entropy
    coder are left out; scales, codebooks and biases are exact.

    Examples
    --------
    >>> import torch; from torch import nn
    >>> from optiwidgets.engine.quantization.weights import encode
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> net, recipe = nn.Sequential(nn.Linear(100, 80)), Recipe(bits=8)
    >>> coded = encode(net[0].weight.detach(), torch.ones(80, 100) > 0, recipe)
    >>> parts, layers = estimate_parts(Packable(recipe, net, {"0": coded}, ["a"], None))
    >>> parts["scales"], parts["biases"], 7000 < parts["codes"] <= 8000
    (4, 320, True)
    """
    parts = dict.fromkeys(PARTS, 0.0)
    layers: dict[str, float] = {}
    for name, layer in model.layers.items():
        codes, positions = _estimate_layer(layer)
        scales = 4 * layer.scale.numel() + layer.zero_point.numel()
        tables = 1 + 4 * layer.centroids.numel() if layer.centroids.numel() else 0
        for part, size in zip(PARTS, (codes, positions, scales, tables), strict=False):
            parts[part] += size
        layers[name] = codes + positions + scales + tables
    parts["scales"] += 8 * len(model.ranges)
    others = other_parameters(model.net).values()
    parts["biases"] = sum(tensor.numel() * tensor.element_size() for tensor in others)
    parts["header"] = FRAME.size + header_bytes(model) + CHECKSUM.size
    return {name: round(size) for name, size in parts.items()}, layers


def _estimate_layer(layer: QuantizedWeight) -> tuple[float, float]:
    """Estimate the bytes of a layer's codes and of its positions in its smallest encoding."""
    total = layer.codes.numel()
    symbols = to_symbols(_sample(layer))
    kept = np.count_nonzero(symbols) / symbols.size
    if layer.bits >= 16:
        kept = np.count_nonzero(layer.mask.numpy()) / total
        of_values = float(layer.bits)
    else:
        of_values = _entropy(np.unique(symbols[symbols != 0], return_counts=True)[1])
    position_bits = _entropy(np.array([kept, 1 - kept]))
    plain = packed_length(total, layer.bits)
    pruned = kept < 1 and (layer.bits == 1 or layer.centroids.numel())  # no code for zero
    choices = [
        (total * kept * of_values / 8, total * position_bits / 8),
        (total * kept * layer.bits / 8, total / 8),
        *([] if pruned else [(float(plain), 0.0)]),
    ]
    return min(choices, key=sum)


def _sample(layer: QuantizedWeight) -> QuantizedWeight:
    """Sample evenly spaced rows and columns of a layer's codes, at most a bounded number."""
    codes, mask = layer.codes.flatten(1), layer.mask.flatten(1)
    rows = 1 + len(codes) // 128
    columns = 1 + codes[::rows].numel() // MOST_SAMPLED
    zero_point = layer.zero_point
    if len(zero_point) > 1:
        zero_point = zero_point[::rows]
    return replace(
        layer,
        codes=codes[::rows, ::columns].contiguous(),
        mask=mask[::rows, ::columns].contiguous(),
        zero_point=zero_point,
    )


def _entropy(counts: NDArray[Any]) -> float:
    """Compute the Shannon entropy of counts, in bits per item."""
    shares = counts[counts > 0] / max(counts.sum(), 1e-300)
    return float(-(shares * np.log2(shares)).sum())
