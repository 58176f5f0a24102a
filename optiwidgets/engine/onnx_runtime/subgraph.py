"""An ONNX graph in pieces: from one step to another, with the values that cross between them."""

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
    """The steps of an exported model, in the order in which they run.

    Parameters
    ----------
    model
        Its graph; values of the initializers named in ``variable`` do not matter.
    variable
        Names of the initializers that change from model to model.

    Examples
    --------
    >>> import torch; from torch import nn
    >>> from optiwidgets.engine.onnx_runtime.export import template
    >>> model = template(nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4)), torch.zeros(1, 2))
    >>> graph = Graph(model, {"0.weight", "0.bias", "1.weight", "1.bias"})
    >>> graph.layer(0), graph.layer(1), len(graph.crossing(1))
    ('0', '1', 1)
    """

    def __init__(self, model: onnx.ModelProto, variable: Collection[str]) -> None:
        from onnx import numpy_helper

        self._model, self.nodes = model, list(model.graph.node)
        self.constants: Tensors = {
            i.name: numpy_helper.to_array(i)
            for i in model.graph.initializer
            if i.name not in variable
        }
        self.variables = [[n for n in node.input if n in variable] for node in self.nodes]
        self.first = next((i for i, names in enumerate(self.variables) if names), len(self.nodes))

    @cached_property
    def key(self) -> bytes:
        """What tells it from graphs of other steps or constants."""
        constants = [(name, value.tolist()) for name, value in self.constants.items()]
        return b"".join(n.SerializeToString() for n in self.nodes) + repr(constants).encode()

    def layer(self, place: int) -> str:
        """The name of the layer that a step belongs to."""
        name: str = self.variables[place][0]
        return name.rpartition(".")[0] or name

    def first_change(self, tensors: Tensors, before: Tensors) -> int:
        """Place of the first step that these tensors let do something else than those before."""
        for place, names in enumerate(self.variables):
            if not all(np.array_equal(tensors[n], before[n]) for n in names):
                return place
        return len(self.nodes)

    def crossing(self, place: int) -> Sequence[str]:
        """Names of what the steps before ``place`` hand on: images, values, in the end scores."""
        used = {name for node in self.nodes[place:] for name in node.input}
        used |= {value.name for value in self._model.graph.output}
        images = [value.name for value in self._model.graph.input]
        made = [name for node in self.nodes[:place] for name in node.output]
        return [name for name in (*images, *made) if name in used]

    def piece(
        self, start: int, end: int, tensors: Tensors, shapes: Mapping[str, Sequence[int]]
    ) -> onnx.ModelProto:
        """A model of the steps from ``start`` to before ``end``, filled with tensors.

        It takes what crosses at ``start`` and is used, it gives what crosses at ``end`` and is new.
        ``shapes`` are those of the values it takes, any number of images: without them the runtime
        does not find its fast way.
        """
        from onnx import helper, numpy_helper

        nodes, whole = self.nodes[start:end], self._model
        used = {name for node in nodes for name in node.input}
        made = {name for node in nodes for name in node.output}
        given = [name for name in self.crossing(start) if name in used]
        wanted = [name for name in self.crossing(end) if name in made]
        filled = {**self.constants, **tensors}
        graph = helper.make_graph(
            nodes,
            "piece",
            [
                helper.make_tensor_value_info(name, self._types[name], ["N", *shapes[name][1:]])
                for name in given
            ],
            [helper.make_tensor_value_info(name, self._types[name], None) for name in wanted],
            [numpy_helper.from_array(value, n) for n, value in filled.items() if n in used],
        )
        return helper.make_model(
            graph, opset_imports=whole.opset_import, ir_version=whole.ir_version
        )

    @cached_property
    def _types(self) -> dict[str, int]:
        """Types of all values by name: float where they cannot be told."""
        from onnx import TensorProto, shape_inference

        graph = shape_inference.infer_shapes(self._model).graph
        told = (*graph.value_info, *graph.input, *graph.output)
        inner = {name: TensorProto.FLOAT for node in self.nodes for name in node.output}
        return inner | {v.name: v.type.tensor_type.elem_type for v in told}
