"""Comparison of an exported graph with the torch model, on a few images.

Exporters and runtimes have bugs. A graph whose scores differ from torch's is refused; the message
names the wrong step if it can be found.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from optiwidgets.engine.execution.worker_pool import run_on_worker
from optiwidgets.engine.models import tracing
from optiwidgets.engine.models.layers import interface_of
from optiwidgets.engine.onnx_runtime.export import export, export_as_is
from optiwidgets.engine.onnx_runtime.session import open_session, predict

if TYPE_CHECKING:
    import onnx

PROBED = 4  # images on which runtime and torch must agree
TOLERANCE = 1e-3  # of scores there, as a share of the largest
ROUNDED_PROBED = 64  # images, where values are rounded to few codes
ROUNDED_TOLERANCE = 0.25  # of most of these images' scores
CLEAR_MARGIN = 0.1  # of an image's best score over the next, as a share of the largest score
LEAST_AGREEING = 0.9  # of the predictions on images with a clear margin
ROUNDED_SPREAD = 0.1  # root mean square of a channel, as a share of its standard deviation
LEAST_SCALE = 0.01  # of a channel's deviation there, as a share of the output's
LEAST_SHARE = 1e-4  # of the output's largest value, an error of float sums in any channel
WAY_OUT = "write that step with other operations, or file the difference with the exporter"


def check_agreement(
    model: onnx.ModelProto, net: nn.Module, images: Tensor, *, rounded: bool = False
) -> None:
    """Compare the scores of graph and torch on a few images; raise ValueError if they differ.

    Parameters
    ----------
    model
        The graph with its weights.
    net
        The model it was exported from, in eval mode.
    images
        N C H W; the first 4 are used, or the first 64 if ``rounded``.
    rounded
        Whether the graph rounds values. A value halfway between two codes may get either, and the
        difference reaches later layers. Then the scores of half of the images must agree roughly
        instead of all closely, and 9 in 10 images without a near tie must get the same class. Of an
        output that is not (N, K), 9 in 10 images must agree in every channel, to a tenth of the
        channel's standard deviation.

    Raises
    ------
    ValueError
        The scores differ; the message has the difference, and the step if a single one differs.

    Examples
    --------
    >>> net, images = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.ones(2, 1, 2, 2)
    >>> check_agreement(export(net, images), net, images)
    >>> other = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    >>> check_agreement(export(net, images), other, images)
    Traceback (most recent call last):
    ...
    ValueError: the exported graph does not compute what torch computes: ...
    """
    probe = images[: ROUNDED_PROBED if rounded else PROBED]
    expected, found = _expected(net, probe), predict(open_session(model), probe)
    roughly = _agrees_by_class if interface_of(net).head.of_classes else _agrees_by_channel
    if agrees(found, expected) or (rounded and roughly(found, expected)):
        return
    off = float(np.abs(found - expected).max())
    step = next(_wrong_steps(net, images[:PROBED]), None)
    where = f" in {step}" if step else ""
    raise ValueError(
        f"the exported graph does not compute what torch computes: scores differ by {off:.3g} of "
        f"{np.abs(expected).max():.3g}{where}; {WAY_OUT}"
    )


def export_checked(net: nn.Module, images: Tensor) -> onnx.ModelProto:
    """Export a model, and compare the graph with torch by ``check_agreement``.

    If the remembered graph has weights folded into other constants, such as a weight that is also
    used transposed, the model is exported again with its own values.

    Examples
    --------
    >>> net, images = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.ones(2, 1, 2, 2)
    >>> [node.op_type for node in export_checked(net, images).graph.node]
    ['Reshape', 'Gemm']
    """
    if not interface_of(net).reads_tensor:
        raise ValueError(
            "the model's output is no tensor of scores (head= selects them), and a graph needs "
            "exactly that output; return the scores from forward to export or time the model"
        )
    model = export(net, images[:1])
    try:
        check_agreement(model, net, images)
    except ValueError:
        model = export_as_is(net, images[:1])
        check_agreement(model, net, images)
    return model


def agrees(
    found: NDArray[np.float32], expected: NDArray[np.float32], share: float = TOLERANCE
) -> bool:
    """Return whether scores agree to a share of their channel's largest; nan, infinity must match.

    Channels may have different units: logits, and coordinates in pixels.

    Examples
    --------
    >>> logits, pixels = np.full((1, 1, 2, 2), 0.2), np.full((1, 1, 2, 2), 300.0)
    >>> expected, found = (np.concatenate([x, pixels], 1) for x in (logits, 0 * logits))
    >>> agrees(found, expected), agrees(found + [[[[0.2]], [[0.2]]]], expected)
    (False, True)
    """
    sizes = np.where(np.isfinite(expected), np.abs(expected), 0)
    largest = sizes.max(axis=_within_channel(expected), keepdims=True, initial=0)
    most = np.maximum(share * largest, min(share, LEAST_SHARE) * largest.max(initial=0))
    return bool(np.isclose(found, expected, rtol=0, atol=most, equal_nan=True).all())


def _within_channel(output: NDArray[np.float32]) -> tuple[int, ...]:
    """Return the axes of an output that share one channel.

    Channels are on axis 1, of (N, anchors, C) and (N, C, anchors) on the shorter axis.

    Examples
    --------
    >>> [_within_channel(np.empty(shape)) for shape in ((9, 5), (9, 50, 6), (9, 14, 4, 4))]
    [(0,), (0, 1), (0, 2, 3)]
    """
    of_three = output.ndim == 3 and output.shape[2] < output.shape[1]
    channels = 2 if of_three else min(1, output.ndim - 1)
    return tuple(axis for axis in range(output.ndim) if axis != channels)


def _agrees_by_channel(found: NDArray[np.float32], expected: NDArray[np.float32]) -> bool:
    """Return whether all channels agree roughly on most images; False for nan."""
    axes = _within_channel(expected)
    squares = np.square(found - expected).mean(axis=axes[1:])  # (N, C)
    spread = expected.std(axis=axes)
    most = ROUNDED_SPREAD * np.maximum(spread, LEAST_SCALE * expected.std())
    return bool((np.quantile(np.sqrt(squares), LEAST_AGREEING, axis=0) <= most).all())


def _agrees_by_class(found: NDArray[np.float32], expected: NDArray[np.float32]) -> bool:
    if expected.ndim != 2:
        return _agrees_by_channel(found, expected)
    off, largest = np.abs(found - expected).max(axis=1), np.abs(expected).max()
    if not np.median(off) <= ROUNDED_TOLERANCE * largest:  # also False for nan
        return False
    second, best = np.sort(expected, axis=1)[:, -2:].T if expected.shape[1] > 1 else (0, largest)
    clear = np.broadcast_to(best - second > CLEAR_MARGIN * largest, len(expected))
    same = found.argmax(axis=1) == expected.argmax(axis=1)
    return not clear.any() or bool(same[clear].mean() >= LEAST_AGREEING)


def _expected(net: nn.Module, images: Tensor) -> NDArray[np.float32]:
    def forward() -> NDArray[np.float32]:
        with torch.inference_mode():  # entered in the worker: the mode is per thread
            scores: NDArray[np.float32] = net(images.clone()).numpy()
        return scores

    return run_on_worker(forward)


class _Step(nn.Module):
    """Module of a single step with one input tensor."""

    def __init__(self, node: fx.Node, module: nn.Module | None) -> None:
        super().__init__()
        self.module, self.node = module, node

    def forward(self, x: Tensor) -> Tensor:
        if self.module is not None:
            out: Tensor = self.module(x)
            return out
        args = tuple(x if isinstance(a, fx.Node) else a for a in self.node.args)
        call = self.node.target
        if isinstance(call, str):
            call = operator.methodcaller(call, *args[1:], **self.node.kwargs)
            args, kwargs = args[:1], {}
        else:
            kwargs = dict(self.node.kwargs)
        assert callable(call)
        out = call(*args, **kwargs)
        return out


def _wrong_steps(net: nn.Module, images: Tensor) -> Iterator[str]:
    """Yield the steps whose graph, exported alone, differs from torch."""
    graph, own = tracing.trace(net), copy.deepcopy(net)
    inputs: dict[fx.Node, Any] = {}

    class Recorder(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            inputs[n] = super().run_node(n)
            return inputs[n]

    with torch.inference_mode():
        Recorder(fx.GraphModule(own, graph)).run(images.clone())
    for node in graph.nodes:
        before = node.args[0] if node.args else None
        given = inputs.get(before) if isinstance(before, fx.Node) else None
        if not isinstance(given, Tensor) or not given.is_floating_point() or given.dim() < 2:
            continue
        if node.op == "output" or len(node.all_input_nodes) > 1:
            continue
        module = own.get_submodule(node.target) if node.op == "call_module" else None
        step, values = _Step(node, module).eval(), given.clone()
        try:
            found = predict(open_session(export(step, values)), values)
            right = agrees(found, _expected(step, values))
        except Exception:  # noqa: BLE001 (a step that cannot be exported alone is not compared)
            continue
        if not right:
            name = getattr(node.target, "__name__", str(node.target))
            yield f"{node.target!r} ({type(module).__name__})" if module else f"{name}()"
