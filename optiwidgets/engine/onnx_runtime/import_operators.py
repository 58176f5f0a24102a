"""Import of ONNX operators: a function for each family, and the table of supported operators."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from optiwidgets.engine.onnx_runtime import import_windows as windows
from optiwidgets.engine.onnx_runtime.import_builder import Array, Builder, Shape, Step, tensor

FLOAT = 1  # onnx.TensorProto.FLOAT


def gemm(builder: Builder, step: Step) -> None:
    """Convert Gemm with a constant matrix to Linear."""
    weight, bias = builder.constant(step, 1), builder.constant(step, 2)
    assert weight is not None
    alpha, beta = step.attributes.get("alpha", 1.0), step.attributes.get("beta", 1.0)
    if step.attributes.get("transA", 0):
        step.refuse("transposes its first input, which swaps images and channels")
    matrix = weight if step.attributes.get("transB", 0) else weight.T
    added = None if bias is None else np.broadcast_to(bias, (1, len(matrix)))[0] * np.float32(beta)
    key = (step.inputs[1:], alpha, beta, step.attributes.get("transB", 0))
    _linear(builder, step, key, matrix * np.float32(alpha), added)


def matmul(builder: Builder, step: Step) -> None:
    """Convert MatMul with a constant matrix to Linear, any other to torch.matmul."""
    right = builder.facts.constants.get(step.inputs[1])
    if right is not None and right.ndim == 2:
        _linear(builder, step, step.inputs[1], right.T, None)
    else:
        factors = [_tensor_operand(builder, step, index) for index in (0, 1)]
        builder.set(step, builder.call(torch.matmul, *factors))


def _tensor_operand(builder: Builder, step: Step, index: int) -> fx.Node:
    name = step.inputs[index]
    made, value = builder.made.get(name), builder.facts.constants.get(name)
    return made if made is not None else builder.buffer(np.asarray(value), name)


def _linear(builder: Builder, step: Step, key: object, matrix: Array, bias: Array | None) -> None:
    def make() -> nn.Module:
        outputs, inputs = matrix.shape
        layer = nn.Linear(inputs, outputs, bias is not None, device="meta")
        layer.weight = nn.Parameter(tensor(matrix))
        if bias is not None:
            layer.bias = nn.Parameter(tensor(bias))
        return layer

    name = builder.layer(step, key, make)
    builder.set(step, builder.graph.call_module(name, (builder.variable(step),)))


def batch_norm(builder: Builder, step: Step) -> None:
    """Convert BatchNormalization to BatchNorm2d or BatchNorm1d."""
    rank = len(builder.shape(step.inputs[0]))
    if step.attributes.get("training_mode", 0) or rank not in (2, 3, 4):
        step.refuse("is in training mode, or not of features of rank 2 to 4")
    values = [builder.constant(step, index) for index in (1, 2, 3, 4)]
    scale, shift, mean, variance = (tensor(v) for v in values if v is not None)

    def make() -> nn.Module:
        kind = nn.BatchNorm2d if rank == 4 else nn.BatchNorm1d
        norm = kind(len(scale), step.attributes.get("epsilon", 1e-5))
        norm.weight, norm.bias = nn.Parameter(scale), nn.Parameter(shift)
        norm.running_mean, norm.running_var = mean, variance
        return norm

    name = builder.layer(step, step.inputs[1:], make)
    builder.set(step, builder.graph.call_module(name, (builder.variable(step),)))


def layer_norm(builder: Builder, step: Step) -> None:
    """Convert LayerNormalization to LayerNorm."""
    shape, axis = builder.shape(step.inputs[0]), step.attributes.get("axis", -1)
    scale, shift = builder.constant(step, 1), builder.constant(step, 2)
    assert scale is not None
    lengths = [length or 0 for length in shape[axis:]]

    def make() -> nn.Module:
        norm = nn.LayerNorm(lengths, step.attributes.get("epsilon", 1e-5), bias=shift is not None)
        norm.weight = nn.Parameter(tensor(np.broadcast_to(scale, lengths)))
        if shift is not None:
            norm.bias = nn.Parameter(tensor(np.broadcast_to(shift, lengths)))
        return norm

    name = builder.layer(step, (step.inputs[1:], axis), make)
    builder.set(step, builder.graph.call_module(name, (builder.variable(step),)))


def module(make: Callable[[Step], nn.Module], builder: Builder, step: Step) -> None:
    """Add a module that depends only on the step's attributes."""
    builder.set(step, builder.module(step, make(step), builder.variable(step)))


def function(called: Callable[..., Any], builder: Builder, step: Step) -> None:
    """Add a call of a function with one input."""
    builder.set(step, builder.call(called, builder.variable(step)))


def clip(builder: Builder, step: Step) -> None:
    """Convert Clip to ReLU6 or ReLU if the bounds match, else to clamp."""
    low, high = (builder.setting(step, *at) for at in (("min", 1), ("max", 2)))
    least, most = (float(v[0]) if v else None for v in (low, high))
    features = builder.variable(step)
    if least == 0.0 and (most in (None, 6.0) or most == math.inf):
        relu = nn.ReLU6() if most == 6.0 else nn.ReLU()
        builder.set(step, builder.module(step, relu, features))
    else:
        builder.set(step, builder.call(torch.clamp, features, least, most))


def hard_sigmoid(builder: Builder, step: Step) -> None:
    """Convert HardSigmoid to Hardsigmoid if the slope is torch's, else to a clamped line."""
    slope, offset = step.attributes.get("alpha", 0.2), step.attributes.get("beta", 0.5)
    features = builder.variable(step)
    if math.isclose(slope, 1 / 6, rel_tol=1e-6) and offset == 0.5:
        builder.set(step, builder.module(step, nn.Hardsigmoid(), features))
        return
    line = builder.call(operator.add, builder.call(operator.mul, features, slope), offset)
    builder.set(step, builder.call(torch.clamp, line, 0.0, 1.0))


def prelu(builder: Builder, step: Step) -> None:
    """Convert PRelu with one slope, or one per channel, to PReLU."""
    slope = builder.constant(step, 1)
    assert slope is not None
    rank, channels = len(builder.shape(step.inputs[0])), builder.shape(step.inputs[0])[1]
    if slope.size != 1 and slope.shape != (channels, *[1] * (rank - 2)):
        step.refuse(f"has slopes of shape {slope.shape}; one, or one a channel, is supported")
    made = nn.PReLU(slope.size)
    made.weight = nn.Parameter(tensor(slope.ravel()))
    builder.set(step, builder.module(step, made, builder.variable(step)))


def softmax(kind: Callable[[int], nn.Module], builder: Builder, step: Step) -> None:
    """Convert Softmax or LogSoftmax; before opset 13 they covered all axes from ``axis`` on."""
    rank = len(builder.shape(step.inputs[0]))
    old = builder.facts.opset < 13
    axis = step.attributes.get("axis", 1 if old else -1) % rank
    if old and axis != rank - 1:
        step.refuse("is over several axes at once, as operators before opset 13 were")
    builder.set(step, builder.module(step, kind(axis), builder.variable(step)))


def arithmetic(called: Callable[..., Any], builder: Builder, step: Step) -> None:
    """Convert Add, Sub, Mul, Div or Pow of two values, or of a value and a constant."""
    if len(step.inputs) != 2:
        step.refuse(f"has {len(step.inputs)} inputs; two are supported")
    if called is operator.add and _is_bias(builder, step):
        return
    given = [builder.operand(step, index) for index in (0, 1)]
    builder.set(step, builder.call(called, *given))


def _is_bias(builder: Builder, step: Step) -> bool:
    """Fold a constant into the bias of the layer before it, if nothing else reads that layer."""
    fixed = [name for name in step.inputs if name in builder.facts.constants]
    moving = [name for name in step.inputs if name in builder.made]
    if len(fixed) != 1 or len(moving) != 1 or builder.readers[moving[0]] > 1:
        return False
    made = builder.made[moving[0]]
    name = str(made.target)
    layer = getattr(builder.root, name, None) if made.op == "call_module" else None
    if not isinstance(layer, nn.Conv2d | nn.Linear) or _called(builder, name) > 1:
        return False
    values = builder.facts.constants[fixed[0]]
    shape = builder.shape(moving[0])
    axis = 1 if isinstance(layer, nn.Conv2d) else len(shape) - 1
    if values.size != len(layer.weight) or not _along(values, shape, axis):
        return False
    added = tensor(values.ravel())
    layer.bias = nn.Parameter(added if layer.bias is None else layer.bias.detach() + added)
    builder.unshare(name)
    builder.set(step, builder.made.pop(moving[0]))
    return True


def _called(builder: Builder, name: str) -> int:
    return sum(node.op == "call_module" and node.target == name for node in builder.graph.nodes)


def _along(values: Array, shape: Shape, axis: int) -> bool:
    """Return whether values vary along a single axis of a shape."""
    lengths = (1,) * (len(shape) - values.ndim) + values.shape
    return lengths == tuple(shape[axis] if i == axis else 1 for i in range(len(shape)))


def same(builder: Builder, step: Step) -> None:
    """Pass a value through: Identity, Dropout outside training, Cast of floats to floats."""
    if step.op == "Cast" and step.attributes["to"] != FLOAT:
        step.refuse("converts floats to another type")
    if step.op == "Dropout" and any(builder.setting(step, "training_mode", 2) or [0]):
        step.refuse("is in training mode")
    builder.set(step, builder.variable(step))


def reshape(builder: Builder, step: Step) -> None:
    """Convert Flatten, Reshape, Squeeze or Unsqueeze to flatten(1) if equal, else to reshape."""
    before, after = builder.shape(step.inputs[0]), builder.shape(step.outputs[0])
    features = builder.variable(step)
    if after.count(None) != 1:
        step.refuse("makes a shape in which no single axis has the images")
    if before == after:
        builder.set(step, features)
    elif len(after) == 2 and before[0] is None and after[0] is None:
        builder.set(step, builder.call(torch.flatten, features, 1))
    else:
        lengths = tuple(-1 if length is None else length for length in after)
        builder.set(step, builder.call(torch.reshape, features, lengths))


def transpose(builder: Builder, step: Step) -> None:
    """Convert Transpose to permute."""
    rank = len(builder.shape(step.inputs[0]))
    order = tuple(step.attributes.get("perm", range(rank - 1, -1, -1)))
    builder.set(step, builder.call(torch.permute, builder.variable(step), order))


def concat(builder: Builder, step: Step) -> None:
    """Convert Concat of features to cat."""
    axis = step.attributes["axis"]
    parts = [builder.variable(step, index) for index in range(len(step.inputs))]
    if builder.shape(step.inputs[0])[axis] is None:
        step.refuse("concatenates along the batch")
    builder.set(step, builder.call(torch.cat, parts, axis))


def split(builder: Builder, step: Step) -> None:
    """Convert Split to split, with one output per part."""
    axis = step.attributes.get("axis", 0)
    sizes = [builder.shape(name)[axis] for name in step.outputs]
    if None in sizes:
        step.refuse("splits the batch")
    parts = builder.call(torch.split, builder.variable(step), sizes, axis)
    for index, name in enumerate(step.outputs):
        builder.made[name] = builder.call(operator.getitem, parts, index)


def slice_(builder: Builder, step: Step) -> None:
    """Convert Slice with constant bounds and positive steps, along axes other than the batch."""
    starts, ends = builder.setting(step, "starts", 1), builder.setting(step, "ends", 2)
    assert starts is not None
    assert ends is not None
    axes = builder.setting(step, "axes", 3) or list(range(len(starts)))
    paces = builder.setting(step, "steps", 4) or [1] * len(starts)
    rank = len(builder.shape(step.inputs[0]))
    kept = [slice(None)] * rank
    for start, end, axis, pace in zip(starts, ends, axes, paces, strict=True):
        if builder.shape(step.inputs[0])[axis] is None or pace < 1:
            step.refuse("slices the batch, or goes backwards")
        kept[axis] = slice(start, end, pace)
    builder.set(step, builder.call(operator.getitem, builder.variable(step), tuple(kept)))


def gather(builder: Builder, step: Step) -> None:
    """Convert Gather of one constant index to select."""
    place, shape = builder.constant(step, 1), builder.shape(step.inputs[0])
    axis = step.attributes.get("axis", 0) % len(shape)
    if place is None or place.ndim or shape[axis] is None:
        step.refuse("takes several indices, or one of the batch; one of another axis is supported")
    builder.set(step, builder.call(torch.select, builder.variable(step), axis, int(place)))


def reduce(called: Callable[..., Any], builder: Builder, step: Step) -> None:
    """Convert ReduceMean, ReduceMax or ReduceSum over axes other than the batch."""
    shape, axes = builder.shape(step.inputs[0]), builder.setting(step, "axes", 1)
    if axes is None and step.attributes.get("noop_with_empty_axes", 0):
        builder.set(step, builder.variable(step))
        return
    over: Sequence[int] = sorted(axis % len(shape) for axis in axes or range(len(shape)))
    if any(shape[axis] is None for axis in over):
        step.refuse("is over the images of a batch")
    keep = bool(step.attributes.get("keepdims", 1))
    builder.set(step, builder.call(called, builder.variable(step), tuple(over), keep))


OPERATORS: dict[str, Callable[[Builder, Step], None]] = {
    "Conv": windows.conv,
    "MaxPool": windows.max_pool,
    "AveragePool": windows.average_pool,
    "Pad": windows.pad,
    "GlobalAveragePool": partial(module, lambda _: nn.AdaptiveAvgPool2d(1)),
    "GlobalMaxPool": partial(module, lambda _: nn.AdaptiveMaxPool2d(1)),
    "Gemm": gemm,
    "MatMul": matmul,
    "BatchNormalization": batch_norm,
    "LayerNormalization": layer_norm,
    "Relu": partial(module, lambda _: nn.ReLU()),
    "LeakyRelu": partial(module, lambda step: nn.LeakyReLU(step.attributes.get("alpha", 0.01))),
    "Elu": partial(module, lambda step: nn.ELU(step.attributes.get("alpha", 1.0))),
    "Sigmoid": partial(module, lambda _: nn.Sigmoid()),
    "Tanh": partial(module, lambda _: nn.Tanh()),
    "HardSwish": partial(module, lambda _: nn.Hardswish()),
    "Softplus": partial(module, lambda _: nn.Softplus()),
    "Gelu": partial(module, lambda step: nn.GELU(step.attributes.get("approximate", "none"))),
    "Erf": partial(function, torch.erf),
    "Exp": partial(function, torch.exp),
    "Sqrt": partial(function, torch.sqrt),
    "Neg": partial(function, operator.neg),
    "HardSigmoid": hard_sigmoid,
    "Clip": clip,
    "PRelu": prelu,
    "Softmax": partial(softmax, nn.Softmax),
    "LogSoftmax": partial(softmax, nn.LogSoftmax),
    "Add": partial(arithmetic, operator.add),
    "Sub": partial(arithmetic, operator.sub),
    "Mul": partial(arithmetic, operator.mul),
    "Div": partial(arithmetic, operator.truediv),
    "Pow": partial(arithmetic, operator.pow),
    "Identity": same,
    "Dropout": same,
    "Cast": same,
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), reshape),
    "Transpose": transpose,
    "Concat": concat,
    "Split": split,
    "Slice": slice_,
    "Gather": gather,
    "ReduceMean": partial(reduce, torch.mean),
    "ReduceSum": partial(reduce, torch.sum),
    "ReduceMax": partial(reduce, torch.amax),
}
