"""Pages of a class for the tests: websockets of students, teacher and projector."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from classes import Browser
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

PATIENCE_S = 60  # then the test fails


class Seat:
    """Websocket of one page of a browser."""

    def __init__(self, channel: WebSocketClientConnection) -> None:
        self.channel, self.is_over = channel, False

    async def read(self) -> str | None:
        """Read one message; None once the websocket is closed."""
        if self.is_over:
            return None
        read: str | None = await self.channel.read_message()
        self.is_over = read is None
        return read

    async def send(self, **message: Any) -> None:
        await self.channel.write_message(json.dumps(message))

    async def until(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read messages until one fits."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                read = await self.read()
                assert read is not None, "the class's websocket was closed"
                if fits(message := json.loads(read)):
                    return message

    async def vote(self, state: str = "open", turn: int = 1) -> dict[str, Any]:
        """Wait for a vote in this state and round."""

        def fits(message: dict[str, Any]) -> bool:
            shown = message.get("vote")
            return isinstance(shown, dict) and (shown["state"], shown["round"]) == (state, turn)

        return await self.until(fits)

    async def answer(self, vote: dict[str, Any], position: object) -> dict[str, Any]:
        """Send a ballot; return the server's answer to it."""
        await self.send(type="ballot", vote=vote["id"], round=vote["round"], position=position)
        return await self.until(lambda message: message["type"] in ("kept", "refused"))


Take = Callable[..., Awaitable[Seat]]


@asynccontextmanager
async def seats() -> AsyncIterator[Take]:
    """Return a function that connects a browser's page; all are closed at the end."""
    taken: list[Seat] = []

    async def take(browser: Browser, view: str = "page", **headers: str) -> Seat:
        """Connect a page; HTTPClientError if the server refuses."""
        kept = {"Cookie": "; ".join(f"{k}={v}" for k, v in browser.cookies.items())}
        url = f"ws://127.0.0.1:{browser.port}/class/live?view={view}"
        taken.append(Seat(await websocket_connect(HTTPRequest(url, headers=kept | headers))))
        return taken[-1]

    try:
        yield take
    finally:
        for seat in taken:
            seat.channel.close()
            while await seat.read() is not None:
                pass


def entered(port: int, password: str) -> Browser:
    """Return a browser that logged in with the password, or with the token."""
    browser = Browser(port)
    browser.ask("/login")
    form = f"password={password}&_xsrf={browser.cookies['_xsrf']}"
    assert browser.ask("/login", "POST", form)[0] == 302
    return browser
