"""Reports as JavaScript reads them from a page, and their comparison."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from node_answers import answers  # tests/widgets

from optiwidgets.session.page_numbers import plain

RUNS = "../../tests/javascript/page_runs.js"


def as_given(recipe):
    return recipe.as_dict() | {"layers": list(recipe.layers)}


def weighed(report):
    """Write a report's sizes as JavaScript does."""
    return {
        "recipe": as_given(report.recipe),
        "parts": dict(report.size.parts),
        "baselineBytes": report.size.baseline_bytes,
        "pruned": report.pruned_weights,
        "prunable": report.prunable_weights,
        "macs": report.macs,
        "parameters": report.parameters,
        "removedChannels": list(report.removed_channels),
        "latency": report.latency and asdict(report.latency),
        "latencies": {name: asdict(each) for name, each in report.latencies.items()},
        "latencyReasons": dict(report.latency_reasons),
        "agreement": report.agreement,
        "flipRate": report.flip_rate,
        "baselineFlipRate": report.baseline_flip_rate,
    }


def predicted(report):
    """Write a report's predictions as JavaScript does; arrays as their bytes."""
    counts = report.simulated and report.simulated.counts.astype("<i4").tobytes()
    return {
        "predictions": report.predictions.astype(np.uint8).tobytes(),
        "averagePrecision": report.mean_average_precision,
        "notFinite": report.not_finite,
        "runtime": report.runtime,
        "simulated": counts,
        "simulatedMetric": report.simulated_metric,
    }


def assert_runs(page, experiment, recipes):
    (found,) = answers(RUNS, [["runs", *page, [as_given(recipe) for recipe in recipes]]])
    for recipe, (run, sizes) in zip(recipes, found, strict=True):
        report = experiment.measured(experiment.run(recipe))
        layers = {"layers": layers_of(page, report)}
        expected = plain(weighed(report))
        assert run == expected | predicted(report) | layers
        assert sizes == expected | layers


def assert_sizes(page, experiment, recipes):
    (found,) = answers(RUNS, [["runs", *page, [as_given(recipe) for recipe in recipes]]])
    for recipe, (_, sizes) in zip(recipes, found, strict=True):
        report = experiment.run(recipe)
        assert sizes == weighed(report) | {"layers": layers_of(page, report)}


def layers_of(page, report):
    """Return the bytes of a report's layers, {} where the page has none."""
    return dict(report.size.layers) if page[0]["grids"][0]["layers"] else {}
