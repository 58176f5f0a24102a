"""Log of the answers of a learner: displayed, kept in a file, printed.

Nothing here sends them. Where a class collects them, the page does (``hosting/``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ipywidgets import HTML
from traitlets import Dict, HasTraits, Unicode

from optiwidgets.engine.execution.atomic_write import locked, write_atomically
from optiwidgets.grading.checks import Outcome, Question
from optiwidgets.grading.progress import Record, as_document, merged, utc
from optiwidgets.grading.progress_files import (
    ProgressFileError,
    as_text,
    read_progress,
    write_progress,
)
from optiwidgets.grading.progress_page import counted, print_page, tables
from optiwidgets.grading.submissions import Submission
from optiwidgets.texts import mark, text
from optiwidgets.version import __version__
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.lesson.quiz_role import reference
from optiwidgets.widgets.security.message_guard import guard

FILE = "OPTIWIDGETS_PROGRESS"  # variable with the file that all pages of one learner share
CLASS = "OPTIWIDGETS_CLASS"  # variable that a server sets whose teacher sees the answers
ALONE = mark("{keep}, or {print}. Nothing leaves this machine.")
KEPT_BY_CLASS = mark("{keep}, or {print}. The teacher of this class sees the answers too.")
MADE: dict[str, Callable[[dict[str, Any], Mapping[str, Record]], str]] = {
    ".json": lambda document, records: as_text(document),
    ".html": print_page,
}


def _now() -> datetime:
    return datetime.now(UTC)


class Register(HasTraits):
    """Records of all questions of a kernel, by key, in order; in a file too if one is given.

    Examples
    --------
    >>> register = Register()
    >>> register.checked("demo", Outcome.INCORRECT, 1)
    >>> register.checked("demo", Outcome.CORRECT, 2)
    >>> register.checked("demo", Outcome.INCORRECT, 3)
    >>> entry = register.entries["demo"]
    >>> str(entry.outcome), entry.attempts, entry.answer
    ('correct', 2, 2)
    """

    entries: Mapping[str, Record] = Dict()  # type: ignore[assignment]
    refused = Unicode()  # the reason why answers are not in the file

    def __init__(self, now: Callable[[], datetime] = _now, path: str = "") -> None:
        super().__init__()
        self.now = now
        self.path = Path(path).absolute() if path else None

    def keep_in(self, path: str | os.PathLike[str]) -> None:
        """Add the records of a file, if it is there, and write all records to it from now on.

        Raises
        ------
        ProgressFileError
            The file was cut or changed, or is none of progress. It stays as it is.
        """
        path = Path(path).absolute()  # the kernel may change its folder
        with locked(path.parent):  # other kernels write to it
            self.entries = merged(read_progress(path) if path.exists() else {}, self.entries)
            write_progress(path, self.entries)
        self.path, self.refused = path, ""

    def catch_up(self) -> None:
        """Add what other kernels wrote to the file since; a refusal is kept as the reason.

        A file that cannot be read or written now is tried again at the next answer; one that is
        refused is left alone from now on.
        """
        if self.path is None:
            return
        try:
            self.keep_in(self.path)
        except OSError as error:  # questions are still answered and graded
            late = mark("Not in the file yet, tried again at the next answer: {error}")
            self.refused = text(late, error=error)
        except ProgressFileError as error:
            refused = mark("Answers are no longer kept in the file: {error}")
            self.path, self.refused = None, text(refused, error=error)

    def asked(self, question: Question) -> None:
        """Record that a question is on the page."""
        if question.key not in self.entries:
            self._put(question.key, Record.of(question))

    def checked(self, key: str, outcome: Outcome, answer: Any) -> None:
        """Record an attempt; ignore empty answers, and attempts after the right answer."""
        known = self.entries.get(key, Record(title=key))
        if outcome is not Outcome.NOT_ATTEMPTED and known.outcome is not Outcome.CORRECT:
            news = {"attempts": known.attempts + 1, "answer": answer, "answered": utc(self.now())}
            self._put(key, replace(known, outcome=outcome, **news))

    def restored(self, key: str, record: Record) -> None:
        """Merge the record of an earlier visit."""
        self._put(key, merged(self.entries, {key: record})[key])

    def looked_up(self, key: str, what: str) -> None:
        """Record that the "hint" or the "solution" was shown."""
        known = self.entries.get(key, Record(title=key))
        hint, solution = known.hint or what == "hint", known.solution or what == "solution"
        self._put(key, replace(known, hint=hint, solution=solution))

    def submitted(self, key: str, submission: Submission) -> None:
        """Record the result on the sealed images."""
        known = self.entries.get(key, Record(title=key))
        if str(submission) not in known.submissions:
            self._put(key, replace(known, submissions=(*known.submissions, str(submission))))

    def _put(self, key: str, record: Record) -> None:
        self.entries = {**self.entries, key: record}
        self.catch_up()


REGISTER = Register(path=os.environ.get(FILE, ""))


class ProgressTable(Standalone, HTML):
    """Table of answers that updates live, with links to keep it as JSON and to print it.

    Examples
    --------
    >>> register = Register()
    >>> table = ProgressTable(register)
    >>> register.checked("metrics.goal", Outcome.CORRECT, "accuracy")
    >>> table.as_dict()["answers"]["metrics.goal"]["outcome"]
    'correct'
    """

    def __init__(self, register: Register) -> None:
        super().__init__()
        self.add_class("ow-progress-table")
        self._register = register
        register.observe(lambda _: self._paint(), ["entries", "refused"])
        self._paint()
        guard(self, lambda _: self._paint())

    def __repr__(self) -> str:
        """Count the correct answers."""
        return f"<progress: {counted(self._register.entries)}>"

    def as_dict(self) -> dict[str, Any]:
        """Return the document ``progress/1``: every question by its key under "answers"."""
        return as_document(self._register.entries, self._register.now())

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write a file atomically: ``progress/1`` as .json, or a page to print as .html.

        Raises
        ------
        ValueError
            The name ends otherwise.
        """
        suffix = Path(path).suffix.lower()
        if suffix not in MADE:
            raise ValueError(f"a file of progress ends in .json, or .html to print, not {suffix!r}")
        made = MADE[suffix](self.as_dict(), self._register.entries)
        write_atomically(path, made.encode("utf-8", "replace"))

    def page_role(self) -> dict[str, Any] | None:
        """Describe the table for a page without a kernel, which keeps answers in the browser."""
        return {"role": "progress", "version": __version__, "root": reference(self)}

    def _paint(self) -> None:
        document, records = self.as_dict(), self._register.entries
        links = [
            f'<a download="optiwidgets-progress{suffix}" href="data:{kind};charset=utf-8,'
            f'{quote(MADE[suffix](document, records), errors="replace")}">{escape(name)}</a>'
            for suffix, kind, name in (
                (".json", "application/json", text("Keep as a file")),
                (".html", "text/html", text("keep to print")),
            )
        ]
        refused = f"<p>{escape(self._register.refused)}</p>" if self._register.refused else ""
        said = text(
            KEPT_BY_CLASS if os.environ.get(CLASS) else ALONE, keep=links[0], print=links[1]
        )
        said = f"<p>{said}</p>"
        self.value = f"{tables(records)}{refused}{said}"


def progress(file: str | os.PathLike[str] | None = None) -> ProgressTable:
    """Return the table of a learner's answers.

    Parameters
    ----------
    file
        A file of ``progress/1`` for the whole path: its answers are shown too, and each answer in
        this kernel is written to it. By default the one that the variable OPTIWIDGETS_PROGRESS
        names; without both, answers stay in this kernel.

    Raises
    ------
    ProgressFileError
        The file was cut or changed after it was saved, or is none of progress. It stays as it is.

    Examples
    --------
    >>> table = progress()
    >>> table.as_dict()["schema"]
    'progress/1'
    """
    if file is None:
        REGISTER.catch_up()
    else:
        REGISTER.keep_in(file)
    return ProgressTable(REGISTER)
