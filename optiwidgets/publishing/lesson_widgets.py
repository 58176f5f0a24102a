"""Widgets of a lesson for a page without Python: waiting for their numbers, their state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ipywidgets import DOMWidget

from optiwidgets.session.session import Session
from optiwidgets.widgets.base.assets import stylesheets_in
from optiwidgets.widgets.pages.page_file import page_parts
from optiwidgets.widgets.security.widget_tree import widgets_below

LONGEST_S = 600  # then a lesson's background work hangs


def settle(widgets: Iterable[DOMWidget]) -> None:
    """Wait until the sessions of some widgets, and of the widgets in them, show their recipe."""
    for session in sessions_of(widgets):
        while session.stale or session.progress is not None:
            session.wait(LONGEST_S)


def sessions_of(widgets: Iterable[DOMWidget]) -> list[Session]:
    """List the sessions of some widgets and of all widgets in them, each once."""
    found: dict[int, Session] = {}
    for shown in widgets:
        for widget in (shown, *widgets_below(shown)):
            session = vars(widget).get("session")
            if isinstance(session, Session):
                found[id(session)] = session
    return [*found.values()]


def describe(widgets: Sequence[DOMWidget]) -> dict[str, Any]:
    """Describe the widgets of a page: their state, and the stylesheets that they need.

    Examples
    --------
    >>> from ipywidgets import HTML
    >>> found = describe([HTML("4 bits")])
    >>> [model["name"] for model in found["data"]["models"].values()], found["styles"]
    (['HTMLModel', 'LayoutModel', 'HTMLStyleModel'], [])
    """
    below = {one.model_id: one for shown in widgets for one in (shown, *widgets_below(shown))}
    styles = stylesheets_in(str(one._css) for one in below.values() if hasattr(one, "_css"))
    return {"data": page_parts(widgets).data, "styles": styles}
