"""Attempts at a challenge, drawn as drop against size, with the best one marked."""

from __future__ import annotations

from typing import Any

from ipywidgets import Image, VBox

from optiwidgets.engine.types.report import Report
from optiwidgets.grading.checks import FindRecipe, Outcome
from optiwidgets.session.background import Job
from optiwidgets.texts import text
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.controls.recipe_words import in_words
from optiwidgets.widgets.lesson.file_figures import bytes_words, points_words
from optiwidgets.widgets.security.message_guard import guard

SHOWN = 8  # attempts listed, newest first


class Trials(Standalone, VBox):
    """Attempts at a challenge: records every settled recipe and checks it.

    Parameters
    ----------
    challenge
        The challenge; the best attempt is the smallest file that meets it.
    session
        A ``Session``, or a widget that has one.

    Examples
    --------
    >>> from optiwidgets.session.session import Session
    >>> question = FindRecipe(
    ...     key="demo.half", prompt="Halve it.", min_size_cut=0.5, max_drop=2,
    ...     hint="Fewer bits.", solution="8 bits.",
    ... )
    >>> trials = Trials(question, Session())
    >>> trials.best is None
    True
    """

    def __init__(self, challenge: FindRecipe, session: Any) -> None:
        self.challenge = challenge
        self.session = session_of(session)
        self.reports: list[Report] = []
        self.picture = Image(
            format="png", layout={"display": "none", "max_width": "min(640px, 100%)"}
        )
        self.picture.layout.align_self = "flex-start"
        self.table = Table(
            text(
                "No attempt yet: move the controls, and every recipe they rest at is listed here."
            ),
            (text("recipe"), text("met"), text("lost"), text("size"), text("why")),
        )
        super().__init__([self.picture, self.table])
        self.add_class("ow-trials")
        self.session.on_idle.insert(0, self._keeping)
        guard(self, lambda reason: setattr(self.table, "caption", reason))

    @property
    def best(self) -> Report | None:
        """Smallest file that meets the challenge."""
        met = [report for report in self.reports if self._met(report)]
        return min(met, key=lambda report: report.size.total_bytes, default=None)

    def keep(self, report: Report) -> None:
        """Record an attempt; one with the same recipe replaces the earlier one."""
        self.reports = [r for r in self.reports if r.recipe != report.recipe] + [report]
        self.table.caption = text("Attempts, the latest first")
        self.table.rows = [self._row(r) for r in reversed(self.reports[-SHOWN:])]

    def _row(self, report: Report) -> list[str]:
        result = self.challenge.check(report, self.session.baseline)
        words = in_words(report.recipe)
        if report is self.best:
            words = text("{recipe} (best)", recipe=words)
        drop = report.drop_from(self.session.baseline).points
        size = bytes_words(report.size.total_bytes)
        met = text("yes") if result.outcome is Outcome.CORRECT else text("no")
        return [words, met, points_words(drop), size, result.message]

    def _met(self, report: Report) -> bool:
        return self.challenge.check(report, self.session.baseline).outcome is Outcome.CORRECT

    def _keeping(self, report: Report) -> Job:
        return lambda is_cancelled: self._draw([*self.reports, report]), lambda png: self._show(
            report, png
        )

    def _show(self, report: Report, png: bytes) -> None:
        self.keep(report)
        self.picture.value, self.picture.layout.display = png, None

    def _draw(self, reports: list[Report]) -> bytes:
        from optiwidgets.plotting import (
            draw_trials,
            to_bytes,  # matplotlib, on first use
        )

        base = self.session.baseline
        trials = [(_cut(base, r), r.drop_from(base).points) for r in reports]
        met = [i for i, r in enumerate(reports) if self._met(r)]
        best = min(met, key=lambda i: reports[i].size.total_bytes, default=None)
        return to_bytes(draw_trials(trials, best), "png")


def _cut(base: Report, report: Report) -> float:
    """Compute the saved bytes, in percent."""
    return 100 * (1 - report.size.total_bytes / base.size.total_bytes)
