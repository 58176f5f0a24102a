"""Recipes that a class shares: the teacher's on all pages, a student's on the projector, a cloud.

Nothing of it is stored, and no message to the projector names a student.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from optiwidgets.hosting.classes.class_room import ClassRoom, Member, Message
from optiwidgets.hosting.classes.vote_forms import RefusedError, is_whole

LESSON = re.compile(r"\w[\w-]{0,99}\.ipynb")
QUERY = re.compile(r"[!-~]{0,4000}")  # printable ASCII: the query of a share link
LONGEST_LINE, MOST_BYTES, MOST_DROP = 4000, 10**12, 100.0
POINTS_EACH = 20  # newest recipes of a student in the cloud


class SharedRecipes:
    """Shared recipes of one room; all its pages are told when they change."""

    def __init__(self, room: ClassRoom) -> None:
        self._room = room
        self._pointed: Message | None = None
        self._pushed: Message | None = None
        self._is_asked = self._is_collecting = False
        self._points: dict[str, deque[Message]] = {}
        room.greetings.append(self._greeting)
        room.extras.append(self._cloud)
        room.from_students |= {"push": self._push, "settled": self._settled}
        room.from_teachers_page |= {"point": self._point}
        room.from_teacher |= {"ask": self._ask, "collect": self._collect, "clear": self._clear}

    def _greeting(self, member: Member) -> Message:
        told: dict[str, Any] = {"type": "recipes", "teacher": member.is_teacher}
        told |= {"asked": self._is_asked, "collecting": self._is_collecting}
        told["pointed"] = self._pointed
        return told | ({} if member.view == "page" else {"pushed": self._pushed})

    def _tell(self) -> None:
        for member in list(self._room.members):
            member.send(self._greeting(member))

    def _cloud(self) -> dict[str, Any]:
        """Return the points of the tally: size in bytes, points lost, case and model."""
        if not self._is_collecting:
            return {}
        points = [point for each in self._points.values() for point in each]
        return {"points": points}

    def _point(self, member: Member, message: Message) -> None:
        self._pointed = read_recipe(message)
        self._tell()

    def _push(self, member: Member, message: Message) -> None:
        if not self._is_asked:
            raise RefusedError("the teacher has not asked for a recipe")
        self._pushed = read_recipe(message)
        self._tell()

    def _settled(self, member: Member, message: Message) -> None:
        if not self._is_collecting:
            raise RefusedError("recipes are not collected now")
        recipe = read_recipe(message)
        named = parse_qs(recipe["query"])
        model = " ".join(named.get(name, [""])[0][:40] for name in ("case", "model")).strip()
        if recipe["drop"] is not None:
            point = {"bytes": recipe["bytes"], "drop": recipe["drop"], "model": model}
            own = self._points.setdefault(member.student, deque(maxlen=POINTS_EACH))
            own.append(point)
            self._room.count()

    def _ask(self, member: Member, message: Message) -> None:
        self._is_asked = message.get("on") is True
        self._tell()

    def _collect(self, member: Member, message: Message) -> None:
        self._is_collecting = message.get("on") is True
        self._tell()
        self._room.count()

    def _clear(self, member: Member, message: Message) -> None:
        self._pointed = self._pushed = None
        self._points.clear()
        self._tell()
        self._room.count()


def read_recipe(told: Mapping[str, Any]) -> dict[str, Any]:
    """Read a recipe of a page: its lesson, share link's query, line, bytes, and points lost.

    Raises
    ------
    RefusedError
        A value is of another type or out of its range.

    Examples
    --------
    >>> page = {"lesson": "explorer.ipynb", "query": "bits=4", "line": "Recipe(bits=4)"}
    >>> read_recipe(page | {"bytes": 4100, "drop": 0.4})["bytes"]
    4100
    >>> read_recipe(page | {"bytes": -1, "drop": None})
    Traceback (most recent call last):
    ...
    optiwidgets.hosting.classes.vote_forms.RefusedError: bytes is a whole number 0 to 1e12
    """
    lesson, query, line = (told.get(name) for name in ("lesson", "query", "line"))
    size, drop = told.get("bytes"), told.get("drop")
    if not isinstance(lesson, str) or not LESSON.fullmatch(lesson):
        raise RefusedError("lesson is the file name of a notebook")
    if not isinstance(query, str) or not QUERY.fullmatch(query) or "#" in query:
        raise RefusedError("query is that of a share link")
    if not isinstance(line, str) or len(line) > LONGEST_LINE:
        raise RefusedError(f"line has at most {LONGEST_LINE:,} characters")
    if not (is_whole(size) and 0 <= size <= MOST_BYTES):
        raise RefusedError("bytes is a whole number 0 to 1e12")
    if drop is not None and not (
        isinstance(drop, int | float) and not isinstance(drop, bool) and abs(drop) <= MOST_DROP
    ):
        raise RefusedError("drop is a number of points within 100, or null")
    return {"lesson": lesson, "query": query, "line": line, "bytes": size, "drop": drop}
