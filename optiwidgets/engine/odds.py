"""How likely each weight is what it is: the models under which layers are entropy-coded.

A layer's symbols are whole numbers, 0 where the weight is zero, in rows: one for every output.

- *Positions*, which symbols are not 0: their odds are the layer's, times those of the row, times
  how the column fared in the rows above; the last two where they pay. Zeros cluster (channels that
  died, pixels at the rim), so this can take fewer bits than the order-0 estimate, which knows
  only how many zeros there are.
- *Values*, the symbols that are not 0: a histogram. Few values share wide bins.

Odds and counts are stored as powers of sqrt(2), rounded, which costs well under 1 % more bits. What
is computed from them is computed in steps that IEEE 754 fixes to the last bit, so that files decode
alike everywhere.

Source for odds that learn from what was already decoded: J. Rissanen, G. Langdon, "Universal
modeling and coding", IEEE Transactions on Information Theory 27 (1981).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.coding import (
    CODES,
    POSITIONS,
    TABLES,
    Flags,
    Integers,
    Reader,
    Writer,
    categorical,
    uniform,
)

Floats = NDArray[np.float64]
Chances = NDArray[np.float32]

NONE, ALL, FLAT, ROWS, COLUMNS, BOTH = range(6)
TOP = 63  # levels and differences between levels are -63 .. 63: powers of sqrt(2)
HASTE = np.float32(2)  # so many weights more than expected double a column's odds
WIDEST = 9  # bins hold up to 2^9 values: all there are
_POWERS = np.ldexp(
    np.where(np.arange(-2 * TOP, 2 * TOP + 1) % 2, 1.4142135623730951, 1.0),
    np.arange(-2 * TOP, 2 * TOP + 1) // 2,
)
_COUNTS = np.concatenate([[0.0], _POWERS[2 * TOP : 3 * TOP]])  # by level: 0, 1, 1.4, 2, ...
_FLAGS = categorical()


def _small_numbers() -> tuple[Any, Floats]:
    """A model of the numbers -63 .. 63 that favours those near 0, and how many bits each takes."""
    weights = np.full(TOP + 1, 0.7).cumprod() + 1e-3
    weights = np.concatenate([weights[:0:-1], weights])
    weights /= weights.sum()
    return categorical(weights), -np.log2(weights)


_NEAR_ZERO, _NEAR_ZERO_BITS = _small_numbers()


@dataclass(frozen=True, eq=False)
class Odds:
    """What flags (R, I) are coded under.

    ``level`` is the layer's, ``rows`` are relative to it. Under these, ``chances`` (R, I) are those
    of the flags being on, and ``bits`` what they take together with the odds.
    """

    kind: int
    level: int
    rows: Integers
    chances: Chances
    bits: float

    def write(self, writer: Writer, flags: Flags) -> None:
        """Put the odds, then the flags."""
        writer.put(TABLES, np.array([self.kind]), uniform(BOTH + 1))
        if self.kind in (NONE, ALL):
            return
        writer.put(TABLES, np.array([self.level + TOP]), uniform(2 * TOP + 1))
        if self.kind in (ROWS, BOTH):
            writer.put(TABLES, self.rows + TOP, _NEAR_ZERO)
        writer.put(POSITIONS, flags.ravel(), _FLAGS, _pairs(self.chances))


def fit_odds(flags: Flags) -> Odds:
    """The odds under which flags (R, I) take the fewest bits.

    Examples
    --------
    Every other row is empty, and the others are alike: odds of rows and of columns both pay:

    >>> flags = np.zeros((8, 500), bool)
    >>> flags[::2, ::5] = True
    >>> fit_odds(flags).kind == BOTH, fit_odds(flags).rows[:2].tolist()
    (True, [2, -16])
    """
    (count, length), ones = flags.shape, flags.sum(1)
    total, zeros = int(ones.sum()), np.zeros(count, np.int64)
    if total in (0, flags.size):
        return Odds(ALL if total else NONE, 0, zeros, np.empty(0, np.float32), 0.0)
    level = int(np.clip(_nearest(total / (flags.size - total)), -TOP, TOP))
    own = np.clip(_nearest((ones + 0.25) / (length - ones + 0.25)) - level, -TOP, TOP)
    tried = []
    for kind, rows, extra in (
        (FLAT, zeros, 0.0),
        (ROWS, own, float(_NEAR_ZERO_BITS[own + TOP].sum())),
    ):
        odds = _POWERS[level + rows + 2 * TOP]
        bits = float((length * np.log2(1 + odds) - ones * np.log2(odds)).sum())
        tried.append((bits + extra, extra, kind, rows))
    least, extra, kind, rows = min(tried, key=lambda fit: fit[0])
    chances = _chances(level, rows, _seen(flags))
    bits = extra - float(np.log2(np.abs(chances - ~flags)).sum())
    if bits < least:
        return Odds(kind + COLUMNS - FLAT, level, rows, chances, bits)
    return Odds(kind, level, rows, _chances(level, rows, None, length), least)


def read_flags(reader: Reader, shape: tuple[int, int]) -> Flags:
    """Read what ``Odds.write`` put."""
    count, length = shape
    kind = reader.number(BOTH + 1)
    if kind in (NONE, ALL):
        return np.full(shape, kind == ALL)
    level, rows = reader.number(2 * TOP + 1) - TOP, np.zeros(count, np.int64)
    if kind in (ROWS, BOTH):
        rows = reader.take(count, _NEAR_ZERO).astype(np.int64) - TOP
    if kind in (FLAT, ROWS):
        chances = _pairs(_chances(level, rows, None, length))
        return reader.each(_FLAGS, chances).reshape(shape) != 0
    flags, seen = np.empty(shape, np.bool_), np.zeros((1, length), np.float32)
    for row in range(count):
        chances = _pairs(_chances(level, rows, seen, which=slice(row, row + 1)))
        flags[row] = reader.each(_FLAGS, chances)
        seen += flags[row]
    return flags


def _chances(
    level: int,
    rows: Integers,
    seen: Chances | None,
    length: int = 0,
    which: slice = slice(None),
) -> Chances:
    """Chances of being on, of all rows or one; ``seen`` counts what was on above, None if idle."""
    odds = _POWERS[level + rows + 2 * TOP]
    likely = odds / (1 + odds)
    if seen is None:
        return np.broadcast_to(likely.astype(np.float32)[:, None], (len(rows), length))
    expected = (likely.cumsum() - likely).astype(np.float32)[which, None]
    odds = odds.astype(np.float32)[which, None] / (expected + HASTE)
    table: Chances = (seen + HASTE) * odds
    table /= 1 + table
    return table


def _pairs(chances: Chances) -> Chances:
    """Chances of being off and on (n, 2), as the coder wants them."""
    pairs = np.empty((chances.size, 2), np.float32)
    pairs[:, 1] = chances.ravel()
    np.subtract(1, pairs[:, 1], out=pairs[:, 0])
    return pairs


def _seen(flags: Flags) -> Chances:
    """How many flags were on in the rows above, (R, I)."""
    seen = np.zeros(flags.shape, np.float32)
    for row in range(1, len(seen)):  # along rows memory is contiguous: faster than cumsum
        np.add(seen[row - 1], flags[row - 1], out=seen[row])
    return seen


def _nearest(ratios: Floats | float) -> Any:
    return np.rint(2 * np.log2(ratios)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Histogram:
    """What values (n,) are coded under: a level for each bin of 2^``shift`` neighbours.

    ``low`` and ``width`` say which values there are. Level 0 is an empty bin, level k a count in
    proportion to 2^(k / 2). ``bits`` is what the values take together with the histogram.
    """

    low: int
    width: int
    shift: int
    levels: Integers
    bits: float

    @property
    def model(self) -> Any:
        """Of the values less ``low``."""
        weights = np.repeat(_COUNTS[self.levels], 2**self.shift)[: self.width]
        return categorical(weights / weights.sum())

    def write(self, writer: Writer, values: Integers, bits: int) -> None:
        """Put the histogram, then the values of a layer of so many bits."""
        if not len(values):
            return
        limit = 2**bits
        writer.put(TABLES, np.array([self.low + limit, self.width - 1]), uniform(2 * limit))
        if self.width == 1:
            return
        writer.put(TABLES, np.array([self.shift]), uniform(WIDEST + 1))
        if len(self.levels) > 1:
            writer.put(TABLES, self.levels[:1], uniform(TOP + 1))
            writer.put(TABLES, np.diff(self.levels) + TOP, _NEAR_ZERO)
        writer.put(CODES, _closed(values) - self.low, self.model)


def fit_values(values: Integers) -> Histogram:
    """The histogram under which values (n,), none of them 0, take about the fewest bits.

    Examples
    --------
    There is no 0, so the bins are -1, 1, 2 and 3:

    >>> found = fit_values(np.array([-1, 3, -1, -1, 3, -1] * 9))
    >>> found.low, found.width, found.shift, found.levels.tolist()
    (-1, 4, 0, [11, 0, 0, 9])
    """
    if not len(values):
        return Histogram(0, 1, 0, np.ones(1, np.int64), 0.0)
    closed = _closed(values)
    low = int(closed.min())
    counts = np.bincount(closed - low)
    whole = Histogram(low, len(counts), WIDEST, np.ones(1, np.int64), float(len(values) * np.log2(len(counts))))
    # about as many bins as the square root of the values balances the histogram and what it saves
    shift = max(0, round(float(np.log2(len(counts) / len(values) ** 0.5))))
    if 2**shift >= len(counts):
        return whole
    return min(whole, _bin(low, counts, shift), key=lambda fit: fit.bits)


def read_values(reader: Reader, count: int, bits: int) -> Integers:
    """Read what ``Histogram.write`` put, ``count`` values."""
    if not count:
        return np.empty(0, np.int64)
    limit = 2**bits
    low, width = reader.number(2 * limit) - limit, reader.number(2 * limit) + 1
    if width == 1:
        return _open(np.full(count, low))
    shift, levels = reader.number(WIDEST + 1), np.ones(1, np.int64)
    bins = -(-width // 2**shift)
    if bins > 1:
        first = reader.take(1, uniform(TOP + 1))
        levels = np.concatenate([first, reader.take(bins - 1, _NEAR_ZERO) - TOP]).cumsum()
    if levels.min() < 0 or levels.max() > TOP or not levels.any():
        raise ValueError("a histogram of its entropy-coded stream is not sound")
    return _open(reader.take(count, Histogram(low, width, shift, levels, 0.0).model) + low)


def _bin(low: int, counts: Integers, shift: int) -> Histogram:
    size, width = 2**shift, len(counts)
    starts = np.arange(0, width, size)
    binned = np.add.reduceat(counts, starts)
    levels = np.where(binned > 0, 1 + _nearest(np.maximum(binned, 1)), 0)
    weights = _COUNTS[levels]
    total = (weights * np.minimum(size, width - starts)).sum()
    bits = float((binned * np.log2(total / np.maximum(weights, 1))).sum())
    bits += float(_NEAR_ZERO_BITS[np.diff(levels) + TOP].sum())
    return Histogram(low, width, shift, levels, bits)


def _closed(values: Integers) -> Integers:
    """Close the gap at 0, where there are no values."""
    return values - (values > 0)


def _open(values: Integers) -> Integers:
    return values + (values >= 0)
