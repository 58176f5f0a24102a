"""Comparison of two recipes: one kept, one current."""

from __future__ import annotations

from typing import Any

from ipywidgets import Button, VBox

from optiwidgets.engine.types.recipe import is_untouched
from optiwidgets.engine.types.report import Report
from optiwidgets.session.background import Job, no_work
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.lesson.live_text import figures
from optiwidgets.widgets.security.message_guard import guard

METRIC = "metric"  # stands for the name of the leading metric, and for its figure
LOST, GAINED = mark("{things} lost"), mark("{things} gained")  # images, or a task's own things
ROWS = {
    mark("recipe"): "recipe",
    METRIC: METRIC,
    mark("drop"): "drop_words",
    mark("95 % interval of the drop"): "drop_interval",
    LOST: "lost",
    GAINED: "gained",
    mark("class that fell most"): "worst_class",
    mark("its recall fell by"): "worst_fall",
    mark("file"): "bytes",
    mark("times smaller"): "ratio",
    mark("times faster"): "speed",
    mark("for a mobile app"): "mobile",
    mark("for a medical image"): "medical",
}


class Compare(Standalone, VBox):
    """A kept report, A, beside the session's current one.

    Parameters
    ----------
    session
        A ``Session``, or a widget that has one.

    Examples
    --------
    >>> from optiwidgets.session.session import Session
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> session = Session()
    >>> compare = Compare(session)
    >>> session.recipe = Recipe(sparsity=0.5)
    >>> [row[1:] for row in compare.table.rows if row[0] == "recipe"]
    [['untouched', '50 % sparsity']]
    """

    def __init__(self, session: Any) -> None:
        self.session = session_of(session)
        self.kept: Report = self.session.report
        self._baseline: Report = self.session.baseline  # of the kept report
        self._experiment = self.session.experiment  # of the kept report
        self.keep = Button(
            description=text("Keep as A"), tooltip=text("What is shown now becomes A")
        )
        self.keep.layout.align_self = "flex-start"
        self.table = Table(text("Two recipes"), ("", "A", text("now")))
        super().__init__([self.keep, self.table])
        self.add_class("ow-compare")
        self.keep.on_click(lambda _: self._keep())
        self.session.on_report(self._write)
        self.session.on_measured(self._write)
        self.session.on_idle.append(self._measuring)
        self._write()
        guard(self, lambda reason: setattr(self.table, "caption", reason))

    def _measuring(self, report: Report) -> Job:
        """Return the idle job that measures A if it was left before its speed was known."""
        session, kept = self.session, self.kept
        known = session.experiment.measured(kept).latency or is_untouched(kept.recipe)
        if known or not session.measures or session.experiment is not self._experiment:
            return no_work, lambda _: None
        measure = session.experiment.measure
        return lambda is_cancelled: measure(kept, stop=is_cancelled), lambda _: self._write()

    def _keep(self) -> None:
        self.kept, self._baseline = self.session.report, self.session.baseline
        self._experiment = self.session.experiment
        self._write()

    def _write(self) -> None:
        self.kept = self._experiment.measured(self.kept)
        now = self.session.baseline, self.session.report
        sides = [self._figures(*pair) for pair in ((self._baseline, self.kept), now)]
        names, things = {METRIC: now[1].metric_names[1]}, text(now[1].counted.things)
        names |= {title: text(title, things=things) for title in (LOST, GAINED)}
        self.table.rows = [
            [names.get(title) or text(title), *(side[name] for side in sides)]
            for title, name in ROWS.items()
        ]

    def _figures(self, baseline: Report, report: Report) -> dict[str, str]:
        if report.images != self.session.baseline.images:  # another case was opened meanwhile
            return dict.fromkeys(ROWS.values(), text("of other images"))
        told = figures(baseline, report)
        return told | {METRIC: told[report.outcome.metric]}
