"""Payloads of pages whose numbers are covered."""

from __future__ import annotations

from typing import Any

from optiwidgets.engine.types.report import Report
from optiwidgets.texts import text
from optiwidgets.widgets.panels.comparison_payload import matrices_payload


def covered_verdict() -> dict[str, Any]:
    """Describe a verdict that stays covered until the class has voted.

    >>> covered_verdict()["word"]
    'Covered'
    """
    return {
        "grade": "covered",
        "word": text("Covered"),
        "judged": False,
        "reasons": [text("vote first, then press V or Uncover")],
    }


def without_recipe(baseline: Report, hidden: Report) -> dict[str, Any]:
    """Describe both matrices without any number that reveals the recipe, like bytes."""
    return {
        "classes": list(hidden.class_names),
        **matrices_payload(baseline, hidden),
        "covered": True,
        "baseline": _counted(baseline),
        "optimized": _counted(hidden),
    }


def _counted(report: Report) -> dict[str, Any]:
    return {
        "counts": report.confusion.counts.astype("<i4").tobytes(),
        "accuracy": report.confusion.accuracy,
        "interval": list(report.accuracy_interval),
    }
