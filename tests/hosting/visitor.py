"""Visitor of a lesson without a browser: requests the page, then talks to its kernel."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import requests
from jupyter_server.services.kernels.connection.base import deserialize_binary_message
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

PATIENCE_S = 120  # then the test fails
CONTROL = "jupyter.widget.control"
KERNEL = re.compile(r'"kernelId": "([^"]+)"')
VIEW = "application/vnd.jupyter.widget-view+json"


class Kernel:
    """Kernel of an open page, over its websocket."""

    def __init__(self, base: str, page: str, session: requests.Session) -> None:
        (self.id,) = KERNEL.findall(page)
        asked = session.prepare_request(requests.Request("GET", f"{base}/api"))
        known = {"Cookie", "Authorization"} & asked.headers.keys()
        self._who = {name: asked.headers[name] for name in known}
        self._url = f"ws{base.removeprefix('http')}/api/kernels/{self.id}/channels"

    def drag(self, percent: int) -> dict[str, Any]:
        """Set the slider "Sparsity" as a browser would; return the data of the explorer's feed."""
        return asyncio.run(asyncio.wait_for(self._drag(percent), PATIENCE_S))

    def evaluate(self, expression: str) -> Any:
        """Evaluate a Python expression in a kernel that may run code, as in a Hub."""
        return asyncio.run(asyncio.wait_for(self._evaluate(expression), PATIENCE_S))

    async def _evaluate(self, expression: str) -> Any:
        content = {"code": "", "silent": True, "user_expressions": {"it": expression}}
        async with self._connected() as channels:
            asked = await send(channels, "execute_request", content)
            answer = await until(
                channels, lambda m: m["msg_type"] == "execute_reply" and of(m, asked)
            )
        return ast.literal_eval(answer["content"]["user_expressions"]["it"]["data"]["text/plain"])

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[WebSocketClientConnection]:
        asked = HTTPRequest(self._url, headers=self._who)
        channels = await websocket_connect(asked)
        try:
            yield channels
        finally:
            channels.close()
            while await channels.read_message() is not None:
                pass

    async def _drag(self, percent: int) -> dict[str, Any]:
        async with self._connected() as channels:
            slider = only(await states(channels), {"description": "Sparsity", "readout": True})
            update = {"method": "update", "state": {"value": percent}}
            asked = await send(channels, "comm_msg", {"comm_id": slider, "data": update})
            await until(channels, lambda m: is_idle(m) and of(m, asked))
            after = await states(channels)
        return after[only(after, {"alarm": False, "state": "fresh"})]["state"]


def only(widgets: dict[str, Any], traits: dict[str, Any]) -> str:
    """Return the only widget whose state has these values."""
    (found,) = [name for name, one in widgets.items() if traits.items() <= one["state"].items()]
    return found


async def states(channels: WebSocketClientConnection) -> dict[str, Any]:
    """Request every widget's model and state, as a page does when it opens."""
    comm = {"comm_id": uuid.uuid4().hex}
    opening = {**comm, "target_name": CONTROL, "data": {}}
    await send(channels, "comm_open", opening, {"version": "1.0.0"})
    await send(channels, "comm_msg", {**comm, "data": {"method": "request_states"}})
    answer = await until(channels, lambda message: has_states(message, comm["comm_id"]))
    return answer["content"]["data"]["states"]


def until_true(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.2)


def answers(url: str) -> bool:
    """Tell whether a server responds."""
    try:
        return requests.get(url, timeout=PATIENCE_S).ok
    except requests.ConnectionError:
        return False


def free_ports(count: int) -> list[int]:
    """Find unused ports of this machine."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


async def send(
    channels: WebSocketClientConnection,
    kind: str,
    content: dict[str, Any],
    metadata: dict[str, Any] | None = None,
    channel: str = "shell",
) -> str:
    """Send one message; return its id."""
    name = uuid.uuid4().hex
    header = {"msg_id": name, "msg_type": kind, "session": "visitor", "username": ""}
    header |= {"version": "5.3", "date": "2020-01-01T00:00:00Z"}
    message = {"header": header, "parent_header": {}, "metadata": metadata or {}}
    message |= {"content": content, "channel": channel, "buffers": []}
    await channels.write_message(json.dumps(message))
    return name


def has_states(message: dict[str, Any], comm: str) -> bool:
    """Tell whether the message is the answer on this comm."""
    content = message["content"]
    return message["msg_type"] == "comm_msg" and content["comm_id"] == comm


async def until(
    channels: WebSocketClientConnection, fits: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Read messages until one matches."""
    while True:
        received = await channels.read_message()
        assert received is not None, "the kernel's websocket was closed"
        binary = isinstance(received, bytes)
        message = deserialize_binary_message(received) if binary else json.loads(received)
        if fits(message):
            return message


def is_idle(message: dict[str, Any]) -> bool:
    """Tell whether the message is the kernel's idle status."""
    return message["content"].get("execution_state") == "idle"


def of(message: dict[str, Any], asked: str) -> bool:
    """Tell whether the message answers this request."""
    return message["parent_header"].get("msg_id") == asked
