"""Adaptive arithmetic coding of predictions and pixels; adaptive_coding.js decodes it.

Values are split into decisions of one bit, each with a context made of its neighbours.
Every context has a probability that learns from its decisions, in encoder and decoder alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Bytes = NDArray[np.uint8]
ONE = 1 << 15  # a probability of 1
RATES = [round(ONE / (seen + 1.5)) for seen in range(255)]  # how far one decision moves it
SEGMENT = 20  # sparsities that are skipped together
CHUNK = 250  # images whose decisions are in memory together
LEVELS = (1, 40, 90, 140, 200, 250)  # of the pixels beside
FEW_LEVELS = (1, 85, 200)  # of the pixels above, left and right
DARK = (1, 64, 128, 200, 250)
FEW_DARK = (1, 128)
EXPECTED = (1, 32, 64, 96, 128, 160, 192, 224, 250)
HIGH, LOW = 3, 5  # bits of a pixel: the high ones depend on its neighbours


class BitEncoder:
    """Arithmetic encoder of decisions, each in one of ``size`` contexts.

    Examples
    --------
    >>> coder = BitEncoder(2)
    >>> coder.encode([0] * 1000 + [1], [0] * 1000 + [1])
    >>> len(coder.finish())
    5
    """

    def __init__(self, size: int) -> None:
        self._zero, self._seen = [ONE // 2] * size, [0] * size
        self._low, self._range, self._out = 0, 1 << 30, bytearray()

    def encode(self, bits: Sequence[int], contexts: Sequence[int]) -> None:
        """Encode decisions in order."""
        zero, seen, out, rates = self._zero, self._seen, self._out, RATES
        low, span, last = self._low, self._range, len(RATES) - 1
        for bit, context in zip(bits, contexts, strict=True):
            probability, count = zero[context], seen[context]
            bound = (span >> 15) * probability
            if bit:
                low += bound
                span -= bound
                zero[context] = probability - (probability * rates[count] >> 15)
            else:
                span = bound
                zero[context] = probability + ((ONE - probability) * rates[count] >> 15)
            if count < last:
                seen[context] = count + 1
            while span < 1 << 22:
                if low >= 1 << 32:
                    _carry(out)
                out.append(low >> 24 & 255)
                low, span = (low & 0xFFFFFF) << 8, span << 8
        self._low, self._range = low, span

    def finish(self) -> bytes:
        """Return all bytes."""
        if self._low >= 1 << 32:
            _carry(self._out)
        return bytes(self._out) + (self._low & 0xFFFFFFFF).to_bytes(4, "big")


def _carry(out: bytearray) -> None:
    """Add one to the number that the bytes are."""
    place = len(out) - 1
    while out[place] == 255:
        out[place] = 0
        place -= 1
    out[place] += 1


class _Decisions:
    """Decisions of values, in columns: (mask, bits, contexts), each in the values' shape."""

    def __init__(self) -> None:
        self.columns: list[tuple[Array, Array, Array]] = []

    def add(self, mask: Array, bits: Array, contexts: Array) -> None:
        self.columns.append((mask, bits, contexts))

    def add_tree(self, mask: Array, values: Array, width: int, contexts: Array) -> None:
        """Add the bits of values, the highest first; a context has a node for each start."""
        node = np.ones_like(values)
        for place in range(width - 1, -1, -1):
            bit = values >> place & 1
            self.add(mask, bit, (contexts << width) + node)
            node = 2 * node + bit

    def encode(self, coder: BitEncoder) -> None:
        """Encode them value by value."""
        stacked = [np.stack(each, axis=-1) for each in zip(*self.columns, strict=True)]
        mask, bits, contexts = stacked
        coder.encode(bits[mask].tolist(), contexts[mask].tolist())


def encode_predictions(predictions: Bytes) -> bytes:
    """Encode the classes (B, S, N) that N images get from models of B bit-widths, S sparsities.

    The first byte is the number of bits of a class.
    """
    widths, sparsities, count = predictions.shape
    bits = max(1, int(predictions.max(initial=0)).bit_length())
    positions, segments = widths * sparsities, -(-sparsities // SEGMENT)
    sizes = positions << bits, 2 * widths * segments, 16 * positions, positions
    starts = np.cumsum((0, *sizes)).tolist()
    coder, before = BitEncoder(starts[-1]), 0
    for start in range(0, count, CHUNK):
        chunk = predictions[::-1, :, start : start + CHUNK].transpose(2, 0, 1).astype(np.int32)
        _class_decisions(chunk, before, bits, starts).encode(coder)
        before = int(chunk[-1, 0, 0])
    return bytes([bits]) + coder.finish()


def _class_decisions(classes: Array, before: int, bits: int, starts: list[int]) -> _Decisions:
    """Split classes (N, B, S) into decisions.

    A segment of sparsities may have the classes of the bit-width above. Elsewhere: is it the class
    of the sparsity before; if not, is it that of the bit-width above; if not, which is it.
    """
    _, widths, sparsities = classes.shape
    west, north = np.empty_like(classes), np.empty_like(classes)
    west[:, :, 1:], west[:, 1:, 0] = classes[:, :, :-1], classes[:, :-1, 0]
    west[1:, 0, 0], west[0, 0, 0] = classes[:-1, 0, 0], before
    north[:, 1:], north[:, 0] = classes[:, :-1], west[:, 0]
    east, corner, far = north.copy(), north.copy(), west.copy()
    east[:, 1:, :-1], corner[:, 1:, 1:] = north[:, 1:, 1:], north[:, 1:, :-1]
    far[:, :, 2:] = classes[:, :, :-2]
    column = np.arange(sparsities)
    position = np.arange(widths)[:, None] * sparsities + column + np.zeros_like(classes)
    first = column % SEGMENT == 0
    other = np.logical_or.reduceat(classes != north, np.flatnonzero(first), axis=2)
    other[:, 0] = True  # there is no bit-width above
    place = np.arange(widths)[:, None] * other.shape[2] + np.arange(other.shape[2])
    follows = np.zeros_like(other, np.int32)
    follows[:, :, 1:] = other[:, :, :-1]
    segment = column // SEGMENT
    asked = first & (np.arange(widths) > 0)[:, None] & np.ones_like(classes, bool)
    found = _Decisions()
    found.add(asked, other[:, :, segment] * 1, starts[1] + (2 * place + follows)[:, :, segment])
    near = (west != north) + 2 * (east != north) + 4 * (corner != north) + 8 * (west != far)
    coded = other[:, :, segment]
    found.add(coded, (classes != west) * 1, starts[2] + 16 * position + near)
    missed = coded & (classes != west)
    found.add(missed & (north != west), (classes != north) * 1, starts[3] + position)
    rest = missed & ((north == west) | (classes != north))
    found.add_tree(rest, classes, bits, position)
    return found


def encode_pixels(pixels: Bytes) -> bytes:
    """Encode grey images (N, H, W): is a pixel 0, if not, its bits."""
    coder = BitEncoder(PIXEL_CONTEXTS)
    for start in range(0, len(pixels), CHUNK):
        _pixel_decisions(pixels[start : start + CHUNK].astype(np.int32)).encode(coder)
    return coder.finish()


DARK_CONTEXTS = 6 * 6 * 3 * 3 * 2 * 2
HIGH_CONTEXTS = 7 * 7 * 4 * 4 << HIGH
LOW_CONTEXTS = 8 * 10 << LOW
# each kind of context starts at a multiple of its tree's size
HIGH_START = -(-DARK_CONTEXTS >> HIGH) << HIGH
LOW_START = -(-(HIGH_START + HIGH_CONTEXTS) >> LOW) << LOW
PIXEL_CONTEXTS = LOW_START + LOW_CONTEXTS


def _pixel_decisions(pixels: Array) -> _Decisions:
    """Split pixels (N, H, W) into decisions; outside of an image all pixels are 0."""
    around = np.pad(pixels, ((0, 0), (2, 0), (2, 1)))
    west, north, corner = around[:, 2:, 1:-2], around[:, 1:-1, 2:-1], around[:, 1:-1, 1:-2]
    east, far, above = around[:, 1:-1, 3:], around[:, 2:, :-3], around[:, :-2, 2:-1]
    everywhere, found = np.ones_like(pixels, bool), _Decisions()
    dark = np.digitize(west, DARK) * 6 + np.digitize(north, DARK)
    dark = (dark * 3 + np.digitize(corner, FEW_DARK)) * 3 + np.digitize(east, FEW_DARK)
    found.add(everywhere, (pixels > 0) * 1, (dark * 2 + (far > 0)) * 2 + (above > 0))
    near = np.digitize(west, LEVELS) * 7 + np.digitize(north, LEVELS)
    near = (near * 4 + np.digitize(east, FEW_LEVELS)) * 4 + np.digitize(corner, FEW_LEVELS)
    found.add_tree(pixels > 0, pixels >> LOW, HIGH, (HIGH_START >> HIGH) + near)
    most, least = np.maximum(west, north), np.minimum(west, north)
    sloped = np.clip(west + north - corner, least, most)
    low = (pixels >> LOW) * 10 + np.digitize(sloped, EXPECTED)
    found.add_tree(pixels > 0, pixels & 31, LOW, (LOW_START >> LOW) + low)
    return found
