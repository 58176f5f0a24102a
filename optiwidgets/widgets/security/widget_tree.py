"""The widgets that belong to a widget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ipywidgets import Widget


def widgets_below(root: Widget) -> list[Widget]:
    """List the widgets that a widget's traits and attributes refer to, directly or not.

    These are children, layouts, styles, feeds and handles, and children that are not shown at
    present. The widget itself is not listed.

    Examples
    --------
    >>> from ipywidgets import Button, HBox
    >>> [type(widget).__name__ for widget in widgets_below(HBox([Button()]))]
    ['Button', 'Layout', 'Layout', 'ButtonStyle']
    """
    found = {root.model_id: root}
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
