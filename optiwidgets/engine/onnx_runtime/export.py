"""Export of a torch model to an ONNX graph, in milliseconds for a known architecture.

onnx is imported on first use.
"""

from __future__ import annotations

import copy
import hashlib
import pickle
import re
import warnings
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from threading import RLock
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from optiwidgets.engine.models import tracing
from optiwidgets.engine.types.session import INPUT, OUTPUT

if TYPE_CHECKING:
    import onnx

GRAPHS = Path(__file__).with_name("graphs")  # made by `make graphs`
BATCH_AXIS = "N"
REMEMBERED = 16  # exported architectures: without weights a few KB each
WIDTHS = re.compile(r"(?<=Conv2d\()\d+, \d+|(?<=in_features=)\d+|(?<=out_features=)\d+")
WIDTH_ATTRIBUTES = {"in_channels", "out_channels", "in_features", "out_features"}
# Operators that infer the number of channels from their inputs; so does a Reshape that flattens
WIDTH_FREE = {
    "Conv", "Gemm", "Relu", "Clip", "LeakyRelu", "Elu", "Sigmoid", "HardSwish", "Tanh", "MaxPool",
    "AveragePool", "GlobalAveragePool", "ReduceMean", "Flatten", "Identity", "Add",
}  # fmt: skip

_templates: OrderedDict[str, onnx.ModelProto] = OrderedDict()
_unlike = count()
_exporting = RLock()  # the exporter and the warnings filter are global to the process


def export(net: nn.Module, example: Tensor) -> onnx.ModelProto:
    """Export a model as an ONNX graph: "images" (N, C, H, W) -> "scores" (N, K), any N.

    The initializers keep the names of ``net.state_dict()``. The exporter takes most of a second, so
    an architecture is exported once with placeholder values and then filled with weights. If
    nothing in the graph depends on the number of channels, weights of any width fill it.

    Parameters
    ----------
    net
        An eval-mode model that torch.fx can trace.
    example
        One or more images, float32 N C H W; only the shape is used.

    Raises
    ------
    ValueError
        The model cannot be exported.

    Examples
    --------
    >>> model = export(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    >>> [(i.name, list(i.dims)) for i in model.graph.initializer]
    [('1.weight', [3, 4]), ('1.bias', [3]), ...]
    """
    state = floats(net)
    with _exporting:
        template = _template(net, example, state)
        if state.keys() <= {i.name for i in template.graph.initializer}:
            return _filled(template, state)
    # the exporter rewrote or dropped a value, so the remembered graph cannot be filled
    return export_as_is(net, example)


def export_as_is(net: nn.Module, example: Tensor) -> onnx.ModelProto:
    """Export a model with its own values and no constant folding; see ``export``."""
    with _exporting:
        return _to_onnx(net, example, optimize=False)


def template(net: nn.Module, example: Tensor) -> onnx.ModelProto:
    """Return the model's graph without values, to be filled from ``net.state_dict()``.

    Raises
    ------
    ValueError
        The model cannot be exported, or a tensor that it uses has no initializer in the graph.

    Examples
    --------
    >>> model = template(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    >>> [node.op_type for node in model.graph.node]
    ['Reshape', 'Gemm']
    """
    state = floats(net)
    with _exporting:
        model = _template(net, example, state)
    missing = state.keys() - {i.name for i in model.graph.initializer}
    used = {str(node.target) for node in tracing.trace(net).nodes} if missing else set()
    # a tensor is used if the model reads it, or calls the module that holds it
    if missing := {name for name in missing if {name, name.rpartition(".")[0]} & used}:
        raise ValueError(f"the exported model has no place for {', '.join(sorted(missing))}")
    return model


def is_known(net: nn.Module, example: Tensor) -> bool:
    """Return whether a graph of the model's architecture is remembered or shipped."""
    kind, own = _keys(net, example, floats(net))
    return kind in _templates or own in _templates or (GRAPHS / _file_name(kind)).is_file()


def emptied_graph(net: nn.Module, shape: Sequence[int]) -> bytes:
    """Export a model for images of shape C, H, W as bytes, for ``adopt`` in another process.

    Raises
    ------
    ValueError
        The model cannot be exported.
    """
    graph = _to_onnx(_without_meaning(net), torch.zeros(1, *shape), optimize=True)
    content: bytes = _emptied(graph, floats(net)).SerializeToString()
    return content


def adopt(net: nn.Module, example: Tensor, graph: bytes) -> None:
    """Remember a graph from ``emptied_graph``; ``export`` fills it from now on."""
    import onnx

    state = floats(net)
    with _exporting:
        _remember(onnx.load_from_string(graph), state, *_keys(net, example, state))
        _forget_oldest()


def floats(net: nn.Module) -> dict[str, Tensor]:
    """Return the floating-point tensors of ``net.state_dict()``: those that a graph holds."""
    return {k: v for k, v in net.state_dict().items() if v.is_floating_point()}


def _template(net: nn.Module, example: Tensor, state: Mapping[str, Tensor]) -> onnx.ModelProto:
    """Return the net's graph without values: remembered, shipped, or exported now."""
    kind, own = _keys(net, example, state)
    key = kind if kind in _templates else own
    shipped = GRAPHS / _file_name(kind)
    if key not in _templates and shipped.is_file():  # an export would dominate a page's start
        import onnx

        key, _templates[kind] = kind, onnx.load(shipped)
    if key not in _templates:
        template = _to_onnx(_without_meaning(net), example, optimize=True)
        key = _remember(template, state, kind, own)
    _templates.move_to_end(key)
    _forget_oldest()
    return _templates[key]


def _keys(net: nn.Module, example: Tensor, state: Mapping[str, Tensor]) -> tuple[str, str]:
    """Return two keys: a model's architecture, and its architecture with its own widths."""
    kind = _architecture(net, example)
    return kind, f"{kind}\n{[(k, tuple(v.shape)) for k, v in state.items()]}"


def _remember(graph: onnx.ModelProto, state: Mapping[str, Tensor], kind: str, own: str) -> str:
    """Remember a graph without values, for any width if it allows that; return its key."""
    key = kind if _take_any_width(graph.graph, state) else own
    _templates[key] = _emptied(graph, state)
    return key


def _forget_oldest() -> None:
    while len(_templates) > REMEMBERED:
        _templates.popitem(last=False)


def ship(net: nn.Module, example: Tensor, folder: Path = GRAPHS) -> Path:
    """Export a model that fits any width, and write its graph to the folder that ``export`` reads.

    Raises
    ------
    ValueError
        The model cannot be exported, or its graph depends on its widths.
    """
    state = floats(net)
    graph = _to_onnx(_without_meaning(net), example, optimize=True)
    if not _take_any_width(graph.graph, state):
        raise ValueError("the graph depends on the model's widths")
    path = folder / _file_name(_architecture(net, example))
    path.write_bytes(_emptied(graph, state).SerializeToString())
    return path


def _file_name(kind: str) -> str:
    return hashlib.sha256(kind.encode()).hexdigest()[:16] + ".onnx"


def _architecture(net: nn.Module, example: Tensor) -> str:
    """Describe all that a graph depends on, except the tensors that fill it and their widths.

    The description has the code recorded by torch.fx, the functions called, and every attribute of
    the modules called as a whole, since ``repr`` does not show all attributes.
    """
    graph, state = tracing.trace(net), net.state_dict()
    fixed = {k: v.tolist() for k, v in state.items() if not v.is_floating_point()}
    called: dict[str, object] = {}
    for node in graph.nodes:
        if node.op == "get_attr" and node.target not in state:
            owner, _, name = node.target.rpartition(".")
            fixed[node.target] = getattr(net.get_submodule(owner), name).tolist()
        elif node.op == "call_module":
            for name, module in net.get_submodule(node.target).named_modules(prefix=node.target):
                called[name] = _attributes(module)
        elif node.op == "call_function":
            called[node.name] = _value(node.target)
    modules = WIDTHS.sub("", str(net))
    code = graph.python_code("self").src
    return f"{code}\n{modules}\n{fixed}\n{called}\n{tuple(example.shape[1:])}"


def _attributes(module: nn.Module) -> dict[str, object]:
    """Return type and own attributes of a module, without tensors, submodules and widths."""
    blank = vars(nn.Module()).keys() | WIDTH_ATTRIBUTES
    own = {k: _value(v) for k, v in sorted(vars(module).items()) if k not in blank}
    return {"": f"{type(module).__module__}.{type(module).__qualname__}", **own}


def _value(value: object) -> object:
    """Return an object whose ``repr`` identifies the value, in other processes too if possible."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return [type(value).__name__, *map(_value, value)]
    if isinstance(value, FunctionType | BuiltinFunctionType):
        code = getattr(value, "__code__", None)  # a name may be bound to another function later
        cells = [_value(c.cell_contents) for c in getattr(value, "__closure__", None) or ()]
        local = "<" in value.__qualname__  # a lambda, or defined inside a function
        own = [code.co_code.hex(), code.co_consts, cells] if code and local else []
        return [value.__module__, value.__qualname__, *own]
    try:
        return hashlib.sha256(pickle.dumps(value)).hexdigest()
    except Exception:  # noqa: BLE001 (pickling raises any exception): treat it as unique
        return f"no other is like this one: {next(_unlike)}"


def _without_meaning(net: nn.Module) -> nn.Module:
    """Copy a net with random values: the exporter merges equal tensors and drops zero biases."""
    blank, random = copy.deepcopy(net), torch.Generator().manual_seed(0)
    for value in blank.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=random) + 0.5)
    return blank


def _to_onnx(net: nn.Module, example: Tensor, optimize: bool) -> onnx.ModelProto:
    two = torch.zeros(2, *example.shape[1:])  # the exporter treats a batch of 1 as constant
    with tracing.one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                net,
                (two,),
                dynamo=True,
                verbose=False,
                optimize=optimize,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim(BATCH_AXIS)},),
            )
        except torch.onnx.OnnxExporterError as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"the model cannot be exported to ONNX: {reason}") from error
    assert program is not None  # None only if it writes a file
    model = program.model_proto
    graph = model.graph
    parts = (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output)
    for part in (model, graph, *parts):  # the exporter's notes have paths of this machine
        del part.metadata_props[:]
        part.ClearField("doc_string")
    return model


def _take_any_width(graph: onnx.GraphProto, state: Mapping[str, Tensor]) -> bool:
    """Rewrite fixed flattening for any number of channels; return whether any width then fits."""
    constants = {i.name: i for i in graph.initializer if i.name not in state}
    lengths = {v.name: v.type.tensor_type.shape.dim for v in (*graph.value_info, *graph.input)}
    batched = {name for name, dim in lengths.items() if dim and dim[0].dim_param == BATCH_AXIS}
    for node in graph.node:
        fixed = [constants[name] for name in node.input if name in constants]
        if node.op_type == "Reshape":
            free = node.input[0] in batched and len(fixed) == 1 and _flatten(node, fixed[0])
        else:
            sizes = [c for c in fixed if c.dims and node.op_type != "ReduceMean"]
            free = node.op_type in WIDTH_FREE and not sizes
        if not free:
            return False
    return _last_weight(graph) in state


def _flatten(node: onnx.NodeProto, shape: onnx.TensorProto) -> bool:
    """Rewrite a Reshape to (-1, n) as one to (0, -1); return whether the node had that shape."""
    from onnx import numpy_helper

    lengths = numpy_helper.to_array(shape).tolist()
    if len(lengths) != 2 or lengths[0] != -1:
        return False
    shape.CopyFrom(numpy_helper.from_array(np.array([0, -1]), shape.name))
    del node.attribute[:]  # without allowzero, 0 keeps the input's length
    return True


def _last_weight(graph: onnx.GraphProto) -> str:
    """Return the name of the weight with a row for each column or channel of the output.

    Empty if the last node is neither a Gemm nor a Conv.
    """
    last = graph.node[-1]
    weighs = last.op_type in ("Gemm", "Conv") and last.output[0] == graph.output[0].name
    return last.input[1] if weighs else ""


def _emptied(model: onnx.ModelProto, state: Mapping[str, Tensor]) -> onnx.ModelProto:
    del model.graph.value_info[:]
    for initializer in model.graph.initializer:
        if initializer.name in state:
            initializer.ClearField("raw_data")
    return model


def _filled(template: onnx.ModelProto, state: Mapping[str, Tensor]) -> onnx.ModelProto:
    model = copy.deepcopy(template)
    for initializer in model.graph.initializer:
        if initializer.name in state:
            value = state[initializer.name].detach()
            initializer.raw_data = value.contiguous().numpy().astype("<f4").tobytes()
            initializer.dims[:] = value.shape
    last = _last_weight(model.graph)
    if last in state:
        output = model.graph.output[0].type.tensor_type
        output.shape.dim[1].dim_value = len(state[last])
    return model
