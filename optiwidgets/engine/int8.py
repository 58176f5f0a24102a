"""An exported float model -> the same model in int8, with the recipe's own codes.

The graph gets pairs of QuantizeLinear and DequantizeLinear (QDQ) where values are codes; the
runtime turns every layer between two pairs into one integer kernel.
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optiwidgets.engine.activations import Grid, Range
from optiwidgets.engine.quantize import Coded

if TYPE_CHECKING:
    import onnx

BITS = 8
MOST_STEPS = 2.0**30  # of a bias: half of what 32 bits hold
# Rounding to a grid commutes with these: they are monotone, or only move values
PASSING = {"Relu", "MaxPool", "Flatten", "Reshape", "Identity", "Squeeze", "Unsqueeze", "Transpose"}


def to_int8(
    model: onnx.ModelProto, layers: Mapping[str, Coded], ranges: Mapping[str, Range]
) -> onnx.ModelProto:
    """A copy of an exported model that computes with 8-bit codes.

    Weights are stored as the codes they have (int8 symmetric or uint8 affine, per tensor or per
    channel), each layer's input is rounded to 256 values over its range (uint8 affine). Where a
    layer's output reaches only such inputs, through pooling and ReLU, it is rounded right away:
    that gives the same codes, and the runtime pools, and hands on, bytes.

    Source: B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018, section 2.

    Parameters
    ----------
    model
        As ``runtime.export`` makes it, the initializers named as in the state.
    layers
        Coded weights by layer name, 8 bits or fewer; layers with more stay in float. So does the
        weight (not the input) of a convolution that feeds a sum: runtimes have no kernel for it.
    ranges
        Lowest and highest input of each of these layers, as ``calibrate`` gives them.

    Raises
    ------
    ValueError
        A layer without a range, or a range that is not finite or does not contain 0.

    Examples
    --------
    >>> import torch; from torch import nn
    >>> from optiwidgets.engine import runtime; from optiwidgets.engine.quantize import encode
    >>> from optiwidgets.engine.recipe import Recipe
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).requires_grad_(False)
    >>> model = runtime.export(net, torch.zeros(1, 1, 2, 2))
    >>> kept = torch.ones(3, 4, dtype=torch.bool)
    >>> coded = {"1": encode(net[1].weight, kept, Recipe(bits=8))}
    >>> integer = to_int8(model, coded, {"1": (0.0, 1.0)})
    >>> [node.op_type for node in integer.graph.node if "Linear" not in node.op_type]
    ['Reshape', 'Gemm']
    >>> [i.name for i in integer.graph.initializer if i.name.endswith("codes")]
    ['1.weight.codes', '1.bias.codes']
    """
    missing = sorted(layers.keys() - ranges.keys())
    if missing:
        raise ValueError(f"no range of activations for layer {', '.join(missing)}")
    coded = {f"{name}.weight": c for name, c in layers.items() if c.bits <= BITS}
    grids = {weight: Grid.over(ranges[weight.removesuffix(".weight")], BITS) for weight in coded}
    quantized = copy.deepcopy(model)
    rewriter = _Rewriter(quantized.graph, _shared_grids(model.graph, grids))
    for node in model.graph.node:
        weight = _weight(node, grids)
        rewriter.add(node, coded.get(weight), grids.get(weight))
    rewriter.drop_unread()
    return quantized


def _weight(node: onnx.NodeProto, grids: Mapping[str, Grid]) -> str:
    """Name of the coded weight that a node multiplies with; empty if there is none."""
    name = node.input[1] if len(node.input) > 1 else ""
    return name if name in grids else ""


def _shared_grids(graph: onnx.GraphProto, grids: Mapping[str, Grid]) -> dict[str, Grid]:
    """Values that all their readers want on one and the same grid, found from the end backwards."""
    wanted: defaultdict[str, set[Grid | None]] = defaultdict(set)
    for output in graph.output:
        wanted[output.name].add(None)
    shared: dict[str, Grid] = {}
    for node in reversed(graph.node):
        weight = _weight(node, grids)
        on_output = _only(wanted[node.output[0]]) if len(node.output) == 1 else None
        if on_output is not None:
            shared[node.output[0]] = on_output
        passed_on = on_output if node.op_type in PASSING else None
        for place, value in enumerate(node.input):
            wanted[value].add((grids[weight] if weight else passed_on) if place == 0 else None)
    return shared | {
        i.name: grid for i in graph.input if (grid := _only(wanted[i.name])) is not None
    }


def _only(wanted: set[Grid | None]) -> Grid | None:
    return next(iter(wanted)) if len(wanted) == 1 else None


class _Rewriter:
    """Builds a graph's nodes anew, with pairs where values are codes."""

    def __init__(self, graph: onnx.GraphProto, shared: Mapping[str, Grid]) -> None:
        from onnx import numpy_helper

        self.graph, self.shared = graph, shared
        self.floats = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        self.calls: Counter[str] = Counter()
        self.rounded: dict[tuple[str, Grid], str] = {}
        del graph.node[:]

    def add(self, node: onnx.NodeProto, layer: Coded | None, grid: Grid | None) -> None:
        """A node; its input rounded if it, or everyone who reads it, wants that."""
        new = copy.deepcopy(node)
        wanted = grid or (self.shared.get(node.input[0]) if node.input else None)
        if wanted:
            new.input[0] = self.round(node.input[0], wanted)
        # a convolution whose output stays float has no integer kernel: its weight is left decoded
        if layer and wanted and (node.op_type != "Conv" or node.output[0] in self.shared):
            new.input[1:] = self.decode(node.input[1:], layer, wanted.scale)
        self.graph.node.append(new)

    def round(self, value: str, grid: Grid) -> str:
        """Name of a value on its grid; one pair for all who want the same."""
        if (value, grid) not in self.rounded:
            name = f"{value}.grid{len(self.rounded)}"
            scale = self.constant(f"{name}.scale", np.array(grid.scale, np.float32))
            zero = self.constant(f"{name}.zero_point", np.array(grid.zero_point, np.uint8))
            self.node("QuantizeLinear", [value, scale, zero], f"{name}.codes")
            self.rounded[value, grid] = self.node(
                "DequantizeLinear", [f"{name}.codes", scale, zero], name
            )
        return self.rounded[value, grid]

    def decode(self, parameters: Sequence[str], layer: Coded, input_scale: float) -> list[str]:
        """Names of a layer's weight and bias decoded from codes, its own at every call."""
        weight, *biases = parameters
        known = [name for name in biases if name in self.floats]
        bias = self.floats[known[0]] if known else np.zeros(len(layer.codes), np.float32)
        codes, scale, zero_point = _stored(layer, _roomy(layer, bias, input_scale))
        step = scale * np.float32(input_scale)
        steps = np.rint(bias / step.astype(np.float64)).astype(np.int32)
        self.calls[weight] += 1
        call = f".call{self.calls[weight]}" if self.calls[weight] > 1 else ""
        decoded = {weight: self.decode_one(f"{weight}{call}", codes, scale, zero_point)}
        decoded |= {name: self.decode_one(f"{name}{call}", steps, step) for name in known}
        return [decoded.get(name, name) for name in parameters]

    def decode_one(self, name: str, *constants: NDArray[Any]) -> str:
        """Name of the values that codes, scale and perhaps zero point stand for."""
        parts = zip(("codes", "scale", "zero_point"), constants, strict=False)
        stored = [self.constant(f"{name}.{part}", value) for part, value in parts]
        axis = {"axis": 0} if constants[1].ndim else {}
        return self.node("DequantizeLinear", stored, f"{name}.decoded", **axis)

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.graph.node.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def drop_unread(self) -> None:
        """Leave out the float weights that codes have replaced."""
        read = {value for node in self.graph.node for value in node.input}
        kept = [i for i in self.graph.initializer if i.name in read]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)


def _roomy(layer: Coded, bias: NDArray[np.float32], input_scale: float) -> Tensor:
    """Scales (R,) with which every bias fits its 32 bits: the layer's own, but for dead channels.

    A bias is stored in steps of input scale x weight scale. Where weights are next to nothing
    beside it that is more than 2^31 steps, and the runtime would overflow without a word.
    """
    rows = torch.from_numpy(np.abs(bias)).view(layer.scale.numel(), -1).amax(1)
    return torch.maximum(layer.scale, rows / (input_scale * MOST_STEPS))


def _stored(layer: Coded, scale: Tensor) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[Any]]:
    """Codes int8 or uint8, scale and zero point: scalars per tensor, (O,) per channel."""
    kind = np.uint8 if layer.zero_point.numel() else np.int8
    zero_point = layer.zero_point if layer.zero_point.numel() else torch.zeros_like(layer.scale)
    column = (-1, *[1] * (layer.codes.dim() - 1))
    steps = torch.where(layer.mask, layer.codes - zero_point.view(column), 0)  # 0 where pruned
    codes = (steps * (layer.scale / scale).view(column)).round() + zero_point.view(column)
    shape = [] if scale.numel() == 1 else [-1]
    return (
        codes.numpy().astype(kind),
        scale.reshape(shape).numpy(),
        zero_point.reshape(shape).numpy().astype(kind),
    )
