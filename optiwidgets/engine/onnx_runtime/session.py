"""Sessions of ONNX Runtime: open a model, predict, write an ONNX file.

onnxruntime is imported on first use, so importing this module is cheap and starts no thread in a
process that will be forked.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.engine.execution.worker_pool import each
from optiwidgets.engine.types.session import BATCH, INPUT, OUTPUT, Session

if TYPE_CHECKING:
    import onnx
    import onnxruntime


def open_session(model: onnx.ModelProto, threads: int = 1) -> onnxruntime.InferenceSession:
    """Open a model in ONNX Runtime on the CPU, with ``threads`` threads that do not spin.

    Raises
    ------
    ValueError
        ``threads`` is not a whole number, 1 or more, or the runtime cannot run the model.

    Examples
    --------
    >>> import torch; from torch import nn
    >>> from optiwidgets.engine.onnx_runtime.export import export
    >>> model = export(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    >>> open_session(model).get_inputs()[0].shape
    ['N', 1, 2, 2]
    """
    if type(threads) is not int or threads < 1:
        raise ValueError(f"threads is a whole number, 1 or more, not {threads!r}")
    return _open(model, threads, exact=_saturates())


def _open(model: onnx.ModelProto, threads: int, exact: bool) -> onnxruntime.InferenceSession:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as failures

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors only
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.x64quantprecision", "1" if exact else "0")
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except (failures.Fail, failures.InvalidGraph, failures.NotImplemented) as error:
        raise ValueError(f"ONNX Runtime cannot run the model: {error}") from error


@cache
def _saturates() -> bool:
    """Return whether sums of uint8 x int8 saturate, as on CPUs with AVX2 but without VNNI.

    The runtime's exact mode avoids that but is slower, so it is used only if this test, run once,
    finds saturation.
    """
    from onnx import TensorProto, helper, numpy_helper

    most = numpy_helper.from_array(np.full((64, 16), 127, np.int8), "most")
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", [INPUT, "most"], [OUTPUT])],
        "saturation",
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, [1, 64])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.INT32, [1, 16])],
        [most],
    )
    opset = [helper.make_opsetid("", 20)]
    session = _open(helper.make_model(graph, opset_imports=opset, ir_version=10), 1, exact=False)
    (sums,) = session.run([OUTPUT], {INPUT: np.full((1, 64), 255, np.uint8)})
    return bool((sums != 64 * 255 * 127).any())


def predict(session: Session, images: Tensor | NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute scores before softmax, (N, K) float32, of images N C H W, in batches of 32.

    Examples
    --------
    >>> import torch; from torch import nn
    >>> from optiwidgets.engine.onnx_runtime.export import export
    >>> model = export(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    >>> predict(open_session(model), torch.zeros(70, 1, 2, 2)).shape
    (70, 3)
    """
    arrays = np.ascontiguousarray(images, dtype=np.float32)
    batches = [arrays[i : i + BATCH] for i in range(0, len(arrays), BATCH)]

    def forward(batch: NDArray[np.float32]) -> Any:
        return session.run([OUTPUT], {INPUT: batch})[0]

    return np.concatenate(each(forward, batches))


def write_onnx(model: onnx.ModelProto, path: str | os.PathLike[str]) -> None:
    """Write the model to an ONNX file atomically."""
    write_atomically(path, model.SerializeToString())
