"""The widgets that belong to a widget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ipywidgets import Widget


def widgets_below(root: Widget, besides: Sequence[Widget] = ()) -> list[Widget]:
    """List the widgets that a widget's traits and attributes refer to, directly or not.

    These are children, layouts, styles, feeds and handles, and children that are not shown at
    present. The widget itself is not listed.

    Parameters
    ----------
    root
        The widget.
    besides
        Widgets to leave out, with all that is found through them alone.

    Examples
    --------
    >>> from ipywidgets import Button, HBox
    >>> [type(widget).__name__ for widget in widgets_below(HBox([Button()]))]
    ['Button', 'Layout', 'Layout', 'ButtonStyle']
    """
    left_out = [widget for widget in besides if widget.comm is not None]  # not closed
    found = {widget.model_id: widget for widget in (root, *left_out)}
    waiting = [root]
    for widget in waiting:  # grows
        for other in _widgets_in(vars(widget)):  # traits are in it too
            if other.comm is not None and other.model_id not in found:
                found[other.model_id] = other
                waiting.append(other)
    return waiting[1:]


def _widgets_in(value: Any) -> Iterator[Widget]:
    if isinstance(value, Widget):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _widgets_in(one)
