"""Program of the sparse runtime: an exported graph as steps over values with known shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

KINDS = ("conv", "max_pool", "mean_pool", "add", "multiply", "activate", "concat", "scale")
ACTIVATIONS = ("", "relu", "relu6", "hard_swish", "hard_sigmoid", "sigmoid", "swish")
MONOTONE = ("", "relu", "relu6", "hard_sigmoid", "sigmoid")  # they commute with a maximum
CACHE_SETS = 32  # channels a multiple of so many pixels apart meet in the same few sets of a cache
Shape = tuple[int, int, int]  # C, H, W
Pads = tuple[int, int, int, int]  # top, left, bottom, right
Constants = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Value:
    """A tensor of the graph: its shape for one image, and the ring of zeros around each channel."""

    shape: Shape
    ring: Pads = (0, 0, 0, 0)

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width with the ring."""
        top, left, bottom, right = self.ring
        return self.shape[1] + top + bottom, self.shape[2] + left + right

    @property
    def vectors(self) -> int:
        """Pixels of all channels, ring included."""
        return self.shape[0] * self.padded[0] * self.padded[1]


@dataclass(frozen=True)
class Step:
    """One operation.

    Parameters
    ----------
    kind, activation
        One of ``KINDS`` and ``ACTIVATIONS``.
    inputs, output
        Names of values.
    weight, bias
        Names of tensors, for "conv" (O I h w, or O I) and "scale"; a bias may be missing ("").
    kernel, stride, dilation, pads
        Height and width each; pads are those of top, left, bottom and right.
    groups
        Of a convolution.
    halve
        Whether only the largest of every 2 x 2 outputs of a convolution is kept.
    counts_pads
        Whether a mean counts the border's zeros.
    at
        First channel that "concat" writes.
    taken
        Channels that a convolution without weights copies.
    norm
        Names of mean and variance, and epsilon: a "scale" by statistics.
    """

    kind: str
    inputs: tuple[str, ...]
    output: str
    activation: str = ""
    weight: str = ""
    bias: str = ""
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    groups: int = 1
    halve: bool = False
    counts_pads: bool = False
    at: int = 0
    taken: tuple[int, ...] = ()
    norm: tuple[str, str, float] | None = None


@dataclass(frozen=True)
class Program:
    """Steps in the order in which they run, the values between them, and what goes in and out."""

    steps: tuple[Step, ...]
    values: Mapping[str, Value]
    images: str
    scores: str


def plan(model: onnx.ModelProto, shape: Shape, constants: Constants) -> Program:
    """Plan the steps of a graph for images of a shape.

    Parameters
    ----------
    model
        An exported model, its own values ignored.
    shape
        C, H, W of the images.
    constants
        Values of the initializers: of weights and biases only the shapes matter.

    Raises
    ------
    ValueError
        The graph has an operator, or a form of one, that the runtime does not have.
    """
    planner = _Planner({model.graph.input[0].name: Value(shape)}, constants)
    for node in model.graph.node:
        planner.add(node)
    steps = _fuse(planner.steps, model.graph.output[0].name)
    names = {model.graph.input[0].name, *(s.output for s in steps)}
    values = {name: planner.values[name] for name in names}
    for step in steps:
        if step.kind == "conv":
            source = values[step.inputs[0]]
            top, left, bottom, right = map(max, source.ring, step.pads)
            values[step.inputs[0]] = replace(source, ring=(top, left, bottom, right))
    values = {name: _spread(value) for name, value in values.items()}
    return Program(tuple(steps), values, model.graph.input[0].name, model.graph.output[0].name)


def _spread(value: Value) -> Value:
    """Widen channels that are powers of two apart: one would push another out of the cache."""
    (rows, columns), (top, left, bottom, right) = value.padded, value.ring
    far = value.shape[0] > 1 and rows * columns % CACHE_SETS == 0
    return replace(value, ring=(top, left, bottom, right + 1)) if far else value


@dataclass
class _Planner:
    values: dict[str, Value]
    constants: Constants
    steps: list[Step] = field(default_factory=list)
    flat: dict[str, str] = field(default_factory=dict)  # names of flattened values, and of which
    groups: dict[str, tuple[str, int, bool]] = field(
        default_factory=dict
    )  # of which, how many, turned

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
            raise ValueError(f"the sparse runtime does not follow {name!r} of the graph")
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
        if up:  # no window begins in the ring behind
            sizes = [n - ((n - 1) * s >= i) for n, s, i in zip(sizes, stride, inside, strict=True)]
        if step.kind != "conv" and (gap != (1, 1) or (up and step.counts_pads)):
            raise ValueError(f"the sparse runtime has no such {step.kind}")
        pads, groups = (top, left, bottom, right), options.get("group", 1)
        made = replace(step, kernel=kernel, stride=stride, dilation=gap, pads=pads, groups=groups)
        self._emit(made, (channels or before, sizes[0], sizes[1]))

    def _reducemean(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        channels, height, width = self._shape_of(names[0])
        axes = self.constants[names[1]].ravel().tolist() if len(names) > 1 else options["axes"]
        if sorted(a % 4 for a in axes) != [2, 3]:
            raise ValueError("the sparse runtime has no mean over other axes than height and width")
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
        step = Step("conv", (source,), output, weight=names[1], bias=[*names, ""][2] or "")
        self._emit(step, (outputs, 1, 1))

    def _flatten(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        self._shape_of(names[0])
        if options.get("axis", 1) != 1:
            raise ValueError("the sparse runtime flattens all axes but the first alone")
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
            raise ValueError("the sparse runtime flattens all axes but the first alone")
        self.flat[output] = names[0]

    def _transpose(self, names: Sequence[str], output: str, options: Mapping[str, Any]) -> None:
        if names[0] not in self.groups or list(options["perm"]) != [0, 2, 1, 3, 4]:
            raise ValueError("the sparse runtime has no Transpose but that of a channel shuffle")
        source, groups, turned = self.groups[names[0]]
        self.groups[output] = source, groups, not turned

    def _join(self, name: str, output: str, sizes: Sequence[int]) -> None:
        source, groups, turned = self.groups[name]
        shape = self._shape_of(source)
        if not turned or len(sizes) != 4 or tuple(sizes[1:]) not in (shape, (-1, *shape[1:])):
            raise ValueError("the sparse runtime has no Reshape but that of a channel shuffle")
        self._take(source, output, np.arange(shape[0]).reshape(groups, -1).T.ravel())

    def _split(self, names: Sequence[str], _: str, options: Mapping[str, Any]) -> None:
        channels = self._shape_of(names[0])[0]
        if options.get("axis", 0) != 1:
            raise ValueError("the sparse runtime splits channels alone")
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
            raise ValueError("the sparse runtime has no Clip but that of 0 and 6")
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
            raise ValueError("the sparse runtime concatenates channels alone")
        at = 0
        for name, shape in zip(names, shapes, strict=True):
            self._emit(Step("concat", (name,), output, at=at), shape)
            at += shape[0]
        self.values[output] = Value((at, *shapes[0][1:]))


def _fuse(steps: Sequence[Step], scores: str) -> list[Step]:
    """Put activations, and 2 x 2 maxima, into the steps whose only readers they are."""
    fused: list[Step] = []
    readers: dict[str, int] = {}
    for step in steps:
        for name in step.inputs:
            readers[name] = readers.get(name, 0) + 1
    whole = {s.output for s in steps if s.kind == "concat"} | {scores}

    def last(name: str) -> int | None:
        """Find the step that a single reader may be put into."""
        found = [i for i, s in enumerate(fused) if s.output == name]
        return found[0] if len(found) == 1 and readers[name] == 1 and name not in whole else None

    for step in steps:
        place = last(step.inputs[0]) if len(step.inputs) == 1 else None
        merged = None if place is None else _merged(fused[place], step)
        if place is None or merged is None:
            fused.append(step)
        else:
            fused[place] = merged
    return fused


def _merged(first: Step, then: Step) -> Step | None:
    """Put a step into the one before, None where that is not possible."""
    if then.kind == "activate":
        commutes = not first.halve or then.activation in MONOTONE
        if then.activation and not first.activation and commutes:
            return replace(first, activation=then.activation, output=then.output)
        return None
    plain = then.kernel == then.stride == (2, 2) and then.pads == (0, 0, 0, 0)
    takes = first.kind == "conv" and bool(first.weight) and first.stride[1] <= 2 and not first.halve
    if then.kind == "max_pool" and plain and takes and first.activation in MONOTONE:
        return replace(first, halve=True, output=then.output)
    return None
