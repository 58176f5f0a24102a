"""Measurement of speed and stability of a report's model, which takes a second or two."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from optiwidgets.engine.compression.compressed_model import CompressedModel
from optiwidgets.engine.data.corruptions import invisible_change
from optiwidgets.engine.evaluation.images import Images
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.experiment.report_builder import ReportBuilder
from optiwidgets.engine.models.copying import copy_net
from optiwidgets.engine.models.layers import interface_of
from optiwidgets.engine.onnx_runtime import latency
from optiwidgets.engine.onnx_runtime.agreement import agrees, export_checked
from optiwidgets.engine.onnx_runtime.session import open_session, predict
from optiwidgets.engine.sparse_runtime.runtime import NotFiniteError
from optiwidgets.engine.sparse_runtime.session import open_sparse_session
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME
from optiwidgets.engine.types.session import INPUT, OUTPUT

if TYPE_CHECKING:
    import onnx

SECONDS = 1.0  # duration of timing, shared by the runtimes
SPARSE_PROBED = 64  # images on which the sparse runtime and torch must agree
Floats = NDArray[np.float32]
Model = tuple["onnx.ModelProto", nn.Module]
Pair = tuple[latency.Open, latency.Open]  # functions that open baseline and optimized model


def check_measurable(report: object) -> None:
    """Check that an object is a report on all exploration images; raise ValueError otherwise."""
    if not isinstance(report, Report):
        raise ValueError(
            f"rep is a report of this experiment, from run(), not {type(report).__name__}"
        )
    if report.part == "sealed":
        raise ValueError(
            "speed and stability are measured on the exploration images, and this report is "
            f"about the sealed ones; measure the report of run({report.recipe})"
        )
    if report.count < report.out_of:
        raise ValueError(
            f"speed and stability are measured on all {report.out_of} exploration images, and "
            f"this report is about the first {report.count}"
        )


def measure_report(
    report: Report, builder: ReportBuilder, threads: int, stop: Callable[[], bool]
) -> Report:
    """Measure speed and stability of a report's model; see ``Experiment.measure``.

    Parameters
    ----------
    report
        A report of ``builder`` on all exploration images.
    builder
        Builder that compresses and evaluates the models.
    threads
        Threads of the inference runtime, 1 to the number of cores.
    stop
        Called repeatedly; ``Cancelled`` is raised once it returns True.
    """
    threads = latency.check_threads(threads)
    compressor, images = builder.compressor, builder.dataset.exploration[0]
    model = compressor.compress(report.recipe)
    graph, plain = model.checked_graph(images), export_checked(compressor.folded, images)
    shown = builder.whole.images
    simulated = builder.outcome(shown, evaluate(model.simulation(), shown.batches))
    raw = torch.from_numpy(predict(open_session(graph), images))
    run = builder.outcome(shown, interface_of(model.packable.net).head.logits(raw))
    before = flip_rate(builder, compressor.compress(Recipe()))
    after = flip_rate(builder, model)
    pairs: dict[str, Callable[[], Pair]] = {
        ONNX_RUNTIME: lambda: (
            partial(open_session, plain, threads),
            partial(open_session, graph, threads),
        ),
        SPARSE_RUNTIME: lambda: sparse_pair(
            (plain, compressor.folded),
            (graph, model.simulation()),
            images,
            threads,
            rounded=bool(model.packable.ranges),
        ),
    }
    latencies, reasons = time_runtimes(pairs, images.numpy(), stop)
    return replace(
        report,
        latency=latencies[ONNX_RUNTIME],
        latencies=latencies,
        latency_reasons=reasons,
        agreement=1 - run.flip_rate(simulated),
        flip_rate=after,
        baseline_flip_rate=before,
    )


def sparse_pair(
    baseline: Model, optimized: Model, images: Tensor, threads: int, *, rounded: bool = False
) -> Pair:
    """Return functions that open both models in the sparse runtime.

    Parameters
    ----------
    baseline, optimized
        A graph, and the torch model it was exported from.
    images
        N C H W; the first 64 are used to compare the runtime with torch.
    threads
        Threads of the sparse runtime.
    rounded
        Whether the optimized model rounds activations.

    Raises
    ------
    ValueError
        Activations are rounded, or the runtime is absent, does not support this number of threads,
        cannot run a graph, or gives scores that differ from torch's. The message has the reason.
    """
    if rounded:
        raise ValueError("activations are rounded to codes, and the sparse runtime uses floats")
    probe = images[:SPARSE_PROBED]
    for graph, net in (baseline, optimized):
        (raw,) = open_sparse_session(graph, threads).run([OUTPUT], {INPUT: probe.numpy()})
        found = interface_of(net).head.logits(torch.from_numpy(raw)).numpy()
        expected = evaluate(copy_net(net), [probe]).numpy()  # a copy: its layout changes
        if not agrees(found, expected):
            off = float(np.abs(found - expected).max())
            raise ValueError(
                f"the sparse runtime's scores differ from torch's by {off:.3g} of "
                f"{np.abs(expected).max():.3g} on {len(probe)} images"
            )
    return (
        partial(open_sparse_session, baseline[0], threads),
        partial(open_sparse_session, optimized[0], threads),
    )


def time_runtimes(
    pairs: Mapping[str, Callable[[], Pair]],
    images: Floats,
    stop: Callable[[], bool],
    *,
    clock: Callable[[], float] = time.perf_counter,
    seconds: float = SECONDS,
) -> tuple[Mapping[str, Latency], Mapping[str, str]]:
    """Measure baseline and optimized in each runtime, one runtime after the other.

    Parameters
    ----------
    pairs
        By name of a runtime, a function that returns the functions to open both models in it. A
        runtime other than ONNX Runtime is left out if that raises ValueError; any runtime is left
        out if a sum is not finite.
    images
        (N, C, H, W) float32.
    stop
        Called before every round; ``Cancelled`` is raised once it returns True.
    clock
        Function that returns the time in seconds.
    seconds
        Approximate duration, shared by the runtimes.

    Returns
    -------
    tuple
        Latencies by name of a runtime, and the reasons why others are left out.
    """
    opened: dict[str, Pair] = {}
    latencies: dict[str, Latency] = {}
    reasons: dict[str, str] = {}
    for name, make in pairs.items():
        try:
            opened[name] = make()
        except (ValueError, NotFiniteError) as error:
            if name == ONNX_RUNTIME:
                raise
            reasons[name] = str(error)
    for name, pair in opened.items():
        share = seconds / len(opened)
        try:
            latencies[name] = latency.measure(*pair, images, clock=clock, stop=stop, seconds=share)
        except NotFiniteError as error:
            reasons[name] = str(error)
    return MappingProxyType(latencies), MappingProxyType(reasons)


def flip_rate(builder: ReportBuilder, model: CompressedModel) -> float:
    """Compute the share of exploration images whose class flips under an invisible change.

    A task other than classification counts the answers that it defines, such as found objects.
    """
    images, targets = builder.dataset.exploration
    shown = builder.whole.images
    changed = Images.of("changed", (invisible_change(images, builder.dataset), targets))
    before, after = (
        builder.outcome(shown, builder.evaluate(model, each).scores) for each in (shown, changed)
    )
    return before.flip_rate(after)
