"""Work on a question as a page of a class sends it to the server, and gives it back later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from optiwidgets.engine.types.report import Report
from optiwidgets.grading.checks import Outcome, Question
from optiwidgets.grading.progress import Record

SENT = "attempts", "answer", "hint", "solution"
MOST_ATTEMPTS = 1_000_000


def work_on(record: Record) -> dict[str, Any]:
    """Write the learner's part of a record as plain data.

    Examples
    --------
    >>> work_on(Record(outcome=Outcome.CORRECT, attempts=2, answer="0.85"))["attempts"]
    2
    """
    return {"outcome": str(record.outcome), **{name: getattr(record, name) for name in SENT}}


def read_work(text: str) -> dict[str, Any]:
    """Read the learner's part of a record, as a page sends it: JSON.

    Raises
    ------
    ValueError
        It is no JSON, or no record.

    Examples
    --------
    >>> read_work('{"attempts": 2}')
    {'attempts': 2}
    """
    try:
        work = json.loads(text)
    except RecursionError as error:
        raise ValueError("the record is nested too deeply") from error
    if not isinstance(work, dict):
        raise ValueError("a record has fields")
    return work


def record_of(question: Question, work: Mapping[str, Any]) -> Record:
    """Read the learner's part of a record; it is trusted as a file of progress is.

    Raises
    ------
    ValueError
        A field is missing or of another kind; the message names it.

    Examples
    --------
    >>> from optiwidgets.grading.questions import QUESTIONS
    >>> work = work_on(Record(outcome=Outcome.INCORRECT, attempts=1, answer="2"))
    >>> record_of(QUESTIONS["map.ill"], work).attempts
    1
    >>> record_of(QUESTIONS["map.ill"], work | {"attempts": "many"})
    Traceback (most recent call last):
    ...
    ValueError: attempts is a whole number from 0 to 1,000,000, not 'many'
    """
    missing = {"outcome", *SENT} - set(work)
    if missing:
        raise ValueError(f"{min(missing)} is missing")
    attempts = work["attempts"]
    if type(attempts) is not int or not 0 <= attempts <= MOST_ATTEMPTS:
        raise ValueError(
            f"attempts is a whole number from 0 to {MOST_ATTEMPTS:,}, not {attempts!r}"
        )
    for name in ("hint", "solution"):
        if not isinstance(work[name], bool):
            raise ValueError(f"{name} is true or false, not {work[name]!r}")
    outcome = Outcome(work["outcome"])
    return replace(Record.of(question), outcome=outcome, **{name: work[name] for name in SENT})


def plain_answer(answer: Any) -> Any:
    """Convert an answer to JSON values; a report becomes its recipe.

    Examples
    --------
    >>> plain_answer("0.85")
    '0.85'
    """
    return answer.recipe.as_dict() if isinstance(answer, Report) else answer
