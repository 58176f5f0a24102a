"""Building blocks of an import: what a node of an ONNX graph says, and the torch module so far."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

if TYPE_CHECKING:
    import onnx

Array = NDArray[Any]
Shape = tuple[int | None, ...]  # None where a length is a multiple of the number of images
WEIGHT_ENDS = re.compile(
    r"([./_]?(weights?|kernel|scale|gamma|w_0|deepcopy_\d+|MatMul|Conv2D|ReadVariableOp|:\d+))+$"
)
NUMBERED = re.compile(r"(onnx::\w+|\d+|val_\d+)$")  # names that exporters make up


@dataclass(frozen=True)
class Step:
    """One node of an ONNX graph, its attributes as plain values.

    Examples
    --------
    >>> Step("Clip", "", ("x", "", "six"), ("y",), {}).described
    "'Clip' (the node that makes 'y')"
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @classmethod
    def of(cls, node: onnx.NodeProto) -> Step:
        """Read a node."""
        from onnx import helper

        given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        texts = {k: v.decode() if isinstance(v, bytes) else v for k, v in given.items()}
        own = node.domain in ("", "ai.onnx")
        op = node.op_type if own else f"{node.domain}.{node.op_type}"
        return cls(op, node.name, tuple(node.input), tuple(node.output), texts)

    @property
    def described(self) -> str:
        """Operator and node, for messages."""
        node = f"node {self.name!r}" if self.name else f"the node that makes {self.outputs[0]!r}"
        return f"{self.op!r} ({node})"

    def has(self, index: int) -> bool:
        """Tell whether an optional input is there."""
        return len(self.inputs) > index and self.inputs[index] != ""

    def refuse(self, reason: str) -> NoReturn:
        """Raise ValueError with operator, node and reason."""
        raise ValueError(f"the ONNX file cannot be imported: {self.described} {reason}")


@dataclass(frozen=True)
class Facts:
    """Knowledge about a graph's values, from running it.

    Parameters
    ----------
    steps
        Those that lead from the images to the outputs, in order.
    constants
        Values, by name, that hang neither on the images nor on their number.
    shapes
        Of all values that hang on the images.
    opset
        Version of the operators.
    """

    steps: tuple[Step, ...]
    constants: Mapping[str, Array]
    shapes: Mapping[str, Shape]
    opset: int


class Builder:
    """A torch module that grows node by node, as a graph that torch.fx can follow.

    Parameters
    ----------
    facts
        Of the ONNX graph.
    image, outputs
        Names of its input and outputs.
    """

    def __init__(self, facts: Facts, image: str, outputs: Iterable[str]) -> None:
        self.facts, self.root, self.graph = facts, nn.Module(), fx.Graph()
        self.made: dict[str, fx.Node] = {image: self.graph.placeholder("images")}
        self.outputs = tuple(outputs)
        self.readers = Counter(name for step in facts.steps for name in step.inputs)
        self.readers.update(self.outputs)
        self._layers: dict[object, str] = {}  # calls of one layer in several places
        self._taken: set[str] = set()

    def finish(self) -> fx.GraphModule:
        """Return the module, in eval mode: one output as a tensor, several as a dict by name."""
        made = {name: self.made[name] for name in self.outputs}
        self.graph.output(made[self.outputs[0]] if len(made) == 1 else made)
        return fx.GraphModule(self.root, self.graph, "ImportedModel").eval()

    def shape(self, name: str) -> Shape:
        """Shape of a value that hangs on the images."""
        return self.facts.shapes[name]

    def variable(self, step: Step, index: int = 0) -> fx.Node:
        """Return an input that hangs on the images."""
        if not step.has(index) or step.inputs[index] not in self.made:
            name = step.inputs[index] if step.has(index) else ""
            step.refuse(f"takes {name!r}, which is not made from the images, where features belong")
        return self.made[step.inputs[index]]

    def constant(self, step: Step, index: int) -> Array | None:
        """Return an input that is the same for all images, None where it is left out."""
        if not step.has(index):
            return None
        value = self.facts.constants.get(step.inputs[index])
        if value is None:
            step.refuse(f"has an input, {step.inputs[index]!r}, that is not a constant")
        return value

    def setting(self, step: Step, name: str, index: int) -> list[Any] | None:
        """Return what older operators have as an attribute and newer ones as an input."""
        if name in step.attributes:
            value = step.attributes[name]
            return list(value) if isinstance(value, list | tuple) else [value]
        found = self.constant(step, index)
        return None if found is None else found.ravel().tolist()

    def operand(self, step: Step, index: int) -> fx.Node | float:
        """Return an input of arithmetic: a value on its way, a number, or a buffer."""
        name = step.inputs[index]
        if name in self.made:
            return self.made[name]
        value = self.constant(step, index)
        assert value is not None  # arithmetic has no optional inputs
        if value.size == 1 and value.ndim <= len(self.shape(step.outputs[0])):
            return float(value.item())
        return self.buffer(value, name)

    def buffer(self, value: Array, name: str) -> fx.Node:
        """Keep a constant with the module."""
        key = ("buffer", name)
        if key not in self._layers:
            self._layers[key] = self._name(name)
            self.root.register_buffer(self._layers[key], tensor(value))
        return self.graph.get_attr(self._layers[key])

    def set(self, step: Step, made: fx.Node) -> None:
        """Name the result of a step with one output."""
        self.made[step.outputs[0]] = made

    def call(self, function: Callable[..., Any], *given: Any) -> fx.Node:
        """Add the call of a function."""
        return self.graph.call_function(function, given)

    def module(self, step: Step, module: nn.Module, features: fx.Node, end: str = "") -> fx.Node:
        """Add a module without weights, named after the step, and its call."""
        name = self._name((step.name or step.outputs[0]) + end)
        self.root.add_module(name, module)
        return self.graph.call_module(name, (features,))

    def layer(self, step: Step, key: object, make: Callable[[], nn.Module]) -> str:
        """Return the name of a layer with weights; equal keys share one layer."""
        key = (step.op, key)
        if key not in self._layers:
            self._layers[key] = self._name(self._layer_name(step))
            self.root.add_module(self._layers[key], make())
        return self._layers[key]

    def unshare(self, name: str) -> None:
        """Let no later step share a layer, as it is going to change."""
        self._layers = {key: kept for key, kept in self._layers.items() if kept != name}

    def _layer_name(self, step: Step) -> str:
        """Choose the name that says most: the node's path, else its weight's name."""
        weight = WEIGHT_ENDS.sub("", step.inputs[1])
        if "/" in step.name:
            return re.sub(rf"/{step.op}(_\d+)?$", "", step.name) or step.name
        if weight and not NUMBERED.match(step.inputs[1]):
            return weight
        return step.name or step.outputs[0]

    def _name(self, wanted: str) -> str:
        """Make a valid attribute name that is not taken."""
        name = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_")
        if not name or name[0].isdigit() or keyword.iskeyword(name):
            name = f"node_{name}".rstrip("_")
        free, count = name, 1
        while free in self._taken or hasattr(self.root, free) or hasattr(fx.GraphModule, free):
            count += 1
            free = f"{name}_{count}"
        self._taken.add(free)
        return free


def tensor(value: Array) -> Tensor:
    """Copy an array of a file into a tensor."""
    return torch.from_numpy(np.array(value))  # the file's bytes are read-only
