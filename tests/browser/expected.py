"""Texts that the page should show for a report, and texts that it shows, in the same form."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from explorer_page import ExplorerPage

from optiwidgets.engine.types.report import Report


def shown(explorer: ExplorerPage) -> dict[str, Any]:
    """Read every number on the screen."""
    return {
        **{name: explorer.value(name) for name in ("accuracy", "drop", "bytes", "ratio")},
        **{name: explorer.grid(name) for name in ("Baseline", "Optimized", "Change")},
        "recall": explorer.rows("Recall per class, %"),
        "precision": explorer.rows("Precision per class, %"),
        "parts": explorer.bytes_spent(),
    }


def expected(base: Report, report: Report) -> dict[str, Any]:
    """Format the same numbers from two reports."""
    before, after = base.confusion.counts, report.confusion.counts
    return {
        "accuracy": report.confusion.accuracy,
        "drop": report.drop_from(base).points,
        "bytes": report.size.total_bytes,
        "ratio": report.size.ratio,
        "Baseline": _grid(base, before, "d"),
        "Optimized": _grid(report, after, "d"),
        "Change": _grid(report, after - before, "+d"),
        "recall": _rows("recall", base, report),
        "precision": _rows("precision", base, report),
        "parts": [f"{name} {count:,} B" for name, count in report.size.parts.items()],
    }


def _grid(report: Report, counts: Any, form: str) -> list[str]:
    return [
        f"truth {truth}, prediction {prediction}, {format(count, form if count else 'd')} "
        f"{'image' if abs(count) == 1 else 'images'}"
        for truth, row in zip(report.class_names, counts.tolist(), strict=True)
        for prediction, count in zip(report.class_names, row, strict=True)
    ]


def _rows(what: str, base: Report, report: Report) -> list[str]:
    sides = (getattr(side.confusion, what) for side in (base, report))
    return [
        f"class {name}: {what} {_percent(before)} before, {_percent(after)} after"
        for name, before, after in zip(report.class_names, *sides, strict=True)
    ]


def _percent(share: float) -> str:
    if share != share:
        return "undefined"
    return f"{Decimal(100 * share).quantize(Decimal('0.1'), ROUND_HALF_UP)} %"  # as toFixed rounds
