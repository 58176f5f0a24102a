"""Results of a class: for each question how many answered and how, and students by lessons."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from optiwidgets.hosting.classes.answer_store import CORRECT, OPEN, Work

WRONG_SHOWN = 3  # most common first wrong answers of a question
LONGEST_WORDS = 200  # characters of an answer in a table
MOST_OTHERS = 100  # questions that are in no file of the package: their keys come from pages
PREDICTION = "prediction"


@dataclass(frozen=True)
class QuestionResult:
    """Answers to a question: numbers of students.

    ``right`` is None for a prediction, which is never right or wrong. ``first_wrong`` has pairs of
    a first wrong answer and the number of students who gave it, the most common first.
    """

    lesson: str
    key: str
    title: str
    answered: int
    right: int | None
    hints: int
    solutions: int
    first_wrong: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class StudentResult:
    """Answers of a student: for each lesson, numbers of graded questions (right, answered)."""

    number: int
    name: str
    lessons: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Results:
    """Results of a class.

    ``asked`` has the number of questions of each lesson, in order; 0 if it is not known.
    ``left_out`` is the number of questions that no table shows.
    """

    questions: tuple[QuestionResult, ...]
    students: tuple[StudentResult, ...]
    asked: Mapping[str, int]
    left_out: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {"schema": "class-results/1", **asdict(self)}


def results_of(
    works: Iterable[tuple[str, Work]],
    numbers: Mapping[str, int],
    names: Mapping[str, str],
    known: Iterable[Mapping[str, Any]],
) -> Results:
    """Compute the results of a class.

    Parameters
    ----------
    works
        Students with their work, one pair a question.
    numbers, names
        Numbers and names of students; those without a number are left out.
    known
        Questions as ``ow.list_questions()`` lists them.

    Examples
    --------
    >>> work = Work("map.ill", "10_which_metric", "incorrect", 1, '"5"', first_wrong='"5"')
    >>> results = results_of([("a", work)], {"a": 1, "b": 2}, {}, [])
    >>> results.questions[0].first_wrong, results.students[0].lessons
    ((('5', 1),), {'10_which_metric': (0, 1)})

    A prediction is never right or wrong, and counts among no student's answers:

    >>> guess = Work("mine.guess", "10_which_metric", "correct", 1, '"yes"')
    >>> listed = [{"key": "mine.guess", "kind": "prediction", "lesson": "10", "title": "Guess"}]
    >>> found = results_of([("a", guess)], {"a": 1}, {}, listed)
    >>> found.questions[0].right, found.students[0].lessons
    (None, {})
    """
    given = [(student, work) for student, work in works if student in numbers]
    rows = {each["key"]: each for each in known}
    by_question: dict[str, list[Work]] = {}
    for _, work in given:
        by_question.setdefault(work.question, []).append(work)
    listed = [_question(rows.get(key), key, list_) for key, list_ in by_question.items()]
    of_files = sorted((q for q in listed if q.key in rows), key=lambda q: [*rows].index(q.key))
    others = sorted((q for q in listed if q.key not in rows), key=lambda q: (-q.answered, q.key))
    predictions = {key for key, row in rows.items() if row["kind"] == PREDICTION}
    graded = [pair for pair in given if pair[1].question not in predictions]
    counted = [row for key, row in rows.items() if key not in predictions]
    asked = _asked(counted, (work.lesson for _, work in given))
    return Results(
        (*of_files, *others[:MOST_OTHERS]),
        tuple(
            _student(student, numbers, names, graded)
            for student in sorted(numbers, key=numbers.__getitem__)
        ),
        asked,
        max(0, len(others) - MOST_OTHERS),
    )


def _asked(rows: Iterable[Mapping[str, Any]], seen: Iterable[str]) -> dict[str, int]:
    """Count the graded questions of the lessons that were worked on."""
    counts = Counter(row["lesson"] for row in rows)
    return {lesson: counts[lesson] for lesson in sorted(set(seen))}


def _question(row: Mapping[str, Any] | None, key: str, works: list[Work]) -> QuestionResult:
    wrong = Counter(words(work.first_wrong) for work in works if work.first_wrong is not None)
    is_prediction = row is not None and row["kind"] == PREDICTION
    return QuestionResult(
        lesson=row["lesson"] if row else works[0].lesson,
        key=key,
        title=row["title"] if row else key,
        answered=sum(work.outcome != OPEN for work in works),
        right=None if is_prediction else sum(work.outcome == CORRECT for work in works),
        hints=sum(work.hint for work in works),
        solutions=sum(work.solution for work in works),
        first_wrong=tuple(wrong.most_common(WRONG_SHOWN)),
    )


def _student(
    student: str,
    numbers: Mapping[str, int],
    names: Mapping[str, str],
    given: Iterable[tuple[str, Work]],
) -> StudentResult:
    lessons: dict[str, tuple[int, int]] = {}
    for _, work in (pair for pair in given if pair[0] == student and pair[1].outcome != OPEN):
        right, answered = lessons.get(work.lesson, (0, 0))
        lessons[work.lesson] = (right + (work.outcome == CORRECT), answered + 1)
    return StudentResult(numbers[student], names.get(student, ""), lessons)


def words(answer: str) -> str:
    """Write an answer, given as JSON, in words; long ones are shortened.

    Examples
    --------
    >>> words('["no", ["it rains"]]'), words('{"bits": 8, "score": "", "sparsity": 0.0}')
    ('no; it rains', 'bits 8')
    """
    told = _words(json.loads(answer))
    return told if len(told) <= LONGEST_WORDS else f"{told[: LONGEST_WORDS - 3]}..."


def _words(answer: Any) -> str:
    if isinstance(answer, dict):  # a recipe
        return ", ".join(f"{name} {_words(value)}" for name, value in answer.items() if value)
    if isinstance(answer, list):  # a decision and its reasons
        return "; ".join(filter(None, map(_words, answer)))
    return "" if answer is None else str(answer)
