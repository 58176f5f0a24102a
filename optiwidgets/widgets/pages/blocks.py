"""Blocks: the binary data of a page without a kernel, as JSON that blocks.js reads."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.widgets.pages import adaptive_coding

Array = NDArray[Any]
DTYPES: Mapping[str, str] = {
    "u8": "<u1",
    "u16": "<u2",
    "i16": "<i2",
    "i32": "<i4",
    "u32": "<u4",
    "f32": "<f4",
    "f64": "<f8",
}
SOURCE = Path(adaptive_coding.__file__)
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}


def encode_block(
    array: Array,
    coding: str = "plain",
    keep: Callable[[str, Callable[[], bytes]], bytes] | None = None,
) -> dict[str, Any]:
    """Encode an array as a block.

    Parameters
    ----------
    array
        Values of one of ``DTYPES``.
    coding
        Order of the values before zlib: ``"plain"``; ``"bytes"``, all lowest bytes first;
        ``"steps"``, differences along the first axis of whole numbers, then as ``"bytes"``;
        ``"paeth"``, differences of pixels (N, H, W, C) from those beside, as in PNG files. Without
        zlib: ``"classes"``, predictions (B, S, N) of bit-widths, sparsities and images;
        ``"grey"``, pixels (N, H, W, 1).
    keep
        Cache of bytes that take long: takes a key and the function that makes them.

    Raises
    ------
    ValueError
        The array's dtype or the coding is unknown, or does not fit the array.

    Examples
    --------
    >>> block = encode_block(np.arange(6, dtype=np.int32).reshape(2, 3))
    >>> block["dtype"], block["shape"], block["coding"]
    ('i32', [2, 3], 'plain')
    """
    name = NAMES.get(array.dtype.newbyteorder("<"))
    if name is None:
        raise ValueError(f"a block holds {', '.join(DTYPES)}, not {array.dtype}")
    if coding not in (*CODINGS, *ADAPTIVE):
        raise ValueError(f"a coding is one of {', '.join((*CODINGS, *ADAPTIVE))}, not {coding!r}")
    values = np.ascontiguousarray(array, DTYPES[name])
    slow = coding in ADAPTIVE
    packed = keep(_key(values, coding), lambda: _pack(values, coding)) if keep and slow else None
    block = {
        "dtype": name,
        "shape": list(array.shape),
        "coding": coding,
        "data": base64.b64encode(packed or _pack(values, coding)).decode(),
    }
    return block | {"checksum": _checksum(block)}


def _pack(values: Array, coding: str) -> bytes:
    if coding in CODINGS:
        return zlib.compress(CODINGS[coding](values), 9)
    encode, axes = ADAPTIVE[coding]
    if values.dtype != np.uint8 or values.ndim != axes:
        raise ValueError(f"{coding} are bytes of {axes} axes, not {values.dtype} of {values.shape}")
    return encode(values)


def _key(values: Array, coding: str) -> str:
    """Name the bytes of a coding by the values and the code that encodes them."""
    of = [SOURCE.read_bytes(), coding.encode(), str(values.shape).encode(), values.tobytes()]
    return sha256(b"".join(len(each).to_bytes(8, "big") + each for each in of)).hexdigest()


def _checksum(block: Mapping[str, Any]) -> int:
    """Compute the CRC-32 of a block's fields as one text."""
    shape = ",".join(map(str, block["shape"]))
    fields = (block["dtype"], shape, block["coding"], block["data"])
    return zlib.crc32(" ".join(fields).encode())


def _plain(array: Array) -> bytes:
    return array.tobytes()


def _planes(array: Array) -> bytes:
    """Write the lowest bytes of all values, then the next ones."""
    return array.reshape(-1, 1).view(np.uint8).T.tobytes()


def _steps(array: Array) -> bytes:
    if array.dtype.kind not in "iu":
        raise ValueError(f"steps are of whole numbers, not {array.dtype}")
    steps = array.copy()
    steps[1:] -= array[:-1]  # they wrap around, as the sums do
    return _planes(steps)


def _paeth(pixels: Array) -> bytes:
    """Subtract from each pixel the one that PNG's filter of this name predicts."""
    if pixels.dtype != np.uint8 or pixels.ndim != 4:
        raise ValueError(f"pixels are bytes (N, H, W, C), not {pixels.dtype} of {pixels.shape}")
    around = np.pad(pixels, ((0, 0), (1, 0), (1, 0), (0, 0))).astype(np.int16)
    left, above, corner = around[:, 1:, :-1], around[:, :-1, 1:], around[:, :-1, :-1]
    sloped = left + above - corner
    far = [np.abs(sloped - each) for each in (left, above, corner)]
    is_left = (far[0] <= far[1]) & (far[0] <= far[2])
    expected = np.where(is_left, left, np.where(far[1] <= far[2], above, corner))
    return (pixels - expected.astype(np.uint8)).tobytes()


def _grey(pixels: Array) -> bytes:
    if pixels.shape[3] != 1:
        raise ValueError(f"grey pixels are (N, H, W, 1), not {pixels.shape}")
    return adaptive_coding.encode_pixels(pixels[..., 0])


CODINGS: Mapping[str, Callable[[Array], bytes]] = {
    "plain": _plain,
    "bytes": _planes,
    "steps": _steps,
    "paeth": _paeth,
}
ADAPTIVE: Mapping[str, tuple[Callable[[Array], bytes], int]] = {
    "classes": (adaptive_coding.encode_predictions, 3),
    "grey": (_grey, 4),
}
