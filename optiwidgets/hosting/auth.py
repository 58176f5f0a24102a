"""Authentication: by token (teachers), or by password (students)."""

from __future__ import annotations

import hmac
from typing import Any, Protocol

from jupyter_server.auth.identity import PasswordIdentityProvider
from jupyter_server.auth.security import passwd_check
from tornado.web import RequestHandler


class TeacherList(Protocol):
    """Store of the browsers that logged in with the token."""

    def teachers(self) -> set[str]:
        """Return their ids."""

    def add_teacher(self, name: str) -> None:
        """Add one."""


class ClassIdentityProvider(PasswordIdentityProvider):
    """Jupyter's tokens and passwords, compared in constant time; remembers users with a token.

    With neither, everybody is admitted; a signed cookie identifies each browser.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._teachers: set[str] = set()
        self._kept: TeacherList | None = None

    def remember_in(self, kept: TeacherList) -> None:
        """Keep teachers' browsers in a store, so that they stay teachers after a restart."""
        self._kept, self._teachers = kept, kept.teachers()

    def is_token(self, given: str) -> bool:
        """Compare a text with the token, in constant time."""
        return bool(self.token) and hmac.compare_digest(given.encode(), self.token.encode())

    async def get_user_token(self, handler: RequestHandler) -> Any:
        """Return the user of a request with the token, else None."""
        if not self.is_token(self.get_token(handler) or ""):
            return None
        return self._as_teacher(await super().get_user_token(handler))

    def process_login_form(self, handler: RequestHandler) -> Any:
        """Return the user of a form with the token or the password, else None."""
        given = handler.get_argument("password", default="")
        if self.is_token(given):
            return self._as_teacher(self.generate_anonymous_user(handler))
        if self.hashed_password and passwd_check(self.hashed_password, given):
            return self.generate_anonymous_user(handler)
        return None

    def _as_teacher(self, user: Any) -> Any:
        if user.username not in self._teachers:
            self._teachers.add(user.username)
            if self._kept:
                self._kept.add_teacher(user.username)
        return user

    def is_teacher(self, handler: RequestHandler) -> bool:
        """Tell whether the user of a request logged in with the token."""
        user = handler.current_user
        return user is not None and user.username in self._teachers
