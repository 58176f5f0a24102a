"""The eye: anywidget panels that draw the few hundred numbers a report comes down to.

A ``Feed`` holds those numbers and goes to the browser once an update; each panel draws from it and
computes nothing.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
from ipywidgets import Widget, widget_serialization
from traitlets import Dict, Instance, Int, List, Unicode

from optiwidgets.engine.report import Report
from optiwidgets.engine.verdict import Policy, judge

HERE = Path(__file__).parent


def _module(name: str) -> str:
    """A panel's ES module: what all panels share, then its own lines."""
    return (HERE / "draw.js").read_text() + (HERE / f"{name}.js").read_text()


def _style(name: str) -> str:
    return (HERE / f"{name}.css").read_text()


class Feed(anywidget.AnyWidget):
    """The numbers shown, and whether they answer the controls.

    ``data`` is ``describe(baseline, report)`` plus ``settings``, the controls' positions behind it;
    ``state`` is fresh, stale, running or error and ``message`` what to say about it. Where the
    controls have moved on, the page says stale by itself, without waiting for the kernel.
    """

    _esm = _module("feed")
    _css = _style("explorer")
    data = Dict().tag(sync=True)
    state = Unicode("running").tag(sync=True)
    message = Unicode().tag(sync=True)
    handles = List(Instance(Widget)).tag(sync=True, **widget_serialization)
    handle_keys = List(Unicode()).tag(sync=True)
    rest = List(Int()).tag(sync=True)


class Panel(anywidget.AnyWidget):
    """Draws from a feed; subclasses name their module and stylesheet."""

    feed = Instance(Feed).tag(sync=True, **widget_serialization)


class Headline(Panel):
    """Cards: accuracy, drop, size, each one big number with its uncertainty or its reason."""

    _esm, _css = _module("headline"), _style("headline")


class Matrices(Panel):
    """Baseline and optimized confusion matrix on one colour scale, and their signed difference."""

    _esm, _css = _module("matrices"), _style("matrices")


class Classes(Panel):
    """Recall and precision of every class, before and after."""

    _esm, _css = _module("classes"), _style("classes")


class Bytes(Panel):
    """What the packed file's bytes are spent on, to the baseline's scale."""

    _esm, _css = _module("bytes"), _style("bytes")


def describe(baseline: Report, report: Report, policy: Policy) -> dict[str, Any]:
    """All numbers the panels draw, as JSON: nan is null, matrices are row by row."""
    verdict = judge(baseline, report, policy)
    return {
        "recipe": report.recipe.as_dict() | {"layers": list(report.recipe.layers)},
        "classes": list(report.class_names),
        "images": len(report.labels),
        "part": report.part,
        "baseline": _describe_one(baseline),
        "optimized": _describe_one(report),
        "drop": asdict(report.drop_from(baseline)),
        "latency": report.latency and _describe_latency(report),
        "verdict": asdict(verdict) | {"policy": policy.name},
    }


def _describe_one(report: Report) -> dict[str, Any]:
    confusion = report.confusion
    return {
        "counts": confusion.counts.ravel().tolist(),
        "accuracy": _plain(confusion.accuracy),
        "interval": list(report.accuracy_interval),
        "average_precision": _plain(report.mean_average_precision),
        "precision": [_plain(x) for x in confusion.precision],
        "recall": [_plain(x) for x in confusion.recall],
        "parts": dict(report.size.parts),
        "bytes": report.size.total_bytes,
        "ratio": report.size.ratio,
        "macs": report.macs,
    }


def _describe_latency(report: Report) -> dict[str, Any]:
    timed = report.latency
    assert timed is not None
    control, agreement = timed.control, report.agreement or 0.0
    batch = f"; batches of 32: x {timed.batch.ratio:.2f}" if timed.batch else ""
    return {
        "ratio": timed.ratio,
        "low": timed.low,
        "high": timed.high,
        "threads": timed.threads,
        "lead": _lead(report),
        "details": (
            f"{timed.baseline_ms:.3f} ms before, {timed.optimized_ms:.3f} ms after{batch}. Noise, "
            f"the baseline against itself: x {control[0]:.2f} ({control[1]:.2f} to "
            f"{control[2]:.2f}). Runtime and torch predict alike on {agreement:.1%} of the images."
        ),
    }


def _lead(report: Report) -> str:
    """In a few words what the measurement says, and why there may be nothing to gain."""
    timed, recipe = report.latency, report.recipe
    assert timed is not None
    if timed.low > 1:
        return "faster"
    if timed.high < 1:
        return "slower"
    if recipe.pruning != "channel" and recipe.sparsity:
        return "no proven speed-up: zeros cost time"
    if recipe.bits < 8:
        return "no proven speed-up: floats below 8 bits"
    if recipe.bits == 8 and recipe.activation_bits != 8:
        return "no proven speed-up: runs in float"
    return "no proven speed-up"


def _plain(value: float | np.floating[Any]) -> float | None:
    return None if math.isnan(value) else float(value)
