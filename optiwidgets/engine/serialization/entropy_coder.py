"""Bit packing and entropy coding: whole numbers -> bits, and back.

The entropy coder is constriction's asymmetric numeral system, which spends -log2 p bits on a symbol
of probability p; ``position_model`` and ``value_model`` compute the probabilities. They store
*levels*, rounded powers of sqrt(2), which costs well under 1 % more bits than exact numbers. All
computation from levels uses operations that IEEE 754 fixes to the last bit, so that files decode
alike everywhere.

Sources: J. Duda, "Asymmetric numeral systems", arXiv:1311.2540; R. Bamler, "Understanding entropy
coding with asymmetric numeral systems", arXiv:2201.01741 (constriction).
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

CODES, POSITIONS, TABLES = "codes", "positions", "tables"
TOP = 63  # levels and differences between levels are -63 .. 63
POWERS = np.ldexp(  # of level - 2 TOP .. 2 TOP
    np.where(np.arange(-2 * TOP, 2 * TOP + 1) % 2, 1.4142135623730951, 1.0),
    np.arange(-2 * TOP, 2 * TOP + 1) // 2,
)


def to_levels(ratios: Floats) -> NDArray[np.int64]:
    """Return the nearest level of each ratio above 0.

    Examples
    --------
    >>> to_levels(np.array([0.5, 1.0, 3.0])).tolist(), POWERS[2 * TOP + 3].round(3).item()
    ([-2, 0, 3], 2.828)
    """
    levels: NDArray[np.int64] = np.rint(2 * np.log2(ratios)).astype(np.int64)
    return levels


def pack_bits(codes: Integers, bits: int) -> bytes:
    """Pack unsigned codes one after the other, ``bits`` each, lowest bit first.

    Examples
    --------
    Three 3-bit codes 1, 2, 7 are 0b111_010_001, that is 465 = 0x1d1, in two bytes:

    >>> pack_bits(np.array([1, 2, 7]), 3).hex()
    'd101'
    """
    column = codes.astype(np.uint8)[:, None]
    planes = np.unpackbits(column, axis=1, count=bits, bitorder="little")
    return np.packbits(planes, bitorder="little").tobytes()


def unpack_bits(data: bytes, bits: int, count: int) -> NDArray[np.uint8]:
    """Unpack ``count`` codes that ``pack_bits`` packed.

    Examples
    --------
    >>> unpack_bits(bytes.fromhex("d101"), 3, 3).tolist()
    [1, 2, 7]
    """
    planes = np.unpackbits(np.frombuffer(data, np.uint8), count=count * bits, bitorder="little")
    return np.packbits(planes.reshape(count, bits), axis=1, bitorder="little").ravel()


def packed_length(count: int, bits: int) -> int:
    """Return the whole bytes that ``count`` packed codes of ``bits`` take.

    Examples
    --------
    >>> packed_length(3, 3)
    2
    """
    return -(-count * bits // 8)


@cache
def uniform(below: int) -> Any:
    """Return the uniform model of the numbers 0 .. below - 1 (2 or more)."""
    return constriction.stream.model.Uniform(below)


def categorical(probabilities: NDArray[np.floating[Any]] | None = None) -> Any:
    """Return a model of the numbers 0 .. n - 1; without probabilities the family of such models."""
    return constriction.stream.model.Categorical(probabilities, perfect=False)


def _small_numbers() -> tuple[Any, Floats]:
    weights = np.full(TOP + 1, 0.7).cumprod() + 1e-3
    weights = np.concatenate([weights[:0:-1], weights])
    weights /= weights.sum()
    return categorical(weights), -np.log2(weights)


# A model of the numbers -63 .. 63 that favours those near 0, and how many bits each takes.
SMALL, SMALL_BITS = _small_numbers()


class Writer:
    """Writer of blocks of symbols, the last block first: the block written last is read first.

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
        """Add symbols to the block, under one model, or a family and the parameters of each."""
        self._steps.append((part, symbols, model))

    def end_block(self) -> None:
        """Encode the symbols of the block, to be read before all blocks encoded earlier."""
        for part, symbols, model in reversed(self._steps):  # last in, first out
            if len(symbols):
                self._coder.encode_reverse(symbols.astype(np.int32), *model)
                before, self._length = self._length, _length(self._coder)
                self._spent[part] += self._length - before
        self._steps.clear()

    def finish(self) -> tuple[bytes, dict[str, int]]:
        """Return the stream, and the bytes of it spent on each part."""
        return self._coder.get_compressed().astype("<u4").tobytes()[: self._length], self._spent


def _length(coder: Any) -> int:
    """Return the length in bytes: the valid bits and the one above them, which is always on."""
    return 0 if coder.is_empty() else coder.num_valid_bits() // 8 + 1


class Reader:
    """Reader of a ``Writer``'s stream; reads no more than is asked for, whatever the bytes are."""

    def __init__(self, data: bytes) -> None:
        if data.endswith(b"\0"):
            raise ValueError("its entropy-coded stream does not end as such streams do")
        words = np.frombuffer(data + bytes(-len(data) % 4), "<u4").astype(np.uint32)
        self._coder = constriction.stream.stack.AnsCoder(words)

    def take(self, count: int, model: Any) -> NDArray[np.int32]:
        """Decode symbols under one model."""
        symbols: NDArray[np.int32] = self._coder.decode(model, count)
        return symbols

    def number(self, below: int) -> int:
        """Decode one whole number from 0 to ``below`` - 1."""
        return int(self._coder.decode(uniform(below)))

    def each(self, family: Any, probabilities: NDArray[np.float32]) -> NDArray[np.int32]:
        """Decode one symbol under each model (n, alphabet) of a family."""
        symbols: NDArray[np.int32] = self._coder.decode(family, probabilities)
        return symbols

    def finish(self) -> None:
        """Raise ValueError if there is more, as in a stream that was changed."""
        if not self._coder.is_empty():
            raise ValueError("its entropy-coded stream holds something else than its header says")
