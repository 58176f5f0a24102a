"""Reports as a page without a kernel has them: the Run and the experiment of page_types.d.ts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.report import Report


def as_run(report: Report) -> dict[str, Any]:
    """Write a report as a Run."""
    return {
        "recipe": report.recipe.as_dict(),
        "predictions": report.predictions.astype(np.uint8),
        "parts": dict(report.size.parts),
        "baselineBytes": report.size.baseline_bytes,
        "layers": dict(report.size.layers),
        "pruned": report.pruned_weights,
        "prunable": report.prunable_weights,
        "macs": report.macs,
        "parameters": report.parameters,
        "removedChannels": list(report.removed_channels),
        "averagePrecision": report.mean_average_precision,
        "notFinite": report.not_finite,
        "runtime": report.runtime,
        "simulated": None,
        "simulatedMetric": None,
        "latency": _timed(report.latency),
        "latencies": {name: _timed(each) for name, each in report.latencies.items()},
        "latencyReasons": dict(report.latency_reasons),
        "agreement": report.agreement,
        "flipRate": report.flip_rate,
        "baselineFlipRate": report.baseline_flip_rate,
    }


def _timed(latency: Latency | None) -> dict[str, Any] | None:
    return None if latency is None else asdict(latency)


def as_experiment(report: Report) -> dict[str, Any]:
    """Write the part of a page's experiment that reports of it share."""
    return {
        "labels": report.labels.astype(np.uint8),
        "classNames": list(report.class_names),
        "positive": report.positive,
        "part": report.part,
    }


def as_seen(base: Report, report: Report) -> dict[str, Any]:
    """Write two reports as the runs that a learner sees."""
    return {
        "experiment": as_experiment(report),
        "baseline": as_run(base),
        "run": as_run(report),
    }
