"""Planner of the sparse runtime: an exported graph -> steps over values of known shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.sparse_runtime.steps import Program, Shape, Step, Value, fuse

if TYPE_CHECKING:
    import onnx

CACHE_SETS = 32  # channels whose distance is a multiple of 32 pixels share few sets of the cache
Constants = Mapping[str, NDArray[Any]]


def plan(
    model: onnx.ModelProto, shape: Shape, constants: Constants, *, maps: bool = False
) -> Program:
    """Plan the steps of a graph for images of a shape.

    Parameters
    ----------
    model
        An exported model; its own values are ignored.
    shape
        C, H, W of the images.
    constants
        Values of the initializers; of weights and biases only the shapes are used.
    maps
        Whether the output may be a map of scores, as a detector's.

    Raises
    ------
    ValueError
        The graph has an operator, or a variant of one, that the runtime does not support.
    """
    planner = _Planner({model.graph.input[0].name: Value(shape)}, constants)
    for node in model.graph.node:
        planner.add(node)
    scores = model.graph.output[0].name
    scores = planner.flat.get(scores, scores)
    if not maps and planner.values[scores].shape[1:] != (1, 1):
        raise ValueError("the sparse runtime needs one score per class, and no map of scores")
    steps = fuse(planner.steps, scores)
    names = {model.graph.input[0].name, *(s.output for s in steps)}
    values = {name: planner.values[name] for name in names}
    for step in steps:
        if step.kind == "conv":
            source = values[step.inputs[0]]
            top, left, bottom, right = map(max, source.ring, step.pads)
            values[step.inputs[0]] = replace(source, ring=(top, left, bottom, right))
    values = {name: _spread(value) for name, value in values.items()}
    return Program(tuple(steps), values, model.graph.input[0].name, scores)


def _spread(value: Value) -> Value:
    """Widen channels at distances that cause cache conflicts (multiples of ``CACHE_SETS``)."""
    (rows, columns), (top, left, bottom, right) = value.padded, value.ring
    far = value.shape[0] > 1 and rows * columns % CACHE_SETS == 0
    return replace(value, ring=(top, left, bottom, right + 1)) if far else value


@dataclass
class _Planner:
    values: dict[str, Value]
    constants: Constants
    steps: list[Step] = field(default_factory=list)
    flat: dict[str, str] = field(default_factory=dict)  # flattened value -> its source
    groups: dict[str, tuple[str, int, bool]] = field(
        default_factory=dict
    )  # channel shuffle -> source, number of groups, whether transposed

    def add(self, node: onnx.NodeProto) -> None:
        from onnx import helper

        options = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        make = getattr(self, f"_{node.op_type.lower()}", None)
        if make is None:
            raise ValueError(f"the sparse runtime has no {node.op_type}")
        make(list(node.input), node.output[0], options | {"outputs": list(node.output)})

    def _emit(self, step: Step, shape: Shape) -> None:
        self.steps.append(step)
        self.values[step.output] = Value(shape)

    def _shape_of(self, name: str) -> Shape:
        if name in self.flat or name not in self.values:
            raise ValueError(
                f"the sparse runtime needs feature maps as inputs, and {name!r} of the graph is a "
                "constant, or flattened"
            )
        return self.values[name].shape

    def _conv(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        weight = self.constants[names[1]].shape
        self._windows(
            Step("conv", (names[0],), output, weight=names[1], bias=[*names, ""][2] or ""),
            {**options, "kernel_shape": weight[2:]},
            channels=weight[0],
        )

    def _maxpool(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        self._windows(Step("max_pool", (names[0],), output), options)

    def _averagepool(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        counts = bool(options.get("count_include_pad", 0))
        self._windows(Step("mean_pool", (names[0],), output, counts_pads=counts), options)

    def _windows(self, step: Step, options: Mapping[str, Any], channels: int = 0) -> None:
        if options.get("auto_pad", b"NOTSET") != b"NOTSET" or len(options["kernel_shape"]) != 2:
            raise ValueError(f"the sparse runtime has no such {step.kind}")
        kernel, stride, gap = (
            tuple(options.get(name, (1, 1))) for name in ("kernel_shape", "strides", "dilations")
        )
        top, left, bottom, right = options.get("pads", (0, 0, 0, 0))
        before, height, width = self._shape_of(step.inputs[0])
        spans = [g * (k - 1) + 1 for k, g in zip(kernel, gap, strict=True)]
        room = height + top + bottom - spans[0], width + left + right - spans[1]
        up = options.get("ceil_mode", 0)
        sizes = [(-(-r // s) if up else r // s) + 1 for r, s in zip(room, stride, strict=True)]
        inside = height + top, width + left
        if up:  # no window starts in the padding after the last pixel
            sizes = [n - ((n - 1) * s >= i) for n, s, i in zip(sizes, stride, inside, strict=True)]
        if step.kind != "conv" and (gap != (1, 1) or (up and step.counts_pads)):
            raise ValueError(f"the sparse runtime has no such {step.kind}")
        if up:  # the last window may extend beyond the pads
            ends = [(n - 1) * s + k for n, s, k in zip(sizes, stride, spans, strict=True)]
            bottom, right = max(bottom, ends[0] - inside[0]), max(right, ends[1] - inside[1])
        pads, groups = (top, left, bottom, right), options.get("group", 1)
        made = replace(step, kernel=kernel, stride=stride, dilation=gap, pads=pads, groups=groups)
        self._emit(made, (channels or before, sizes[0], sizes[1]))

    def _reducemean(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        channels, height, width = self._shape_of(names[0])
        axes = self.constants[names[1]].ravel().tolist() if len(names) > 1 else options["axes"]
        if sorted(a % 4 for a in axes) != [2, 3]:
            raise ValueError("the sparse runtime has means over height and width only")
        step = Step("mean_pool", (names[0],), output, kernel=(height, width))
        self._emit(step, (channels, 1, 1))

    def _globalaveragepool(self, names: Sequence[str], output: str, _: Mapping[str, Any]) -> None:
        channels, height, width = self._shape_of(names[0])
        step = Step("mean_pool", (names[0],), output, kernel=(height, width))
        self._emit(step, (channels, 1, 1))

    def _gemm(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        odd = {"alpha": 1.0, "beta": 1.0, "transA": 0}
        if options.get("transB", 0) != 1 or any(options.get(k, v) != v for k, v in odd.items()):
            raise ValueError("the sparse runtime has no such Gemm")
        source = self.flat.get(names[0], names[0])
        outputs, inputs = self.constants[names[1]].shape
        if int(np.prod(self.values[source].shape)) != inputs:
            raise ValueError("the sparse runtime has no matrix product over one axis of several")
        bias = [*names, ""][2] or ""
        if bias and self.constants[bias].shape != (outputs,):
            raise ValueError("the sparse runtime has no Gemm with one bias for several outputs")
        kernel = self.values[source].shape[1:]  # a convolution that covers the whole map
        step = Step("conv", (source,), output, weight=names[1], bias=bias, kernel=kernel)
        self._emit(step, (outputs, 1, 1))

    def _flatten(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        self._shape_of(names[0])
        if options.get("axis", 1) != 1:
            raise ValueError("the sparse runtime flattens all axes but the first only")
        self.flat[output] = names[0]

    def _reshape(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        sizes = self.constants[names[1]].ravel().tolist() if names[1] in self.constants else []
        if names[0] in self.groups:
            return self._join(names[0], output, sizes)
        shape = self._shape_of(names[0])
        if len(sizes) == 5 and sizes[1] * sizes[2] == shape[0] and tuple(sizes[3:]) == shape[1:]:
            self.groups[output] = names[0], sizes[1], False
            return
        if len(sizes) != 2 or sizes[1] not in (-1, int(np.prod(shape))):
            raise ValueError("the sparse runtime flattens all axes but the first only")
        self.flat[output] = names[0]

    def _transpose(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        if names[0] not in self.groups or list(options["perm"]) != [0, 2, 1, 3, 4]:
            raise ValueError("the sparse runtime has only the Transpose of a channel shuffle")
        source, groups, turned = self.groups[names[0]]
        self.groups[output] = source, groups, not turned

    def _join(self, name: str, output: str, sizes: Sequence[int]) -> None:
        source, groups, turned = self.groups[name]
        shape = self._shape_of(source)
        if not turned or len(sizes) != 4 or tuple(sizes[1:]) not in (shape, (-1, *shape[1:])):
            raise ValueError("the sparse runtime has only the Reshape of a channel shuffle")
        self._take(source, output, np.arange(shape[0]).reshape(groups, -1).T.ravel())

    def _split(self, names: Sequence[str], _: str, options: Mapping[str, Any]) -> None:
        channels = self._shape_of(names[0])[0]
        if options.get("axis", 0) != 1:
            raise ValueError("the sparse runtime splits along channels only")
        outputs = options["outputs"]
        sizes = self.constants[names[1]].tolist() if len(names) > 1 else []
        ends = np.cumsum(sizes or [-(-channels // len(outputs))] * len(outputs))
        for output, part in zip(outputs, np.split(np.arange(channels), ends[:-1]), strict=True):
            self._take(names[0], output, part)

    def _take(self, source: str, output: str, channels: NDArray[np.int64]) -> None:
        taken = tuple(channels.tolist())
        self._emit(
            Step("conv", (source,), output, taken=taken), (len(taken), *self._shape_of(source)[1:])
        )

    def _batchnormalization(
        self, names: Sequence[str], output: str, options: Mapping[str, Any]
    ) -> None:
        source, weight, bias, mean, variance = names
        norm = mean, variance, options.get("epsilon", 1e-5)
        step = Step("scale", (source,), output, weight=weight, bias=bias, norm=norm)
        self._emit(step, self._shape_of(source))

    def _activate(self, names: Sequence[str], output: str, activation: str) -> None:
        step = Step("activate", (names[0],), output, activation)
        self._emit(step, self._shape_of(names[0]))

    def _relu(self, names: Sequence[str], output: str, _: Mapping[str, Any]) -> None:
        self._activate(names, output, "relu")

    def _sigmoid(self, names: Sequence[str], output: str, _: Mapping[str, Any]) -> None:
        self._activate(names, output, "sigmoid")

    def _hardswish(self, names: Sequence[str], output: str, _: Mapping[str, Any]) -> None:
        self._activate(names, output, "hard_swish")

    def _hardsigmoid(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        if not np.isclose(options.get("alpha", 0.2), 1 / 6) or options.get("beta", 0.5) != 0.5:
            raise ValueError("the sparse runtime has no such HardSigmoid")
        self._activate(names, output, "hard_sigmoid")

    def _clip(self, names: Sequence[str], output: str, _: Mapping[str, Any]) -> None:
        bounds = [float(self.constants[n]) for n in names[1:] if n in self.constants]
        if bounds != [0.0, 6.0]:
            raise ValueError("the sparse runtime has only the Clip from 0 to 6")
        self._activate(names, output, "relu6")

    def _identity(self, names: Sequence[str], output: str, _: Mapping[str, Any]) -> None:
        self._activate(names, output, "")

    def _add(self, names: Sequence[str], output: str, _: Mapping[str, Any]) -> None:
        self._combine("add", names, output)

    def _mul(self, names: Sequence[str], output: str, _: Mapping[str, Any]) -> None:
        self._combine("multiply", names, output)

    def _combine(self, kind: str, names: Sequence[str], output: str) -> None:
        one, two = (self._shape_of(name) for name in names)
        if one[0] != two[0] or (one != two and (1, 1) not in (one[1:], two[1:])):
            raise ValueError(f"the sparse runtime has no {kind} of {one} and {two}")
        ordered = tuple(names) if int(np.prod(one)) >= int(np.prod(two)) else tuple(names[::-1])
        self._emit(Step(kind, ordered, output), max(one, two))

    def _concat(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        shapes = [self._shape_of(name) for name in names]
        if options.get("axis") != 1 or len({s[1:] for s in shapes}) != 1:
            raise ValueError("the sparse runtime concatenates along channels only")
        at = 0
        for name, shape in zip(names, shapes, strict=True):
            self._emit(Step("concat", (name,), output, at=at), shape)
            at += shape[0]
        self.values[output] = Value((at, *shapes[0][1:]))
