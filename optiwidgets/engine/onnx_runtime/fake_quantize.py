"""Fake quantization of layer inputs in an exported float model.

The graph's nodes do the arithmetic of ``ActivationQuantizer.fake_quantize``, as
``activations.quantize_activations`` does in torch, for bit-widths without kernels in any runtime.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from optiwidgets.engine.calibration.activation_ranges import Range
from optiwidgets.engine.quantization.activations import ActivationQuantizer

if TYPE_CHECKING:
    import onnx

PASSING = {"Transpose", "Identity"}  # operators allowed between a weight and its layer


def fake_quantize_inputs(
    model: onnx.ModelProto, ranges: Mapping[str, Range], bits: int
) -> onnx.ModelProto:
    """Copy an exported model and fake-quantize the input of each layer by four more nodes.

    The nodes divide by the scale, round (halves to even), clip and multiply by the scale, in float.

    Parameters
    ----------
    model
        From ``export``, with initializers named as in the state.
    ranges
        Lowest and highest input of each layer, from ``calibrate``.
    bits
        2 to 8.

    Raises
    ------
    ValueError
        A layer's weight is not in the graph, or the range or the bits are not valid.

    Examples
    --------
    >>> import torch; from torch import nn
    >>> from optiwidgets.engine.onnx_runtime.export import export
    >>> from optiwidgets.engine.onnx_runtime.session import open_session, predict
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    >>> exported, ranges = export(net, torch.zeros(1, 1, 2, 2)), {"1": (0.0, 1.0)}
    >>> model = fake_quantize_inputs(exported, ranges, bits=4)
    >>> [node.op_type for node in model.graph.node]
    ['Reshape', 'Div', 'Round', 'Clip', 'Mul', 'Gemm']
    """
    quantizers = {name: ActivationQuantizer.over(span, bits) for name, span in ranges.items()}
    layers, found = {f"{name}.weight": name for name in ranges}, set()
    rounded = copy.deepcopy(model)
    del rounded.graph.node[:]
    for node in model.graph.node:
        new, weight = copy.deepcopy(node), node.input[1] if len(node.input) > 1 else ""
        if node.op_type in PASSING and node.input[0] in layers:
            layers[node.output[0]] = layers[node.input[0]]
        if weight in layers:
            found.add(layers[weight])
            new.input[0] = f"{node.input[0]}.grid{len(rounded.graph.node)}"
            steps = _fake_quantize(
                rounded.graph, node.input[0], new.input[0], quantizers[layers[weight]]
            )
            rounded.graph.node.extend(steps)
        rounded.graph.node.append(new)
    if missing := sorted(ranges.keys() - found):
        raise ValueError(f"the exported graph does not show layer {', '.join(missing)}")
    return rounded


def _fake_quantize(
    graph: onnx.GraphProto, value: str, name: str, quantizer: ActivationQuantizer
) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that fake-quantize a value under a new name; add constants to the graph."""
    from onnx import helper, numpy_helper

    low_code, high_code = -quantizer.zero_point, 2**quantizer.bits - 1 - quantizer.zero_point
    for part, number in (("scale", quantizer.scale), ("low", low_code), ("high", high_code)):
        constant = numpy_helper.from_array(np.array(number, np.float32), f"{name}.{part}")
        graph.initializer.append(constant)
    scale, low, high = (f"{name}.{part}" for part in ("scale", "low", "high"))
    yield helper.make_node("Div", [value, scale], [f"{name}.steps"])
    yield helper.make_node("Round", [f"{name}.steps"], [f"{name}.whole"])
    yield helper.make_node("Clip", [f"{name}.whole", low, high], [f"{name}.codes"])
    yield helper.make_node("Mul", [f"{name}.codes", scale], [name])
