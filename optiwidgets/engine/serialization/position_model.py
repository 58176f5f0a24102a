"""Probability model of positions, used to entropy-code the flags of non-zero weights.

Flags form a matrix with one row per output. The odds of a flag are the layer's odds, times a factor
of its row, times an adaptive factor of its column computed from the rows above; a factor is used
only if it saves bits. Zeros cluster (dead channels, pixels at the border), so the flags can take
fewer bits than the order-0 estimate, which only counts zeros.

Source of the adaptive factor: J. Rissanen, G. Langdon, "Universal
modeling and coding", IEEE Transactions on Information Theory 27 (1981).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.serialization.entropy_coder import POSITIONS, TABLES, Reader, Writer
from optiwidgets.engine.serialization.symbol_models import (
    POWERS,
    SMALL,
    SMALL_BITS,
    TOP,
    Flags,
    Integers,
    categorical,
    uniform,
)

Probabilities = NDArray[np.float32]

NONE, ALL, FLAT, ROWS, COLUMNS, BOTH = range(6)
PRIOR_COUNT = np.float32(2)  # flags added to observed and expected counts of a column
PLAIN_BITS = float(np.log2(BOTH + 1)), float(np.log2((BOTH + 1) * (2 * TOP + 1)))
RAREST = 2.0**-20  # probabilities are clamped to this and its complement, which float32 holds
_BY_LEVEL = np.minimum(np.maximum(POWERS / (1 + POWERS), RAREST), 1 - RAREST)  # probabilities
_ON_BITS, _OFF_BITS = -np.log2(_BY_LEVEL), -np.log2(1 - _BY_LEVEL)
_FLAGS = categorical()


@dataclass(frozen=True, eq=False)
class PositionModel:
    """Probability model of flags (R, I).

    ``level`` is the layer's log-odds in half bits, ``rows`` are relative to it. ``probabilities``
    (R, I) are those of a flag being on. ``bits`` is the length of flags and model together.
    """

    kind: int
    level: int
    rows: Integers
    probabilities: Probabilities
    bits: float

    def write(self, writer: Writer, flags: Flags) -> None:
        """Write the model, then the flags."""
        same = self.kind == FLAT
        pairs = _off_and_on(self.probabilities[:1, :1] if same else self.probabilities)
        writer.put(TABLES, np.array([self.kind]), uniform(BOTH + 1))
        if self.kind in (NONE, ALL):
            return
        writer.put(TABLES, np.array([self.level + TOP]), uniform(2 * TOP + 1))
        if self.kind in (ROWS, BOTH):
            writer.put(TABLES, self.rows + TOP, SMALL)
        if same:  # one model for all flags is faster
            writer.put(POSITIONS, flags.ravel(), categorical(pairs[0]))
        else:
            writer.put(POSITIONS, flags.ravel(), _FLAGS, pairs)


def fit_positions(flags: Flags) -> PositionModel:
    """Fit the model that codes flags (R, I) in the fewest bits.

    Examples
    --------
    Every other row is empty and the others are equal, so factors of rows and of columns save bits:

    >>> flags = np.zeros((8, 500), bool)
    >>> flags[::2, ::5] = True
    >>> fit_positions(flags).kind == BOTH, fit_positions(flags).rows[:2].tolist()
    (True, [2, -16])
    """
    (count, length), ones = flags.shape, flags.sum(1)
    total, zeros = int(ones.sum()), np.zeros(count, np.int64)
    if total in (0, flags.size):
        return PositionModel(
            ALL if total else NONE, 0, zeros, np.empty(0, np.float32), PLAIN_BITS[0]
        )
    level = max(-TOP, min(TOP, round(2 * math.log2(total / (flags.size - total)))))
    own = np.rint(2 * np.log2((ones + 0.25) / (length - ones + 0.25))).astype(np.int64) - level
    own = np.minimum(np.maximum(own, -TOP), TOP)
    candidates = []
    for kind, rows, extra in (
        (FLAT, zeros, PLAIN_BITS[1]),
        (ROWS, own, PLAIN_BITS[1] + float(SMALL_BITS[own + TOP].sum())),
    ):
        at = level + rows + 2 * TOP
        bits = float((ones * _ON_BITS[at] + (length - ones) * _OFF_BITS[at]).sum())
        candidates.append((bits + extra, extra, kind, rows))
    least, extra, kind, rows = min(candidates, key=lambda candidate: candidate[0])
    probabilities = adaptive_probabilities(level, rows, counts_above(flags))
    likelihoods = probabilities - ~flags
    bits = extra - float(np.log2(np.abs(likelihoods, out=likelihoods), out=likelihoods).sum())
    if bits < least:
        return PositionModel(kind + COLUMNS - FLAT, level, rows, probabilities, bits)
    return PositionModel(kind, level, rows, row_probabilities(level, rows, length), least)


def read_flags(reader: Reader, shape: tuple[int, int]) -> Flags:
    """Decode flags written by ``PositionModel.write``."""
    count, length = shape
    kind = reader.number(BOTH + 1)
    if kind in (NONE, ALL):
        return np.full(shape, kind == ALL)
    level, rows = reader.number(2 * TOP + 1) - TOP, np.zeros(count, np.int64)
    if kind in (ROWS, BOTH):
        rows = reader.take(count, SMALL).astype(np.int64) - TOP
    if kind == FLAT:
        model = categorical(_off_and_on(row_probabilities(level, rows[:1], 1))[0])
        return reader.take(count * length, model).reshape(shape).astype(np.bool_)
    if kind == ROWS:
        probabilities = _off_and_on(row_probabilities(level, rows, length))
        return reader.each(_FLAGS, probabilities).reshape(shape).astype(np.bool_)
    flags, above = np.empty(shape, np.bool_), np.zeros((1, length), np.float32)
    for row in range(count):
        own = adaptive_probabilities(level, rows, above, selected=slice(row, row + 1))
        flags[row] = reader.each(_FLAGS, _off_and_on(own))
        above += flags[row]
    return flags


def row_probabilities(level: int, rows: Integers, length: int) -> Probabilities:
    """Compute the probabilities (R, I) of flags without the factor of columns."""
    by_row = _BY_LEVEL[level + rows + 2 * TOP].astype(np.float32)
    return np.broadcast_to(by_row[:, None], (len(rows), length))


def adaptive_probabilities(
    level: int, rows: Integers, above: Probabilities, selected: slice = slice(None)
) -> Probabilities:
    """Compute the probabilities of flags in the selected rows, given the counts ``above`` them."""
    at = level + rows + 2 * TOP
    by_row = _BY_LEVEL[at]
    expected = (by_row.cumsum() - by_row).astype(np.float32)[selected, None]
    odds = POWERS[at].astype(np.float32)[selected, None] / (expected + PRIOR_COUNT)
    table: Probabilities = above + PRIOR_COUNT
    table *= odds
    table /= 1 + table
    np.maximum(table, np.float32(RAREST), out=table)
    return np.minimum(table, np.float32(1 - RAREST), out=table)


def _off_and_on(probabilities: Probabilities) -> Probabilities:
    """Return the probabilities (n, 2) of off and on, in the entropy coder's format."""
    pairs = np.empty((probabilities.size, 2), np.float32)
    pairs[:, 1] = probabilities.ravel()
    np.subtract(1, pairs[:, 1], out=pairs[:, 0])
    return pairs


def counts_above(flags: Flags) -> Probabilities:
    """Count the flags that are on in the rows above each flag, (R, I)."""
    above, on = np.zeros(flags.shape, np.float32), flags.astype(np.float32)
    for before, row, after in zip(above, on, above[1:], strict=False):
        np.add(before, row, out=after)  # rows are contiguous in memory: faster than cumsum
    return above
