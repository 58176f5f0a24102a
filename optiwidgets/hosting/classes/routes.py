"""Addresses of a class, and the settings that its handlers share."""

from __future__ import annotations

from typing import Any

from tornado.ioloop import IOLoop

from optiwidgets.hosting.classes.answer_messages import AnswerDesk
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
from optiwidgets.hosting.classes.lesson_key import SHORT, ShortAddress
from optiwidgets.hosting.classes.results_pages import ResultsFile, ResultsPage
from optiwidgets.hosting.classes.shared_recipes import SharedRecipes
from optiwidgets.hosting.classes.sheet_page import SheetPage

ROUTES: list[Any] = [
    (SHORT, ShortAddress),
    ("/class/results", ResultsPage),
    (r"/class/results/(\w+\.\w+)", ResultsFile),
    ("/class/sheet", SheetPage),
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
    return {
        "class_room": room,
        "class_answers": AnswerDesk(room),
        "page_head": head_of("class_page"),
    }


def _later(seconds: float, call: Any) -> object:
    return IOLoop.current().call_later(seconds, call)
