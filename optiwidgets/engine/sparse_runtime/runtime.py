"""The sparse runtime: a program with weights, run on blocks of images by two threads."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.execution.worker_pool import each
from optiwidgets.engine.sparse_runtime.library import Library
from optiwidgets.engine.sparse_runtime.program import ACTIVATIONS, KINDS, Program, Step, Value

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]
THREADS = 2
ALIGNED = 64  # bytes


class _Value(ctypes.Structure):
    _fields_ = [
        ("at", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("c", "h", "w", "top", "left", "hp", "wp")),
    ]


class _Step(ctypes.Structure):
    _fields_ = [
        *(
            (name, ctypes.c_int32)
            for name in (
                *("kind", "activation", "halve", "source", "other", "out"),
                *("stride_h", "stride_w", "kernel_h", "kernel_w", "pad_h", "pad_w"),
                *("counts_pads", "at"),
            )
        ),
        *((name, ctypes.c_void_p) for name in ("first", "offset", "weight", "bias")),
    ]


class _Program(ctypes.Structure):
    _fields_ = [
        ("steps", ctypes.c_int32),
        ("answer", ctypes.c_int32),
        ("step", ctypes.POINTER(_Step)),
        ("value", ctypes.POINTER(_Value)),
    ]


@dataclass(frozen=True, eq=False)
class Blocks:
    """Images in the runtime's order: (blocks, C, H, W, lanes), with the first value's ring.

    The last block is filled up with zeros; ``count`` images are real.
    """

    values: Floats
    count: int


class NotFiniteError(ArithmeticError):
    """A sum was not finite: where zeros are skipped, the result may not be that of a dense net."""


class SparseRuntime:
    """Runs a program, with any weights of its shapes.

    Parameters
    ----------
    program
        As ``plan`` makes it.
    library
        As ``load`` returns it.
    """

    def __init__(self, program: Program, library: Library) -> None:
        self.program, self.library = program, library
        self._names = [program.images, *(n for n in program.values if n != program.images)]
        self._index = {name: i for i, name in enumerate(self._names)}
        self._tables = {s.output: _offsets(s, program.values) for s in program.steps if s.weight}
        run = library.cdll.sparse_run
        run.restype = ctypes.c_int
        run.argtypes = [
            ctypes.POINTER(_Program), ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32,
            ctypes.POINTER(ctypes.c_int32), ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        self._run = run

    def lay_out(self, images: Floats) -> Blocks:
        """Bring images N C H W into the runtime's order, once for all recipes.

        Raises
        ------
        NotFiniteError
            A pixel is not finite.
        """
        if not np.isfinite(images).all():
            raise NotFiniteError("a pixel is not finite")
        value, lanes = self.program.values[self.program.images], self.library.lanes
        blocks = -(-len(images) // lanes)
        (top, left), (_, height, width) = value.ring[:2], value.shape
        laid = _aligned((blocks, value.shape[0], *value.padded, lanes))
        filled = np.zeros((blocks * lanes, *value.shape), np.float32)
        filled[: len(images)] = images
        inner = laid[:, :, top : top + height, left : left + width]
        inner[:] = filled.reshape(blocks, lanes, *value.shape).transpose(0, 2, 3, 4, 1)
        return Blocks(laid, len(images))

    def run(self, tensors: Mapping[str, NDArray[Any]], blocks: Blocks) -> Floats:
        """Compute the scores (N, K) of images; zeros among the weights cost nothing.

        Raises
        ------
        NotFiniteError
            A sum is not finite: zero times infinity is not 0, and zeros are skipped here.
        """
        program, kept = self._fill(tensors)
        channels = self.program.values[self.program.scores].shape[0]
        scores = _aligned((len(blocks.values), channels, self.library.lanes))
        size = self.program.values[self.program.images].vectors
        following = ctypes.c_int32(0)

        def work(scratch: Floats) -> int:
            failed: int = self._run(
                program, blocks.values.ctypes.data, size, len(blocks.values),
                ctypes.byref(following), scratch.ctypes.data, scores.ctypes.data,
            )  # fmt: skip
            return failed

        if any(each(work, self._scratch)):
            raise NotFiniteError("a sum is not finite")
        del kept  # the weights had to live until here
        rows = scores.transpose(0, 2, 1).reshape(-1, channels)[: blocks.count]
        if not np.isfinite(rows).all():
            raise NotFiniteError("a score is not finite")
        return rows

    @cached_property
    def _scratch(self) -> list[Floats]:
        """Memory of each thread; the rings in it stay zero, nothing is ever written there."""
        total = sum(self.program.values[name].vectors for name in self._names[1:])
        return [_aligned((total, self.library.lanes)) for _ in range(THREADS)]

    @cached_property
    def _values(self) -> ctypes.Array[_Value]:
        made, at = [], 0
        for name in self._names:
            value = self.program.values[name]
            first = name == self.program.images
            made.append(_Value(-1 if first else at, *value.shape, *value.ring[:2], *value.padded))
            at += 0 if first else value.vectors
        return (_Value * len(made))(*made)

    def _fill(self, tensors: Mapping[str, NDArray[Any]]) -> tuple[_Program, list[Any]]:
        """Make the program with the weights that are not zero; what it points to comes beside."""
        kept: list[Any] = []
        steps = [self._step(step, tensors, kept) for step in self.program.steps]
        array = (_Step * len(steps))(*steps)
        kept.append(array)
        answer = self._index[self.program.scores]
        return _Program(len(steps), answer, array, self._values), kept

    def _step(self, step: Step, tensors: Mapping[str, NDArray[Any]], kept: list[Any]) -> _Step:
        made = _Step(
            kind=KINDS.index(step.kind), activation=ACTIVATIONS.index(step.activation),
            halve=step.halve, source=self._index[step.inputs[0]],
            other=self._index[step.inputs[1]] if len(step.inputs) > 1 else -1,
            out=self._index[step.output],
            stride_h=step.stride[0], stride_w=step.stride[1],
            kernel_h=step.kernel[0], kernel_w=step.kernel[1],
            pad_h=step.pads[0], pad_w=step.pads[1], counts_pads=step.counts_pads, at=step.at,
        )  # fmt: skip
        if step.weight:
            packed = self._pack(step, tensors)
            kept += packed
            made.first, made.offset, made.weight, made.bias = (a.ctypes.data for a in packed)
        return made

    def _pack(self, step: Step, tensors: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Select a step's weights that are not zero, row by row, and where each finds its input."""
        weight = np.ascontiguousarray(tensors[step.weight], np.float32)
        flat, table = weight.reshape(len(weight), -1), self._tables[step.output]
        where = np.flatnonzero(flat)
        rows = where // flat.shape[1]
        first = np.zeros(len(flat) + 1, np.int32)
        np.cumsum(np.bincount(rows, minlength=len(flat)), out=first[1:])
        offsets = table.ravel()[where] if table.shape == flat.shape else table[where % table.size]
        bias = tensors[step.bias] if step.bias else np.zeros(len(flat), np.float32)
        return [first, offsets, flat.ravel()[where], np.ascontiguousarray(bias, np.float32)]


def _offsets(step: Step, values: Mapping[str, Value]) -> Integers:
    """Compute where the weights of a step find their inputs, in vectors from a window's first.

    One row (I h w) for all outputs; with groups, a row for each.
    """
    value = values[step.inputs[0]]
    channels, height, width = value.shape
    rows, columns = value.padded
    top, left = value.ring[:2]
    linear = step.kernel == (1, 1) and values[step.output].shape[1:] == (1, 1)
    if linear and (height, width) != (1, 1):
        taken, kernel, gap, pads = channels, (height, width), (1, 1), (0, 0)
    else:
        taken, kernel = channels // step.groups, step.kernel
        gap, pads = step.dilation, (step.pads[0], step.pads[1])
    y = (top - pads[0] + np.arange(kernel[0]) * gap[0]) * columns
    x = left - pads[1] + np.arange(kernel[1]) * gap[1]
    window = (y[:, None] + x).ravel()
    table = (np.arange(taken)[:, None] * (rows * columns) + window).ravel()
    if step.groups > 1:
        outputs = values[step.output].shape[0]
        group = np.arange(outputs) // (outputs // step.groups)
        table = table + (group * taken * rows * columns)[:, None]
    return table.astype(np.int32)


def _aligned(shape: tuple[int, ...]) -> Floats:
    """Make an array of zeros that begins where a vector may."""
    size = int(np.prod(shape))
    raw = np.zeros(size + ALIGNED // 4, np.float32)
    start = (-raw.ctypes.data % ALIGNED) // 4
    return raw[start : start + size].reshape(shape)
