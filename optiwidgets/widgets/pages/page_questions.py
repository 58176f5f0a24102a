"""Questions and live texts of a lesson as JSON, for pages without a kernel."""

from __future__ import annotations

from typing import Any

from optiwidgets.grading.question_data import NeedsPythonError, question_data
from optiwidgets.grading.questions import QUESTIONS, TEXTS, bank_file


def lesson_questions(lesson: str) -> dict[str, Any]:
    """Collect the questions and live texts of a lesson, in the language in use.

    Parameters
    ----------
    lesson
        Name of its notebook without the ending.

    Returns
    -------
    dict
        "lesson", "title", "questions" and "texts" by key, and "needs_python": the keys of
        questions that only Python can grade, with the reason.

    Raises
    ------
    ValueError
        The lesson has no question and no live text.

    Examples
    --------
    >>> found = lesson_questions("00_start")
    >>> found["title"], list(found["questions"])
    ('Smaller, faster, and still right?', ['start.prune', 'start.quantize', 'start.goal'])
    """
    found: dict[str, Any] = {"lesson": lesson, "questions": {}, "texts": {}, "needs_python": {}}
    for key, question in QUESTIONS.items():
        if _file(key).lesson != lesson:
            continue
        try:
            found["questions"][key] = question_data(question)
        except NeedsPythonError as error:
            found["needs_python"][key] = str(error)
    found["texts"] = {key: said for key, said in TEXTS.items() if _file(key).lesson == lesson}
    titles = [_file(key).title for key in (*found["questions"], *found["texts"])]
    if not titles:
        raise ValueError(f"there are no questions of {lesson!r}")
    return found | {"title": titles[0]}


def _file(key: str) -> Any:
    return bank_file(key.partition(".")[0])
