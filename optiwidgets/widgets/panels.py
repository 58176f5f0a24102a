"""The eye: anywidget panels that draw the few hundred numbers a report comes down to.

A ``Feed`` holds those numbers and goes to the browser once an update; each panel draws from it and
computes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
from ipywidgets import DOMWidget, VBox, Widget, widget_serialization
from traitlets import Bool, Dict, Instance, Int, List, Unicode

from optiwidgets.engine.recipe import N_OF_M, Recipe
from optiwidgets.engine.report import Report
from optiwidgets.engine.verdict import Policy, judge
from optiwidgets.slowlane import Job, nothing
from optiwidgets.widgets.cells import worst_class

HERE = Path(__file__).parent


def _module(*names: str) -> str:
    """A panel's ES module: what all panels share, what some do, its own lines; in its own box."""
    own = "".join((HERE / f"{name}.js").read_text() for name in ("draw", *names))
    return own.replace(" render };", " render: boxed(render) };")


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
    alarm = Bool(False).tag(sync=True)  # the message is of something that went wrong
    handles = List(Instance(Widget)).tag(sync=True, **widget_serialization)
    handle_keys = List(Unicode()).tag(sync=True)
    rest = List(Int()).tag(sync=True)


class Panel(anywidget.AnyWidget):
    """Draws from a feed; subclasses name their module and stylesheet."""

    feed = Instance(Feed).tag(sync=True, **widget_serialization)


class View(VBox):
    """What a tab of the explorer holds; it follows its session only while ``looked_at``."""

    looked_at = Bool(False)


class Headline(Panel):
    """Cards: accuracy, drop, size, each one big number with its uncertainty or its reason."""

    _esm, _css = _module("headline"), _style("headline")


class Matrices(Panel):
    """Baseline and optimized confusion matrix on one colour scale, and their signed difference.

    A cell opens in ``drawer``, if there is one.
    """

    _esm, _css = _module("tip", "matrices"), _style("matrices")
    drawer = Instance(Widget, allow_none=True).tag(sync=True, **widget_serialization)


class Classes(Panel):
    """Recall and precision of every class, before and after."""

    _esm, _css = _module("classes"), _style("classes")


class Waterfall(anywidget.AnyWidget):
    """From four bytes a parameter to the file; ``data`` is ``describe_bytes(report)``."""

    _esm, _css = _module("waterfall"), _style("waterfall")
    data = Dict().tag(sync=True)


class Speed(Panel):
    """What was measured, what noise looks like, and why there may be nothing to gain."""

    _esm, _css = _module("speed"), _style("speed")


class Bytes(Panel):
    """What the packed file's bytes are spent on, to the baseline's scale."""

    _esm, _css = _module("bytes"), _style("bytes")


Resting = Callable[[Report], Job]


def when_looked_at(
    looking: Callable[[], bool],
    widget: DOMWidget,
    work: Callable[[Report], Any],
    show: Callable[..., None],
) -> Resting:
    """Once the hand rests, and somebody looks: do the work, then show what came of it."""

    def job(report: Report) -> Job:
        looked_at = looking()
        if looked_at:
            widget.add_class("ow-stale")

        def done(result: Any) -> None:
            if looked_at:
                show(result)
                widget.remove_class("ow-stale")

        return (lambda void: work(report)) if looked_at else nothing, done

    return job


def describe(baseline: Report, report: Report, policy: Policy) -> dict[str, Any]:
    """All numbers the panels draw: nan is null, matrices are int32, row by row, as bytes."""
    verdict = judge(baseline, report, policy)
    untouched = report.recipe == baseline.recipe
    reasons = ["nothing changed yet"] * untouched + list(verdict.reasons)
    return {
        "recipe": report.recipe.as_dict() | {"layers": list(report.recipe.layers)},
        "classes": list(report.class_names),
        "images": len(report.labels),
        "out_of": report.out_of,
        "part": report.part,
        "baseline": _describe_one(baseline),
        "optimized": _describe_one(report),
        "drop": asdict(report.drop_from(baseline)),
        "worst": worst_class(baseline, report),
        "latency": report.latency and asdict(report.latency) | {"lead": _lead(report)},
        "untimed": "nothing to compare yet" if untouched else "not measured yet",
        "agreement": report.agreement,
        "notes": _notes(report),
        "verdict": {"grade": verdict.grade, "reasons": reasons, "policy": policy.name},
    }


def _describe_one(report: Report) -> dict[str, Any]:
    confusion = report.confusion
    return {
        "counts": confusion.counts.astype("<i4").tobytes(),  # binary: no text to parse
        "accuracy": _plain(confusion.accuracy),
        "interval": list(report.accuracy_interval),
        "average_precision": _plain(report.mean_average_precision),
        "precision": [_plain(x) for x in confusion.precision],
        "recall": [_plain(x) for x in confusion.recall],
        "parts": dict(report.size.parts),
        "bytes": report.size.total_bytes,
        "ratio": report.size.ratio,
        "macs": report.macs,
        "parameters": report.parameters,
    }


def describe_bytes(report: Report) -> dict[str, Any]:
    """What the waterfall draws."""
    return asdict(report.reconcile())


def _lead(report: Report) -> str:
    """In a few words what the measurement says."""
    timed = report.latency
    assert timed is not None
    if timed.low > 1:
        return "faster"
    return "slower" if timed.high < 1 else "no proven speed-up"


def _notes(report: Report) -> list[str]:
    """What a recipe's speed can and cannot be on this kind of machine, and why."""
    recipe = report.recipe
    notes = [_about_zeros(recipe), _about_widths(report)]
    if recipe.activation_bits < 32 and report.simulated is None:
        notes.append("The exported graph rounds the activations itself, in float: extra work.")
    return [note for note in notes if note]


def _about_zeros(recipe: Recipe) -> str:
    if not recipe.prunes:
        return ""
    if recipe.pruning == "channel":
        return (
            "Removed channels are gone from the network. Time falls less than the "
            "multiply-accumulates: not all of it is arithmetic."
        )
    if recipe.pruning in N_OF_M:
        return (
            f"{recipe.pruning} zeros cost as much as others here: no CPU kernel uses the pattern."
        )
    return "Zeros cost as much time as any other weight: the kernels are dense."


def _about_widths(report: Report) -> str:
    recipe = report.recipe
    widths = {recipe.bits, *(bits for _, _, bits in recipe.layers if bits)}
    if report.simulated is not None:
        return (
            "Real int8. Convolutions over fewer than 8 channels still compute in float, where "
            "this runtime is faster. In layers this small, rounding the inputs can cost more than "
            "integers save."
        )
    if len(widths) > 1:
        return "Layers of different bit-widths run as floats: only the file shrinks."
    if recipe.bits == 2 and recipe.scheme == "ternary":
        return "Ternary weights run as floats: no CPU kernel adds instead of multiplying."
    if recipe.bits < 8:
        return (
            "Below 8 bits no CPU runtime has convolution kernels: the weights run as floats, and "
            "only the file shrinks."
        )
    if recipe.bits == recipe.activation_bits == 8:
        return "A codebook's values are not evenly spaced: no int8 kernel takes them."
    return {
        8: "8-bit weights alone run as floats: smaller, not faster.",
        16: "16-bit weights run as 32-bit floats: smaller, not faster.",
    }.get(recipe.bits, "")


def _plain(value: float | np.floating[Any]) -> float | None:
    return None if math.isnan(value) else float(value)
