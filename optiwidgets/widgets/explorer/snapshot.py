"""Snapshot of an explorer for places without a kernel: headline, matrices, and how to run it."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.widgets.base.static_html import image_html

RUN = "Picture of a live explorer. To move its sliders, run this cell (pip install optiwidgets)."
MOST_CLASSES = 100  # more are too fine for the picture


def snapshot(baseline: Report, report: Report, policy: Policy) -> dict[str, str]:
    """Describe both reports as HTML and PNG, by mime type.

    Examples
    --------
    >>> from optiwidgets.session.session import Session
    >>> session = Session()
    >>> sorted(snapshot(session.baseline, session.report, Policy.MOBILE))
    ['image/png', 'text/html']
    """
    lines = headline(baseline, report, policy)
    if len(report.class_names) > MOST_CLASSES:
        text = "".join(f"<p>{escape(line)}</p>" for line in (*lines, RUN))
        return {"text/html": text}
    png = _draw(baseline, report, lines)
    picture = image_html(png, " ".join(("Confusion matrices.", *lines)))
    encoded = base64.b64encode(png).decode()
    return {"text/html": f"{picture}<p><em>{RUN}</em></p>", "image/png": encoded}


def headline(baseline: Report, report: Report, policy: Policy) -> list[str]:
    """Write the recipe, the accuracy with its drop, and the size with the verdict."""
    accuracy = 100 * report.confusion.accuracy
    on = f"on {len(report.labels):,} images"
    size = f"{report.size.total_bytes:,} bytes"
    if report.recipe == Recipe():
        return ["The untouched model", f"Accuracy {accuracy:.1f} % {on}; packed file {size}."]
    drop, verdict = report.drop_from(baseline), judge(baseline, report, policy)
    return [
        str(report.recipe),
        f"Accuracy {accuracy:.1f} % {on}, before {100 * baseline.confusion.accuracy:.1f} %: "
        f"{drop.points:.1f} points lost ({drop.low:.1f} to {drop.high:.1f}).",
        f"Packed file {size}, {report.size.ratio:.1f} times smaller. "
        f"For a {policy.name}: {verdict.grade}.",
    ]


def covered() -> dict[str, str]:
    """Describe an explorer whose numbers are covered: a question waits for its answer."""
    return {"text/html": f"<p>The numbers are covered until a question is answered. {RUN}</p>"}


def _draw(baseline: Report, report: Report, lines: list[str]) -> bytes:
    from optiwidgets.notebook_figure import draw_snapshot  # matplotlib, on first use

    sides: dict[str, Any] = {"Baseline": baseline, "Optimized": report}
    if report.recipe == Recipe():
        del sides["Optimized"]
    counts = {title: side.confusion.counts.tolist() for title, side in sides.items()}
    return draw_snapshot(counts, report.class_names, lines, RUN)
