"""Sparse runtime: runs a program with weights on blocks of images, or on a single image."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.execution.worker_pool import each
from optiwidgets.engine.sparse_runtime.library import Library
from optiwidgets.engine.sparse_runtime.packing import (
    Floats,
    Packed,
    address,
    aligned,
    offsets_of,
    scaling,
    taking,
)
from optiwidgets.engine.sparse_runtime.steps import ACTIVATIONS, KINDS, Program, Step

THREADS = 2


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
                *("counts_pads", "at", "dense"),
            )
        ),
        *((name, ctypes.c_void_p) for name in ("first", "offset", "weight", "bias")),
    ]


class _Program(ctypes.Structure):
    _fields_ = [
        ("steps", ctypes.c_int32),
        ("answer", ctypes.c_int32),
        ("size", ctypes.c_int64),
        ("step", ctypes.POINTER(_Step)),
        ("value", ctypes.POINTER(_Value)),
    ]


def _declare(cdll: ctypes.CDLL) -> None:
    """Declare the argument types of the functions of ``kernel.cpp`` that this module calls."""
    place, int32, program = ctypes.c_void_p, ctypes.c_int32, ctypes.POINTER(_Program)
    cdll.sparse_run.argtypes = [program, place, int32, int32, ctypes.POINTER(int32), place, place]
    cdll.sparse_run_one.argtypes = [program, place, place, place]
    cdll.sparse_pack.argtypes = [place, int32, int32, place, int32, place, place, place]
    for size in (cdll.sparse_size, cdll.sparse_size_one):
        size.argtypes, size.restype = [program], ctypes.c_int64


@dataclass(frozen=True, eq=False)
class Blocks:
    """Images in the runtime's layout: (blocks, C, H, W, lanes), with the first value's ring.

    The last block is padded with zeros; ``count`` is the number of images.
    """

    values: Floats
    count: int


class NotFiniteError(ArithmeticError):
    """Sum that is not finite: skipping zeros may then give another result than a dense net."""


class SparseRuntime:
    """Runtime of a program, for any weights of its shapes.

    Parameters
    ----------
    program
        From ``plan``.
    library
        From ``load``.
    """

    def __init__(self, program: Program, library: Library) -> None:
        self.program, self.library = program, library
        self.values = [program.images, *(n for n in program.values if n != program.images)]
        self.index = {name: i for i, name in enumerate(self.values)}
        weighted = [step for step in program.steps if step.kind == "conv"]
        self.tables = {s.output: offsets_of(s, program.values) for s in weighted}
        self.separated = {
            s.output: offsets_of(s, program.values, separate=True)
            for s in weighted
            if s.stride != (1, 1) and program.values[s.output].shape[1:] != (1, 1)
        }
        self._idle: dict[bool, list[Floats]] = {False: [], True: []}
        _declare(library.cdll)

    def lay_out(self, images: Floats) -> Blocks:
        """Convert images N C H W to the runtime's layout, once for all recipes.

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
        laid = aligned((blocks, value.shape[0], *value.padded, lanes))
        filled = np.zeros((blocks * lanes, *value.shape), np.float32)
        filled[: len(images)] = images
        inner = laid[:, :, top : top + height, left : left + width]
        inner[:] = filled.reshape(blocks, lanes, *value.shape).transpose(0, 2, 3, 4, 1)
        return Blocks(laid, len(images))

    def fill(self, tensors: Mapping[str, NDArray[Any]]) -> Filled:
        """Pack the non-zero weights, once for any images."""
        packed = {
            s.output: self._pack(s, tensors)
            for s in self.program.steps
            if s.kind in ("conv", "scale")
        }
        return Filled(self, packed)

    def run(self, tensors: Mapping[str, NDArray[Any]], blocks: Blocks) -> Floats:
        """Compute the scores (N, K) of images; zeros are skipped in layers with many zeros.

        Raises
        ------
        NotFiniteError
            A sum is not finite: zero times infinity is nan, but skipped zeros give 0.
        """
        return self.fill(tensors).run(blocks)

    def _pack(self, step: Step, tensors: Mapping[str, NDArray[Any]]) -> Packed:
        if step.kind == "scale":
            return scaling(step, tensors)
        if step.taken:
            return taking(step, self.tables[step.output])
        weight = np.ascontiguousarray(tensors[step.weight], np.float32)
        bias = tensors[step.bias] if step.bias else np.zeros(len(weight), np.float32)
        bias = np.ascontiguousarray(bias, np.float32)
        tables = [self.tables[step.output], self.separated.get(step.output)]
        rows, columns = len(weight), weight.size // len(weight)
        first, weights = np.empty(rows + 1, np.int32), np.empty(weight.size + 1, np.float32)
        dense = 0
        offsets = [None if t is None else np.empty(weight.size + 1, np.int32) for t in tables]
        for table, offset in zip(tables, offsets, strict=True):
            if table is not None and offset is not None:
                dense = self.library.cdll.sparse_pack(
                    *(address(weight), rows, columns, address(table), table.ndim - 1),
                    *(address(first), address(offset), address(weights)),
                )
        batch, one = offsets
        assert batch is not None
        return Packed(first, batch, batch if one is None else one, weights, bias, bool(dense))

    def steps(self, packed: Mapping[str, Packed], alone: bool) -> ctypes.Array[_Step]:
        """Convert the steps for blocks, or for one image if ``alone``; keep ``packed`` alive."""
        made = [self._step(step, packed.get(step.output), alone) for step in self.program.steps]
        return (_Step * len(made))(*made)

    def _step(self, step: Step, packed: Packed | None, alone: bool) -> _Step:
        made = _Step(
            kind=KINDS.index(step.kind), activation=ACTIVATIONS.index(step.activation),
            halve=step.halve, source=self.index[step.inputs[0]],
            other=self.index[step.inputs[1]] if len(step.inputs) > 1 else -1,
            out=self.index[step.output],
            stride_h=step.stride[0], stride_w=step.stride[1],
            kernel_h=step.kernel[0], kernel_w=step.kernel[1],
            pad_h=step.pads[0], pad_w=step.pads[1], counts_pads=step.counts_pads, at=step.at,
        )  # fmt: skip
        if packed is not None:
            made.first, made.weight = address(packed.first), address(packed.weight)
            made.bias, made.dense = address(packed.bias), packed.dense
            made.offset = address(packed.alone if alone else packed.offset)
        return made

    @cached_property
    def size(self) -> int:
        """Number of pixels of all values except the images."""
        return sum(self.program.values[name].vectors for name in self.values[1:])

    @cached_property
    def array(self) -> ctypes.Array[_Value]:
        """Values in the library's format."""
        made, at = [], 0
        for name in self.values:
            value = self.program.values[name]
            first = name == self.program.images
            made.append(_Value(-1 if first else at, *value.shape, *value.ring[:2], *value.padded))
            at += 0 if first else value.vectors
        return (_Value * len(made))(*made)

    @contextmanager
    def memory(self, alone: bool, program: _Program) -> Iterator[Floats]:
        """Lend scratch memory to one thread; the rings stay zero, since nothing writes to them."""
        idle = self._idle[alone]
        try:
            lent = idle.pop()
        except IndexError:  # all of it is in use by other threads
            size = self.library.cdll.sparse_size_one if alone else self.library.cdll.sparse_size
            lent = aligned((size(program),))
        try:
            yield lent
        finally:
            idle.append(lent)


class Filled:
    """Program with packed weights, as returned by ``SparseRuntime.fill``."""

    def __init__(self, runtime: SparseRuntime, packed: Mapping[str, Packed]) -> None:
        self._runtime, self._packed = runtime, packed
        self._images, scores = (
            runtime.program.values[name]
            for name in (runtime.program.images, runtime.program.scores)
        )
        self._classes = scores.shape[0]

    def run(self, blocks: Blocks) -> Floats:
        """Compute the scores (N, K) of images converted by ``lay_out``.

        Raises
        ------
        NotFiniteError
            A sum is not finite: zero times infinity is nan, but skipped zeros give 0.
        """
        return self._run(blocks.values, 0, blocks.count, THREADS)

    def predict(self, images: Floats, threads: int = THREADS) -> Floats:
        """Compute the scores (N, K) of images N C H W with ``threads`` threads.

        Raises
        ------
        NotFiniteError
            A sum is not finite; pixels that no weight reads are not checked.
        ValueError
            The images' shape is not the program's.
        """
        images = self._checked(images, images.shape[1:])
        return self._run(images, len(images), len(images), threads)

    def run_one(self, image: Floats) -> Floats:
        """Compute the scores (K,) of one image C H W in the calling thread.

        Raises
        ------
        NotFiniteError
            A sum is not finite; pixels that no weight reads are not checked.
        ValueError
            The image's shape is not the program's.
        """
        image = self._checked(image, image.shape)
        scores = np.empty(self._classes, np.float32)
        run, runtime = self._runtime.library.cdll.sparse_run_one, self._runtime
        with runtime.memory(True, self._alone) as scratch:
            failed = run(self._alone, address(image), address(scratch), address(scores))
        if failed:
            raise NotFiniteError("a sum is not finite")
        return scores

    def _checked(self, images: Floats, shape: tuple[int, ...]) -> Floats:
        if shape != self._images.shape:
            raise ValueError(f"the program runs images of {self._images.shape}, not {shape}")
        return np.ascontiguousarray(images, np.float32)

    def _run(self, images: Floats, plain: int, count: int, threads: int) -> Floats:
        lanes, run = self._runtime.library.lanes, self._runtime.library.cdll.sparse_run
        blocks = -(-count // lanes)
        scores = aligned((blocks, self._classes, lanes))
        following = ctypes.c_int32(0)

        def work(_: int = 0) -> int:
            with self._runtime.memory(False, self._blocks) as scratch:
                failed: int = run(
                    *(self._blocks, address(images), plain, blocks),
                    *(ctypes.byref(following), address(scratch), address(scores)),
                )
            return failed

        if any(each(work, range(threads)) if threads > 1 else [work()]):
            raise NotFiniteError("a sum is not finite")
        return scores.transpose(0, 2, 1).reshape(-1, self._classes)[:count]

    @cached_property
    def _blocks(self) -> _Program:
        return self._program(alone=False)

    @cached_property
    def _alone(self) -> _Program:
        return self._program(alone=True)

    def _program(self, alone: bool) -> _Program:
        runtime = self._runtime
        steps = runtime.steps(self._packed, alone)
        answer = runtime.index[runtime.program.scores]
        return _Program(len(steps), answer, runtime.size, steps, runtime.array)
