"""The optimized model in a real inference runtime: export to ONNX, int8, sessions, predictions.

onnx and onnxruntime are imported on first use, so importing this costs nothing and leaves no thread
behind in a process that is going to be forked.
"""

from __future__ import annotations

import copy
import os
import warnings
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import RLock, get_ident
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from optiwidgets.engine.int8 import to_int8 as to_int8

if TYPE_CHECKING:
    import onnx
    import onnxruntime

INPUT, OUTPUT, BATCH_AXIS = "images", "scores", "N"
BATCH = 32  # images a call
THREADS = 2  # Python threads of one runtime thread each, as in evaluate
REMEMBERED = 16  # exported architectures; without their weights, a few KB each

_templates: OrderedDict[str, onnx.ModelProto] = OrderedDict()
_exporting = RLock()  # the exporter and the warnings filter are one for the whole process


class Session(Protocol):
    """What is used of ``onnxruntime.InferenceSession``."""

    def run(self, outputs: Sequence[str] | None, feed: Mapping[str, Any], /) -> Sequence[Any]:
        """Values of the named outputs for the inputs in ``feed``."""
        ...

    def get_session_options(self) -> Any:
        """Options, ``intra_op_num_threads`` among them."""
        ...


def export(net: nn.Module, example: Tensor) -> onnx.ModelProto:
    """The model as an ONNX graph: "images" (N, C, H, W) -> "scores" (N, K), any N.

    The initializers keep the names of ``net.state_dict()``. Exporting takes most of a second, so an
    architecture is exported once, with values of no meaning, and then filled with the weights.

    Parameters
    ----------
    net
        An eval-mode model that torch.fx can trace.
    example
        One or more images, float32 N C H W: only their shape matters.

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
    state = {k: v for k, v in net.state_dict().items() if v.is_floating_point()}
    with _exporting:
        key = _architecture(net, example)
        if key not in _templates:
            _templates[key] = _to_onnx(_without_meaning(net), example, optimize=True)
        _templates.move_to_end(key)
        while len(_templates) > REMEMBERED:
            _templates.popitem(last=False)
        template = _templates[key]
        if not state.keys() <= {i.name for i in template.graph.initializer}:
            # the exporter rewrote a value, or has no use for it: take no risk
            return _to_onnx(net, example, optimize=False)
    return _filled(template, state)


def _architecture(net: nn.Module, example: Tensor) -> str:
    """Everything the exported graph depends on but the values: the key of its template."""
    code = fx.Tracer().trace(net).python_code("self").src
    shapes = {k: (tuple(v.shape), v.dtype) for k, v in net.state_dict().items()}
    return f"{code}\n{net}\n{shapes}\n{tuple(example.shape[1:])}"


def _without_meaning(net: nn.Module) -> nn.Module:
    """A copy with all values different: the exporter merges equal tensors and drops zero biases."""
    blank, random = copy.deepcopy(net), torch.Generator().manual_seed(0)
    for value in blank.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=random) + 0.5)
    return blank


def _to_onnx(net: nn.Module, example: Tensor, optimize: bool) -> onnx.ModelProto:
    two = torch.zeros(2, *example.shape[1:])  # 1 would be taken for a constant
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
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
    if program is None:
        raise ValueError("the model cannot be exported to ONNX")
    return _anonymous(program.model_proto)


def _anonymous(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without the exporter's notes: they hold stack traces, with the paths of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.ClearField("doc_string")
    del graph.value_info[:]
    return model


def _filled(template: onnx.ModelProto, state: Mapping[str, Tensor]) -> onnx.ModelProto:
    model = copy.deepcopy(template)
    for initializer in model.graph.initializer:
        if initializer.name in state:
            value = state[initializer.name].detach().contiguous().numpy()
            initializer.raw_data = value.astype("<f4").tobytes()
    return model


def session(model: onnx.ModelProto, threads: int = 1) -> onnxruntime.InferenceSession:
    """Open a model in ONNX Runtime, on the CPU, with ``threads`` threads that do not spin.

    Raises
    ------
    ValueError
        ``threads`` is not a whole number, 1 or more.

    Examples
    --------
    >>> model = export(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    >>> session(model).get_inputs()[0].shape
    ['N', 1, 2, 2]
    """
    if type(threads) is not int or threads < 1:
        raise ValueError(f"threads is a whole number, 1 or more, not {threads!r}")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors only
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # without VNNI, products of uint8 and int8 would saturate: compute them exactly instead
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def predict(session: Session, images: Tensor | NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores before softmax, (N, K) float32, of images N C H W, in batches of 32.

    Examples
    --------
    >>> model = export(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    >>> predict(session(model), torch.zeros(70, 1, 2, 2)).shape
    (70, 3)
    """
    arrays = np.ascontiguousarray(images, dtype=np.float32)
    batches = [arrays[i : i + BATCH] for i in range(0, len(arrays), BATCH)]

    def forward(batch: NDArray[np.float32]) -> Any:
        return session.run([OUTPUT], {INPUT: batch})[0]

    return np.concatenate(list(_workers(os.getpid()).map(forward, batches)))


@cache
def _workers(process: int) -> ThreadPoolExecutor:
    """Threads of this process, made on first use: a forked child must make its own."""
    return ThreadPoolExecutor(THREADS, "runtime")


def write_onnx(model: onnx.ModelProto, path: str | os.PathLike[str]) -> None:
    """Write the file beside its name and rename it: it is there whole, or not at all."""
    temporary = Path(f"{os.fspath(path)}.{os.getpid()}-{get_ident()}.part")
    try:
        with temporary.open("xb") as stream:
            stream.write(model.SerializeToString())
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
