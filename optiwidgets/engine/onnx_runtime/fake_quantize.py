"""An exported float model -> the same model whose layers see their inputs rounded to a few bits.

What ``activations.quantize_activations`` simulates in torch, in the graph itself: the arithmetic of
``Grid.snap``, for bit-widths that no runtime has kernels for.
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

PASSING = {"Transpose", "Identity"}  # a weight may go through these on its way to its layer


def fake_quantize_inputs(
    model: onnx.ModelProto, ranges: Mapping[str, Range], bits: int
) -> onnx.ModelProto:
    """A copy of an exported model with four more steps before each layer: on to its grid.

    Divided by the scale, rounded (halves to even), clipped and multiplied again, all in float.

    Parameters
    ----------
    model
        As ``export`` makes it, the initializers named as in the state.
    ranges
        Lowest and highest input of each layer, as ``calibrate`` gives them.
    bits
        2 to 8.

    Raises
    ------
    ValueError
        A layer whose weight the graph does not hold, or a range or bits that no grid has.

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
    grids = {name: ActivationQuantizer.over(span, bits) for name, span in ranges.items()}
    layers, met = {f"{name}.weight": name for name in ranges}, set()
    snapped = copy.deepcopy(model)
    del snapped.graph.node[:]
    for node in model.graph.node:
        new, weight = copy.deepcopy(node), node.input[1] if len(node.input) > 1 else ""
        if node.op_type in PASSING and node.input[0] in layers:
            layers[node.output[0]] = layers[node.input[0]]
        if weight in layers:
            met.add(layers[weight])
            new.input[0] = f"{node.input[0]}.grid{len(snapped.graph.node)}"
            steps = _fake_quantize(
                snapped.graph, node.input[0], new.input[0], grids[layers[weight]]
            )
            snapped.graph.node.extend(steps)
        snapped.graph.node.append(new)
    if missing := sorted(ranges.keys() - met):
        raise ValueError(f"the exported graph does not show layer {', '.join(missing)}")
    return snapped


def _fake_quantize(
    graph: onnx.GraphProto, value: str, name: str, grid: ActivationQuantizer
) -> Iterator[onnx.NodeProto]:
    """The steps that put a value on a grid under a new name; their constants join the graph."""
    from onnx import helper, numpy_helper

    highest = 2**grid.bits - 1 - grid.zero_point
    for part, number in (("scale", grid.scale), ("low", -grid.zero_point), ("high", highest)):
        constant = numpy_helper.from_array(np.array(number, np.float32), f"{name}.{part}")
        graph.initializer.append(constant)
    scale, low, high = (f"{name}.{part}" for part in ("scale", "low", "high"))
    yield helper.make_node("Div", [value, scale], [f"{name}.steps"])
    yield helper.make_node("Round", [f"{name}.steps"], [f"{name}.whole"])
    yield helper.make_node("Clip", [f"{name}.whole", low, high], [f"{name}.codes"])
    yield helper.make_node("Mul", [f"{name}.codes", scale], [name])
