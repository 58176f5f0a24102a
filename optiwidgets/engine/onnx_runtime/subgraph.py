"""Subgraphs of an exported model: consecutive nodes, and the values at their boundaries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

Tensors = Mapping[str, NDArray[Any]]


class Graph:
    """Nodes of an exported model in execution order.

    Parameters
    ----------
    model
        The exported model; values of the initializers named in ``variable`` are ignored.
    variable
        Names of the initializers that change from model to model.

    Examples
    --------
    >>> import torch; from torch import nn
    >>> from optiwidgets.engine.onnx_runtime.export import template
    >>> model = template(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4)), torch.zeros(1, 2))
    >>> graph = Graph(model, {"0.weight", "0.bias", "1.weight", "1.bias"})
    >>> graph.layer(0), graph.layer(1), len(graph.boundary_values(1))
    ('0', '1', 1)
    """

    def __init__(self, model: onnx.ModelProto, variable: Collection[str]) -> None:
        from onnx import numpy_helper

        self.model, self.nodes = model, list(model.graph.node)
        self.constants: Tensors = {
            i.name: numpy_helper.to_array(i)
            for i in model.graph.initializer
            if i.name not in variable
        }
        self.variables = [[n for n in node.input if n in variable] for node in self.nodes]
        self.first = next((i for i, names in enumerate(self.variables) if names), len(self.nodes))

    @cached_property
    def key(self) -> bytes:
        """Bytes that identify the graph: its nodes and constants."""
        constants = [(name, value.tolist()) for name, value in self.constants.items()]
        return b"".join(n.SerializeToString() for n in self.nodes) + repr(constants).encode()

    def layer(self, index: int) -> str:
        """Return the name of the layer that a node belongs to."""
        name: str = self.variables[index][0]
        return name.rpartition(".")[0] or name

    def first_change(self, tensors: Tensors, before: Tensors) -> int:
        """Return the index of the first node whose tensors differ from the previous model's."""
        for index, names in enumerate(self.variables):
            if not all(np.array_equal(tensors[n], before[n]) for n in names):
                return index
        return len(self.nodes)

    def boundary_values(self, index: int) -> Sequence[str]:
        """List the names of values computed before node ``index`` and used from that node on.

        At the start these are the images, at the end the scores.
        """
        used = {name for node in self.nodes[index:] for name in node.input}
        used |= {value.name for value in self.model.graph.output}
        images = [value.name for value in self.model.graph.input]
        computed = [name for node in self.nodes[:index] for name in node.output]
        return [name for name in (*images, *computed) if name in used]

    def extract(
        self, start: int, end: int, tensors: Tensors, shapes: Mapping[str, Sequence[int]]
    ) -> onnx.ModelProto:
        """Extract the nodes from ``start`` to before ``end`` as a model filled with tensors.

        The model's inputs are the values at boundary ``start`` that its nodes use, its outputs the
        values at boundary ``end`` that its nodes compute. ``shapes`` are the shapes of the inputs
        for any number of images: without shapes the runtime does not choose its fast kernels.
        """
        from onnx import helper, numpy_helper

        nodes, whole = self.nodes[start:end], self.model
        used = {name for node in nodes for name in node.input}
        computed = {name for node in nodes for name in node.output}
        inputs = [name for name in self.boundary_values(start) if name in used]
        outputs = [name for name in self.boundary_values(end) if name in computed]
        filled = {**self.constants, **tensors}
        graph = helper.make_graph(
            nodes,
            "subgraph",
            [
                helper.make_tensor_value_info(name, self._types[name], ["N", *shapes[name][1:]])
                for name in inputs
            ],
            [helper.make_tensor_value_info(name, self._types[name], None) for name in outputs],
            [numpy_helper.from_array(value, n) for n, value in filled.items() if n in used],
        )
        return helper.make_model(
            graph, opset_imports=whole.opset_import, ir_version=whole.ir_version
        )

    @cached_property
    def _types(self) -> dict[str, int]:
        """Types of all values by name; float if a type cannot be inferred."""
        from onnx import TensorProto, shape_inference

        graph = shape_inference.infer_shapes(self.model).graph
        inferred = (*graph.value_info, *graph.input, *graph.output)
        default = {name: TensorProto.FLOAT for node in self.nodes for name in node.output}
        return default | {v.name: v.type.tensor_type.elem_type for v in inferred}
