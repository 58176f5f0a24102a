"""Beliefs about the size of the file and the measured speed of one image."""

from __future__ import annotations

from functools import partial

from optiwidgets.engine.beliefs.belief import Belief
from optiwidgets.engine.beliefs.estimates import of_exact
from optiwidgets.engine.beliefs.pruning import HALF, VERY_HARD
from optiwidgets.engine.beliefs.subject import Subject
from optiwidgets.engine.types.belief import Estimate
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME
from optiwidgets.texts import mark


def times_smaller(recipe: Recipe, subject: Subject) -> Estimate:
    """Measure the bytes of the untouched model's file over those of a recipe's file."""
    return of_exact(subject.run(recipe).size.ratio)


def times_as_fast(recipe: Recipe, runtime: str, subject: Subject) -> Estimate:
    """Measure the speed of one image in a runtime, as a multiple of the untouched model's."""
    return subject.speed(recipe, runtime)


SIZE_AND_SPEED = (
    Belief(
        key="ten-times-smaller",
        statement=mark("With 90 % zeros the file is ten times smaller."),
        guess=mark("10 times"),
        quantity=mark("smaller file at 90 % sparsity"),
        unit="times",
        measure=partial(times_smaller, Recipe(VERY_HARD)),
        least=10.0,
    ),
    Belief(
        key="eight-times-smaller",
        statement=mark("4 bits instead of 32: the file is eight times smaller, no more."),
        guess=mark("8 times"),
        quantity=mark("smaller file at 4 bits"),
        unit="times",
        measure=partial(times_smaller, Recipe(bits=4)),
        most=8.0,
    ),
    Belief(
        key="zeros-are-fast",
        statement=mark("A network with 90 % zeros computes less, so it is faster."),
        guess=mark("2 times as fast"),
        quantity=mark("as fast with 90 % zeros, in ONNX Runtime"),
        unit="times",
        measure=partial(times_as_fast, Recipe(VERY_HARD), ONNX_RUNTIME),
        least=1.5,
        source=mark("often heard; asked for in tensorflow/model-optimization, issue 611"),
    ),
    Belief(
        key="zeros-are-never-fast",
        statement=mark("Scattered zeros make nothing faster; only removed channels do."),
        guess=mark("1 time: no change"),
        quantity=mark("as fast with 90 % zeros, in a runtime that skips them"),
        unit="times",
        measure=partial(times_as_fast, Recipe(VERY_HARD), SPARSE_RUNTIME),
        most=1.1,
    ),
    Belief(
        key="int8-is-fast",
        statement=mark("Int8 is faster than float."),
        guess=mark("2 to 4 times as fast"),
        quantity=mark("as fast in int8, in ONNX Runtime"),
        unit="times",
        measure=partial(times_as_fast, Recipe(bits=8, activation_bits=8), ONNX_RUNTIME),
        least=1.0,
        source=mark('FasterAI\'s tutorial: "best method" on a CPU; its own run, 1.93 to 3.26 ms'),
    ),
    Belief(
        key="fewer-operations",
        statement=mark("Half the channels need a quarter of the operations: four times as fast."),
        guess=mark("4 times as fast"),
        quantity=mark("as fast with half the channels, in ONNX Runtime"),
        unit="times",
        measure=partial(times_as_fast, Recipe(HALF, pruning="channel"), ONNX_RUNTIME),
        least=3.0,
        source=(
            mark(
                "often heard; against it Torch-Pruning's benchmark: ResNet-50, 3.85 times fewer "
                "operations, 2.19 times as fast"
            )
        ),
    ),
)
