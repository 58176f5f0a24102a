"""Snapshot of an explorer for places without a kernel: headline, matrices, and how to run it."""

from __future__ import annotations

import base64
from html import escape
from typing import Any

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.recipe import is_untouched
from optiwidgets.engine.types.report import Report
from optiwidgets.grading.drop_words import drop_words, interval_words
from optiwidgets.session.session import Session
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.static_html import image_html
from optiwidgets.widgets.panels.report_payload import verdict_payload

RUN = mark(
    "Picture of a live explorer. To move its sliders, run this cell (pip install optiwidgets)."
)
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
        shown = "".join(f"<p>{escape(line)}</p>" for line in (*lines, text(RUN)))
        return {"text/html": shown}
    png = _draw(baseline, report, lines, text(RUN))
    picture = image_html(png, " ".join((text("Confusion matrices."), *lines)))
    encoded = base64.b64encode(png).decode()
    return {"text/html": f"{picture}<p><em>{text(RUN)}</em></p>", "image/png": encoded}


def headline_html(baseline: Report, report: Report, policy: Policy) -> str:
    """Write the lines of the headline as HTML."""
    return "".join(f"<p>{escape(line)}</p>" for line in headline(baseline, report, policy))


def matrices_png(baseline: Report, report: Report) -> bytes:
    """Draw the matrices alone; empty where they have too many classes."""
    if len(report.class_names) > MOST_CLASSES:
        return b""
    return _draw(baseline, report, [], "")


def headline(baseline: Report, report: Report, policy: Policy) -> list[str]:
    """Write the recipe, the leading metric with its drop, and the size with any verdict."""
    (name, _), value = report.metric_names, 100 * report.metric
    images, size = report.count, _size_words(report)
    if is_untouched(report.recipe):
        measured = text(
            "{metric} {value:.1f} % on {images:,} images; packed file {size}.",
            metric=name,
            value=value,
            images=images,
            size=size,
        )
        return [text("The untouched model"), measured]
    drop, verdict = report.drop_from(baseline), verdict_payload(baseline, report, policy)
    measured = text(
        "{metric} {value:.1f} % on {images:,} images, before {before:.1f} %: {drop} ({interval}).",
        metric=name,
        value=value,
        images=images,
        before=100 * baseline.metric,
        drop=drop_words(drop.points),
        interval=interval_words(drop),
    )
    judged = text(
        "Packed file {size}, {ratio:.1f} times smaller. For a {use}: {grade}.",
        size=size,
        ratio=report.size.ratio,
        use=text(policy.name),
        grade=text(verdict["grade"]) if verdict["judged"] else verdict["reasons"][0],
    )
    return [str(report.recipe), measured, judged]


def _size_words(report: Report) -> str:
    """Write the bytes of the packed file, and whether they are an estimate."""
    count = report.size.total_bytes
    if report.size.estimated:
        return text("about {count:,} bytes (estimated)", count=count)
    return text("{count:,} bytes", count=count)


def covered() -> dict[str, str]:
    """Describe an explorer whose numbers are covered: a question waits for its answer."""
    said = text("The numbers are covered until a question is answered.")
    return {"text/html": f"<p>{said} {text(RUN)}</p>"}


def _draw(baseline: Report, report: Report, lines: list[str], below: str) -> bytes:
    from optiwidgets.notebook_figure import draw_snapshot  # matplotlib, on first use

    sides: dict[str, Any] = {text("Baseline"): baseline}
    if not is_untouched(report.recipe):
        sides[text("Optimized")] = report
    counts = {title: side.confusion.counts.tolist() for title, side in sides.items()}
    return draw_snapshot(counts, report.confusion.class_names, lines, below)


class Still:
    """Part of an explorer: its views for places without a kernel."""

    session: Session
    policy: Any
    classroom: Any

    def static_view(self) -> dict[str, str]:
        """Describe headline and matrices, unless an activity covers them."""
        if self.covered:
            return covered()
        return snapshot(*self.session.shown, self.policy.value)

    def static_body(self) -> str:
        """Write the headline, unless an activity covers it."""
        if self.covered:
            return covered()["text/html"]
        return headline_html(*self.session.shown, self.policy.value)

    def static_picture(self) -> bytes:
        """Draw the matrices as PNG; empty where an activity covers them, or classes are many."""
        return b"" if self.covered else matrices_png(*self.session.shown)

    @property
    def covered(self) -> bool:
        """Tell whether an activity or a question covers the numbers."""
        activities = self.classroom.activities
        return bool(activities.covers or activities.hiding)
