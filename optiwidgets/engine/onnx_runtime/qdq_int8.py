"""Conversion of an exported float model to int8 (QDQ), with the recipe's own codes.

Pairs of QuantizeLinear and DequantizeLinear (QDQ) mark values that are codes; the runtime fuses
every layer between two pairs into one integer kernel.
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

from optiwidgets.engine.calibration.activation_ranges import Range
from optiwidgets.engine.quantization.activations import ActivationQuantizer
from optiwidgets.engine.quantization.weights import QuantizedWeight

if TYPE_CHECKING:
    import onnx

BITS = 8
NARROW = 8  # input channels: with fewer, integer convolutions are slower than float ones
FLOAT = 1  # onnx.TensorProto.FLOAT
MOST_STEPS = 2.0**30  # largest bias in steps: half of the range of int32
# Rounding commutes with these operators: they are monotone, or only rearrange values
PASSING = {"Relu", "MaxPool", "Flatten", "Reshape", "Identity", "Squeeze", "Unsqueeze", "Transpose"}


def to_int8(
    model: onnx.ModelProto, layers: Mapping[str, QuantizedWeight], ranges: Mapping[str, Range]
) -> onnx.ModelProto:
    """Convert a copy of an exported model to compute with 8-bit codes.

    Weights keep their codes (affine codes and zero points move from 0..255 to -128..127). Each
    layer's input is rounded to 256 values over its range (uint8 affine). A layer's output that
    reaches only such inputs, through pooling and ReLU, is rounded immediately: the codes are the
    same, and the runtime pools and passes on bytes.

    Source: B. Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018, section 2.

    Parameters
    ----------
    model
        From ``export``, with initializers named as in the state.
    layers
        Quantized weights by layer name, 8 bits or fewer; layers with more stay in float. Two sorts
        of convolutions have their codes decoded when the runtime opens the model, and run in a
        float kernel on rounded inputs: those with fewer than 8 input channels (such as an image),
        where that is several times faster, and those that feed a sum, for which there is no
        integer kernel.
    ranges
        Lowest and highest input of each of these layers, from ``calibrate``.

    Raises
    ------
    ValueError
        A layer has no range, or a range is not finite or does not contain 0.

    Examples
    --------
    >>> import torch; from torch import nn
    >>> from optiwidgets.engine.onnx_runtime.export import export
    >>> from optiwidgets.engine.onnx_runtime.session import open_session, predict
    >>> from optiwidgets.engine.quantization.weights import encode
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)).requires_grad_(False)
    >>> model = export(net, torch.zeros(1, 1, 2, 2))
    >>> kept = torch.ones(3, 4, dtype=torch.bool)
    >>> quantized = {"1": encode(net[1].weight, kept, Recipe(bits=8))}
    >>> integer = to_int8(model, quantized, {"1": (0.0, 1.0)})
    >>> [node.op_type for node in integer.graph.node if "Linear" not in node.op_type]
    ['Reshape', 'Gemm']
    >>> [i.name for i in integer.graph.initializer if i.name.endswith("codes")]
    ['1.weight.codes', '1.bias.codes']
    """
    missing = sorted(layers.keys() - ranges.keys())
    if missing:
        raise ValueError(f"no range of activations for layer {', '.join(missing)}")
    weights = {f"{name}.weight": c for name, c in layers.items() if c.bits <= BITS}
    quantizers = {
        weight: ActivationQuantizer.over(ranges[weight.removesuffix(".weight")], BITS)
        for weight in weights
    }
    converted = copy.deepcopy(model)
    rewriter = _Rewriter(converted.graph, _shared_quantizers(model.graph, quantizers))
    for node in model.graph.node:
        weight = _weight(node, quantizers)
        rewriter.add(node, weights.get(weight), quantizers.get(weight))
    rewriter.drop_unread()
    return converted


def _weight(node: onnx.NodeProto, quantizers: Mapping[str, ActivationQuantizer]) -> str:
    """Return the name of the quantized weight of a node; empty if there is none."""
    name = node.input[1] if len(node.input) > 1 else ""
    return name if name in quantizers else ""


def _shared_quantizers(
    graph: onnx.GraphProto, quantizers: Mapping[str, ActivationQuantizer]
) -> dict[str, ActivationQuantizer]:
    """Find the outputs of integer kernels whose consumers all need the same quantizer."""
    shared, floats = _agreed_quantizers(graph, quantizers), _floats(graph)
    integer: set[str] = set()
    for node in graph.node:
        passed_on = node.op_type in PASSING and node.input[0] in integer
        if passed_on or (_weight(node, quantizers) and not _is_narrow(node, floats)):
            integer.update(shared.keys() & node.output)
    return {value: shared[value] for value in integer}


def _agreed_quantizers(
    graph: onnx.GraphProto, quantizers: Mapping[str, ActivationQuantizer]
) -> dict[str, ActivationQuantizer]:
    """Find the values whose consumers all need the same quantizer, from the last node backwards."""
    wanted: defaultdict[str, set[ActivationQuantizer | None]] = defaultdict(set)
    for output in graph.output:
        wanted[output.name].add(None)
    agreed: dict[str, ActivationQuantizer] = {}
    for node in reversed(graph.node):
        weight = _weight(node, quantizers)
        needed = wanted[node.output[0]] if len(node.output) == 1 else set()
        on_output = next(iter(needed)) if len(needed) == 1 else None
        if on_output is not None:
            agreed[node.output[0]] = on_output
        passed_on = on_output if node.op_type in PASSING else None
        for index, value in enumerate(node.input):
            wanted[value].add((quantizers[weight] if weight else passed_on) if index == 0 else None)
    return agreed


def _floats(graph: onnx.GraphProto) -> dict[str, NDArray[Any]]:
    from onnx import numpy_helper

    return {i.name: numpy_helper.to_array(i) for i in graph.initializer}


def _is_narrow(node: onnx.NodeProto, floats: Mapping[str, NDArray[Any]]) -> bool:
    """Return whether a node is a convolution in one group with few input channels."""
    if node.op_type != "Conv" or any(a.name == "group" and a.i > 1 for a in node.attribute):
        return False
    return bool(floats[node.input[1]].shape[1] < NARROW)


class _Rewriter:
    """Builder of a graph with pairs of nodes (quantize, dequantize) around codes."""

    def __init__(self, graph: onnx.GraphProto, shared: Mapping[str, ActivationQuantizer]) -> None:
        self.graph, self.shared, self.floats = graph, shared, _floats(graph)
        self.calls: Counter[str] = Counter()
        self.decoded_once: set[str] = set()
        self.rounded: dict[tuple[str, ActivationQuantizer, bool], str] = {}
        del graph.node[:]

    def add(
        self,
        node: onnx.NodeProto,
        layer: QuantizedWeight | None,
        quantizer: ActivationQuantizer | None,
    ) -> None:
        """Add a node; round its input if the node, or all consumers of the value, need that."""
        new = copy.deepcopy(node)
        wanted = quantizer or (self.shared.get(node.input[0]) if node.input else None)
        if wanted:
            plain = layer is not None and _is_narrow(node, self.floats)
            new.input[0] = self.round(node.input[0], wanted, plain)
        # no integer kernel for a convolution with a float output: decode its weights once
        if layer and wanted and (node.op_type != "Conv" or node.output[0] in self.shared):
            new.input[1:] = self.decode(node.input[1:], layer, wanted.scale)
        elif layer:
            new.input[1] = self.decode_weight(node.input[1], layer)
        self.graph.node.append(new)

    def round(self, value: str, quantizer: ActivationQuantizer, plain: bool) -> str:
        """Round a value and return its new name; consumers with equal quantizers share a pair.

        If ``plain``, the codes are decoded by arithmetic: with a DequantizeLinear, the runtime
        would quantize the float weights of the layer by its own rules.
        """
        if (value, quantizer, plain) not in self.rounded:
            name = f"{value}.grid{len(self.rounded)}"
            scale = self.constant(f"{name}.scale", np.array(quantizer.scale, np.float32))
            zero = self.constant(f"{name}.zero_point", np.array(quantizer.zero_point, np.uint8))
            codes = self.node("QuantizeLinear", [value, scale, zero], f"{name}.codes")
            decode = self.decode_plainly if plain else self.decode_codes
            self.rounded[value, quantizer, plain] = decode(name, codes, scale, zero)
        return self.rounded[value, quantizer, plain]

    def decode_codes(self, name: str, *stored: str) -> str:
        return self.node("DequantizeLinear", list(stored), name)

    def decode_plainly(self, name: str, codes: str, scale: str, zero: str) -> str:
        floats = [self.node("Cast", [of], f"{of}.float", to=FLOAT) for of in (codes, zero)]
        return self.node("Mul", [self.node("Sub", floats, f"{name}.steps"), scale], name)

    def decode(
        self, parameters: Sequence[str], layer: QuantizedWeight, input_scale: float
    ) -> list[str]:
        """Decode a layer's weight and bias, separately for every call, and return their names."""
        weight, *biases = parameters
        known = [name for name in biases if name in self.floats]
        bias = self.floats[known[0]] if known else np.zeros(len(layer.codes), np.float32)
        codes, scale, zero_point = _to_stored(layer, _bias_safe_scale(layer, bias, input_scale))
        step = scale * np.float32(input_scale)
        steps = np.rint(bias / step.astype(np.float64)).astype(np.int32)
        self.calls[weight] += 1
        call = f".call{self.calls[weight]}" if self.calls[weight] > 1 else ""
        decoded = {weight: self.decode_one(f"{weight}{call}", codes, scale, zero_point)}
        decoded |= {name: self.decode_one(f"{name}{call}", steps, step) for name in known}
        return [decoded.get(name, name) for name in parameters]

    def decode_weight(self, weight: str, layer: QuantizedWeight) -> str:
        """Decode a weight by arithmetic to its exact values, and return their name.

        The runtime folds this once, when it opens the model, and uses the float kernel.
        """
        name = f"{weight}.decoded_once"
        if name not in self.decoded_once:
            self.decoded_once.add(name)
            codes, scale, zero_point = _to_stored(layer, layer.scale)
            column = [-1, *[1] * (codes.ndim - 1)] if scale.ndim else []
            stored = self.constant(f"{name}.codes", codes)
            steps = self.node("Cast", [stored], f"{name}.float", to=FLOAT)
            if zero_point.any():
                zero = self.constant(f"{name}.zero_point", zero_point.astype("f4").reshape(column))
                steps = self.node("Sub", [steps, zero], f"{name}.steps")
            step = self.constant(f"{name}.scale", scale.reshape(column))
            self.node("Mul", [steps, step], name)
        return name

    def decode_one(self, name: str, *constants: NDArray[Any]) -> str:
        """Decode codes by scale and optional zero point, and return the name of the values."""
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
        """Remove float weights that no node reads any more."""
        read = {value for node in self.graph.node for value in node.input}
        kept = [i for i in self.graph.initializer if i.name in read]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)


def _bias_safe_scale(
    layer: QuantizedWeight, bias: NDArray[np.float32], input_scale: float
) -> Tensor:
    """Compute weight scales (R,) with which every bias fits into int32.

    A bias is stored in steps of input scale x weight scale. With tiny weights, a bias can be more
    than 2^31 steps, which overflows silently in the runtime: then the scale is enlarged. If all
    weights of a row are 0 (pruned, for example), any scale gives the same weights: the smallest
    scale for which the bias fits stores it to one part in 2^30.
    """
    rows = torch.from_numpy(np.abs(bias)).view(layer.scale.numel(), -1).amax(1)
    least = rows / (input_scale * MOST_STEPS)
    dead = ~(layer.decode() != 0).view(layer.scale.numel(), -1).any(1)
    tiny = torch.finfo(torch.float32).tiny
    fine = torch.where(dead & (least * input_scale > tiny) & (least > tiny), least, layer.scale)
    return torch.maximum(fine, least)


def _to_stored(
    layer: QuantizedWeight, scale: Tensor
) -> tuple[NDArray[Any], NDArray[np.float32], NDArray[Any]]:
    """Convert a layer to int8 codes, scale and zero point: scalars per tensor, (O,) per channel.

    Affine codes 0..255 and their zero points are reduced by 128: the values stay the same, and
    kernels for int8 weights are faster than those for uint8.
    """
    affine = layer.zero_point.numel() > 0
    zero_point = layer.zero_point - 128 if affine else torch.zeros_like(layer.scale)
    column = (-1, *[1] * (layer.codes.dim() - 1))
    moved = layer.codes - 128 if affine else layer.codes
    steps = torch.where(layer.mask, moved - zero_point.view(column), 0)  # 0 where pruned
    codes = (steps * (layer.scale / scale).view(column)).round() + zero_point.view(column)
    shape = [] if scale.numel() == 1 else [-1]
    return (
        codes.numpy().astype(np.int8),
        scale.reshape(shape).numpy(),
        zero_point.reshape(shape).numpy().astype(np.int8),
    )
