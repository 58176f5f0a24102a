"""Authentication: by token (teachers), or by password (students), in sessions of half a day."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Any, Protocol
from uuid import uuid4

from jupyter_server.auth.identity import PasswordIdentityProvider
from jupyter_server.auth.security import passwd_check
from tornado.web import RequestHandler

from optiwidgets.hosting.login_tries import LoginTries

SESSION_DAYS = 0.5  # from the login on; then the password is asked for again
KNOWN_DAYS = 30  # so long a browser that comes back is the same user
NEW, WAS_IN = "new", "was-in"


class KeptUsers(Protocol):
    """Store of the browsers that logged in with the token, and of those that logged out."""

    def teachers(self) -> set[str]:
        """Return the ids of teachers."""

    def add_teacher(self, name: str) -> None:
        """Add a teacher."""

    def logged_out(self) -> set[str]:
        """Return the ids whose sessions were ended."""

    def log_out(self, name: str) -> None:
        """Remember a user whose sessions were ended."""


class ClassIdentityProvider(PasswordIdentityProvider):
    """Jupyter's tokens and passwords, compared in constant time; remembers users with a token.

    With neither, everybody is admitted; a signed cookie identifies each browser. With either, a
    session ends after half a day or by ``log_out``, wrong tries are limited by ``LoginTries``, and
    a second cookie names the browser, so that it is the same user at its next login.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tries = LoginTries()
        self._teachers: set[str] = set()
        self._kept: KeptUsers | None = None
        self._logged_out: set[str] = set()
        if self.auth_enabled:
            self.cookie_options = {"expires_days": SESSION_DAYS} | self.cookie_options
            age = {"max_age_days": SESSION_DAYS}
            self.get_secure_cookie_kwargs = age | self.get_secure_cookie_kwargs

    def remember_in(self, kept: KeptUsers) -> None:
        """Keep teachers and ended sessions in a store, so that both outlive the server."""
        self._kept, self._teachers, self._logged_out = kept, kept.teachers(), kept.logged_out()

    def is_token(self, given: str) -> bool:
        """Compare a text with the token, in constant time."""
        return bool(self.token) and hmac.compare_digest(given.encode(), self.token.encode())

    def wait_s(self, handler: RequestHandler) -> int:
        """Compute the seconds until a browser may try a password or token again, 0 if it may."""
        kind, name = self._browser(handler)
        return self.tries.wait_s(handler.request.remote_ip or "", name, was_in=kind == WAS_IN)

    def greet(self, handler: RequestHandler) -> None:
        """Name a browser that has no name yet, before it tries a password."""
        if self.auth_enabled and not self._browser(handler)[1]:
            self._name_browser(handler, NEW, uuid4().hex)

    async def get_user_token(self, handler: RequestHandler) -> Any:
        """Return the user of a request with the token, else None."""
        given = self.get_token(handler)
        if not given or not self.token or self.wait_s(handler):
            return None
        if not self.is_token(given):
            self._note_failure(handler)
            return None
        user = await super().get_user_token(handler)
        self._note_entry(handler, user)
        return self._as_teacher(user)

    def get_user_cookie(self, handler: RequestHandler) -> Any:
        """Return the user of a session that has not ended, else None."""
        user: Any = super().get_user_cookie(handler)
        return None if user is None or user.username in self._logged_out else user

    def process_login_form(self, handler: RequestHandler) -> Any:
        """Return the user of a form with the token or the password, else None."""
        if self.wait_s(handler):
            return None
        given = handler.get_argument("password", default="")
        if self.is_token(given):
            user = self._as_teacher(self.generate_anonymous_user(handler))
        elif self.hashed_password and passwd_check(self.hashed_password, given):
            user = self._student(handler)
        else:
            self._note_failure(handler)
            return None
        self._note_entry(handler, user)
        return user

    def _as_teacher(self, user: Any) -> Any:
        if user.username not in self._teachers:
            self._teachers.add(user.username)
            if self._kept:
                self._kept.add_teacher(user.username)
        return user

    def log_out(self, handler: RequestHandler) -> None:
        """End the session of a request; the browser is another user from then on."""
        user = handler.current_user
        if user is not None:
            self._logged_out.add(user.username)
            self._teachers.discard(user.username)
            if self._kept:
                self._kept.log_out(user.username)
        self.clear_login_cookie(handler)
        handler.clear_cookie(self._browser_cookie(handler), path=self._path(handler))

    def is_teacher(self, handler: RequestHandler) -> bool:
        """Tell whether the user of a request logged in with the token."""
        user = handler.current_user
        return user is not None and user.username in self._teachers

    def _student(self, handler: RequestHandler) -> Any:
        """Return the user that this browser was before, unless that was a teacher."""
        user, (kind, name) = self.generate_anonymous_user(handler), self._browser(handler)
        known = kind == WAS_IN and name not in self._teachers | self._logged_out
        return replace(user, username=name) if known else user

    def _note_failure(self, handler: RequestHandler) -> None:
        kind, name = self._browser(handler)
        self.tries.failed(handler.request.remote_ip or "", name, was_in=kind == WAS_IN)

    def _note_entry(self, handler: RequestHandler, user: Any) -> None:
        kind, name = self._browser(handler)
        if kind != WAS_IN:
            self.tries.came_in(handler.request.remote_ip or "")
        if (kind, name) != (WAS_IN, user.username):
            self._name_browser(handler, WAS_IN, user.username)

    def _browser(self, handler: RequestHandler) -> tuple[str, str]:
        """Return whether this browser was in before, and its name; both empty if it has none."""
        value = handler.get_signed_cookie(self._browser_cookie(handler), max_age_days=KNOWN_DAYS)
        kind, _, name = (value or b"").decode().partition(":")
        return kind, name

    def _name_browser(self, handler: RequestHandler, kind: str, name: str) -> None:
        handler.set_signed_cookie(
            self._browser_cookie(handler),
            f"{kind}:{name}",
            expires_days=KNOWN_DAYS,
            httponly=True,
            path=self._path(handler),
        )

    def _browser_cookie(self, handler: RequestHandler) -> str:
        return f"{self.get_cookie_name(handler)}-browser"

    def _path(self, handler: RequestHandler) -> str:
        path: str = self.cookie_options.get("path", handler.settings.get("base_url", "/"))
        return path
