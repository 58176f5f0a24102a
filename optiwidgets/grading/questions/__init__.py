"""Question bank: every question of the lessons, by its key "lesson.question", as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from optiwidgets.grading.checks import Question
from optiwidgets.grading.questions import (
    both,
    confusion,
    fragile,
    metrics,
    own,
    pitfalls,
    pruning,
    quantization,
    selfcheck,
    ship,
    start,
    tradeoff,
    winback,
)


def by_key(*lessons: tuple[Question, ...]) -> Mapping[str, Question]:
    """Collect the questions of several lessons, by key.

    Raises
    ------
    ValueError
        Two questions have the same key.

    Examples
    --------
    >>> sorted(by_key(start.BANK))
    ['start.goal', 'start.prune', 'start.quantize']
    """
    bank: dict[str, Question] = {}
    for question in (each for lesson in lessons for each in lesson):
        if question.key in bank:
            raise ValueError(f"two questions have the key {question.key!r}")
        bank[question.key] = question
    return MappingProxyType(bank)


QUESTIONS = by_key(
    start.BANK,
    metrics.BANK,
    confusion.BANK,
    pruning.BANK,
    quantization.BANK,
    both.BANK,
    winback.BANK,
    fragile.BANK,
    tradeoff.BANK,
    pitfalls.BANK,
    own.BANK,
    ship.BANK,
    selfcheck.BANK,
)
