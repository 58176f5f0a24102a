"""Login of a class in this process: wrong passwords, sessions that end, and logging out."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import nbformat
import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, create_signed_value, decode_signed_value

from optiwidgets.hosting import app
from optiwidgets.hosting.auth import SESSION_DAYS, ClassIdentityProvider
from optiwidgets.hosting.login_tries import LoginTries

TOKEN, PASSWORD = "a teacher's", "a student's"
DAY_S = 24 * 3600


class Class:
    """Server of a class on a loop of its own, with a clock that the test sets."""

    def __init__(self, lessons: Path) -> None:
        self.now = 1000.0
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._open(lessons))

    async def _open(self, lessons: Path) -> None:
        hosting = app.Hosting(lessons, token=TOKEN, password=PASSWORD)
        made = app.LessonServer(
            root_dir=str(lessons),
            ip=app.HOST,
            token=TOKEN,
            identity_provider_class=ClassIdentityProvider,
            config=hosting.settings(),
        )
        made.hosting = hosting
        made.initialize([])
        self.application = Application(**made.init_settings())
        self.application.add_handlers(".*$", made.init_handlers())
        self.entry: ClassIdentityProvider = self.application.settings["identity_provider"]
        self.entry.tries = LoginTries(lambda: self.now)
        socket, self.port = bind_unused_port()
        self.server = HTTPServer(self.application)
        self.server.add_socket(socket)

    def fetch(self, request: HTTPRequest) -> HTTPResponse:
        return self.loop.run_until_complete(self._fetch(request))

    async def _fetch(self, request: HTTPRequest) -> HTTPResponse:
        return await AsyncHTTPClient().fetch(request, raise_error=False)

    def close(self) -> None:
        self.server.stop()
        self.loop.run_until_complete(self.server.close_all_connections())
        self.loop.close()


class Browser:
    """Browser as far as cookies go."""

    def __init__(self, school: Class) -> None:
        self.school, self.cookies = school, dict[str, str]()

    def ask(self, path: str, **form: str) -> tuple[int, str]:
        """Request a page, or post a form if fields are given."""
        if form:
            form["_xsrf"] = self.cookies.get("_xsrf", "")
        self.answer = self.school.fetch(
            HTTPRequest(
                f"http://127.0.0.1:{self.school.port}{path}",
                method="POST" if form else "GET",
                body=urlencode(form) if form else None,
                headers={"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())},
                follow_redirects=False,
            )
        )
        for cookie in self.answer.headers.get_list("Set-Cookie"):
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
            if value in ("", '""'):
                del self.cookies[name]
        return self.answer.code, self.answer.body.decode()

    def log_in(self, password: str) -> tuple[int, str]:
        self.ask("/login")
        return self.ask("/login", password=password)

    @property
    def session(self) -> str:
        """Name of the cookie of the session."""
        return f"username-127-0-0-1-{self.school.port}"

    def user(self) -> str:
        """Name of the user in the session's cookie."""
        return re.search(r'"username": "(\w+)"', self._read().decode())[1]

    def age(self, days: float) -> None:
        """Make the session's cookie older."""
        older = create_signed_value(
            self._secret, self.session, self._read(), clock=lambda: time.time() - days * DAY_S
        )
        self.cookies[self.session] = older.decode()

    def _read(self) -> bytes:
        return decode_signed_value(
            self._secret, self.session, self.cookies[self.session].strip('"')
        )

    @property
    def _secret(self) -> bytes:
        return self.school.application.settings["cookie_secret"]


@pytest.fixture
def school(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Class]:
    monkeypatch.setattr("signal.signal", lambda *_: None)  # Voila handles SIGTERM itself
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "explorer.ipynb")
    made = Class(tmp_path)
    yield made
    made.close()


def test_the_sixth_wrong_password_has_to_wait_and_the_page_says_how_long(school: Class) -> None:
    guesser, another = Browser(school), Browser(school)
    assert guesser.log_in("1") == (401, guesser.answer.body.decode())
    for guess in "2345":
        status, text = guesser.log_in(guess)
        assert status == 401
        assert "That was not the password." in text
    assert "Try again in 60 seconds." in text  # after the fifth
    assert "Try again in 60 seconds." in guesser.ask("/login")[1]
    status, text = guesser.log_in(PASSWORD)  # not even looked at
    assert (status, guesser.answer.headers["Retry-After"]) == (429, "60")
    assert "There were too many wrong passwords. Try again in 60 seconds." in text
    assert guesser.ask("/lessons")[0] == 302
    assert another.log_in(PASSWORD)[0] == 429
    assert "Try again in 12 seconds." in another.answer.body.decode()
    school.now += 12
    assert another.log_in(PASSWORD)[0] == 302
    assert another.ask("/lessons")[0] == 200
    assert guesser.log_in(PASSWORD)[0] == 429
    school.now += 48
    assert guesser.log_in(PASSWORD)[0] == 302


def test_throwing_cookies_away_gives_no_more_tries(school: Class) -> None:
    found = [Browser(school).log_in(f"guess {i}")[0] for i in range(20)]
    assert found == 5 * [401] + 15 * [429]


def test_wrong_tokens_count_wherever_they_are_sent(school: Class) -> None:
    guesser = Browser(school)
    for guess in range(5):
        assert guesser.ask(f"/lessons?token={guess}")[0] == 302
    assert guesser.ask(f"/lessons?{urlencode({'token': TOKEN})}")[0] == 302
    assert guesser.log_in(PASSWORD)[0] == 429
    school.now += 60
    assert guesser.ask(f"/lessons?{urlencode({'token': TOKEN})}")[0] == 200
    assert guesser.ask("/class")[0] == 200


def test_who_was_in_before_does_not_wait_for_a_guesser_of_the_same_school(school: Class) -> None:
    ada = Browser(school)
    ada.log_in(PASSWORD)
    before = ada.user()
    ada.age(SESSION_DAYS + 0.01)
    for guess in range(20):
        Browser(school).log_in(f"guess {guess}")
    assert ada.ask("/lessons")[0] == 302
    assert ada.log_in(PASSWORD)[0] == 302
    assert ada.user() == before  # the next day, the same student


def test_a_session_ends_after_half_a_day(school: Class) -> None:
    ada, teacher = Browser(school), Browser(school)
    ada.log_in(PASSWORD)
    teacher.log_in(TOKEN)
    for browser, page in ((ada, "/lessons"), (teacher, "/class")):
        browser.age(SESSION_DAYS - 0.01)
        assert browser.ask(page)[0] == 200
        browser.age(SESSION_DAYS + 0.01)
        assert browser.ask(page)[0] == 302
    assert teacher.log_in(PASSWORD)[0] == 302
    assert teacher.ask("/class")[0] == 403  # a student's password makes no teacher


def test_logging_out_ends_the_session_also_for_a_copy_of_its_cookie(school: Class) -> None:
    teacher, copy = Browser(school), Browser(school)
    teacher.log_in(TOKEN)
    before = teacher.user()
    assert 'action="/logout"' in teacher.ask("/lessons")[1]
    assert "Log out" in teacher.ask("/class")[1]
    copy.cookies = dict(teacher.cookies)
    assert teacher.ask("/logout")[0] == 404  # a picture of another site cannot
    assert Browser(school).ask("/logout", other="field")[0] == 403  # nor a form of it
    assert teacher.ask("/class")[0] == 200
    assert teacher.ask("/logout", button="pressed")[0] == 302
    assert [browser.ask("/class")[0] for browser in (teacher, copy)] == [302, 302]
    assert teacher.log_in(PASSWORD)[0] == 302
    assert teacher.user() != before
    assert teacher.ask("/class")[0] == 403
