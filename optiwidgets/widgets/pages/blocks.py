"""Blocks: the binary data of a page without a kernel, as JSON that blocks.js reads."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Coding = Callable[[Array], bytes]
DTYPES: Mapping[str, str] = {
    "u8": "<u1",
    "u16": "<u2",
    "i16": "<i2",
    "i32": "<i4",
    "u32": "<u4",
    "f32": "<f4",
    "f64": "<f8",
}
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}


def encode_block(array: Array, coding: str = "plain") -> dict[str, Any]:
    """Encode an array as a block.

    Parameters
    ----------
    array
        Values of one of ``DTYPES``.
    coding
        Order of the values before zlib: ``"plain"``; ``"bytes"``, all lowest bytes first;
        ``"steps"``, differences along the first axis of whole numbers, then as ``"bytes"``;
        ``"columns"``, columns of bytes (R, N) one after the other.

    Raises
    ------
    ValueError
        The array's dtype or the coding is unknown, or does not fit the array.

    Examples
    --------
    >>> block = encode_block(np.arange(6, dtype=np.int32).reshape(2, 3))
    >>> block["dtype"], block["shape"], decode_block(block).tolist()
    ('i32', [2, 3], [[0, 1, 2], [3, 4, 5]])
    """
    name = NAMES.get(array.dtype.newbyteorder("<"))
    if name is None:
        raise ValueError(f"a block holds {', '.join(DTYPES)}, not {array.dtype}")
    if coding not in CODINGS:
        raise ValueError(f"a coding is one of {', '.join(CODINGS)}, not {coding!r}")
    packed = zlib.compress(CODINGS[coding][0](array.astype(DTYPES[name], copy=False)), 9)
    block = {
        "dtype": name,
        "shape": list(array.shape),
        "coding": coding,
        "data": base64.b64encode(packed).decode(),
    }
    return block | {"checksum": _checksum(block)}


def decode_block(block: Mapping[str, Any]) -> Array:
    """Decode a block, as blocks.js does.

    Raises
    ------
    ValueError
        The block is damaged.
    """
    if block["checksum"] != _checksum(block):
        raise ValueError("the block is damaged: its checksum is another one")
    data = zlib.decompress(base64.b64decode(block["data"]))
    shape, dtype = tuple(block["shape"]), np.dtype(DTYPES[block["dtype"]])
    return CODINGS[block["coding"]][1](data, shape, dtype)


def _checksum(block: Mapping[str, Any]) -> int:
    """Compute the CRC-32 of a block's fields as one text."""
    shape = ",".join(map(str, block["shape"]))
    fields = (block["dtype"], shape, block["coding"], block["data"])
    return zlib.crc32(" ".join(fields).encode())


def _plain(array: Array) -> bytes:
    return array.tobytes()


def _from_plain(data: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return np.frombuffer(data, dtype).reshape(shape)


def _planes(array: Array) -> bytes:
    """Write the lowest bytes of all values, then the next ones."""
    values = np.ascontiguousarray(array).view(np.uint8).reshape(-1, array.itemsize)
    return values.T.tobytes()


def _from_planes(data: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    planes = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, -1)
    return np.ascontiguousarray(planes.T).view(dtype).reshape(shape)


def _steps(array: Array) -> bytes:
    if array.dtype.kind not in "iu":
        raise ValueError(f"steps are of whole numbers, not {array.dtype}")
    steps = array.copy()
    steps[1:] -= array[:-1]  # they wrap around, as the sums do
    return _planes(steps)


def _from_steps(data: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return np.cumsum(_from_planes(data, shape, dtype), axis=0, dtype=dtype)


def _columns(array: Array) -> bytes:
    if array.ndim != 2 or array.itemsize != 1:
        raise ValueError(f"columns are of bytes (R, N), not {array.dtype} of {array.shape}")
    return array.T.tobytes()


def _from_columns(data: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return np.ascontiguousarray(np.frombuffer(data, dtype).reshape(shape[::-1]).T)


CODINGS: Mapping[str, tuple[Coding, Callable[..., Array]]] = {
    "plain": (_plain, _from_plain),
    "bytes": (_planes, _from_planes),
    "steps": (_steps, _from_steps),
    "columns": (_columns, _from_columns),
}
