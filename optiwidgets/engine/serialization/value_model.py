"""Probability model of values: a histogram, used to entropy-code the non-zero codes.

Values are whole numbers other than 0. Few values get wide bins: in a small layer, one bin for every
code would cost more bits than it saves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from optiwidgets.engine.serialization.entropy_coder import CODES, TABLES, Reader, Writer
from optiwidgets.engine.serialization.symbol_models import (
    POWERS,
    SMALL,
    SMALL_BITS,
    TOP,
    Integers,
    categorical,
    uniform,
)

WIDEST = 9  # bins hold up to 2^9 values: the whole range
PLAIN_BITS = float(np.log2(WIDEST + 1)), float(np.log2((WIDEST + 1) * (TOP + 1)))
_COUNTS = np.concatenate([[0.0], POWERS[2 * TOP : 3 * TOP]])  # by level: 0, 1, 1.4, 2, ...


@dataclass(frozen=True, eq=False)
class ValueModel:
    """Histogram of values (n,): a level for each bin of 2^``shift`` consecutive values.

    ``low`` and ``width`` are the range of values. Level 0 is an empty bin, level k a count
    proportional to 2^(k / 2). ``bits`` is the length of values and histogram together, without the
    range, whose length depends on the layer's bits.
    """

    low: int
    width: int
    shift: int
    levels: Integers
    bits: float

    @property
    def model(self) -> Any:
        """Categorical model of the values minus ``low``."""
        weights = np.repeat(_COUNTS[self.levels], 2**self.shift)[: self.width]
        return categorical(weights / weights.sum())

    def write(self, writer: Writer, values: Integers, bits: int) -> None:
        """Write the histogram, then the values of a layer with codes of ``bits`` bits."""
        if not len(values):
            return
        limit, model = 2**bits, self.model if self.width > 1 else None
        writer.put(TABLES, np.array([self.low + limit, self.width - 1]), uniform(2 * limit))
        if model is None:
            return
        writer.put(TABLES, np.array([self.shift]), uniform(WIDEST + 1))
        if len(self.levels) > 1:
            writer.put(TABLES, self.levels[:1], uniform(TOP + 1))
            writer.put(TABLES, self.levels[1:] - self.levels[:-1] + TOP, SMALL)
        writer.put(CODES, _close_gap(values) - self.low, model)


def fit_values(values: Integers) -> ValueModel:
    """Fit the histogram that codes non-zero values (n,) in about the fewest bits.

    Examples
    --------
    There is no 0, so the bins are -1, 1, 2 and 3:

    >>> found = fit_values(np.array([-1, 3, -1, -1, 3, -1] * 9))
    >>> found.low, found.width, found.shift, found.levels.tolist()
    (-1, 4, 0, [11, 0, 0, 9])
    """
    if not len(values):
        return ValueModel(0, 1, 0, np.ones(1, np.int64), 0.0)
    closed = _close_gap(values)
    low = int(closed.min())
    counts = np.bincount(closed - low)
    one_bin = ValueModel(
        low, len(counts), WIDEST, np.ones(1, np.int64), float(len(values) * np.log2(len(counts)))
    )
    # sqrt(n) bins for n values balance the bits of the histogram and of the values
    shift = max(0, round(math.log2(len(counts) / len(values) ** 0.5)))
    if 2**shift >= len(counts):
        return one_bin
    return min(one_bin, _fit_bins(low, counts, shift), key=lambda model: model.bits)


def read_values(reader: Reader, count: int, bits: int) -> Integers:
    """Decode ``count`` values written by ``ValueModel.write``."""
    if not count:
        return np.empty(0, np.int64)
    limit = 2**bits
    low, width = reader.number(2 * limit) - limit, reader.number(2 * limit) + 1
    if width == 1:
        return _open_gap(np.full(count, low))
    shift, levels = reader.number(WIDEST + 1), np.ones(1, np.int64)
    bins = -(-width // 2**shift)
    if bins > 1:
        first = reader.take(1, uniform(TOP + 1))
        levels = np.concatenate([first, reader.take(bins - 1, SMALL) - TOP]).cumsum()
    if levels.min() < 0 or levels.max() > TOP or not levels.any():
        raise ValueError("a histogram of its entropy-coded stream is not valid")
    return _open_gap(reader.take(count, ValueModel(low, width, shift, levels, 0.0).model) + low)


def _fit_bins(low: int, counts: Integers, shift: int) -> ValueModel:
    size, width = 2**shift, len(counts)
    starts = np.arange(0, width, size)
    binned = np.add.reduceat(counts, starts)
    levels = np.where(binned > 0, 1 + np.rint(2 * np.log2(np.maximum(binned, 1))), 0)
    levels = levels.astype(np.int64)
    weights = _COUNTS[levels]
    total = (weights * np.minimum(size, width - starts)).sum()
    bits = float((binned * np.log2(total / np.maximum(weights, 1))).sum())
    bits += PLAIN_BITS[1] + float(SMALL_BITS[levels[1:] - levels[:-1] + TOP].sum())
    return ValueModel(low, width, shift, levels, bits)


def _close_gap(values: Integers) -> Integers:
    """Shift positive values down by one: the value 0 does not occur."""
    return values - (values > 0)


def _open_gap(values: Integers) -> Integers:
    return values + (values >= 0)
