"""Reports as the runs of a page without a kernel, for tests of its JavaScript."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report


def as_recipe(recipe: Recipe) -> dict[str, Any]:
    """Write a recipe as its JSON."""
    return recipe.as_dict() | {"layers": [list(layer) for layer in recipe.layers]}


def as_run(report: Report) -> dict[str, Any]:
    """Write a classifier's report as a `Run` of page_types.d.ts."""
    timed = report.latencies.items()
    return {
        "recipe": as_recipe(report.recipe),
        "predictions": report.predictions.astype(np.uint8),
        "averagePrecision": report.mean_average_precision if len(report.scores) else math.nan,
        "notFinite": report.not_finite,
        "runtime": report.runtime,
        "simulated": report.simulated
        and report.simulated.counts.astype(np.int32).ravel(),
        "simulatedMetric": report.simulated_metric,
        "parts": dict(report.size.parts),
        "baselineBytes": report.size.baseline_bytes,
        "layers": dict(report.size.layers),
        "pruned": report.pruned_weights,
        "prunable": report.prunable_weights,
        "macs": report.macs,
        "parameters": report.parameters,
        "removedChannels": list(report.removed_channels),
        "latency": report.latency and asdict(report.latency),
        "latencies": {name: asdict(latency) for name, latency in timed},
        "latencyReasons": dict(report.latency_reasons),
        "agreement": report.agreement,
        "flipRate": report.flip_rate,
        "baselineFlipRate": report.baseline_flip_rate,
    }


def as_experiment(baseline: Report, case: str, model: str) -> dict[str, Any]:
    """Write the fields of a `PageExperiment` that need no pixels."""
    return {
        "case": case,
        "model": model,
        "task": baseline.task,
        "classNames": list(baseline.class_names),
        "positive": baseline.positive,
        "part": baseline.part,
        "labels": baseline.labels.astype(np.uint8),
        "prunable": baseline.prunable_weights,
        "baseline": as_run(baseline),
    }
