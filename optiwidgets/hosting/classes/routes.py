"""Addresses of a class, and the settings that its handlers share."""

from __future__ import annotations

from typing import Any

from tornado.ioloop import IOLoop

from optiwidgets.hosting.classes.class_channel import ClassChannel
from optiwidgets.hosting.classes.class_pages import (
    PREFIX,
    ClassFiles,
    ClassPage,
    ShowPage,
    head_of,
)
from optiwidgets.hosting.classes.class_room import ClassRoom
from optiwidgets.hosting.classes.class_store import ClassStore
from optiwidgets.hosting.classes.shared_recipes import SharedRecipes

ROUTES: list[Any] = [
    ("/class", ClassPage),
    ("/class/show", ShowPage),
    ("/class/live", ClassChannel),
    (rf"{PREFIX}/(\w+\.\w+)", ClassFiles),
]


def settings_of(store: ClassStore | None) -> dict[str, Any]:
    """Create the room and the tags for the head of a lesson's page; nothing without a store."""
    if store is None:
        return {}
    room = ClassRoom(store, _later)
    SharedRecipes(room)
    return {"class_room": room, "page_head": head_of("class_page")}


def _later(seconds: float, call: Any) -> object:
    return IOLoop.current().call_later(seconds, call)
