"""Answer fields: stock widgets for each type of question."""

from __future__ import annotations

from typing import Any, Protocol

from ipywidgets import HTML, Checkbox, DOMWidget, RadioButtons, Text, VBox

from optiwidgets.grading.checks import Decision, FindRecipe, Number, Question
from optiwidgets.texts import plural, text


class Field(Protocol):
    """Widget that holds an answer, None or empty at first; ``inputs`` are its controls."""

    answer: Any
    disabled: bool
    inputs: tuple[DOMWidget, ...]

    def adopt(self, choice: int | None, reasons: tuple[int, ...], text: str) -> None:
        """Set the answer that the page shows: option, ticked reasons, text of a number."""


def field_for(question: Question) -> Field:
    """Create the field for a question.

    Examples
    --------
    >>> from optiwidgets.grading.questions import QUESTIONS
    >>> type(field_for(QUESTIONS["confusion.precision_after"])).__name__
    'NumberField'
    """
    if isinstance(question, Number):
        return NumberField(question)
    if isinstance(question, Decision):
        return DecisionField(question.options, question.reasons)
    if isinstance(question, FindRecipe):
        return RecipeField()
    options: tuple[str, ...] = getattr(question, "options", ())
    return ChoiceField(options)


class ChoiceField(RadioButtons):
    """Choice between several texts; can be set by text or index.

    Examples
    --------
    >>> field = ChoiceField(("yes", "no"))
    >>> field.answer = 1
    >>> field.answer
    'no'
    """

    def __init__(self, options: tuple[str, ...]) -> None:
        super().__init__(options=options, value=None)
        self.inputs = (self,)
        self.add_class("ow-options")

    @property
    def answer(self) -> str | None:
        """The chosen option, or None."""
        value: str | None = self.value
        return value

    @answer.setter
    def answer(self, given: str | int | None) -> None:
        self.value = self.options[given] if isinstance(given, int) else given

    def adopt(self, choice: int | None, reasons: tuple[int, ...], text: str) -> None:
        """Set the chosen option."""
        self.answer = choice


class NumberField(Text):
    """Number in usual notation, "0,85" or "85 %"; the empty field names unit and decimals."""

    def __init__(self, question: Number) -> None:
        super().__init__(placeholder=_wanted(question), continuous_update=False)
        self.inputs = (self,)
        self.add_class("ow-number")

    @property
    def answer(self) -> str:
        """Text of the field."""
        text: str = self.value
        return text

    @answer.setter
    def answer(self, given: object) -> None:
        self.value = "" if given is None else str(given)

    def adopt(self, choice: int | None, reasons: tuple[int, ...], text: str) -> None:
        """Set the text."""
        self.value = text


class DecisionField(VBox):
    """Decision, and boxes to tick for its reasons."""

    def __init__(self, options: tuple[str, ...], reasons: tuple[str, ...]) -> None:
        self.decision = ChoiceField(options)
        self.boxes = [Checkbox(description=reason, indent=False) for reason in reasons]
        self.inputs = (self.decision, *self.boxes)
        because = HTML(f"<p>{text('Because (tick what speaks for it):')}</p>")
        super().__init__([self.decision, because, VBox(self.boxes).add_class("ow-reasons")])

    @property
    def answer(self) -> tuple[str | None, tuple[str, ...]]:
        """The decision (or None) and the ticked reasons."""
        return self.decision.answer, tuple(box.description for box in self.boxes if box.value)

    @answer.setter
    def answer(self, given: tuple[str | int | None, Any] | None) -> None:
        decision, reasons = given or (None, ())
        chosen = [self.boxes[r].description if isinstance(r, int) else r for r in reasons]
        self.decision.answer = decision
        for box in self.boxes:
            box.value = box.description in chosen

    def adopt(self, choice: int | None, reasons: tuple[int, ...], text: str) -> None:
        """Set the decision and the ticked reasons."""
        self.answer = choice, reasons

    @property
    def disabled(self) -> bool:
        """True if the field accepts no more answers."""
        return bool(self.decision.disabled)

    @disabled.setter
    def disabled(self, off: bool) -> None:
        for widget in self.inputs:
            widget.disabled = off


class RecipeField(HTML):
    """Field without inputs: the answer is the recipe that the controls stand for."""

    answer: Any = None
    disabled = False
    inputs = ()

    def __init__(self) -> None:
        super().__init__(f"<p>{text('Set the controls, then check.')}</p>")

    def adopt(self, choice: int | None, reasons: tuple[int, ...], text: str) -> None:
        """Do nothing: the answer is not in this field."""


def _wanted(question: Number) -> str:
    """Describe the number that a question asks for.

    Examples
    --------
    >>> from optiwidgets.grading.questions import QUESTIONS
    >>> _wanted(QUESTIONS["map.ill"]), _wanted(QUESTIONS["confusion.drop"])
    ('0 to 1, to 2 decimals', 'a number, in points, to 1 decimal')
    """
    if question.share:
        return text("0 to 1, to 2 decimals")
    places = 0 if question.tolerance >= 0.5 else 1 if question.tolerance >= 0.05 else 2
    decimals = plural("{n} decimal", "{n} decimals", places)
    if not question.unit:
        return text("a number, to {decimals}", decimals=decimals) if places else text("a number")
    unit = text(question.unit)
    if not places:
        return text("a number, in {unit}", unit=unit)
    return text("a number, in {unit}, to {decimals}", unit=unit, decimals=decimals)
