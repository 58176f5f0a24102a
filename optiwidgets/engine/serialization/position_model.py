"""Which weights are not zero: the odds under which positions are entropy-coded.

Flags are in rows, one for every output. Their odds are the layer's, times those of the row, times
how the column fared in the rows above; the last two where they pay. Zeros cluster (channels that
died, pixels at the rim), so this can take fewer bits than the order-0 estimate, which knows only
how many zeros there are.

Source for odds that learn from what was already decoded: J. Rissanen, G. Langdon, "Universal
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

Chances = NDArray[np.float32]

NONE, ALL, FLAT, ROWS, COLUMNS, BOTH = range(6)
HASTE = np.float32(2)  # so many weights more than expected double a column's odds
PLAIN_BITS = float(np.log2(BOTH + 1)), float(np.log2((BOTH + 1) * (2 * TOP + 1)))
RAREST = 2.0**-20  # no flag is likelier or less likely than this; float32 holds its complement
_LIKELY = np.minimum(np.maximum(POWERS / (1 + POWERS), RAREST), 1 - RAREST)  # chance, by level
_ON_BITS, _OFF_BITS = -np.log2(_LIKELY), -np.log2(1 - _LIKELY)
_FLAGS = categorical()


@dataclass(frozen=True, eq=False)
class PositionModel:
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
        pairs = _pairs(self.chances[:1, :1] if self.kind == FLAT else self.chances)
        writer.put(TABLES, np.array([self.kind]), uniform(BOTH + 1))
        if self.kind in (NONE, ALL):
            return
        writer.put(TABLES, np.array([self.level + TOP]), uniform(2 * TOP + 1))
        if self.kind in (ROWS, BOTH):
            writer.put(TABLES, self.rows + TOP, SMALL)
        if self.kind == FLAT:  # one model for all is faster
            writer.put(POSITIONS, flags.ravel(), categorical(pairs[0]))
        else:
            writer.put(POSITIONS, flags.ravel(), _FLAGS, pairs)


def fit_positions(flags: Flags) -> PositionModel:
    """The odds under which flags (R, I) take the fewest bits.

    Examples
    --------
    Every other row is empty, and the others are alike: odds of rows and of columns both pay:

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
    tried = []
    for kind, rows, extra in (
        (FLAT, zeros, PLAIN_BITS[1]),
        (ROWS, own, PLAIN_BITS[1] + float(SMALL_BITS[own + TOP].sum())),
    ):
        at = level + rows + 2 * TOP
        bits = float((ones * _ON_BITS[at] + (length - ones) * _OFF_BITS[at]).sum())
        tried.append((bits + extra, extra, kind, rows))
    least, extra, kind, rows = min(tried, key=lambda fit: fit[0])
    chances = _probabilities(level, rows, _seen(flags))
    likely = chances - ~flags
    bits = extra - float(np.log2(np.abs(likely, out=likely), out=likely).sum())
    if bits < least:
        return PositionModel(kind + COLUMNS - FLAT, level, rows, chances, bits)
    return PositionModel(kind, level, rows, _probabilities(level, rows, None, length), least)


def read_flags(reader: Reader, shape: tuple[int, int]) -> Flags:
    """Read what ``PositionModel.write`` put."""
    count, length = shape
    kind = reader.number(BOTH + 1)
    if kind in (NONE, ALL):
        return np.full(shape, kind == ALL)
    level, rows = reader.number(2 * TOP + 1) - TOP, np.zeros(count, np.int64)
    if kind in (ROWS, BOTH):
        rows = reader.take(count, SMALL).astype(np.int64) - TOP
    if kind == FLAT:
        model = categorical(_pairs(_probabilities(level, rows[:1], None, 1))[0])
        return reader.take(count * length, model).reshape(shape).astype(np.bool_)
    if kind == ROWS:
        chances = _pairs(_probabilities(level, rows, None, length))
        return reader.each(_FLAGS, chances).reshape(shape).astype(np.bool_)
    flags, seen = np.empty(shape, np.bool_), np.zeros((1, length), np.float32)
    for row in range(count):
        chances = _pairs(_probabilities(level, rows, seen, which=slice(row, row + 1)))
        flags[row] = reader.each(_FLAGS, chances)
        seen += flags[row]
    return flags


def _probabilities(
    level: int,
    rows: Integers,
    seen: Chances | None,
    length: int = 0,
    which: slice = slice(None),
) -> Chances:
    """Chances of being on, of all rows or one; ``seen`` counts what was on above, None if idle."""
    at = level + rows + 2 * TOP
    likely = _LIKELY[at]
    if seen is None:
        return np.broadcast_to(likely.astype(np.float32)[:, None], (len(rows), length))
    expected = (likely.cumsum() - likely).astype(np.float32)[which, None]
    odds = POWERS[at].astype(np.float32)[which, None] / (expected + HASTE)
    table: Chances = seen + HASTE
    table *= odds
    table /= 1 + table
    np.maximum(table, np.float32(RAREST), out=table)
    return np.minimum(table, np.float32(1 - RAREST), out=table)


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
