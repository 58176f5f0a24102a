"""Plain data of questions, from which a page without Python asks and grades them.

The fields are those of ``questions/question.schema.json``, with fractions and numbers of worked
examples computed; figures of a run stay names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

from optiwidgets.grading.checks import (
    Decision,
    FindRecipe,
    MultipleChoice,
    Number,
    Prediction,
    Question,
    Value,
)
from optiwidgets.grading.question_files import COMMON, POLICIES, kind_of
from optiwidgets.grading.run_figures import RUN_FIGURES

LIMITS = ("max_drop", "min_drop", "min_size_cut", "min_ratio", "min_speedup")


class NeedsPythonError(ValueError):
    """A question that only Python can grade; the message gives the reason."""


def question_data(question: Question) -> dict[str, Any]:
    """Write a question as plain JSON data.

    Raises
    ------
    NeedsPythonError
        The question is of a class, has a figure or a policy that files of questions do not know.

    Examples
    --------
    >>> from optiwidgets.grading.questions import QUESTIONS
    >>> data = question_data(QUESTIONS["confusion.precision_after"])
    >>> data["kind"], round(data["value"], 2), data["slips"][0]["value"]
    ('number', 0.85, 0.9)
    >>> question_data(QUESTIONS["pruning.saved"])["value"]
    'percent_saved'
    """
    kind = kind_of(question)
    if kind not in _FIELDS:
        raise NeedsPythonError(f"{question.key} is of a class of its own: only Python grades it")
    common = {name: getattr(question, name) for name in COMMON}
    return {"kind": kind, **common, **_FIELDS[kind](question)}


def _choice(question: Question) -> dict[str, Any]:
    asked = cast(MultipleChoice, question)
    rated = zip(asked.options, asked.feedback, strict=True)
    options = [
        {"text": text, "reply": reply, "right": index == asked.right}
        for index, (text, reply) in enumerate(rated)
    ]
    return {"options": options}


def _prediction(question: Question) -> dict[str, Any]:
    asked = cast(Prediction, question)
    return {
        "options": [*asked.options],
        "reveal": asked.reveal,
        "run": asked.run,
        "at": dict(asked.at),
    }


def _number(question: Question) -> dict[str, Any]:
    asked = cast(Number, question)
    slips = [
        {"value": _value(asked, slip), "reply": reply}
        for slip, reply in asked.slips.items()
        if callable(slip) or math.isfinite(slip)  # no answer is near another one
    ]
    return {
        "value": _value(asked, asked.value),
        "tolerance": asked.tolerance,
        "unit": asked.unit,
        "share": asked.share,
        "slips": slips,
    }


def _value(question: Number, value: Value) -> float | str:
    if not callable(value):
        return _finite(question, value)
    known = [name for name, figure in RUN_FIGURES.items() if figure is value]
    if not known:
        reason = "its number is computed by a function of its own, in Python"
        raise NeedsPythonError(f"{question.key}: {reason}")
    return known[0]


def _finite(question: Question, value: float) -> float:
    if not math.isfinite(value):
        raise NeedsPythonError(f"{question.key}: a page takes finite numbers, not {value}")
    return float(value)


def _decision(question: Question) -> dict[str, Any]:
    asked = cast(Decision, question)

    def rated(texts: tuple[str, ...], right: tuple[str, ...]) -> list[dict[str, Any]]:
        return [
            {"text": each, "reply": asked.feedback[each], "right": each in right} for each in texts
        ]

    return {
        "options": rated(asked.options, (asked.right,)),
        "reasons": rated(asked.reasons, asked.good_reasons),
    }


def _recipe(question: Question) -> dict[str, Any]:
    asked = cast(FindRecipe, question)
    limits: dict[str, Any] = {
        name: _finite(asked, getattr(asked, name))
        for name in LIMITS
        if getattr(asked, name) is not None
    }
    if asked.policy is not None:
        known = [name for name, policy in POLICIES.items() if policy == asked.policy]
        if not known:
            raise NeedsPythonError(f"{question.key} is judged by a policy of its own, in Python")
        limits["policy"] = known[0]
    if asked.grades is not None:
        limits["grades"] = [*asked.grades]
    if asked.runtime:
        limits["runtime"] = asked.runtime
    return {"constraints": limits}


_FIELDS: Mapping[str, Callable[[Question], dict[str, Any]]] = MappingProxyType(
    {
        "choice": _choice,
        "prediction": _prediction,
        "number": _number,
        "decision": _decision,
        "recipe": _recipe,
    }
)
