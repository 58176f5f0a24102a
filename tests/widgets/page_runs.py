"""Reports and experiments as a page without a kernel has them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report


def page_recipe(recipe: Recipe) -> dict[str, Any]:
    """Describe a recipe as JSON."""
    return recipe.as_dict() | {"layers": [list(layer) for layer in recipe.layers]}


def page_run(report: Report) -> dict[str, Any]:
    """Describe a classifier's report by the fields of ``Run`` in page_types.d.ts."""
    simulated = report.simulated
    return weighed_run(report) | {
        "predictions": report.predictions.astype(np.uint8),
        "averagePrecision": report.mean_average_precision,
        "simulated": simulated and simulated.counts.astype(np.int32).ravel(),
    }


def weighed_run(report: Report) -> dict[str, Any]:
    """Describe a report of any task: the fields of ``WeighedRun``, and those of every run."""
    return page_weighed(report) | {
        "notFinite": report.not_finite,
        "runtime": report.runtime,
        "simulatedMetric": report.simulated_metric,
    }


def page_weighed(report: Report) -> dict[str, Any]:
    """Describe a report by the fields of ``WeighedRun`` there, which need no image."""
    return {
        "recipe": page_recipe(report.recipe),
        "parts": dict(report.size.parts),
        "baselineBytes": report.size.baseline_bytes,
        "layers": dict(report.size.layers),
        "pruned": report.pruned_weights,
        "prunable": report.prunable_weights,
        "macs": report.macs,
        "parameters": report.parameters,
        "removedChannels": list(report.removed_channels),
        "latency": report.latency and asdict(report.latency),
        "latencies": {name: asdict(timed) for name, timed in report.latencies.items()},
        "latencyReasons": dict(report.latency_reasons),
        "agreement": report.agreement,
        "flipRate": report.flip_rate,
        "baselineFlipRate": report.baseline_flip_rate,
    }


def page_experiment(experiment: Experiment, case: str, model: str) -> dict[str, Any]:
    """Describe an experiment by the fields of ``PageExperiment`` that the feed's data needs."""
    baseline = experiment.run(Recipe())
    return {
        "case": case,
        "model": model,
        "task": baseline.task,
        "classNames": list(baseline.class_names),
        "positive": baseline.positive,
        "part": baseline.part,
        "labels": baseline.labels.astype(np.uint8),
        "images": {"count": baseline.count, "fingerprint": baseline.images},
    }


def page_policy(policy: Policy) -> dict[str, Any]:
    """Describe a policy as the page's menu has it."""
    return asdict(policy)


def page_seen(base: Report, report: Report) -> dict[str, Any]:
    """Describe two reports as the runs that a learner sees, ``SeenRuns`` in page_questions.d.ts."""
    experiment = {
        "labels": report.labels.astype(np.uint8),
        "classNames": list(report.class_names),
        "positive": report.positive,
        "part": report.part,
    }
    return {"experiment": experiment, "baseline": page_run(base), "run": page_run(report)}
