"""Simulated student: the page, the kernel's websocket, and drags of the Sparsity slider.

It uses the protocol of Voila's page. Messages are parsed only as far as necessary, because the load
runs on the measured machine.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import uuid
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin

from jupyter_server.services.kernels.connection.base import (
    deserialize_msg_from_ws_v1,
    serialize_msg_to_ws_v1,
)
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.websocket import (
    WebSocketClientConnection,
    WebSocketClosedError,
    WebSocketError,
    websocket_connect,
)

PROTOCOL = "v1.kernel.websocket.jupyter.org"
CONTROL = "jupyter.widget.control"
PACE_S = (0.1, 0.2)  # seconds between two positions of a dragged slider
REDIRECTS = 3
KERNEL = re.compile(rb'"kernelId": "([\w-]+)"')
TYPE = re.compile(rb'"msg_type": "(\w+)"')
SPARSITY = re.compile(rb'"sparsity": ([\d.]+)')
STATE = re.compile(rb'"state": "(\w+)"')
SLIDER, FIRST_HANDLE = b'"description": "Sparsity"', b'"handles": ["IPY_MODEL_%s"'
CLOSED = "websocket: closed by the server"
ENTRY = b'{"model_name"'  # what follows an id and a colon in the widget states


class NotServedError(RuntimeError):
    """Error of a student that could not continue; the message is the kind of error."""


class Student:
    """Simulated browser tab with its own cookies.

    Parameters
    ----------
    url
        Address of the explorer.
    patience_s
        Time limit in seconds of each step; after it the step is an error.
    seed
        Seed of the drag: pace, step and start position.
    """

    def __init__(self, url: str, patience_s: float, seed: int = 0) -> None:
        self.url, self.patience_s = url, patience_s
        self.answers: list[float] = []  # seconds from a move until its report arrives
        self.asked = self.shown = 0  # percent
        self.state = ""  # state of the page: fresh, running ...
        self.kernel = ""
        self._cookies: dict[str, str] = {}
        self._socket: WebSocketClientConnection | None = None
        self._session, self._message = uuid.uuid4().hex, b""
        self._states = self._from_feed = b""
        self._early: list[bytes] = []
        self._slider = ""
        self._idle = self._lost = False
        self._shown_at = 0.0
        self._news = asyncio.Event()
        hand = random.Random(seed)
        self._pace, self._stride = hand.uniform(*PACE_S), hand.randint(1, 5)
        self._place = hand.randrange(198)

    async def open(self) -> None:
        """Load the whole page, connect, and get the states of all widgets."""
        await self.read()
        await self._connect()
        await self._ask_states()

    async def read(self) -> None:
        """Load the whole page; after that its kernel runs."""
        page = await self._fetch(self.url)
        for _ in range(REDIRECTS):
            if page.code not in (301, 302):
                break
            page = await self._fetch(urljoin(page.effective_url, page.headers["Location"]))
        if page.code != 200:
            raise NotServedError(f"page: HTTP {page.code}")
        found = KERNEL.search(page.body)
        if not found:
            raise NotServedError("page: no kernel in it")
        self.kernel = found[1].decode()

    async def drag(self, seconds: float) -> int:
        """Drag at a human pace, one change in flight, then the newest; return the answer count."""
        clock = asyncio.get_running_loop().time
        moved = clock()
        end = moved + seconds
        while moved < end:
            await self._put(self._next_position(), moved)
            passed = max(1, int((clock() - moved) / self._pace))  # the newest replaces the others
            self._place += (passed - 1) * self._stride
            moved += passed * self._pace
            await asyncio.sleep(max(0.0, moved - clock()))
        return len(self.answers)

    async def settle(self) -> bool:
        """Wait until the page shows a report of all images, for the requested position."""
        await self._until(lambda: self.state == "fresh", "never fresh")
        if self.shown != self.asked:
            raise NotServedError("the last picture is another one")
        return True

    async def close(self) -> int:
        """Close like a tab; return the status of its last message."""
        token = self._cookies.get("_xsrf")
        body = urlencode({"_xsrf": token} if token else {})
        left = await self._fetch(urljoin(self.url, f"/voila/api/shutdown/{self.kernel}"), body)
        self.drop()
        return left.code

    def drop(self) -> None:
        """Close the websocket."""
        if self._socket:
            self._socket.close()

    def kill(self) -> None:
        """Disconnect like a killed browser, without a closing message."""
        assert self._socket
        assert self._socket.protocol
        self._socket.protocol.stream.close()

    async def _fetch(self, url: str, body: str | None = None) -> HTTPResponse:
        """Send a request with the stored cookies, and store new ones."""
        request = HTTPRequest(
            url,
            method="GET" if body is None else "POST",
            body=body,
            headers=self._headers(),
            follow_redirects=False,
            connect_timeout=self.patience_s,
            request_timeout=self.patience_s,
        )
        try:
            response = await AsyncHTTPClient().fetch(request, raise_error=False)
        except (HTTPClientError, OSError) as error:
            raise NotServedError(f"page: {type(error).__name__}") from error
        for line in response.headers.get_list("Set-Cookie"):
            self._cookies |= {
                name: cookie.coded_value for name, cookie in SimpleCookie(line).items()
            }
        return response

    def _headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {"Cookie": cookies, "Origin": self.url.rstrip("/")}

    async def _connect(self) -> None:
        path = f"/api/kernels/{self.kernel}/channels?session_id={self._session}"
        address = urljoin(self.url, path).replace("http", "ws", 1)
        request = HTTPRequest(address, headers=self._headers(), connect_timeout=self.patience_s)
        try:
            self._socket = await websocket_connect(
                request, on_message_callback=self._receive, subprotocols=[PROTOCOL]
            )
        except HTTPClientError as error:
            raise NotServedError(f"websocket: HTTP {error.code}") from error
        except (OSError, WebSocketError) as error:
            raise NotServedError(f"websocket: {type(error).__name__}") from error
        if self._socket.selected_subprotocol != PROTOCOL:
            raise NotServedError("websocket: another protocol")

    async def _ask_states(self) -> None:
        comm = uuid.uuid4().hex
        opening = {"comm_id": comm, "target_name": CONTROL, "data": {}}
        await self._send("comm_open", opening, {"version": "1.0.0"})
        await self._send("comm_msg", {"comm_id": comm, "data": {"method": "request_states"}})
        await self._until(lambda: bool(self._states), "no widget states")
        self._find_models()

    async def _put(self, position: int, moved: float) -> None:
        """Set the slider, then wait until the kernel is idle and the report has arrived."""
        self.asked, self._shown_at = position, 0.0
        data = {"method": "update", "state": {"value": position}, "buffer_paths": []}
        await self._send("comm_msg", {"comm_id": self._slider, "data": data})
        await self._until(lambda: self._idle and self._shown_at > 0, "no answer")
        self.answers.append(self._shown_at - moved)

    def _next_position(self) -> int:
        """Return the next position, up to the far end and back, always a new one."""
        while True:
            self._place += self._stride
            there = self._place % 198
            position = min(there, 198 - there)
            if position != self.asked:
                return position

    async def _send(self, kind: str, content: dict[str, Any], metadata: Any = None) -> None:
        name = uuid.uuid4().hex
        header = {
            "msg_id": name,
            "msg_type": kind,
            "username": "",
            "session": self._session,
            "version": "5.3",
            "date": "2000-01-01T00:00:00.000Z",  # not used
        }
        self._message, self._idle = name.encode(), False
        parts = [json.dumps(part).encode() for part in (header, {}, metadata or {}, content)]
        assert self._socket
        try:
            await self._socket.write_message(serialize_msg_to_ws_v1(parts, "shell"), binary=True)
        except WebSocketClosedError as error:
            raise NotServedError(CLOSED) from error

    async def _until(self, met: Callable[[], bool], otherwise: str) -> None:
        """Process messages until a condition holds."""
        try:
            async with asyncio.timeout(self.patience_s):
                while not met():
                    if self._lost:
                        raise NotServedError(CLOSED)
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError as error:
            raise NotServedError(f"{otherwise} within {self.patience_s:g} s") from error

    def _receive(self, message: str | bytes | None) -> None:
        if message is None:
            self._lost = True
        else:
            channel, (header, parent, _, content, *_) = deserialize_msg_from_ws_v1(message)
            if channel == "iopub":
                self._read(TYPE.search(header)[1], parent, content)  # type: ignore[index]
        self._news.set()

    def _read(self, kind: bytes, parent: bytes, content: bytes) -> None:
        if kind == b"status":
            self._idle |= b'"idle"' in content and self._message in parent
        elif kind == b"comm_msg" and not self._slider:
            if b'"update_states"' in content[:100]:
                self._states = content
            elif self._states:
                self._early.append(content)
        elif kind == b"comm_msg" and self._from_feed in content:
            self._read_feed(content)

    def _find_models(self) -> None:
        """Search the states for the slider, and for the feed that refers to it."""
        self._slider, _ = self._find(SLIDER, "sliders")
        feed, entry = self._find(FIRST_HANDLE % self._slider.encode(), "feeds")
        self._from_feed = b'"comm_id": "%s"' % feed.encode()
        self._read_feed(self._states[entry:])
        self._states = b""
        for content in self._early:  # arrived before the model ids were known
            if self._from_feed in content:
                self._read_feed(content)
        self._early.clear()

    def _find(self, mark: bytes, what: str) -> tuple[str, int]:
        """Find the id of the only model whose state contains a mark, and the start of its entry."""
        states = self._states
        if states.count(mark) != 1:
            raise NotServedError(f"widget states: {states.count(mark)} {what}")
        entry = states.rindex(ENTRY, 0, states.index(mark))
        return states[entry - 35 : entry - 3].decode(), entry

    def _read_feed(self, content: bytes) -> None:
        """Record the position shown, and the time of its arrival."""
        if state := STATE.search(content):
            self.state = state[1].decode()
        if sparsity := SPARSITY.search(content):
            self.shown = round(100 * float(sparsity[1]))
            if self.shown == self.asked and not self._shown_at:
                self._shown_at = asyncio.get_running_loop().time()
