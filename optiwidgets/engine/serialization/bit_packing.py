"""Bit packing: codes of a fixed number of bits, stored without gaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.serialization.symbol_models import Integers


def pack_bits(codes: Integers, bits: int) -> bytes:
    """Pack unsigned codes without gaps, ``bits`` bits each, lowest bit first.

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
    """Compute the number of bytes of ``count`` packed codes of ``bits`` bits.

    Examples
    --------
    >>> packed_length(3, 3)
    2
    """
    return -(-count * bits // 8)
