"""Websocket between a page and its class, beside the kernel's: small JSON messages."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from optiwidgets.hosting.classes.class_room import ClassRoom, parse
from optiwidgets.hosting.classes.vote_forms import RefusedError

VIEWS = ("page", "teacher", "show")
STUDENTS_MOST, TEACHERS_MOST = 8_192, 1_000_000  # characters of a message
BURST, PER_S = 20.0, 5.0  # messages of a page at once, and each second after that
PAGES_EACH = 12  # channels of one browser
NOT_ALLOWED = 1008  # code that closes a websocket


class Allowance:
    """Number of messages that a page may send now; it grows with time.

    Examples
    --------
    >>> allowance = Allowance(burst=2, per_s=1)
    >>> [allowance.take(at) for at in (0.0, 0.0, 0.0, 1.0)]
    [True, True, False, True]
    """

    def __init__(self, burst: float = BURST, per_s: float = PER_S) -> None:
        self._burst, self._per_s, self._left, self._at = burst, per_s, burst, 0.0

    def take(self, now: float) -> bool:
        """Use one message at a time in seconds; tell whether there was one."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class ClassChannel(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """Channel of one page; ``?view=teacher`` and ``?view=show`` need the teacher's token."""

    student, view, is_teacher = "", "", False

    def set_default_headers(self) -> None:
        """Set none: Jupyter's are those of pages."""

    @property
    def room(self) -> ClassRoom:
        """Room of the class."""
        room: ClassRoom = self.settings["class_room"]
        return room

    def check_origin(self, origin: str | None = None) -> bool:
        """Accept pages of this server alone, whatever Jupyter's settings and tokens say."""
        given = origin or self.get_origin()
        return given is None or urlsplit(given.lower()).netloc == self.request.headers.get("Host")

    @ws_authenticated
    async def get(self) -> None:
        """Check the view and the number of channels before the websocket opens."""
        self.student, self.view = (
            self.current_user.username,
            self.get_query_argument("view", "page"),
        )
        self.is_teacher = self.settings["identity_provider"].is_teacher(self)
        if self.view not in VIEWS or (self.view != "page" and not self.is_teacher):
            raise HTTPError(403)
        if sum(each.student == self.student for each in self.room.members) >= PAGES_EACH:
            raise HTTPError(429)
        self._allowance = Allowance()
        await super().get()

    def open(self, *args: str, **kwargs: str) -> None:
        """Enter the room."""
        self.set_nodelay(True)
        super().open()
        self.room.enter(self)

    def on_message(self, text: str | bytes) -> None:
        """Act on a message, or answer with the reason of its refusal."""
        if not self._allowance.take(monotonic()):
            self.close(NOT_ALLOWED, "too many messages")
            return
        try:
            most = STUDENTS_MOST if self.view == "page" else TEACHERS_MOST
            self.room.receive(self, parse(text, most))
        except RefusedError as refusal:
            self.send({"type": "refused", "reason": str(refusal)})

    def on_close(self) -> None:
        """Leave the room."""
        super().on_close()
        self.room.leave(self)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message, unless the page has gone meanwhile."""
        try:
            self.write_message(dict(message))
        except WebSocketClosedError:
            self.room.members.discard(self)
