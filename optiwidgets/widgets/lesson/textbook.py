"""Worked example beside a live run, and a search for the recipe nearest to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from ipywidgets import VBox

from optiwidgets.engine.types.measurements import Integers
from optiwidgets.engine.types.recipe import is_untouched
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.task import only_classifiers
from optiwidgets.session import queries
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.gated_button import GatedButton
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.controls.recipe_words import in_words
from optiwidgets.widgets.security.message_guard import guard

BEFORE = np.array([[95, 10], [5, 90]])  # rows truth: negative, positive; columns prediction
AFTER = np.array([[90, 15], [10, 85]])
NEAR = 3  # images


class Textbook(Standalone, VBox):
    """TP, FP, FN and TN of the worked example beside those of a session with two classes.

    A button searches the recipe whose counts are nearest to the example's, and shows it.

    Parameters
    ----------
    session
        A ``Session`` of two classes, the second one positive, or a widget that has one.

    Raises
    ------
    ValueError
        Not two classes, or its model is no classifier.

    Examples
    --------
    >>> from optiwidgets.session.session import Session
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> textbook = Textbook(Session(Experiment.load("smear-200")))
    >>> textbook.table.rows[0][:2]
    ['true positives', '90']
    """

    def __init__(self, session: Any) -> None:
        self.session, self._refused = session_of(session), ""
        if refusal := self._refusal():
            raise ValueError(refusal)
        self.find = GatedButton(text("Find such settings"), text("Tries some 270 of them"))
        self.find.layout.width, self.find.layout.align_self = "auto", "flex-start"
        heads = (
            text("example, before"),
            text("live, before"),
            text("example, after"),
            text("live, now"),
        )
        self.table = Table("", ("", *heads))
        super().__init__([self.find, self.table])
        self.add_class("ow-textbook")
        self.find.on_click(lambda _: self._look())
        self.session.on_report(self._write)
        self._write()
        guard(self, lambda reason: setattr(self.table, "caption", reason))

    def _refusal(self) -> str:
        task, classes = self.session.experiment.task, len(self.session.report.class_names)
        if refusal := only_classifiers("Textbook", task, mark("ow.Compare")):
            return refusal
        two = mark("Textbook needs two classes, the second one positive; here are {n}")
        return "" if classes == len(AFTER) else text(two, n=classes)

    def _look(self) -> None:
        self.find.waits = text("Waits until the search ends.")
        self.table.caption = text("Looking for it: this takes some seconds.")
        search = queries.search(self.session, AFTER, self._found)
        search.add_done_callback(lambda _: self._looked())  # found, cancelled or failed

    def _looked(self) -> None:
        self.find.waits = ""
        self._write()

    def _found(self, report: Report) -> None:
        self.session.adopt(report)
        self.session.settle()

    def _write(self) -> None:
        if refusal := self._refusal():  # another case was opened
            self.find.waits = self.table.caption = self._refused = refusal
            self.table.rows = []
            return
        if self._refused:
            self.find.waits = self._refused = ""
        before, now = (r.confusion.counts for r in (self.session.baseline, self.session.report))
        columns = [_named(counts) for counts in (BEFORE, before, AFTER, now)]
        self.table.rows = [[text(name), *(f"{c[name]}" for c in columns)] for name in columns[0]]
        apart = int(np.abs(now - AFTER).max())
        self.table.caption = self.session.error or self._verdict(apart)

    def _verdict(self, apart: int) -> str:
        recipe = self.session.report.recipe
        if is_untouched(recipe):
            return text("The example's counts, and those of the untouched model.")
        near = mark(
            "{recipe}: every count is within {near} images of the example's second matrix "
            "(largest difference: {apart})."
        )
        far = mark(
            "{recipe}: not every count is within {near} images of the example's second matrix "
            "(largest difference: {apart})."
        )
        return text(near if apart <= NEAR else far, recipe=in_words(recipe), near=NEAR, apart=apart)


def _named(counts: Integers) -> dict[str, int]:
    return {
        mark("true positives"): int(counts[1, 1]),
        mark("false positives"): int(counts[0, 1]),
        mark("false negatives"): int(counts[1, 0]),
        mark("true negatives"): int(counts[0, 0]),
    }
