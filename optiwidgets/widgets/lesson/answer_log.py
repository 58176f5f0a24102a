"""Log of the answers in this kernel: displayed and exported, never sent anywhere."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ipywidgets import HTML
from traitlets import Dict, HasTraits

from optiwidgets.grading.checks import Outcome
from optiwidgets.grading.submissions import Submission
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.security.message_guard import guard

SHOWN = 60  # characters of an answer


@dataclass(frozen=True)
class Entry:
    """State of one question; ``answer`` is plain JSON. Once correct, it stays correct."""

    outcome: Outcome = Outcome.NOT_ATTEMPTED
    attempts: int = 0
    answer: Any = None
    hint: bool = False
    solution: bool = False
    submissions: tuple[str, ...] = ()


class Register(HasTraits):
    """Every question of the page, by key, in order; kept in this process only.

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

    entries: Mapping[str, Entry] = Dict()  # type: ignore[assignment]

    def asked(self, key: str) -> None:
        """Record that a question is on the page."""
        self._put(key)

    def checked(self, key: str, outcome: Outcome, answer: Any) -> None:
        """Record an attempt; ignore empty answers, and attempts after the right answer."""
        known = self.entries.get(key, Entry())
        if outcome is not Outcome.NOT_ATTEMPTED and known.outcome is not Outcome.CORRECT:
            self._put(key, outcome=outcome, attempts=known.attempts + 1, answer=answer)

    def looked_up(self, key: str, what: str) -> None:
        """Record that the "hint" or the "solution" was shown."""
        self._put(key, **{what: True})

    def submitted(self, key: str, submission: Submission) -> None:
        """Record the result on the sealed images."""
        told = self.entries.get(key, Entry()).submissions
        if str(submission) not in told:
            self._put(key, submissions=(*told, str(submission)))

    def _put(self, key: str, **news: Any) -> None:
        entry = replace(self.entries.get(key, Entry()), **news)
        self.entries = {**self.entries, key: entry}


REGISTER = Register()


class ProgressTable(Standalone, HTML):
    """Table of answers that updates live, with a link to save it as JSON.

    Examples
    --------
    >>> register = Register()
    >>> table = ProgressTable(register)
    >>> register.checked("metrics.goal", Outcome.CORRECT, "accuracy")
    >>> table.as_dict()["metrics.goal"]["outcome"]
    'correct'
    """

    def __init__(self, register: Register) -> None:
        super().__init__()
        self.add_class("ow-progress-table")
        self._register = register
        register.observe(lambda _: self._paint(), "entries")
        self._paint()
        guard(self, lambda _: self._paint())

    def __repr__(self) -> str:
        """Count the correct answers."""
        entries = self._register.entries.values()
        done = sum(entry.outcome is Outcome.CORRECT for entry in entries)
        return f"<progress: {done} of {len(entries)} questions answered correctly>"

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Return every question: outcome, attempts, answer, hint or solution shown or not."""
        entries = self._register.entries.items()
        plain: dict[str, dict[str, Any]] = json.loads(
            json.dumps({k: asdict(e) for k, e in entries})
        )
        return plain

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write ``as_dict()`` as a JSON file, atomically."""
        path = Path(path)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self._json())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _json(self) -> str:
        return json.dumps(self.as_dict(), indent=2) + "\n"

    def _paint(self) -> None:
        rows = "".join(_row(key, entry) for key, entry in self._register.entries.items())
        head = "".join(
            f'<th scope="col">{t}</th>' for t in ("Question", "Outcome", "Attempts", "Answer")
        )
        link = f"data:application/json;charset=utf-8,{quote(self._json())}"
        self.value = (
            f'<table aria-label="Progress"><thead><tr>{head}</tr></thead>'
            f"<tbody>{rows}</tbody></table>"
            f'<p><a download="optiwidgets-progress.json" href="{link}">Keep as a file</a>. '
            "Nothing leaves this machine.</p>"
        )


def progress() -> ProgressTable:
    """Return the table of the answers in this kernel.

    Examples
    --------
    >>> table = progress()
    >>> isinstance(table.as_dict(), dict)
    True
    """
    return ProgressTable(REGISTER)


def _row(key: str, entry: Entry) -> str:
    cells = (key, str(entry.outcome), str(entry.attempts), _told(entry.answer))
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def _told(answer: Any) -> str:
    """Summarize an answer in a few words."""
    if answer is None:
        return ""
    if isinstance(answer, dict):  # the answer is a recipe
        text = ", ".join(f"{name} {value}" for name, value in answer.items() if value)
    elif isinstance(answer, tuple | list):  # the answer is a decision with its reasons
        text = "; ".join(map(_told, answer))
    else:
        text = str(answer)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
