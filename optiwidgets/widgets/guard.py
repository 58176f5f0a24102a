"""Nothing a browser sends is trusted: a widget message may set any trait to any JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ipywidgets import Checkbox, FloatSlider, Text, Widget
from traitlets import TraitError

HAND = {"value", "index", "selected_index", "chosen"}  # a hand's: whole numbers, as a rule
LONGEST_TEXT = 200  # characters
HARMLESS = {"_view_count"}


def guard(root: Widget, refuse: Callable[[str], None]) -> None:
    """Let messages to every widget below ``root`` change only what a hand can, validated.

    Anything else is refused: the last good state stays, goes back to the browser, and ``refuse``
    gets the reason.
    """
    for widget in _below(root, set()):
        _guard_one(widget, refuse)


def _below(widget: Widget, seen: set[str]) -> Iterator[Widget]:
    """The widget and all that its traits refer to, each once."""
    if widget.model_id in seen:
        return
    seen.add(widget.model_id)
    yield widget
    for name in widget.keys:
        value = getattr(widget, name)
        for child in value if isinstance(value, list | tuple) else (value,):
            if isinstance(child, Widget):
                yield from _below(child, seen)


def _guard_one(widget: Widget, refuse: Callable[[str], None]) -> None:
    accept = widget.set_state

    def set_state(state: dict[str, Any]) -> None:
        try:
            _check(widget, state)
            accept(state)
        except (TraitError, TypeError, ValueError) as error:
            name = getattr(widget, "description", "") or type(widget).__name__
            refuse(f"{name}: refused {_short(state)}: {_short(error)}")
            widget.send_state()

    widget.set_state = set_state


def _check(widget: Widget, state: dict[str, Any]) -> None:
    """Raise TraitError for what no hand can do: other traits, or values that no hand can give.

    A widget that takes more than a number from a hand says what, by ``check_hand(trait, value)``.
    """
    own = getattr(widget, "check_hand", None)
    for trait, value in state.items():
        if trait in HARMLESS:
            continue
        if own:
            own(trait, value)
            continue
        if trait not in HAND:
            raise TraitError(f"{trait} cannot be set from a page")
        _check_value(widget, trait, value)


def _check_value(widget: Widget, trait: str, value: Any) -> None:
    """Text is short, a box is ticked or not, all else is a number within bounds, mostly whole."""
    if isinstance(widget, Text):
        if type(value) is not str or len(value) > LONGEST_TEXT:
            raise TraitError(f"{trait} is text of {LONGEST_TEXT} characters at most")
    elif isinstance(widget, Checkbox):
        if type(value) is not bool:
            raise TraitError(f"{trait} is true or false")
    elif type(value) is not int and not _is_fraction(widget, value):
        raise TraitError(f"{trait} is a whole number")
    else:
        low, high = getattr(widget, "min", value), getattr(widget, "max", value)
        if not low <= value <= high:
            raise TraitError(f"{trait} is {low} to {high}")


def _is_fraction(widget: Widget, value: Any) -> bool:
    """Tell whether it is a number that a FloatSlider may stand at; nan is in no range."""
    return isinstance(widget, FloatSlider) and type(value) is float


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 100 else text[:97] + "..."
