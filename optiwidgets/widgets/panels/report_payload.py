"""Payload of a report for the panels."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from optiwidgets.engine.evaluation.comparison import worst_class
from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import BAD_POINTS, judge
from optiwidgets.engine.types.recipe import N_OF_M, Recipe, is_untouched
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import SPARSE_RUNTIME
from optiwidgets.texts import mark, text
from optiwidgets.widgets.panels.comparison_payload import matrices_payload

UNTOUCHED = mark("Nothing changed yet")

WORDS = {  # of grades, as a heading
    "good": mark("Good"),
    "borderline": mark("Borderline"),
    "bad": mark("Bad"),
    "cannot tell": mark("Cannot tell"),
}


def report_payload(baseline: Report, report: Report, policy: Policy) -> dict[str, Any]:
    """Describe a report for the panels: nan is null, matrices are int32 bytes, row by row."""
    return shared_payload(baseline, report, policy) | {
        "images": len(report.labels),
        "lead": lead(text("Accuracy"), text("accuracy"), report.confusion.accuracy),
        **matrices_payload(baseline, report),
        "baseline": _one_report(baseline),
        "optimized": _one_report(report),
        "drop": asdict(report.drop_from(baseline)),
        "few": {str(index): note for index, note in report.confusion.few.items()},
        "worst": worst_class(baseline, report),
    }


def lead(name: str, spoken: str, value: float) -> dict[str, Any]:
    """Describe the leading metric: its name as a label and in a sentence, its value 0..1.

    >>> lead("Accuracy", "accuracy", 0.5)
    {'name': 'Accuracy', 'spoken': 'accuracy', 'value': 0.5}
    """
    return {"name": name, "spoken": spoken, "value": plain(value)}


def shared_payload(
    baseline: Report, report: Report, policy: Policy, *, moving: bool = False
) -> dict[str, Any]:
    """Describe the numbers of a report that do not depend on its task.

    There is no verdict yet while a slider is moving, if the drop takes too long for that.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> base = Experiment.load("digits").run(Recipe())
    >>> shared_payload(base, base, Policy.MOBILE)["untimed"]
    'nothing to compare yet'
    """
    untouched = is_untouched(report.recipe)
    return {
        "recipe": report.recipe.as_dict() | {"layers": list(report.recipe.layers)},
        "classes": list(report.class_names),
        "out_of": report.out_of,
        "part": report.part,
        "latency": report.latency and asdict(report.latency) | {"lead": _lead(report)},
        "sparse": _sparse(report),
        "untimed": text("nothing to compare yet")
        if untouched
        else text("it starts once no control moves"),
        "agreement": report.agreement,
        "things": text(report.counted.things),
        "notes": _notes(report),
        "verdict": verdict_payload(baseline, report, policy, moving=moving),
    }


def verdict_payload(
    baseline: Report, report: Report, policy: Policy, *, moving: bool = False
) -> dict[str, Any]:
    """Describe the verdict: its word, and whether it is one; a part of the images gives none.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> exp = Experiment.load("digits")
    >>> base, part = (exp.run(recipe, first=500) for recipe in (Recipe(), Recipe(sparsity=0.9)))
    >>> verdict_payload(base, part, Policy.MOBILE)["word"]
    'Not yet'
    """
    limits = {
        "policy": text(policy.name),
        "limit": policy.limit_points,
        "worst_limit": BAD_POINTS,
    }
    waits = text("judged once all {images:,} images are in", images=report.out_of)
    is_part = report.count < report.out_of
    if is_part or (moving and not report.outcome.is_compared):
        reasons = [waits if is_part else text("judged once no control moves")]
        word = text("Not yet")
        return limits | {"grade": "not yet", "word": word, "judged": False, "reasons": reasons}
    verdict = judge(baseline, report, policy)
    untouched = is_untouched(report.recipe)
    reasons = [text("move a control to begin")] * untouched + list(verdict.reasons)
    return limits | {
        "grade": verdict.grade,
        "word": text(UNTOUCHED if untouched else WORDS[verdict.grade]),
        "judged": not untouched,
        "reasons": reasons,
    }


def _one_report(report: Report) -> dict[str, Any]:
    confusion = report.confusion
    return {
        "counts": confusion.counts.astype("<i4").tobytes(),  # binary: no text to parse
        "accuracy": plain(confusion.accuracy),
        "interval": list(report.accuracy_interval),
        "average_precision": plain(report.mean_average_precision),
        "precision": [plain(x) for x in confusion.precision],
        "recall": [plain(x) for x in confusion.recall],
        **size_figures(report),
    }


def size_figures(report: Report) -> dict[str, Any]:
    """Describe bytes, multiply-accumulates and parameters of a report's model.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> size_figures(Experiment.load("digits").run(Recipe()))["ratio"]
    1.0
    """
    return {
        "parts": dict(report.size.parts),
        "bytes": report.size.total_bytes,
        "ratio": report.size.ratio,
        "estimated": report.size.estimated,
        "macs": report.macs,
        "parameters": report.parameters,
    }


def size_payload(report: Report) -> dict[str, Any]:
    """Describe the bytes of the file, from four bytes a parameter on, for the waterfall."""
    return asdict(report.reconcile())


def _sparse(report: Report) -> dict[str, Any] | None:
    """Describe times in the sparse runtime, or why there are none; None until measured."""
    timed = report.latencies.get(SPARSE_RUNTIME)
    reason = report.latency_reasons.get(SPARSE_RUNTIME)
    if not timed and not reason:
        return None
    return {"latency": timed and asdict(timed), "reason": reason or ""}


def _lead(report: Report) -> str:
    """Summarize the measurement in a few words."""
    timed = report.latency
    assert timed is not None
    if timed.low > 1:
        return text("faster")
    return text("slower") if timed.high < 1 else text("no proven speed-up")


def _notes(report: Report) -> list[str]:
    """Explain the limits of a recipe's speed on this kind of machine."""
    recipe = report.recipe
    notes = [_about_zeros(recipe), _about_widths(report)]
    if recipe.activation_bits < 32 and report.simulated is None:
        notes.append(
            text("The exported graph rounds the activations itself, in float: extra work.")
        )
    return [note for note in notes if note]


def _about_zeros(recipe: Recipe) -> str:
    if not recipe.prunes:
        return ""
    if recipe.pruning == "channel":
        return text(
            "Removed channels are gone from the network: less work in every runtime. "
            "Time falls less than the multiply-accumulates: not all of it is "
            "arithmetic."
        )
    if recipe.pruning in N_OF_M:
        return text(
            "{pattern} zeros: ONNX Runtime's dense kernels use no pattern and "
            "multiply by zero as by any number. The sparse runtime skips them, one "
            "by one like other zeros.",
            pattern=recipe.pruning,
        )
    return text(
        "ONNX Runtime's dense kernels multiply by zero as by any number: zeros save "
        "no time there. The sparse runtime skips them, except in layers with few."
    )


def _about_widths(report: Report) -> str:
    recipe = report.recipe
    widths = {recipe.bits, *(bits for _, _, bits in recipe.layers if bits)}
    if report.simulated is not None:
        return text(
            "Real int8. Convolutions over fewer than 8 channels still compute in "
            "float, where this runtime is faster. In layers this small, rounding the "
            "inputs can cost more than integers save."
        )
    if len(widths) > 1:
        return text("Layers of different bit-widths run as floats: only the file shrinks.")
    if recipe.bits == 2 and recipe.scheme == "ternary":
        return text(
            "Ternary weights run as floats: no CPU kernel adds instead of "
            "multiplying. The sparse runtime skips those that are zero."
        )
    if recipe.bits < 8:
        below = text(
            "Below 8 bits no CPU runtime has convolution kernels: the weights run as floats, and "
            "only the file shrinks."
        )
        skips = text("The sparse runtime skips weights that round to zero.")
        return f"{below} {skips}" if recipe.bits > 1 else below
    if recipe.bits == recipe.activation_bits == 8:
        return text("A codebook's values are not evenly spaced: no int8 kernel takes them.")
    if recipe.bits == 8:
        return text("8-bit weights alone run as floats: smaller, not faster.")
    if recipe.bits == 16:
        return text("16-bit weights run as 32-bit floats: smaller, not faster.")
    return ""


def plain(value: float | np.floating[Any]) -> float | None:
    """Convert a number to JSON: nan becomes None."""
    return None if math.isnan(value) else float(value)
