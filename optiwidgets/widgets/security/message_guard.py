"""Validation of widget messages: an untrusted browser may set any trait to any JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from reprlib import repr as in_short
from typing import Any

from ipywidgets import BoundedFloatText, Checkbox, FloatSlider, Text, Widget
from traitlets import TraitError

from optiwidgets.widgets.security.comm_filter import install_comm_filter
from optiwidgets.widgets.security.widget_tree import widgets_below

USER_TRAITS = {"value", "index", "selected_index", "chosen"}  # set by users, mostly whole numbers
LONGEST_TEXT = 200  # characters
HARMLESS = {"_view_count"}
LONGEST_SAID = 4000  # characters in a custom message: an answer given back has texts of options
MOST_SAID = 4  # entries of a custom message, such as a click


def guard(root: Widget, refuse: Callable[[str], None], besides: Sequence[Widget] = ()) -> None:
    """Validate messages to every widget below ``root``: they may change only what a user can.

    All other messages are refused: the last valid state is kept and sent back to the browser, and
    ``refuse`` receives the reason. Widgets in ``besides``, and those below them, are left alone.
    """
    install_comm_filter(getattr(root.comm, "kernel", None))
    for widget in [root, *widgets_below(root, besides)]:
        _guard_one(widget, refuse)


def _guard_one(widget: Widget, refuse: Callable[[str], None]) -> None:
    accept, handle = widget.set_state, widget._handle_msg

    def turn_down(what: object, error: Exception) -> None:
        name = getattr(widget, "description", "") or type(widget).__name__
        refuse(f"{name}: refused {_short(what)}: {_cut(str(error))}")
        widget.send_state()

    def set_state(state: dict[str, Any]) -> None:
        try:
            _check(widget, state)
            accept(state)
        except (TraitError, TypeError, ValueError, OverflowError) as error:
            turn_down(state, error)

    def handle_message(message: dict[str, Any]) -> None:
        data = message["content"].get("data")
        try:
            check_message(data, message.get("buffers") or [])
        except TraitError as error:
            turn_down(data, error)
        else:
            handle(message)

    widget.set_state, widget._handle_msg = set_state, handle_message
    widget.comm.on_msg(handle_message)


def check_message(data: Any, buffers: Sequence[Any]) -> None:
    """Raise TraitError for a message that no widget's front end would send.

    Parameters
    ----------
    data
        The content: "update" with a state, "request_state", or "custom" with a short content.
    buffers
        The binary buffers of the message, one per trait.

    Examples
    --------
    >>> check_message({"method": "update", "state": [5]}, [])
    Traceback (most recent call last):
    ...
    traitlets.traitlets.TraitError: an update has a state by name, not [5]
    """
    method = data.get("method") if isinstance(data, dict) else None
    if method == "update":
        state, paths = data.get("state"), data.get("buffer_paths", [])
        if not isinstance(state, dict):
            raise TraitError(f"an update has a state by name, not {_short(state)}")
        names = paths if isinstance(paths, list) and len(paths) == len(buffers) else [None]
        if not all(isinstance(n, list) and len(n) == 1 and type(n[0]) is str for n in names):
            raise TraitError("buffers are of whole traits, one a name")
    elif method == "custom":
        said = data.get("content")
        if not (isinstance(said, dict) and len(said) <= MOST_SAID and not buffers):
            raise TraitError(f"a message of a widget's own is short, not {_short(said)}")
        if not all(_is_plain(value) for value in said.values()):
            raise TraitError(f"a message of a widget's own is plain, not {_short(said)}")
    elif method != "request_state":
        raise TraitError(f"method is update, request_state or custom, not {_short(method)}")


def _is_plain(value: Any) -> bool:
    short = isinstance(value, str) and len(value) <= LONGEST_SAID
    return short or value is None or isinstance(value, bool | int | float)


def _check(widget: Widget, state: dict[str, Any]) -> None:
    """Raise TraitError for traits that no user can set, or values that no control sends.

    A widget with other inputs than numbers defines ``check_user_input(trait, value)``.
    """
    own = getattr(widget, "check_user_input", None)
    for trait, value in state.items():
        if trait in HARMLESS:
            continue
        if own:
            own(trait, value)
            continue
        if trait not in USER_TRAITS:
            raise TraitError(f"{trait} cannot be set from a page")
        _check_value(widget, trait, value)


def _check_value(widget: Widget, trait: str, value: Any) -> None:
    """Check a value: short text, a boolean for a box, else a number in range, mostly whole."""
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
    """Tell whether a value may have decimals: a float for a widget with a range, never nan."""
    return isinstance(widget, FloatSlider | BoundedFloatText) and type(value) is float


def _short(value: object) -> str:
    return _cut(in_short(value))


def _cut(text: str) -> str:
    return text if len(text) <= 100 else text[:97] + "..."
