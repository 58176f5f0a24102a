"""Measurement of a report's speed and stability, which takes a second or two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from optiwidgets.engine.compression.compressed_model import CompressedModel
from optiwidgets.engine.data.corruptions import invisible_change
from optiwidgets.engine.evaluation.images import Images
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.experiment.report_builder import ReportBuilder
from optiwidgets.engine.models.layers import interface_of
from optiwidgets.engine.onnx_runtime import latency
from optiwidgets.engine.onnx_runtime.agreement import export_checked
from optiwidgets.engine.onnx_runtime.session import open_session, predict
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report


def check_measurable(report: object) -> None:
    """Raise ValueError, saying why, for what is no report of all exploration images."""
    if not isinstance(report, Report):
        raise ValueError(
            f"rep is a report of this experiment, what run() gives, not {type(report).__name__}"
        )
    if report.part == "sealed":
        raise ValueError(
            "speed and stability are measured on the exploration images, and this report is "
            f"about the sealed ones; measure the one that run({report.recipe}) gives"
        )
    if len(report.labels) < report.out_of:
        raise ValueError(
            f"speed and stability are measured on all {report.out_of} exploration images, and "
            f"this report is about the first {len(report.labels)}"
        )


def measure_report(
    report: Report, builder: ReportBuilder, threads: int, stop: Callable[[], bool]
) -> Report:
    """Measure speed and stability of a report's model; see ``Experiment.measure``.

    Parameters
    ----------
    report
        One that ``builder`` made, of all exploration images.
    builder
        Makes and evaluates the models.
    threads
        Threads of the inference runtime, 1 to as many as there are cores.
    stop
        Asked now and then; once it is True, ``Cancelled`` is raised.
    """
    threads = latency.check_threads(threads)
    compressor, images = builder.compressor, builder.dataset.exploration[0]
    model = compressor.compress(report.recipe)
    graph, plain = model.checked_graph(images), export_checked(compressor.folded, images)
    simulated = evaluate(model.simulation(), builder.whole.images.batches).argmax(1).numpy()
    raw = torch.from_numpy(predict(open_session(graph), images))
    logits = interface_of(model.packable.net).head.logits(raw)
    agreement = logits.argmax(1).numpy() == simulated
    before = flip_rate(builder, compressor.compress(Recipe()))
    after = flip_rate(builder, model)
    measured = latency.measure(
        lambda: open_session(plain, threads),
        lambda: open_session(graph, threads),
        images.numpy(),
        stop=stop,
    )
    return replace(
        report,
        latency=measured,
        agreement=float(agreement.mean()),
        flip_rate=after,
        baseline_flip_rate=before,
    )


def flip_rate(builder: ReportBuilder, model: CompressedModel) -> float:
    """Share of the exploration images whose class changes under an invisible change."""
    images, labels = builder.dataset.exploration
    changed = Images.of("changed", (invisible_change(images, builder.dataset), labels))
    before = builder.logits(model, builder.whole.images).argmax(1)
    after = builder.logits(model, changed).argmax(1)
    return int((before != after).sum()) / len(labels)
