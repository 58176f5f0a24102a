"""Decision threshold between two classes, and the cost of misses and false alarms."""

from __future__ import annotations

from typing import Any

import numpy as np
from ipywidgets import BoundedIntText, FloatSlider, HBox, VBox

from optiwidgets.engine.types.measurements import Confusion
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.task import only_classifiers
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.security.message_guard import guard

SIDES = mark("baseline"), mark("optimized")
NUMBERS = (
    *(mark("missed"), mark("false alarms"), mark("precision"), mark("recall")),
    mark("cost of 1,000 images"),
)


class Threshold(Standalone, VBox):
    """Precision, recall and cost of the baseline and of a session's report at a chosen threshold.

    Parameters
    ----------
    session
        A ``Session`` of two classes, one of them positive, or a widget that has one.

    Raises
    ------
    ValueError
        Not two classes, none is positive, or its model is no classifier.

    Examples
    --------
    >>> from optiwidgets.session.session import Session
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> Threshold(Session(Experiment.load("digits")))
    Traceback (most recent call last):
    ...
    ValueError: a threshold needs two classes, one of them positive
    """

    def __init__(self, session: Any) -> None:
        self.session = session_of(session)
        if refusal := self._refusal():
            raise ValueError(refusal)
        self.threshold = FloatSlider(
            value=0.5, min=0.01, max=0.99, step=0.01, description=text("Threshold")
        )
        self.miss = BoundedIntText(10, 0, 1000, description=text("Cost of a miss"))
        self.alarm = BoundedIntText(1, 0, 1000, description=text("Cost of a false alarm"))
        self.shown = Table("", ("", *map(text, SIDES)))  # three columns fit a phone
        for widget in (self.threshold, self.miss, self.alarm):
            widget.style.description_width, widget.layout.width = "190px", "310px"
            widget.observe(lambda _: self._write(), "value")
        self.threshold.layout.width = "460px"
        self.session.on_report(self._write)
        self._write()
        super().__init__([self.threshold, HBox([self.miss, self.alarm]), self.shown])
        self.add_class("ow-threshold")
        guard(self, lambda reason: setattr(self.shown, "caption", reason))

    def cost(self, confusion: Confusion, positive: int) -> float:
        """Compute the cost of 1,000 such images."""
        missed, alarms = _mistakes(confusion, positive)
        total = self.miss.value * missed + self.alarm.value * alarms
        return float(1000 * total / confusion.counts.sum())

    def _refusal(self) -> str:
        task, report = self.session.experiment.task, self.session.report
        if refusal := only_classifiers("Threshold", task, mark("ow.Compare")):
            return refusal
        fits = len(report.class_names) == 2 and report.positive is not None
        return "" if fits else text("a threshold needs two classes, one of them positive")

    def _write(self) -> None:
        if refusal := self._refusal():  # another case was opened
            self.shown.rows, self.shown.caption = [], refusal
            return
        few = self.session.report.confusion.few.get(self.session.report.positive or 0, "")
        on = text("Positive from a score of {score:.2f} on", score=self.threshold.value)
        self.shown.caption = f"{on}; {few}" if few else on
        sides = map(self._numbers, (self.session.baseline, self.session.report))
        self.shown.rows = [
            [text(name), *both]
            for name, both in zip(NUMBERS, zip(*sides, strict=True), strict=True)
        ]

    def _numbers(self, report: Report) -> list[str]:
        """Format a report's numbers, as NUMBERS names them."""
        confusion = report.at_threshold(self.threshold.value)
        positive = report.positive or 0
        missed, alarms = _mistakes(confusion, positive)
        shares = (confusion.precision[positive], confusion.recall[positive])
        said = [text("none") if np.isnan(share) else f"{100 * share:.1f} %" for share in shares]
        return [f"{missed}", f"{alarms}", *said, f"{self.cost(confusion, positive):,.0f}"]


def _mistakes(confusion: Confusion, positive: int) -> tuple[int, int]:
    """Count missed positives and false alarms."""
    counts = confusion.counts
    return int(counts[positive, 1 - positive]), int(counts[1 - positive, positive])
