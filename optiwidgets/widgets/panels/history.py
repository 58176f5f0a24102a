"""History of recipes: undo, redo, comparison and export."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import asdict
from html import escape
from typing import Any

import anywidget
from ipywidgets import HTML, Dropdown, HBox, VBox
from traitlets import Dict, Int, List, TraitError, Unicode

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.session.background import Job, no_work
from optiwidgets.session.session import Session
from optiwidgets.texts import text
from optiwidgets.widgets.base.assets import load_css, load_esm, verdict_css
from optiwidgets.widgets.base.gated_button import LOCKED, GatedButton
from optiwidgets.widgets.base.panel import View
from optiwidgets.widgets.controls.recipe_words import in_words
from optiwidgets.widgets.panels.history_log import Entry, HistoryLog, to_csv
from optiwidgets.widgets.panels.metric_words import spoken_metric
from optiwidgets.widgets.panels.pareto import Frontier
from optiwidgets.widgets.panels.report_payload import plain


class HistoryTable(anywidget.AnyWidget):
    """Table of settled recipes, and a comparison of two of its rows.

    ``chosen`` is the row of the session's recipe, -1 for none; choosing another row requests its
    recipe. ``a`` and ``b`` are the rows to compare, and ``pair`` is their comparison.
    """

    _esm, _css = load_esm(__file__, "history"), load_css(__file__, "history") + verdict_css()
    rows = List(Dict()).tag(sync=True)
    about = Unicode().tag(sync=True)
    metric = Unicode(help="leading metric in a sentence; empty if accuracy").tag(sync=True)
    pair = Dict().tag(sync=True)
    chosen = Int(0).tag(sync=True)
    a = Int(0).tag(sync=True)
    b = Int(0).tag(sync=True)

    def check_user_input(self, trait: str, value: Any) -> None:
        """Raise TraitError unless the row exists."""
        if trait not in ("a", "b", "chosen"):
            raise TraitError(f"{trait} cannot be set from a page")
        last = len(self.rows) - 1
        if type(value) is not int or not 0 <= value <= last:
            raise TraitError(f"{trait} is a row, 0 to {last}")


class History(View):
    """History of all settled recipes, one log per model.

    Parameters
    ----------
    session
        A ``Session``; recipes are restored by its ``ask``.
    policy
        Menu of the policy by which recipes are graded; without one, that of a mobile app.

    Examples
    --------
    >>> session = Session()
    >>> history = History(session)
    >>> session.recipe = Recipe(bits=4)
    >>> history.keep(session.report)
    >>> history.undo.click()
    >>> session.recipe == Recipe()
    True
    """

    def __init__(self, session: Session, policy: Dropdown | None = None) -> None:
        self.session, self._chooser = session, policy
        self.groups: dict[tuple[str, str], HistoryLog] = {}
        self.past, self.locked = self._group(), False
        self.undo = GatedButton(text("Undo"), text("Ctrl+Z")).add_class("ow-undo")
        self.redo = GatedButton(text("Redo"), text("Ctrl+Shift+Z")).add_class("ow-redo")
        self.ledger, self.link = HistoryTable(), HTML()
        self.chart = Frontier(self.past.sweep(), session, size=(430, 300), grades=self.grades())
        buttons = HBox([self.undo, self.redo, self.link]).add_class("ow-history-line")
        left = VBox([buttons, self.ledger]).add_class("ow-history-left")
        super().__init__([HBox([left, self.chart]).add_class("ow-history")])
        self._listen()
        self._show()

    def keep(self, report: Report) -> None:
        """Record a settled report; B follows the newest row unless the user moved it."""
        follows = self.ledger.b >= len(self.past.entries) - 1
        self.past.keep(report)
        if follows:
            self.ledger.b = len(self.past.entries) - 1
        self._show()

    def lock(self, locked: bool) -> None:
        """Disable rows, points, undo and redo, or enable them again."""
        self.locked = self.chart.locked = locked
        self._follow()

    def settled(self, report: Report) -> Job:
        """Create the idle job that records a report if it is still the current one."""

        def done(_: Any) -> None:
            if not self.session.stale and self.session.report.recipe == report.recipe:
                self.keep(report)

        return no_work, done

    def _group(self) -> HistoryLog:
        """Return the log of the open model."""
        session = self.session
        key = session.case, session.model
        if key not in self.groups:
            self.groups[key] = HistoryLog(*key, session.baseline)
        return self.groups[key]

    def _listen(self) -> None:
        self.undo.on_click(lambda _: self._go(HistoryLog.back))
        self.redo.on_click(lambda _: self._go(HistoryLog.forth))
        self.session.observe(lambda _: self._turn(), "baseline")
        self.session.observe(lambda _: self._follow(), "recipe")
        if self._chooser:
            self._chooser.observe(lambda _: self._show(), "value")
        self.session.on_measured(self._measured)
        self.session.on_report(self._measured)
        self.ledger.observe(lambda change: self._choose(change.new), "chosen")
        self.ledger.observe(lambda _: self._show(), ["a", "b"])
        self.observe(lambda _: self._show(), "looked_at")

    def _go(self, way: Callable[[HistoryLog, Recipe], Recipe | None]) -> None:
        recipe = None if self.locked else way(self.past, self.session.recipe)
        if recipe is not None:
            self.session.ask(recipe)
        self._follow()

    def _choose(self, index: int) -> None:
        recipe = self.past.entries[index].recipe
        if index < 0 or recipe == self.session.recipe:
            return
        if self.locked:
            self._follow()
        else:
            self.session.ask(recipe)

    def _turn(self) -> None:
        """Switch to the log of another model."""
        self.past = self._group()
        self.ledger.a, self.ledger.b = 0, len(self.past.entries) - 1
        self._show()

    @property
    def policy(self) -> Policy:
        """Policy by which recipes are graded."""
        return self._chooser.value if self._chooser else Policy.MOBILE

    def grades(self) -> tuple[str, ...]:
        """Grade all entries of the log; the untouched model has no grade."""
        return tuple(entry.grade(self.policy) for entry in self.past.entries)

    def _measured(self) -> None:
        """Take over measurements of the log's recipes, whoever made them."""
        now, measured = self.session.report, self.session.experiment.measured
        changed = False
        for recipe, report in [(e.recipe, e.report) for e in self.past.entries]:
            known = now if recipe == now.recipe else measured(report)
            changed |= self.past.measured(known)
        if changed:
            self._show()

    def _follow(self) -> None:
        """Mark the session's recipe, and enable undo and redo where they lead to a recipe."""
        back, forth = self.past.can_go(self.session.recipe)
        locked = text(LOCKED) if self.locked else ""
        self.undo.waits = locked or ("" if back else text("There is nothing to undo yet."))
        self.redo.waits = locked or ("" if forth else text("There is nothing to redo."))
        if self.looked_at:
            self.ledger.chosen = self.past.index(self.session.recipe)

    def _show(self) -> None:
        if self.looked_at:
            self._paint()
        self._follow()

    def _paint(self) -> None:
        past, entries = self.past, self.past.entries
        last = len(entries) - 1
        a, b = (entries[min(index, last)] for index in (self.ledger.a, self.ledger.b))
        with self.ledger.hold_sync():
            case = past.case or text("own images")
            self.ledger.about = text("{model} on {case}", model=past.model, case=case)
            self.ledger.metric = spoken_metric(past.baseline)
            self.ledger.rows = [_row(entry, self.policy) for entry in entries]
            self.ledger.pair = compare(a, b, self.policy)
        self.chart.show(past.sweep(), self.grades())
        data = base64.b64encode(to_csv(self.groups.values()).encode()).decode()
        self.link.value = (
            '<a class="ow-download" download="optiwidgets-history.csv" '
            f'href="data:text/csv;base64,{data}">' + escape(text("Export CSV")) + "</a>"
        )


def _row(entry: Entry, policy: Policy) -> dict[str, Any]:
    trial, timed = entry.trial, entry.report.latency
    return {
        "words": in_words(trial.recipe),
        "grade": entry.grade(policy),
        "recipe": str(trial.recipe),
        "value": trial.value,
        "interval": [trial.value_low, trial.value_high],
        "drop": trial.drop,
        "bytes": trial.total_bytes,
        "ratio": trial.ratio,
        "speed": timed and [timed.ratio, timed.low, timed.high],
        "optimized_ms": timed and timed.optimized_ms,
    }


def compare(a: Entry, b: Entry, policy: Policy = Policy.MOBILE) -> dict[str, Any]:
    """Describe two entries of one model: their rows, recalls, and the drop from A to B."""
    recalls = a.report.recall, b.report.recall
    return {
        "a": _row(a, policy),
        "b": _row(b, policy),
        "drop": asdict(b.report.drop_from(a.report)),
        "classes": list(a.report.class_names),
        "few": list(a.report.confusion.few.values()),
        "recalls": [[plain(value) for value in recall] for recall in recalls],
    }
