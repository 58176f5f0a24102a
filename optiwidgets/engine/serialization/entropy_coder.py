"""Entropy coder: encode symbols to a stream, and decode them.

The coder is constriction's asymmetric numeral system, which spends -log2 p bits on a symbol of
probability p. The probabilities come from ``symbol_models``.

Sources: J. Duda, "Asymmetric numeral systems", arXiv:1311.2540; R. Bamler, "Understanding entropy
coding with asymmetric numeral systems", arXiv:2201.01741 (constriction).
"""

from __future__ import annotations

from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.serialization.symbol_models import Flags, Integers, uniform

CODES, POSITIONS, TABLES = "codes", "positions", "tables"


class Writer:
    """Encoder of blocks of symbols. The coder is a stack: the block written last is read first.

    Examples
    --------
    Six symbols of one bit each, and the end of the stream:

    >>> writer, fair = Writer(), uniform(2)
    >>> writer.put(CODES, np.array([1, 0, 0]), fair)
    >>> writer.put(POSITIONS, np.array([1, 1, 0]), fair)
    >>> writer.end_block()
    >>> data, spent = writer.finish()
    >>> Reader(data).take(6, fair).tolist(), sum(spent.values()) == len(data)
    ([1, 0, 0, 1, 1, 0], True)
    """

    def __init__(self) -> None:
        self._coder = constriction.stream.stack.AnsCoder()
        self._steps: list[tuple[str, Integers | Flags, tuple[Any, ...]]] = []
        self._spent = dict.fromkeys((CODES, POSITIONS, TABLES), 0)
        self._length = 0

    def put(self, part: str, symbols: Integers | Flags, *model: Any) -> None:
        """Add symbols to the block: ``model`` is one model, or a family and its parameters."""
        self._steps.append((part, symbols, model))

    def end_block(self) -> None:
        """Encode the block; it is read before all blocks encoded earlier."""
        for part, symbols, model in reversed(self._steps):  # last in, first out
            if len(symbols):
                self._coder.encode_reverse(symbols.astype(np.int32), *model)
                before, self._length = self._length, _length(self._coder)
                self._spent[part] += self._length - before
        self._steps.clear()

    def finish(self) -> tuple[bytes, dict[str, int]]:
        """Return the stream and the number of its bytes spent on each part."""
        return self._coder.get_compressed().astype("<u4").tobytes()[: self._length], self._spent


def _length(coder: Any) -> int:
    """Compute the length in bytes: the valid bits and the marker bit (1) above them."""
    return 0 if coder.is_empty() else coder.num_valid_bits() // 8 + 1


class Reader:
    """Decoder of a ``Writer``'s stream; any bytes decode to the requested number of symbols."""

    def __init__(self, data: bytes) -> None:
        if data.endswith(b"\0"):
            raise ValueError("its entropy-coded stream ends in a zero byte, which is not valid")
        words = np.frombuffer(data + bytes(-len(data) % 4), "<u4").astype(np.uint32)
        self._coder = constriction.stream.stack.AnsCoder(words)

    def take(self, count: int, model: Any) -> NDArray[np.int32]:
        """Decode ``count`` symbols with one model."""
        symbols: NDArray[np.int32] = self._coder.decode(model, count)
        return symbols

    def number(self, below: int) -> int:
        """Decode one whole number from 0 to ``below`` - 1."""
        return int(self._coder.decode(uniform(below)))

    def each(self, family: Any, probabilities: NDArray[np.float32]) -> NDArray[np.int32]:
        """Decode one symbol with each of the family's models, given as rows (n, alphabet)."""
        symbols: NDArray[np.int32] = self._coder.decode(family, probabilities)
        return symbols

    def finish(self) -> None:
        """Check the end of the stream: raise ValueError if symbols are left."""
        if not self._coder.is_empty():
            raise ValueError("its entropy-coded stream does not match its header")
