"""Size breakdown: steps from raw bytes to the file, an entropy estimate, and tutorials' size."""

from __future__ import annotations

import zlib

import numpy as np
from torch import nn

from optiwidgets.engine.models.layers import other_parameters
from optiwidgets.engine.quantization.weights import QuantizedWeight
from optiwidgets.engine.serialization.bit_packing import packed_length
from optiwidgets.engine.serialization.encodings import ENTROPY, to_symbols
from optiwidgets.engine.serialization.symbol_models import Integers
from optiwidgets.engine.serialization.writer import Packable, packed_parts
from optiwidgets.engine.types.measurements import Reconciliation, Step
from optiwidgets.texts import text


def reconcile(model: Packable, untouched: nn.Module) -> Reconciliation:
    """List the steps from four bytes a parameter to the bytes of the file.

    The first step counts every parameter of the untouched model. If channels were removed, the
    next step is the smaller model. The next steps count only non-zero weights: as floats, at their
    bit-width, and with a bitmask of positions for every layer that has zeros. Biases are floats in
    all steps. Scales and codebooks, then the header, are added. "entropy coded" is the file with
    every layer entropy-coded; "the file" has the length of the file that is written.

    Examples
    --------
    >>> import torch
    >>> from optiwidgets.engine.quantization.weights import encode
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> net = nn.Sequential(nn.Linear(100, 8))
    >>> _ = nn.init.constant_(net[0].weight, 0.5)
    >>> quantized = encode(net[0].weight.detach(), torch.eye(8, 100) > 0, Recipe(bits=4))
    >>> model = Packable(Recipe(bits=4), net, {"0": quantized}, ["a"], None)
    >>> for step in reconcile(model, untouched=net).steps[:4]:
    ...     print(f"{step.bytes:5} {step.name}")
     3232 raw fp32
       64 non-zero weights only
       36 at 4 bits
      136 + positions
    """
    steps = _steps(model, _raw_bytes(untouched))
    return Reconciliation(steps, estimate_bytes(model), tutorial_bytes(model))


def _steps(model: Packable, raw: int) -> tuple[Step, ...]:
    parts, layers = packed_parts(model), list(model.layers.values())
    symbols = [to_symbols(layer) for layer in layers]
    kept = [int(np.count_nonzero(s)) for s in symbols]
    bits, biases, remaining = layers[0].bits, parts["biases"], _raw_bytes(model.net)
    promised = [
        (text("raw fp32"), raw),
        *([(text("without the removed channels"), remaining)] if remaining < raw else []),
        (text("non-zero weights only"), biases + 4 * sum(kept)),
        (
            text("at {bits} bits", bits=bits),
            biases + sum(packed_length(count, bits) for count in kept),
        ),
    ]
    masks = (packed_length(s.size, 1) * (k < s.size) for s, k in zip(symbols, kept, strict=True))
    steps = promised[-1:]
    for name, more in (
        (text("+ positions"), sum(masks)),
        (text("+ scales and tables"), sum(map(_side_bytes, layers)) + 8 * len(model.ranges)),
        (text("+ header"), parts["header"]),
    ):
        steps.append((name, steps[-1][1] + more))
    steps.append((text("entropy coded"), sum(packed_parts(model, ENTROPY).values())))
    steps.append((text("the file"), sum(parts.values())))
    overheads = (Step(name, size) for name, size in steps[1:])
    return (*(Step(name, size, promised=True) for name, size in promised), *overheads)


def estimate_bytes(model: Packable) -> float:
    """Compute the order-0 entropy estimate of the size in bytes: a model, not a measurement.

    For every layer n x H of its codes, where a pruned weight and a code for 0 are one symbol, plus
    scales, zero points, activation ranges, biases and all other floats; without code tables,
    codebooks and header. H is the Shannon entropy of the codes' frequencies. A file can be smaller
    because order 0 ignores the positions of zeros. Non-zero floats of 16 and 32 bits count with
    all their bits.

    Source: C. Shannon, "A mathematical theory of communication", 1948.
    """
    state = other_parameters(model.net).values()
    bits = sum(_entropy_bits(to_symbols(c), c.bits) for c in model.layers.values())
    floats = sum(tensor.numel() * tensor.element_size() for tensor in state)
    return (
        bits / 8
        + floats
        + sum(4 * c.scale.numel() + c.zero_point.numel() for c in model.layers.values())
        + 8 * len(model.ranges)
    )


def tutorial_bytes(model: Packable) -> int:
    """Compute the size in tutorials: zlib (level 9) of the fake-quantized float32 model."""
    tensors = model.net.state_dict().values()
    return len(zlib.compress(b"".join(t.contiguous().numpy().tobytes() for t in tensors), 9))


def _raw_bytes(net: nn.Module) -> int:
    """Sum the bytes of a model's state, four per parameter."""
    return sum(tensor.numel() * tensor.element_size() for tensor in net.state_dict().values())


def _side_bytes(layer: QuantizedWeight) -> int:
    """Sum the bytes of scales, zero points, and codebook with its length byte."""
    entries = layer.centroids.numel()
    return 4 * layer.scale.numel() + layer.zero_point.numel() + (4 * entries + 1 if entries else 0)


def _entropy_bits(symbols: Integers, bits: int) -> float:
    """Compute n x H, the entropy of n symbols in bits.

    Examples
    --------
    >>> _entropy_bits(np.array([0, 0, 1, 3]), 2)
    6.0
    """
    if bits >= 16:
        return _entropy_bits(symbols != 0, 1) + bits * float(np.count_nonzero(symbols))
    _, counts = np.unique(symbols, return_counts=True)
    return float((counts * np.log2(symbols.size / counts)).sum())
