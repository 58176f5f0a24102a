"""Widgets of a lesson for a page without Python: waiting for their numbers, their state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ipywidgets import DOMWidget

from optiwidgets.session.session import Session
from optiwidgets.widgets.base.assets import stylesheets_in
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.pages.page_file import page_parts, page_widgets
from optiwidgets.widgets.pages.python_places import lesson_places

LONGEST_S = 600  # then a lesson's background work hangs


def settle(widgets: Iterable[DOMWidget]) -> None:
    """Wait until the sessions of some widgets, and of the widgets in them, show their recipe."""
    for session in sessions_of(widgets):
        while session.stale or session.progress is not None:
            session.wait(LONGEST_S)


def sessions_of(widgets: Iterable[DOMWidget]) -> list[Session]:
    """List the sessions of some widgets and of all widgets in them, each once."""
    found: dict[int, Session] = {}
    for widget in page_widgets(widgets).values():
        session = vars(widget).get("session")
        if isinstance(session, Session):
            found[id(session)] = session
    return [*found.values()]


def describe(widgets: Sequence[DOMWidget], lesson: str) -> dict[str, Any]:
    """Describe the widgets of a lesson's page: their state, and the stylesheets that they need.

    Examples
    --------
    >>> from ipywidgets import HTML
    >>> found = describe([HTML("4 bits")], "30_pruning")
    >>> [model["name"] for model in found["data"]["models"].values()], found["styles"]
    (['HTMLModel', 'LayoutModel', 'HTMLStyleModel'], [])
    """
    every = page_widgets(widgets).values()
    styles = stylesheets_in(str(one._css) for one in every if hasattr(one, "_css"))
    parts = page_parts(widgets, places=lesson_places(lesson))
    return {"data": parts.data, "styles": styles}


def experiments_of(widgets: Iterable[DOMWidget]) -> dict[str, Any]:
    """Return the experiments that the page of some widgets needs, by name."""
    found: dict[str, Any] = {}
    for one in page_widgets(widgets).values():
        if isinstance(one, Standalone) and one.page_role() is not None:
            found |= one.page_experiments()
    return found
