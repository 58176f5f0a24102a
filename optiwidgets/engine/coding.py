"""Whole numbers -> bits, and back: codes side by side, or as an entropy-coded stream.

The entropy coder is constriction's asymmetric numeral system, which spends -log2 p bits on a symbol
of probability p; where probabilities come from is told in ``odds.py``.

Sources: J. Duda, "Asymmetric numeral systems", arXiv:1311.2540; R. Bamler, "Understanding entropy
coding with asymmetric numeral systems", arXiv:2201.01741 (constriction).
"""

from __future__ import annotations

from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]

CODES, POSITIONS, TABLES = "codes", "positions", "tables"


def pack_bits(codes: Integers, bits: int) -> bytes:
    """Write unsigned codes one after the other, ``bits`` each, lowest bit first.

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
    """Read ``count`` codes that ``pack_bits`` wrote.

    Examples
    --------
    >>> unpack_bits(bytes.fromhex("d101"), 3, 3).tolist()
    [1, 2, 7]
    """
    planes = np.unpackbits(np.frombuffer(data, np.uint8), count=count * bits, bitorder="little")
    return np.packbits(planes.reshape(count, bits), axis=1, bitorder="little").ravel()


def packed_length(count: int, bits: int) -> int:
    """Whole bytes that ``count`` codes of ``bits`` take.

    Examples
    --------
    >>> packed_length(3, 3)
    2
    """
    return -(-count * bits // 8)


def uniform(below: int) -> Any:
    """A model of the numbers 0 .. below - 1 (2 or more), all alike."""
    return constriction.stream.model.Uniform(below)


def categorical(probabilities: NDArray[np.floating[Any]] | None = None) -> Any:
    """A model of the numbers 0 .. n - 1; without probabilities the family of such models."""
    return constriction.stream.model.Categorical(probabilities, perfect=False)


class Writer:
    """Gathers symbols in the order they will be read.

    Examples
    --------
    Six symbols of one bit each, and what it takes to end a stream:

    >>> writer, fair = Writer(), uniform(2)
    >>> writer.put(CODES, np.array([1, 0, 0, 1, 1, 0]), fair)
    >>> data, spent = writer.finish()
    >>> Reader(data).take(6, fair).tolist(), spent[CODES] == len(data)
    ([1, 0, 0, 1, 1, 0], True)
    """

    def __init__(self) -> None:
        self._steps: list[tuple[str, Integers, tuple[Any, ...]]] = []

    def put(self, part: str, symbols: Integers, *model: Any) -> None:
        """Symbols under one model, or a family of models and the parameters of each."""
        self._steps.append((part, symbols, model))

    def finish(self) -> tuple[bytes, dict[str, int]]:
        """The stream, and by how many bytes each part made it longer."""
        coder, length = constriction.stream.stack.AnsCoder(), 0
        spent = dict.fromkeys((CODES, POSITIONS, TABLES), 0)
        for part, symbols, model in reversed(self._steps):  # last in, first out
            coder.encode_reverse(np.ascontiguousarray(symbols, np.int32), *model)
            # the highest bit of the last word is always on, and not counted as valid
            bits = 0 if coder.is_empty() else coder.num_valid_bits() + 1
            before, length = length, packed_length(bits, 1)
            spent[part] += length - before
        return coder.get_compressed().astype("<u4").tobytes()[:length], spent


class Reader:
    """Reads what a ``Writer`` wrote; never more than is asked for, whatever the bytes are."""

    def __init__(self, data: bytes) -> None:
        if data.endswith(b"\0"):
            raise ValueError("its entropy-coded stream does not end as such streams do")
        words = np.frombuffer(data + bytes(-len(data) % 4), "<u4").astype(np.uint32)
        self._coder = constriction.stream.stack.AnsCoder(words)

    def take(self, count: int, model: Any) -> NDArray[np.int32]:
        """Symbols under one model."""
        symbols: NDArray[np.int32] = self._coder.decode(model, count)
        return symbols

    def number(self, below: int) -> int:
        """One whole number from 0."""
        return int(self._coder.decode(uniform(below)))

    def each(self, family: Any, probabilities: NDArray[np.float32]) -> NDArray[np.int32]:
        """One symbol under each model (n, alphabet) of a family."""
        symbols: NDArray[np.int32] = self._coder.decode(family, probabilities)
        return symbols

    def finish(self) -> None:
        """Raise ValueError if there is more, as there is when anything was changed."""
        if not self._coder.is_empty():
            raise ValueError("its entropy-coded stream holds something else than its header says")
