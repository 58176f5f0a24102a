"""List of the bank's questions as plain data, for programs that show answers or ask aloud."""

from __future__ import annotations

from typing import Any

from optiwidgets.grading.progress import Record
from optiwidgets.grading.questions import QUESTIONS


def list_questions() -> list[dict[str, Any]]:
    """List the questions of the lessons in their order, without their answers.

    Returns
    -------
    list
        A dictionary for each: "key", "kind", "lesson", "lesson_title", "title", "prompt", and the
        "options" to choose from, empty for other kinds.

    Examples
    --------
    >>> first = list_questions()[0]
    >>> first["key"], first["lesson"], len(first["options"])
    ('start.prune', '00_start', 3)
    """
    return [_row(key) for key in QUESTIONS]


def _row(key: str) -> dict[str, Any]:
    question = QUESTIONS[key]
    record = Record.of(question)
    named = {name: getattr(record, name) for name in ("kind", "lesson", "lesson_title", "title")}
    options = list(getattr(question, "options", ()))
    return {"key": key, **named, "prompt": question.prompt, "options": options}
