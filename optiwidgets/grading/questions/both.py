"""Questions of lesson 50: pruning and quantization together, size and speed."""

from __future__ import annotations

from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import SPARSE_RUNTIME
from optiwidgets.grading.checks import FindRecipe, MultipleChoice, Number, Prediction, Question


def times_smaller(base: Report, report: Report) -> float:
    """Compute the baseline's bytes divided by the optimized model's."""
    return base.size.total_bytes / report.size.total_bytes


def share_left(base: Report, report: Report) -> float:
    """Compute the optimized model's bytes divided by the baseline's."""
    return report.size.total_bytes / base.size.total_bytes


def bits_alone(base: Report, report: Report) -> float:
    """Compute the size ratio that the bits per weight alone would give."""
    return 32 / report.recipe.bits


BANK: tuple[Question, ...] = (
    Prediction(
        key="both.predict",
        prompt="95 % of the weights are zero. How much faster is one image in ONNX Runtime?",
        options=("about 20 times", "2 to 5 times", "not faster"),
        reveal=(
            "Set the sparsity to 95 %, let go, and wait for the speed: read it with its interval."
        ),
        hint="Say what you expect. What you see next will settle it.",
        solution="Set the sparsity to 95 % and wait for the measured speed: that is the answer.",
    ),
    MultipleChoice(
        key="both.zeros",
        prompt="Why does a network full of zeros take as long as before in ONNX Runtime?",
        options=(
            "Multiplying by 0 takes as long as by any other number.",
            "The zeros are not really in the network that is timed.",
            "The accuracy is lower, so it has to try again.",
        ),
        right=0,
        feedback=(
            "The usual kernels are dense: they multiply by every weight, zero or not.",
            "They are: it is the optimized model that is timed.",
            "Each image is computed once, whether the answer is right or not.",
        ),
        hint="Think of what the processor does with each weight.",
        solution="Dense kernels multiply by every weight; 0 is a weight like any other to them.",
    ),
    FindRecipe(
        key="both.skipped",
        prompt=(
            "Prune the network above until the sparse runtime is surely 1.1 times as fast, its "
            "whole 95 % interval, with under 2 points lost."
        ),
        runtime=SPARSE_RUNTIME,
        min_speedup=1.1,
        max_drop=2,
        hint="The more zeros, the more it skips; look where the accuracy falls off its cliff.",
        solution="For example 75 % of the weights; wait until the speed is measured, then check.",
    ),
    MultipleChoice(
        key="both.phone",
        prompt="Nine of ten weights of your model are zero. Will it be faster on a phone?",
        options=(
            "Yes: nine of ten multiplications are gone.",
            "No: zeros never make a network faster.",
            "It depends on the runtime there, so it has to be measured there.",
        ),
        right=2,
        feedback=(
            "They are gone only where the runtime skips them; a dense one does them all.",
            "A runtime that skips them has less to do, and can be faster.",
            "The app brings the runtime along: measure with that one, on that device.",
        ),
        hint="Two runtimes, one network: did the same zeros pay in both?",
        solution="It depends on the runtime: dense ones multiply by zero, sparse skip. Measure.",
    ),
    MultipleChoice(
        key="both.channels",
        prompt="Which of these leaves the processor fewer multiplications to do?",
        options=(
            "Setting half of the weights to zero.",
            "Storing the weights with 4 bits.",
            "Taking out half of the channels.",
        ),
        right=2,
        feedback=(
            "The zeros are still multiplied, unless a special kernel skips them.",
            "4-bit weights are turned back into floats and run as before: smaller, not faster.",
            "Removed channels are gone from the architecture, and from the next layer's "
            "inputs too.",
        ),
        hint="What is gone need not be computed; what is zero or coarse is still there.",
        solution="Taking channels out: the network that runs is really smaller.",
    ),
    MultipleChoice(
        key="both.positions",
        prompt="A weight is pruned to zero. What does the file still have to hold for it?",
        options=("Nothing at all.", "That it is zero: its position.", "Its old value."),
        right=1,
        feedback=(
            "Then nobody could tell which weights the remaining values belong to.",
            "Positions take bytes, so 90 % zeros do not make a file 10 times smaller by "
            "themselves.",
            "The old value is gone, and the network does not need it.",
        ),
        hint="From the file, the same network has to be built again.",
        solution="Where the zeros are: positions are part of the file, and of its size.",
    ),
    Number(
        key="both.ratio",
        prompt="For your recipe on the screen: how many times smaller is the file?",
        value=times_smaller,
        tolerance=0.1,
        unit="times",
        slips={
            share_left: "The other way around: the bytes before over the bytes now.",
            bits_alone: "That is what the bits alone promise. Look at the bytes of the file.",
        },
        hint="The baseline's bytes divided by the bytes now.",
        solution="Bytes before / bytes now.",
    ),
    FindRecipe(
        key="both.find",
        prompt="Prune and quantize together: at least 14 times smaller, and under 2 points lost.",
        min_ratio=14,
        max_drop=2,
        hint="Neither to its own cliff: somewhat over half of the weights, and 4 bits.",
        solution="For example 60 % of the weights pruned and the rest at 4 bits.",
    ),
)
