"""Sessions of the sparse runtime, with the interface of ONNX Runtime's sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from optiwidgets.engine.sparse_runtime.library import Library, load, reason
from optiwidgets.engine.sparse_runtime.packing import Floats
from optiwidgets.engine.sparse_runtime.program import plan
from optiwidgets.engine.sparse_runtime.runtime import THREADS, SparseRuntime
from optiwidgets.engine.types.session import INPUT, OUTPUT

if TYPE_CHECKING:
    import onnx


class SparseSession:
    """Session of a model in the sparse runtime; its weights are packed once.

    A single image is computed with vectors of neighbouring pixels, in the calling thread; several
    images are computed with vectors of images.

    Parameters
    ----------
    model
        An exported graph with weights, "images" N C H W -> "scores" (N, K).
    library
        From ``load``.
    threads
        Threads for several images, 1 or 2.

    Raises
    ------
    ValueError
        The graph has an operator, or a variant of one, that the runtime does not support.
    """

    def __init__(self, model: onnx.ModelProto, library: Library, threads: int = 1) -> None:
        from onnx import numpy_helper

        tensors = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
        channels, height, width = (
            dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim[1:]
        )
        program = plan(model, (channels, height, width), tensors)
        self._threads = threads
        self._filled = SparseRuntime(program, library).fill(tensors)

    def run(self, outputs: Sequence[str] | None, feed: Mapping[str, Any], /) -> Sequence[Floats]:
        """Compute the scores, the only output, of the images in ``feed``.

        Raises
        ------
        ValueError
            Another output is requested.
        NotFiniteError
            A sum is not finite.
        """
        if outputs is not None and list(outputs) != [OUTPUT]:
            raise ValueError(f"the output is {OUTPUT!r}, not {', '.join(map(repr, outputs))}")
        images = np.asarray(feed[INPUT], np.float32)
        if len(images) == 1:
            return [self._filled.run_one(images[0])[None]]
        return [self._filled.predict(images, self._threads)]

    def get_session_options(self) -> SimpleNamespace:
        """Return an object with the number of threads as ``intra_op_num_threads``."""
        return SimpleNamespace(intra_op_num_threads=self._threads)


def open_sparse_session(model: onnx.ModelProto, threads: int = 1) -> SparseSession:
    """Open a float model in the sparse runtime, which skips weights that are zero.

    Parameters
    ----------
    model
        An exported graph with weights, "images" N C H W -> "scores" (N, K).
    threads
        Threads for several images, 1 or 2.

    Raises
    ------
    ValueError
        The runtime is absent here, does not support this number of threads, or cannot run the
        model.

    Examples
    --------
    >>> import torch; from torch import nn
    >>> from optiwidgets.engine.onnx_runtime.export import export
    >>> model = export(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.zeros(1, 1, 2, 2))
    >>> open_sparse_session(model, threads=9)
    Traceback (most recent call last):
    ...
    ValueError: the sparse runtime has 1 to 2 threads, not 9
    """
    if threads not in range(1, THREADS + 1):
        raise ValueError(f"the sparse runtime has 1 to {THREADS} threads, not {threads}")
    library = load()
    if library is None:
        raise ValueError(f"the sparse runtime is absent: {reason()}")
    return SparseSession(model, library, threads)
