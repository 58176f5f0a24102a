"""Comparison of two recipes: one kept, one current."""

from __future__ import annotations

from typing import Any

from ipywidgets import Button, VBox

from optiwidgets.engine.types.report import Report
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.lesson.live_text import figures
from optiwidgets.widgets.security.message_guard import guard

ROWS = {
    "recipe": "recipe",
    "accuracy": "accuracy",
    "drop": "drop",
    "95 % interval of the drop": "drop_interval",
    "images lost": "lost",
    "images gained": "gained",
    "class that fell most": "worst_class",
    "its recall fell by": "worst_fall",
    "file": "bytes",
    "times smaller": "ratio",
    "times faster": "speed",
    "for a mobile app": "mobile",
    "for a medical image": "medical",
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
    [['Recipe()', 'Recipe(sparsity=0.5)']]
    """

    def __init__(self, session: Any) -> None:
        self.session = session_of(session)
        self.kept: Report = self.session.report
        self.keep = Button(description="Keep as A", tooltip="What is shown now becomes A")
        self.keep.layout.align_self = "flex-start"
        self.table = Table("Two recipes", ("", "A", "now"))
        super().__init__([self.keep, self.table])
        self.add_class("ow-compare")
        self.keep.on_click(lambda _: self._keep())
        self.session.on_report(self._write)
        self._write()
        guard(self, lambda reason: setattr(self.table, "caption", reason))

    def _keep(self) -> None:
        self.kept = self.session.report
        self._write()

    def _write(self) -> None:
        sides = [self._figures(report) for report in (self.kept, self.session.report)]
        self.table.rows = [[title, *(side[name] for side in sides)] for title, name in ROWS.items()]

    def _figures(self, report: Report) -> dict[str, str]:
        base = self.session.baseline
        if report.images != base.images:  # another case was opened meanwhile
            return dict.fromkeys(ROWS.values(), "of other images")
        return figures(base, report) | {"recipe": str(report.recipe)}
