"""Methods and targets of the methods benchmark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MODELS = ("small", "wide")
SPARSITIES = (0.5, 0.8, 0.9, 0.95, 0.98)
BITS = (8, 4, 3, 2, 1)
JOINT = (0.95, 4)
BEST_GRID = {"granularity": "channel", "clip": "mse"}


@dataclass(frozen=True)
class Method:
    """Fields of a recipe, and the (sparsity, bits) at which it is run."""

    name: str
    group: str
    fields: dict[str, Any]
    strengths: tuple[tuple[float, int], ...]


@dataclass(frozen=True)
class Target:
    """Target at one sparsity and bit width: most points lost, and most milliseconds.

    The first method is judged (with ``best``, the best of all); the others are shown beside it.
    """

    model: str
    sparsity: float
    bits: int
    methods: tuple[str, ...]
    points: float
    ms: float | None = None
    best: bool = False


def pruning(name: str, at: Iterable[float] = SPARSITIES, /, **fields: str) -> Method:
    """Make a method at several sparsities, with float weights."""
    return Method(name, "sparsity", fields, tuple((sparsity, 32) for sparsity in at))


def rounding(name: str, at: Iterable[int] = BITS, /, **fields: str) -> Method:
    """Make a method at several bit widths, without pruning."""
    return Method(name, "bits", fields, tuple((0, bits) for bits in at))


def both(name: str, **fields: str) -> Method:
    """Make a method with pruning and quantization, one scale for each channel, least-MSE ranges."""
    return Method(name, "both", {**BEST_GRID, **fields}, (JOINT,))


METHODS = (
    pruning("random", score="random"),
    pruning("magnitude, layer", pruning="layer"),
    pruning("magnitude, global"),
    pruning("magnitude-folded, global", score="magnitude-folded"),
    pruning("lamp", score="lamp"),
    pruning("lamp-folded", score="lamp-folded"),
    pruning("wanda", score="wanda"),
    pruning("fisher", score="fisher"),
    pruning("obs", score="obs"),
    pruning("magnitude, 2:4", [0.5], pruning="2:4"),
    pruning("magnitude, 1:4", [0.75], pruning="1:4"),
    pruning("lamp + recalibrate", score="lamp", recovery="recalibrate"),
    pruning("lamp + refit", score="lamp", recovery="refit"),
    pruning("obs + refit", score="obs", recovery="refit"),
    pruning("lamp + sequential", score="lamp", recovery="sequential"),
    pruning("lamp-folded + sequential", score="lamp-folded", recovery="sequential"),
    pruning("obs + sequential", score="obs", recovery="sequential"),
    pruning("magnitude + finetune", recovery="finetune"),
    pruning("lamp + finetune", score="lamp", recovery="finetune"),
    pruning("obs + finetune", [0.98], score="obs", recovery="finetune"),
    pruning("lamp + iterative", score="lamp", recovery="iterative"),
    rounding("tensor, min-max"),
    rounding("channel, min-max", granularity="channel"),
    rounding("tensor, MSE", BITS[:-1], clip="mse"),
    rounding("channel, MSE", BITS[:-1], **BEST_GRID),
    rounding("channel, MSE + bias", recovery="bias", **BEST_GRID),
    rounding("channel, MSE + recalibrate", recovery="recalibrate", **BEST_GRID),
    rounding("codebook", BITS[:-1], scheme="codebook"),
    rounding("ternary, tensor", [2], scheme="ternary"),
    rounding("ternary, channel", [2], scheme="ternary", granularity="channel"),
    rounding("gptq, channel, min-max", rounding="gptq", granularity="channel"),
    rounding("gptq, channel, MSE", BITS[:-1], rounding="gptq", **BEST_GRID),
    rounding("channel, MSE + sequential", recovery="sequential", **BEST_GRID),
    rounding("gptq + sequential", BITS[:-1], rounding="gptq", recovery="sequential", **BEST_GRID),
    rounding("tensor, min-max + qat", [2], recovery="qat"),
    rounding("channel, MSE + qat", recovery="qat", **BEST_GRID),
    both("magnitude, global"),
    both("lamp", score="lamp"),
    both("lamp + refit", score="lamp", recovery="refit"),
    both("lamp + sequential", score="lamp", recovery="sequential"),
    both("obs + sequential", score="obs", recovery="sequential"),
    both("lamp + finetune", score="lamp", recovery="finetune"),
    both("lamp + qat", score="lamp", recovery="qat"),
)

REFIT = ("lamp + refit", "obs + refit")
SEQUENTIAL = ("lamp + sequential", "obs + sequential")
FINETUNE = ("lamp + finetune", "obs + finetune")
TWO_BITS = (
    "codebook",
    "gptq, channel, min-max",
    "gptq, channel, MSE",
    "tensor, MSE",
    "channel, MSE",
)
TARGETS = (
    Target("wide", 0.9, 32, REFIT, 1.0),
    Target("wide", 0.95, 32, SEQUENTIAL, 1.5, 500),
    Target("wide", *JOINT, SEQUENTIAL, 2.0),
    Target("wide", 0, 2, TWO_BITS, 2.5, best=True),
    Target("small", 0.9, 32, SEQUENTIAL, 1.5),
    Target("wide", 0.98, 32, FINETUNE, 3.0, 60_000),
)


def find(name: str, sparsity: float, bits: int) -> Method:
    """Find the method of a name that is run at a given sparsity and bit width."""
    return next(m for m in METHODS if m.name == name and (sparsity, bits) in m.strengths)
