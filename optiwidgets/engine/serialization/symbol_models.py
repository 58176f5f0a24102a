"""Probability models of whole numbers for the entropy coder.

``position_model`` and ``value_model`` store ratios as *levels*, exponents of sqrt(2); that costs
well under 1 % more bits than exact ratios. The level of a ratio is the whole number nearest to
twice its log2: 3 for 2.83. Computation from levels uses only operations that IEEE 754 defines to
the last bit, so files decode identically on every machine.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

TOP = 63  # levels and differences between levels are -63 .. 63
POWERS = np.ldexp(  # of level - 2 TOP .. 2 TOP
    np.where(np.arange(-2 * TOP, 2 * TOP + 1) % 2, 1.4142135623730951, 1.0),
    np.arange(-2 * TOP, 2 * TOP + 1) // 2,
)


@cache
def uniform(below: int) -> Any:
    """Return the uniform model of the numbers 0 .. below - 1 (2 or more)."""
    return constriction.stream.model.Uniform(below)


def categorical(probabilities: NDArray[np.floating[Any]] | None = None) -> Any:
    """Return a model of the numbers 0 .. n - 1, or without probabilities the models' family."""
    return constriction.stream.model.Categorical(probabilities, perfect=False)


def _small_numbers() -> tuple[Any, Floats]:
    weights = np.full(TOP + 1, 0.7).cumprod() + 1e-3
    weights = np.concatenate([weights[:0:-1], weights])
    weights /= weights.sum()
    return categorical(weights), -np.log2(weights)


# A model of the numbers -63 .. 63 with more probability near 0, and the bits of each number.
SMALL, SMALL_BITS = _small_numbers()
