"""Program of a page: its model, weights, orders and compiled kernels, for runtime_worker.js."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.sparse_runtime import build
from optiwidgets.engine.types.portable_model import PortableChannels, PortableModel
from optiwidgets.session.page_numbers import are_bytes
from optiwidgets.texts import text
from optiwidgets.widgets.pages.blocks import encode_block
from optiwidgets.widgets.pages.page_tasks import runs_in_page

KERNELS = ("relaxed", "baseline")  # the preferred first
Written = tuple[dict[str, Any], dict[str, dict[str, Any]]]


def copy_model(experiment: Any) -> tuple[PortableModel | None, str]:
    """Copy an experiment's model for a page's runtime; None and the reason if it cannot run it.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> def portable():
    ...     raise ValueError("the sparse runtime has no Erf")
    >>> task = SimpleNamespace(of_classes=True)
    >>> copy_model(SimpleNamespace(portable=portable, task=task))
    (None, 'the sparse runtime has no Erf')
    """
    if not runs_in_page(experiment):
        return None, text("Only Python decodes the boxes of this detector")
    try:
        model = experiment.portable()
    except ValueError as error:
        return None, str(error)
    if not are_bytes(experiment):
        return None, text("the images have more than the 8 bits that a page keeps of them")
    return model, ""


def write_runtime(model: PortableModel, told: Mapping[str, Any], name: str = "runtime") -> Written:
    """Write the JSON and the blocks of a page's runtime.

    Parameters
    ----------
    model
        From ``Experiment.portable``.
    told
        The page's experiment, made with ``runs=True``: its images, labels or true boxes, and
        witnesses. Their blocks are in the page already.
    name
        Beginning of the blocks' names; the compiled kernels are shared by all runtimes of a page.
    """
    json, arrays = _model(model, name)
    blocks = {key: encode_block(array, "bytes") for key, array in arrays.items()}
    kernels = {f"kernel {variant}": encode_block(_kernel(variant)) for variant in KERNELS}
    of_page = {key: told.get(key) for key in ("images", "labels", "truth", "witnesses")}
    return json | of_page | {"modules": list(kernels)}, blocks | kernels


def _model(model: PortableModel, name: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    arrays: dict[str, NDArray[Any]] = {
        f"{name} weights": _joined(model.tensors),
        f"{name} trained": _joined(model.trained),
    }
    arrays |= {f"{name} ranks {score}": ranks for score, ranks in model.ranks.items()}
    refits = [
        {"sparsity": refit.sparsity, "values": f"{name} refit {refit.sparsity}"}
        for refit in model.refits
    ]
    arrays |= {f"{name} refit {refit.sparsity}": refit.values for refit in model.refits}
    large = any(ranks.dtype == np.uint32 for ranks in model.ranks.values())
    json = {
        "program": dict(model.program),
        "tensors": [[key, list(tensor.shape)] for key, tensor in model.tensors.items()],
        "weights": f"{name} weights",
        "layers": [[key, weight, key in model.trained] for key, weight in model.layers.items()],
        "trained": f"{name} trained",
        "ranks": {score: f"{name} ranks {score}" for score in model.ranks},
        "rank_type": "u32" if large else "u16",
        "channels": _channels(model.channels),
        "decoding": model.decoding,
        "refits": refits,
    }
    return json, arrays


def _joined(tensors: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate([*(t.ravel() for t in tensors.values()), np.zeros(0, np.float32)])


def _channels(channels: PortableChannels | None) -> dict[str, Any] | None:
    if channels is None:
        return None
    return {"axes": channels.axes, "sets": channels.sets, "ranks": channels.ranks}


def _kernel(variant: str) -> NDArray[np.uint8]:
    target = build.Target.of(build.WEB)
    return np.frombuffer((build.HERE / "wasm" / target.file(variant)).read_bytes(), np.uint8)
