"""Comparison of reports with the runs that JavaScript reads from a page."""

from __future__ import annotations

import numpy as np
from node_answers import answers  # tests/widgets
from page_runs import page_recipe, page_run, page_weighed  # tests/widgets

from optiwidgets.session.page_numbers import plain

RUNS = "../../tests/javascript/page_runs.js"


def in_bytes(run):
    """Write arrays as their bytes, as an answer of JavaScript has them."""
    return {n: v.tobytes() if isinstance(v, np.ndarray) else v for n, v in run.items()}


def assert_runs(page, experiment, recipes):
    (found,) = answers(RUNS, [["runs", *page, [page_recipe(recipe) for recipe in recipes]]])
    for recipe, (run, sizes) in zip(recipes, found, strict=True):
        report = experiment.measured(experiment.run(recipe))
        layers = {"layers": layers_of(page, report)}
        assert run == in_bytes(page_run(report)) | plain(page_weighed(report)) | layers
        assert sizes == plain(page_weighed(report)) | layers


def assert_sizes(page, experiment, recipes):
    (found,) = answers(RUNS, [["runs", *page, [page_recipe(recipe) for recipe in recipes]]])
    for recipe, (_, sizes) in zip(recipes, found, strict=True):
        report = experiment.run(recipe)
        assert sizes == page_weighed(report) | {"layers": layers_of(page, report)}


def layers_of(page, report):
    """Return the bytes of a report's layers, {} where the page has none."""
    return dict(report.size.layers) if page[0]["grids"][0]["layers"] else {}
