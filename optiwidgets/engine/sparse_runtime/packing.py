"""Packing of weights for the sparse runtime's library, with the offset of each weight's input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.sparse_runtime.steps import Step, Value

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]
ALIGNED = 64  # bytes


@dataclass(frozen=True, eq=False)
class Packed:
    """Non-zero weights of a step, row by row, with the offset of each weight's input."""

    first: Integers
    offset: Integers
    alone: Integers  # offsets for a single image
    weight: Floats
    bias: Floats
    dense: bool  # few weights are zero, so all weights are stored


def offsets_of(step: Step, values: Mapping[str, Value], separate: bool = False) -> Integers:
    """Compute the offsets of the inputs of a step's weights, in pixels from the window's first.

    The result has one row (I h w) for all outputs, with groups one row per output. ``separate`` is
    the pixel order for a single image and a stride s: in each channel first every s-th pixel, then
    the pixels next to these.
    """
    value = values[step.inputs[0]]
    channels = value.shape[0]
    rows, columns = value.padded
    top, left = value.ring[:2]
    taken, kernel, gap = channels // step.groups, step.kernel, step.dilation
    pads = step.pads[0], step.pads[1]
    down, right = step.stride if separate else (1, 1)
    tall, wide = -(-rows // down), -(-columns // right)
    y = top - pads[0] + np.arange(kernel[0])[:, None] * gap[0]
    x = left - pads[1] + np.arange(kernel[1]) * gap[1]
    part = (y % down) * right + x % right
    window = ((part * tall + y // down) * wide + x // right).ravel()
    channel = down * right * tall * wide
    table = (np.arange(taken)[:, None] * channel + window).ravel()
    if step.groups > 1:
        outputs = values[step.output].shape[0]
        group = np.arange(outputs) // (outputs // step.groups)
        table = table + (group * taken * channel)[:, None]
    return table.astype(np.int32)


def scaling(step: Step, tensors: Mapping[str, NDArray[Any]]) -> Packed:
    """Pack a normalization as a factor and a term per channel."""
    weight, bias = (tensors[name].astype(np.float64) for name in (step.weight, step.bias))
    if step.norm:
        mean, variance, epsilon = step.norm
        weight = weight / np.sqrt(tensors[variance].astype(np.float64) + epsilon)
        bias = bias - tensors[mean] * weight
    none = np.zeros(1, np.int32)
    return Packed(none, none, none, weight.astype(np.float32), bias.astype(np.float32), False)


def taking(step: Step, table: Integers) -> Packed:
    """Pack a convolution that copies channels, with a single weight 1 per output."""
    taken, count = np.array(step.taken), len(step.taken)
    offsets, ones = np.ascontiguousarray(table[taken]), np.ones(count, np.float32)
    first, bias = np.arange(count + 1, dtype=np.int32), np.zeros(count, np.float32)
    return Packed(first, offsets, offsets, ones, bias, False)


def address(array: NDArray[Any]) -> int:
    """Return the address of an array; the caller keeps the array alive while it is used."""
    return array.ctypes.data


def aligned(shape: tuple[int, ...]) -> Floats:
    """Allocate an array of zeros aligned to 64 bytes."""
    size = int(np.prod(shape))
    raw = np.zeros(size + ALIGNED // 4, np.float32)
    start = (-raw.ctypes.data % ALIGNED) // 4
    return raw[start : start + size].reshape(shape)
