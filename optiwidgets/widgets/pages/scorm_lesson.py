"""Lesson for a learning platform: its questions as JSON, and the script of its page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from optiwidgets.grading.checks import Question
from optiwidgets.grading.progress import Record
from optiwidgets.widgets.base.assets import ServedModule, load_esm

MAX_QUESTIONS = 60  # outcomes of more may not fit into the 4,096 characters that a platform keeps
START = "export default { start };\n"


class _Served:
    module: ServedModule = load_esm(__file__, "scorm_page")


def lesson_data(
    name: str,
    title: str,
    questions: Sequence[Question],
    *,
    passing: float = 60,
    pages: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Describe a lesson for ``scorm_page.js``.

    Parameters
    ----------
    name, title
        Name without an ending, and title of the lesson.
    questions
        Questions that the page asks and grades.
    passing
        Score from which a lesson with all questions answered is passed, 0..100.
    pages
        Titles of all lessons of the package, by the names of their pages.

    Raises
    ------
    ValueError
        Too many questions, or a passing score outside of 0..100.

    Examples
    --------
    >>> from optiwidgets.grading.questions import QUESTIONS
    >>> data = lesson_data("30_pruning", "Pruning", [QUESTIONS["pruning.magnitude"]])
    >>> data["questions"][0]["kind"], len(data["questions"][0]["options"]), len(data["edition"])
    ('choice', 4, 8)
    """
    if len(questions) > MAX_QUESTIONS:
        raise ValueError(f"{name} has {len(questions)} questions; {MAX_QUESTIONS} fit")
    check_passing(passing)
    asked = [_asked(question) for question in questions]
    edition = sha256(json.dumps(asked).encode()).hexdigest()[:8]
    return {
        "name": name,
        "title": title,
        "edition": edition,
        "passing": passing,
        "questions": asked,
        "pages": dict(pages or {}),
    }


def check_passing(passing: float) -> None:
    """Check that a passing score is from 0 to 100.

    Raises
    ------
    ValueError
        It is not.

    Examples
    --------
    >>> check_passing(60)
    """
    if not 0 <= passing <= 100:
        raise ValueError(f"the passing score is from 0 to 100 %, not {passing:g}")


def _asked(question: Question) -> dict[str, Any]:
    record = Record.of(question)
    told = {name: getattr(record, name) for name in ("kind", "lesson", "lesson_title", "title")}
    texts = {name: [*getattr(question, name, ())] for name in ("options", "reasons")}
    return {"key": question.key, **told, **texts}


def lesson_script(lesson: Mapping[str, Any]) -> str:
    """Write the script of a lesson's page: a classic one, so that it runs before all others.

    Examples
    --------
    >>> script = lesson_script(lesson_data("30_pruning", "</script>", []))
    >>> script.startswith("(() => {"), "</script>" in script, "export" in script
    (True, False, False)
    """
    body = _Served.module
    if not body.endswith(START):
        raise ValueError(f"scorm_page.js ends with {START!r}")
    data = json.dumps(lesson).replace("<", "\\u003c")
    return f'(() => {{\n"use strict";\n{body.removesuffix(START)}start({data});\n}})();\n'
