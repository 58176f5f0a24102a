"""Table of beliefs: statement and guess, and the tests on the learner's own experiments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from html import escape
from typing import Any

from ipywidgets import HTML, Dropdown, HBox, VBox

from optiwidgets.engine.types.belief import Finding
from optiwidgets.session.belief_tests import run_tests, untested
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.gated_button import IDLE, RUNS, GatedButton
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.layers.progress_bar import ProgressBar
from optiwidgets.widgets.security.message_guard import guard

ALL = mark("all of them")


class TableOfBeliefs(Standalone, VBox):
    """Beliefs with their guesses, tested on one or more experiments at the press of a button.

    Parameters
    ----------
    sources
        Experiments, sessions, or widgets that have one; by default, the shipped digits. Each has
        a column, for the experiment that is open now.
    keys
        Beliefs to show, in this order; by default all. See ``beliefs``.

    Raises
    ------
    ValueError
        An unknown belief.

    Examples
    --------
    >>> table = TableOfBeliefs(keys=["half-is-free"])
    >>> _ = table.start().result()
    >>> table.table.rows[0][3][:5]
    'holds'
    """

    def __init__(self, *sources: Any, keys: Iterable[str] | None = None) -> None:
        sources = sources or (None,)
        self.sessions = [session_of(source) for source in sources]
        given = [getattr(source, "session", source) for source in sources]
        self._made = [one for one in self.sessions if one not in given]
        self.session = self.sessions[0]
        self.experiments = [session.experiment for session in self.sessions]  # one for each column
        self.beliefs = untested(keys)
        self.found: dict[tuple[str, int], Finding] = {}
        choices = [
            (text(ALL), -1),
            *((text(each.statement), i) for i, each in enumerate(self.beliefs)),
        ]
        self.belief = Dropdown(options=choices, description=text("Test"))
        self.run = GatedButton(text("Run"), text("Runs every recipe on this page's networks"))
        self.cancel = GatedButton(text("Cancel"), waits=text(IDLE))
        self.progress, self.note = ProgressBar(), HTML()
        heads = (
            text("belief"),
            text("good guess"),
            text("it holds if"),
            *map(_name, self.experiments),
        )
        self.table = Table("", heads)
        controls = HBox([self.belief, self.run, self.cancel, self.progress])
        super().__init__([controls.add_class("ow-layer-line"), self.note, self.table])
        self.add_class("ow-beliefs")
        self.run.on_click(lambda _: self.start())
        self.cancel.on_click(lambda _: self._give_up())
        self.sessions[0].observe(self._show_progress, "progress")
        self._write()
        guard(self, lambda reason: setattr(self.note, "value", escape(reason)))

    def start(self) -> Any:
        """Test the chosen belief, or all, in the background; rows are filled one by one."""
        place = self.belief.value
        keys = [each.key for each in self.beliefs] if place < 0 else [self.beliefs[place].key]

        def work(on_progress: Any) -> None:
            run_tests(self.experiments, keys, self._keep, on_progress)

        self.note.value = ""
        return self.sessions[0].in_background(work, lambda _: None)

    def close(self) -> None:
        """Close all widgets, and end the work of the sessions that the table made."""
        if self.comm is not None:
            self.session.unobserve(self._show_progress, "progress")
            for session in self._made:
                session.slow.end()
        super().close()

    def _keep(self, index: int, finding: Finding) -> None:
        self.found[finding.key, index] = finding
        self._write()

    def _give_up(self) -> None:
        self.sessions[0].cancel()
        self.note.value = text("Cancelled: tested beliefs stay in the table.")

    def _show_progress(self, change: Any) -> None:
        progress = self.sessions[0].progress
        self.cancel.waits = text(IDLE) if progress is None else ""
        self.run.waits = "" if progress is None else text(RUNS)
        self.progress.show(progress)
        if error := self.sessions[0].error:
            self.note.value = escape(error)

    def _write(self) -> None:
        indices = range(len(self.sessions))
        self.table.caption = "; ".join(map(self._tally, indices))
        self.table.rows = [
            [
                text(each.statement),
                f"{text(each.guess)} ({text(each.source)})",
                f"{text(each.quantity)}: {each.limit}",
                *(_said(self.found.get((each.key, index))) for index in indices),
            ]
            for each in self.beliefs
        ]

    def _tally(self, index: int) -> str:
        """Count the answers on one experiment."""
        mine = [found for (_, at), found in self.found.items() if at == index]
        answers = (one.answer if one.estimate else text("does not apply") for one in mine)
        counts = Counter(answers)
        said = ", ".join(f"{count} {answer}" for answer, count in counts.most_common())
        return f"{_name(self.experiments[index])}: {said or text('nothing tested yet')}"


def _name(experiment: Any) -> str:
    return f"{experiment.dataset.name or text('own images')}, {experiment.name}"


def _said(found: Finding | None) -> str:
    if found is None:
        return text("not tested yet")
    return f"{found.answer}: {found.measured}" if found.measured else found.answer
