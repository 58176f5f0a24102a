"""Authentication: by token (teachers), or by password (students)."""

from __future__ import annotations

import hmac
from typing import Any

from jupyter_server.auth.identity import PasswordIdentityProvider
from jupyter_server.auth.security import passwd_check
from tornado.web import RequestHandler


class ClassIdentityProvider(PasswordIdentityProvider):
    """Jupyter's tokens and passwords, compared in constant time; remembers users with a token.

    With neither, everybody is admitted; a signed cookie identifies each browser.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._teachers: set[str] = set()

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
        self._teachers.add(user.username)
        return user

    def is_teacher(self, handler: RequestHandler) -> bool:
        """Tell whether the user of a request logged in with the token."""
        user = handler.current_user
        return user is not None and user.username in self._teachers
