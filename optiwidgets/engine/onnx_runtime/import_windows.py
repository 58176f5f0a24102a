"""Import of operators with a window: convolutions, pooling, padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import fx, nn
from torch.nn import functional

from optiwidgets.engine.onnx_runtime.import_builder import Builder, Step, tensor

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Geometry of a window over a plane; pads in torch's order left, right, top, bottom."""

    kernel: Pair
    strides: Pair
    dilations: Pair
    pads: tuple[int, int, int, int]

    @classmethod
    def of(cls, builder: Builder, step: Step, kernel: Sequence[int]) -> Window:
        """Read the attributes of a convolution or of pooling.

        Raises
        ------
        ValueError
            The window does not have two axes.
        """
        if len(kernel) != 2:
            step.refuse(f"works on {len(kernel)} axes of an image; only two are supported")
        strides = _pair(step.attributes.get("strides", (1, 1)))
        dilations = _pair(step.attributes.get("dilations", (1, 1)))
        size = builder.shape(step.inputs[0])[2:]
        pads = [
            _pads(step, axis, size[axis] or 0, kernel[axis], strides[axis], dilations[axis])
            for axis in (0, 1)
        ]
        (top, bottom), (left, right) = pads
        return cls(_pair(kernel), strides, dilations, (left, right, top, bottom))

    @property
    def symmetric(self) -> Pair | None:
        """Padding of rows and columns if equal on both sides, else None."""
        left, right, top, bottom = self.pads
        return (top, left) if (left, top) == (right, bottom) else None

    @property
    def pooling_padding(self) -> Pair | None:
        """Symmetric padding if torch's pooling allows it (at most half a window), else None."""
        found = self.symmetric
        fits = found is not None and all(
            2 * p <= k for p, k in zip(found, self.kernel, strict=True)
        )
        return found if fits else None


def _pads(step: Step, axis: int, size: int, kernel: int, stride: int, dilation: int) -> Pair:
    """Compute the padding before and after an axis."""
    automatic = step.attributes.get("auto_pad", "NOTSET")
    if automatic in ("NOTSET", ""):
        given = step.attributes.get("pads", (0, 0, 0, 0))
        return given[axis], given[axis + 2]
    if automatic == "VALID":
        return 0, 0
    needed = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    less, more = needed // 2, needed - needed // 2
    return (less, more) if automatic == "SAME_UPPER" else (more, less)


def conv(builder: Builder, step: Step) -> None:
    """Convert Conv to Conv2d, after a ZeroPad2d if its padding is asymmetric."""
    weight, bias = builder.constant(step, 1), builder.constant(step, 2)
    assert weight is not None
    window, groups = Window.of(builder, step, weight.shape[2:]), step.attributes.get("group", 1)
    features, padding = builder.variable(step), window.symmetric
    if padding is None:
        features = builder.module(step, nn.ZeroPad2d(window.pads), features, "_pad")

    def make() -> nn.Module:
        layer = nn.Conv2d(
            weight.shape[1] * groups,
            weight.shape[0],
            window.kernel,
            window.strides,
            padding or 0,
            window.dilations,
            groups,
            bias is not None,
            device="meta",
        )
        layer.weight = nn.Parameter(tensor(weight))
        if bias is not None:
            layer.bias = nn.Parameter(tensor(bias))
        return layer

    name = builder.layer(step, (step.inputs[1:], window, groups), make)
    builder.set(step, builder.graph.call_module(name, (features,)))


def max_pool(builder: Builder, step: Step) -> None:
    """Convert MaxPool to MaxPool2d."""
    if len(step.outputs) > 1 and builder.readers[step.outputs[1]]:
        step.refuse("returns the indices of its maxima, which is not supported")
    window, features = (
        Window.of(builder, step, step.attributes["kernel_shape"]),
        builder.variable(step),
    )
    padding = window.pooling_padding
    if padding is None:
        pad = nn.ConstantPad2d(window.pads, -float("inf"))
        features = builder.module(step, pad, features, "_pad")
    ceil = bool(step.attributes.get("ceil_mode", 0))
    pool = nn.MaxPool2d(
        window.kernel, window.strides, padding or 0, window.dilations, ceil_mode=ceil
    )
    builder.set(step, builder.module(step, pool, features))


def average_pool(builder: Builder, step: Step) -> None:
    """Convert AveragePool to AvgPool2d; averages are rescaled if padding is not to be counted."""
    window, features = (
        Window.of(builder, step, step.attributes["kernel_shape"]),
        builder.variable(step),
    )
    if window.dilations != (1, 1):
        step.refuse(f"is dilated by {window.dilations}; torch's average pooling has no dilation")
    ceil = bool(step.attributes.get("ceil_mode", 0))
    counts_pad = bool(step.attributes.get("count_include_pad", 0))
    padding = window.pooling_padding
    if padding is None:
        features = builder.module(step, nn.ZeroPad2d(window.pads), features, "_pad")
    pool = nn.AvgPool2d(window.kernel, window.strides, padding or 0, ceil, counts_pad)
    pooled = builder.module(step, pool, features)
    if padding is None and not counts_pad:
        pooled = builder.call(torch.mul, pooled, _shares(builder, step, window, pool))
    builder.set(step, pooled)


def _shares(builder: Builder, step: Step, window: Window, pool: nn.AvgPool2d) -> fx.Node:
    """Return a buffer of factors that remove the padding from averages."""
    height, width = builder.shape(step.inputs[0])[2:]
    covered = pool(functional.pad(torch.ones(1, 1, height or 1, width or 1), window.pads))
    return builder.buffer((1 / covered).numpy(), f"{step.name or step.outputs[0]}_shares")


def pad(builder: Builder, step: Step) -> None:
    """Convert Pad to torch's; modes other than constant pad only rows and columns."""
    mode, pads = step.attributes.get("mode", "constant"), builder.setting(step, "pads", 1)
    assert pads is not None
    rank = len(builder.shape(step.inputs[0]))
    axes = builder.setting(step, "axes", 3) or list(range(rank))
    around = [(0, 0)] * rank
    for index, axis in enumerate(axes):
        around[axis] = (int(pads[index]), int(pads[index + len(axes)]))
    if around[0] != (0, 0):
        step.refuse("adds images to a batch")
    kept = around if mode == "constant" else around[2:]
    if mode not in ("constant", "reflect", "edge") or any(map(any, around[: rank - len(kept)])):
        step.refuse(
            f"pads in mode {mode!r}; constant, and reflect or edge of planes, are supported"
        )
    flat = [length for pair in reversed(kept) for length in pair]
    value = builder.setting(step, "value", 2) or [0.0]
    name = {"edge": "replicate"}.get(mode, mode)
    given = (flat, name, float(value[0])) if mode == "constant" else (flat, name)
    builder.set(step, builder.call(functional.pad, builder.variable(step), *given))


def _pair(values: Sequence[int]) -> Pair:
    first, second = values
    return first, second
