"""How likely each weight is what it is: the models under which layers are entropy-coded.

A layer's symbols are whole numbers, 0 where the weight is zero, as rows: one for every output.

- *Positions*, which symbols are not 0: their odds are the layer's, times those of the row, times
  how the column fared in the rows above, the last two where they pay. Zeros cluster (channels that
  died, pixels at the rim), so this can take fewer bits than the order-0 estimate, which knows
  only how many zeros there are.
- *Values*, the symbols that are not 0: a histogram. Few values share wide bins.

Odds and counts are stored as powers of sqrt(2), rounded, which costs well under 1 % more bits. All
arithmetic is of the kind that IEEE 754 fixes to the last bit: files decode alike everywhere.
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

LEVELS = 64  # powers of sqrt(2): odds of 2^-31.5 .. 2^31.5, counts up to 2^31
KINDS = ("none", "all", "flat", "rows", "columns", "both")
HASTE = np.float32(2)  # how many more weights than expected double a column's odds
WIDEST = 6  # bins hold up to 2^6 values
_ROOTS = np.array([1.0, 1.4142135623730951])  # 2^0, 2^(1/2)
_FLAGS = categorical()


def halves(levels: Integers | int) -> Floats:
    """2^(level / 2), to the last bit the same everywhere.

    Examples
    --------
    >>> halves(np.array([-2, 0, 3])).round(4).tolist()
    [0.5, 1.0, 2.8284]
    """
    return np.ldexp(_ROOTS[np.asarray(levels) % 2], np.asarray(levels) // 2)


def _small_numbers() -> tuple[Any, Floats]:
    """A model of whole numbers -63 .. 63, those near 0 the likely ones, and what each costs."""
    weights = np.full(LEVELS, 0.7).cumprod() + 1e-3
    weights = np.concatenate([weights[:0:-1], weights])
    weights /= weights.sum()
    return categorical(weights), -np.log2(weights)


_NEAR_ZERO, _NEAR_ZERO_BITS = _small_numbers()


@dataclass(frozen=True, eq=False)
class Odds:
    """Of the flags (R, I) of a layer: ``level`` of all, ``rows`` relative to it (0 where idle).

    ``bits`` is what flags and odds take together.
    """

    kind: str
    level: int
    rows: Integers
    bits: float

    def chances(self, seen: Flags, rows: slice = slice(None)) -> NDArray[np.float32]:
        """(n, 2) chances that flags are off and on, given how many were on above them."""
        odds = halves(self.level + self.rows)
        if self.kind in ("columns", "both"):
            likely = odds / (1 + odds)
            expected = (likely.cumsum() - likely).astype(np.float32)[rows, None]
            fared = (seen + HASTE) / (expected + HASTE)
            table = odds.astype(np.float32)[rows, None] * fared
        else:
            table = np.broadcast_to(odds.astype(np.float32)[rows, None], seen.shape)
        chances = np.empty((table.size, 2), np.float32)
        np.divide(table, 1 + table, out=chances[:, 1].reshape(table.shape))
        np.subtract(1, chances[:, 1], out=chances[:, 0])
        return chances
