"""Progress of a learner, ``progress/1``: one record a question, as plain data with a checksum.

The schema is ``progress.schema.json``. The checksum finds accidents, such as a file that was cut or
edited. It is no protection against cheating: whoever edits a file can compute it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from math import isfinite
from typing import Any

from optiwidgets.grading.checks import Outcome, Question
from optiwidgets.grading.question_files import kind_of
from optiwidgets.grading.questions import QUESTIONS, bank_file, in_english
from optiwidgets.texts import mark, text
from optiwidgets.version import __version__

SCHEMA = "progress/1"
LONGEST_TITLE = 60  # characters of a prompt that stands for a missing title
OUTCOMES = {
    Outcome.CORRECT: mark("correct"),
    Outcome.INCORRECT: mark("incorrect"),
    Outcome.NOT_ATTEMPTED: mark("not attempted"),
}


@dataclass(frozen=True)
class Record:
    """State of one question, with the English words of the bank in every language.

    ``answer`` is plain JSON, ``answered`` the UTC time of that answer.
    """

    kind: str = "other"
    lesson: str = ""
    lesson_title: str = ""
    title: str = ""
    outcome: Outcome = Outcome.NOT_ATTEMPTED
    attempts: int = 0
    answer: Any = None
    answered: str | None = None
    hint: bool = False
    solution: bool = False
    submissions: tuple[str, ...] = ()

    @classmethod
    def of(cls, question: Question) -> Record:
        """Make the record of a question that nobody has answered.

        Examples
        --------
        >>> record = Record.of(QUESTIONS["map.ill"])
        >>> record.lesson_title, record.title, str(record.outcome)
        ('Which metric matters?', 'Average precision of ill', 'not attempted')
        """
        title = in_english(question.key, question.title) or question.prompt[:LONGEST_TITLE]
        if QUESTIONS.get(question.key) != question:
            return cls(kind=kind_of(question), title=title)
        file = bank_file(question.key.partition(".")[0])
        about = in_english(question.key, file.title)
        return cls(kind_of(question), file.lesson, about, title)

    @property
    def told(self) -> str:
        """Outcome in a word; a prediction is noted, never right or wrong."""
        noted = self.kind == "prediction" and self.outcome is Outcome.CORRECT
        return text("noted") if noted else text(OUTCOMES[self.outcome])


def merged(one: Mapping[str, Record], other: Mapping[str, Record]) -> dict[str, Record]:
    """Merge the records of two kernels or files; of two for one question, the better or newer.

    Attempts are the larger number of the two, so that merging a file twice counts nothing twice.

    Examples
    --------
    >>> wrong = Record(outcome=Outcome.INCORRECT, attempts=3, answer="1")
    >>> right = Record(outcome=Outcome.CORRECT, attempts=1, answer="2", hint=True)
    >>> both = merged({"a": wrong}, {"a": right, "b": wrong})
    >>> str(both["a"].outcome), both["a"].attempts, both["a"].answer, list(both)
    ('correct', 3, '2', ['a', 'b'])
    """
    both = dict(one)
    for key, record in other.items():
        both[key] = _better(both[key], record) if key in both else record
    return both


def _better(one: Record, other: Record) -> Record:
    def rank(record: Record) -> tuple[bool, str, int]:
        return record.outcome is Outcome.CORRECT, record.answered or "", record.attempts

    best = max(one, other, key=rank)
    known = one if one.title else other
    return replace(
        best,
        **{name: getattr(known, name) for name in ("kind", "lesson", "lesson_title", "title")},
        attempts=max(one.attempts, other.attempts),
        hint=one.hint or other.hint,
        solution=one.solution or other.solution,
        submissions=tuple(dict.fromkeys(one.submissions + other.submissions)),
    )


def as_document(records: Mapping[str, Record], saved: datetime | None = None) -> dict[str, Any]:
    """Make the plain data of ``progress/1``.

    Examples
    --------
    >>> document = as_document({"demo": Record(answer=("yes", ["it rains"]))})
    >>> document["schema"], document["answers"]["demo"]["answer"]
    ('progress/1', ['yes', ['it rains']])
    >>> document["checksum"] == checksum(document)
    True
    """
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "version": __version__,
        "saved": utc(saved or datetime.now(UTC)),
        "answers": {key: asdict(record) for key, record in records.items()},
    }
    plain: dict[str, Any] = json.loads(
        json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")  # lone surrogates
    )
    return plain | {"checksum": checksum(plain)}


def utc(moment: datetime) -> str:
    """Format a time in UTC, to the second.

    Examples
    --------
    >>> utc(datetime(2026, 11, 30, 12, tzinfo=UTC))
    '2026-11-30T12:00:00Z'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def checksum(document: Mapping[str, Any]) -> str:
    """Compute the SHA-256 of all fields but the checksum, as canonical JSON (RFC 8785).

    Examples
    --------
    >>> checksum({"b": 1.0, "a": "x"}) == checksum({"a": "x", "b": 1, "checksum": "?"})
    True
    """
    plain = {key: value for key, value in document.items() if key != "checksum"}
    return f"sha256:{sha256(canonical(plain).encode('utf-8', 'surrogatepass')).hexdigest()}"


def canonical(value: Any) -> str:
    """Write JSON so that equal data gives equal text in every language (RFC 8785).

    Numbers that JSON does not have (nan, infinite) become null.

    Examples
    --------
    >>> canonical({"b": [1.0, 0.5, 1e-7, None], "a": True})
    '{"a":true,"b":[1,0.5,1e-7,null]}'
    """
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        inside = (f"{canonical(name)}:{canonical(value[name])}" for name in names)
        return f"{{{','.join(inside)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(canonical, value))}]"
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """Format a number as JavaScript does."""
    size = abs(value)
    if not isfinite(value):
        return "null"
    if value == int(value) and size < 1e21:
        return str(int(value))
    digits, _, exponent = f"{value!r}".partition("e")
    if not exponent:
        return digits
    if 1e-6 <= size < 1:
        return f"{value:.{len(digits.replace('.', '').lstrip('-')) - 1 - int(exponent)}f}"
    return f"{digits}e{int(exponent):+d}"
