"""Roles of questions and live texts on a page without a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

from ipywidgets import Widget

from optiwidgets.grading.checks import Question
from optiwidgets.grading.progress import Record
from optiwidgets.grading.question_data import NeedsPythonError, question_data
from optiwidgets.version import __version__
from optiwidgets.widgets.base.gated_button import GatedButton
from optiwidgets.widgets.lesson.answer_fields import Field


class QuestionCard(Protocol):
    """Parts of a ``Quiz`` that its role refers to."""

    model_id: str
    question: Question
    owner: str
    card: Widget
    said: Widget
    why: Widget
    then: Widget | None
    field: Field
    buttons: Mapping[str, GatedButton]


def reference(widget: Widget) -> str:
    """Refer to a widget as models do.

    Examples
    --------
    >>> from ipywidgets import HTML
    >>> reference(HTML()).startswith("IPY_MODEL_")
    True
    """
    return f"IPY_MODEL_{widget.model_id}"


def owner_of(source: Any) -> str:
    """Return the id of the widget whose session is asked; "" for a session without a widget.

    An id is no reference to the widget: closing the question leaves its explorer open.

    Examples
    --------
    >>> owner_of(None)
    ''
    """
    return str(source.model_id) if isinstance(source, Widget) else ""


def quiz_role(quiz: QuestionCard) -> dict[str, Any] | None:
    """Describe a question and the widgets of its card; None if only Python can grade it.

    Examples
    --------
    >>> from optiwidgets.widgets.lesson.quiz import ask
    >>> role = ask("start.goal").page_role()
    >>> role["role"], role["question"]["kind"], role["record"]["lesson"], len(role["inputs"])
    ('quiz', 'choice', '00_start', 1)
    """
    try:
        data = question_data(quiz.question)
    except NeedsPythonError:
        return None
    record = asdict(Record.of(quiz.question))
    return {
        "role": "quiz",
        "version": __version__,
        "question": data,
        "record": record | {"submissions": [], "outcome": str(record["outcome"])},
        "owner": quiz.owner,
        "root": f"IPY_MODEL_{quiz.model_id}",
        "card": reference(quiz.card),
        "said": reference(quiz.said),
        "why": reference(quiz.why),
        "then": None if quiz.then is None else reference(quiz.then),
        "inputs": [reference(each) for each in quiz.field.inputs],
        "buttons": {name: reference(each) for name, each in quiz.buttons.items()},
    }
