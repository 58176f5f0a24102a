"""Panels of a task that has none of its own: headline of its leading metric, and the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ipywidgets import DOMWidget

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.report import Report
from optiwidgets.session.session import Session
from optiwidgets.texts import mark
from optiwidgets.widgets.base.assets import load_css, load_esm, verdict_css
from optiwidgets.widgets.base.panel import Feed, Panel
from optiwidgets.widgets.panels.report_panels import Bytes
from optiwidgets.widgets.panels.report_payload import lead, plain, shared_payload, size_figures


class MetricHeadline(Panel):
    """Cards: the task's leading metric with its drop, size, speed, verdict."""

    _esm = load_esm(__file__, "metric_headline")
    _css = load_css(__file__, "headline") + verdict_css()


class OtherPanels:
    """Headline of any task's leading metric, and the bytes of the packed file.

    Examples
    --------
    >>> session = Session()
    >>> panels = OtherPanels(session, Feed())
    >>> list(panels.views), panels.payload(Policy.MOBILE)["lead"]["spoken"]
    (['Packed file'], 'accuracy')
    """

    fits_classroom = False

    def __init__(self, session: Session, feed: Feed) -> None:
        self.session = session
        self.headline = MetricHeadline(feed=feed)
        self.views: dict[str, DOMWidget] = {mark("Packed file"): Bytes(feed=feed)}

    def payload(self, policy: Policy) -> dict[str, Any]:
        """Describe the shown reports: leading metric, drop, size."""
        session = self.session
        moving = session.dragging or not session.is_whole
        return metric_payload(*session.shown, policy, moving=moving)

    def steady(self) -> dict[str, Any]:
        """Return nothing: all numbers change with the recipe."""
        return {}

    def listen(self, repaint: Callable[[], None], select: Callable[[str], None]) -> None:
        """Listen to nothing: no panel has a control."""


def metric_payload(
    baseline: Report, report: Report, policy: Policy, *, moving: bool = False
) -> dict[str, Any]:
    """Describe a report of any task for the panels; the drop has no interval while it is slow.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> base = Experiment.load("digits").run(Recipe())
    >>> metric_payload(base, base, Policy.MOBILE)["drop"]["points"]
    0.0
    """
    return shared_payload(baseline, report, policy, moving=moving) | {
        "images": report.count,
        "lead": lead(*report.metric_names, report.metric),
        "baseline": size_figures(baseline) | {"metric": plain(baseline.metric)},
        "optimized": size_figures(report) | {"metric": plain(report.metric)},
        "drop": _drop(baseline, report, moving),
    }


def _drop(baseline: Report, report: Report, moving: bool) -> dict[str, Any]:
    if moving and not report.outcome.is_compared:
        points = plain(100 * (baseline.metric - report.metric))
        return {"points": points} | dict.fromkeys(("low", "high", "lost", "gained", "p"))
    return {name: plain(value) for name, value in asdict(report.drop_from(baseline)).items()}
