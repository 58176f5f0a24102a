"""Answers of a class in its store: the work of each student on each question, lesson last seen.

Answers come from pages and are trusted as a file of progress is: a student may forge their own, and
nobody else's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from optiwidgets.hosting.classes.class_store import ClassStore
from optiwidgets.hosting.classes.vote_forms import RefusedError, is_whole

CORRECT, INCORRECT, OPEN = "correct", "incorrect", "not attempted"
LONGEST_KEY, LONGEST_ANSWER = 100, 4000  # characters; of an answer as JSON
MOST_ATTEMPTS, MOST_QUESTIONS = 1_000_000, 300  # of a student
WORK = {"outcome", "attempts", "answer", "hint", "solution"}
TABLES = """
CREATE TABLE IF NOT EXISTS answers (
  student TEXT NOT NULL REFERENCES students(id) ON DELETE CASCADE, question TEXT NOT NULL,
  lesson TEXT NOT NULL, outcome TEXT NOT NULL, attempts INTEGER NOT NULL, answer TEXT NOT NULL,
  hint INTEGER NOT NULL, solution INTEGER NOT NULL, first_wrong TEXT, at REAL NOT NULL,
  PRIMARY KEY (student, question)
);
CREATE TABLE IF NOT EXISTS visits (
  student TEXT PRIMARY KEY REFERENCES students(id) ON DELETE CASCADE, lesson TEXT NOT NULL,
  at REAL NOT NULL
);
"""
COLUMNS = "question, lesson, outcome, attempts, answer, hint, solution, first_wrong, at"


@dataclass(frozen=True)
class Work:
    """Work of a student on a question.

    ``answer`` and ``first_wrong`` are JSON; the latter is None until an answer was wrong. ``at`` is
    the time of the last change, in seconds since 1970.
    """

    question: str
    lesson: str
    outcome: str = OPEN
    attempts: int = 0
    answer: str = "null"
    hint: bool = False
    solution: bool = False
    first_wrong: str | None = None
    at: float = 0.0

    def shown(self) -> dict[str, Any]:
        """Describe the work for the student's own page."""
        told = {name: getattr(self, name) for name in ("outcome", "attempts", "hint", "solution")}
        return told | {"answer": json.loads(self.answer)}


def read_work(question: object, lesson: str, told: object) -> Work:
    """Read the work on a question from a page's message.

    Raises
    ------
    RefusedError
        A field is missing, unknown, of another type or out of its range.

    Examples
    --------
    >>> told = {"outcome": "incorrect", "attempts": 1, "answer": "5", "hint": True}
    >>> read_work("map.ill", "10_which_metric", told | {"solution": False}).first_wrong
    '"5"'
    >>> read_work("map.ill", "10_which_metric", told)
    Traceback (most recent call last):
    ...
    optiwidgets.hosting.classes.vote_forms.RefusedError: work on a question has the fields answer,
    attempts, hint, outcome, solution
    """
    if not (isinstance(question, str) and question.isprintable()):
        raise RefusedError("the key of a question is a text without control characters")
    if not 1 <= len(question) <= LONGEST_KEY:
        raise RefusedError(f"the key of a question has 1 to {LONGEST_KEY} characters")
    if not isinstance(told, dict) or set(told) != WORK:
        raise RefusedError(f"work on a question has the fields {', '.join(sorted(WORK))}")
    outcome, attempts = told["outcome"], told["attempts"]
    if outcome not in (CORRECT, INCORRECT, OPEN):
        raise RefusedError(f"an outcome is {CORRECT!r}, {INCORRECT!r} or {OPEN!r}")
    if not (is_whole(attempts) and 0 <= attempts <= MOST_ATTEMPTS):
        raise RefusedError(f"attempts are a whole number from 0 to {MOST_ATTEMPTS:,}")
    if not (isinstance(told["hint"], bool) and isinstance(told["solution"], bool)):
        raise RefusedError("hint and solution are true or false")
    answer = _json(told["answer"])
    wrong = answer if outcome == INCORRECT else None
    seen = {"hint": told["hint"], "solution": told["solution"]}
    return Work(question, lesson, outcome, attempts, answer, **seen, first_wrong=wrong)


def _json(answer: object) -> str:
    try:
        written = json.dumps(answer, ensure_ascii=False, allow_nan=False)
        written.encode()  # a half of a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise RefusedError("an answer is plain data of text and finite numbers") from error
    if len(written) > LONGEST_ANSWER:
        raise RefusedError(f"an answer has at most {LONGEST_ANSWER:,} characters")
    return written


def merged(known: Work, new: Work) -> Work:
    """Merge new work into that of a store, as files of progress are merged.

    A right answer stays; the first wrong one too. Attempts are the larger number, so that a message
    that arrives twice counts once.

    Examples
    --------
    >>> wrong = Work("q", "l", INCORRECT, 1, "4", first_wrong="4")
    >>> both = merged(wrong, Work("q", "l", CORRECT, 2, "5", hint=True))
    >>> both.outcome, both.attempts, both.answer, both.first_wrong, both.hint
    ('correct', 2, '5', '4', True)
    >>> merged(both, wrong).outcome
    'correct'
    """
    ranks = {CORRECT: 2, INCORRECT: 1, OPEN: 0}
    best = max(new, known, key=lambda work: (ranks[work.outcome], work.attempts))
    return replace(
        best,
        attempts=max(known.attempts, new.attempts),
        hint=known.hint or new.hint,
        solution=known.solution or new.solution,
        first_wrong=new.first_wrong if known.first_wrong is None else known.first_wrong,
    )


class AnswerStore:
    """Tables of answers, and of the lesson that each student saw last.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> store = ClassStore(Path(tempfile.mkdtemp()) / "class")
    >>> answers = AnswerStore(store)
    >>> answers.add("a browser", Work("map.ill", "10_which_metric", INCORRECT, 1, '"5"')).attempts
    1
    >>> list(answers.of("a browser"))
    ['map.ill']
    >>> store.close()
    """

    def __init__(self, store: ClassStore) -> None:
        self._store = store
        store.connection.executescript(TABLES)

    def add(self, student: str, new: Work) -> Work:
        """Merge work into a student's, and return the whole; it is committed then.

        Raises
        ------
        RefusedError
            The student has answered too many questions.
        """
        self._store.number_of(student)
        with self._store.transaction() as connection:
            query = f"SELECT {COLUMNS} FROM answers WHERE student = ? AND question = ?"
            found = connection.execute(query, (student, new.question)).fetchone()
            if found is None:
                count = "SELECT count(*) FROM answers WHERE student = ?"
                if connection.execute(count, (student,)).fetchone()[0] >= MOST_QUESTIONS:
                    raise RefusedError(f"a class keeps {MOST_QUESTIONS} questions of a student")
            whole = replace(merged(_work(found), new) if found else new, at=time.time())
            values = (student, *(getattr(whole, name) for name in COLUMNS.split(", ")))
            marks = ", ".join("?" * len(values))
            connection.execute(
                f"REPLACE INTO answers (student, {COLUMNS}) VALUES ({marks})", values
            )
        return whole

    def of(self, student: str) -> Mapping[str, Work]:
        """Return the work of a student, by question."""
        query = f"SELECT {COLUMNS} FROM answers WHERE student = ? ORDER BY at"
        rows = self._store.connection.execute(query, (student,))
        return {work.question: work for work in map(_work, rows)}

    def all(self) -> list[tuple[str, Work]]:
        """Return students with their work, one pair a question."""
        rows = self._store.connection.execute(f"SELECT student, {COLUMNS} FROM answers ORDER BY at")
        return [(student, _work(row)) for student, *row in rows]

    def visit(self, student: str, lesson: str) -> None:
        """Write the lesson that a student sees now."""
        self._store.number_of(student)
        put = (
            "INSERT INTO visits VALUES (?, ?, ?) ON CONFLICT (student) "
            "DO UPDATE SET lesson = excluded.lesson, at = excluded.at"
        )
        self._store.connection.execute(put, (student, lesson, time.time()))

    def last_seen(self, student: str) -> str:
        """Return the lesson that a student saw last; empty if none."""
        query = "SELECT lesson FROM visits WHERE student = ?"
        found = self._store.connection.execute(query, (student,)).fetchone()
        return str(found[0]) if found else ""


def _work(row: Any) -> Work:
    question, lesson, outcome, attempts, answer, hint, solution, wrong, at = row
    seen = {"hint": bool(hint), "solution": bool(solution)}
    return Work(question, lesson, outcome, attempts, answer, **seen, first_wrong=wrong, at=at)
