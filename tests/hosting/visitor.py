"""A visitor of a lesson without a browser: asks for the page, then talks to its kernel."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import requests
from jupyter_server.services.kernels.connection.base import deserialize_binary_message
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

PATIENCE_S = 120  # then something hangs, and the test fails
CONTROL = "jupyter.widget.control"
KERNEL = re.compile(r'"kernelId": "([^"]+)"')
VIEW = "application/vnd.jupyter.widget-view+json"


class Kernel:
    """The kernel of a page that was opened, over its websocket."""

    def __init__(self, base: str, page: str, session: requests.Session) -> None:
        (self.id,) = KERNEL.findall(page)
        self._cookies = cookies_for(session, base)
        self._url = f"ws{base.removeprefix('http')}/api/kernels/{self.id}/channels"

    def drag(self, percent: int) -> dict[str, Any]:
        """Set the slider "Sparsity" as a browser would; what the explorer's feed then holds."""
        return asyncio.run(asyncio.wait_for(self._drag(percent), PATIENCE_S))

    def evaluate(self, expression: str) -> Any:
        """What a Python expression comes to in the kernel; where code may be run, as in a Hub."""
        return asyncio.run(asyncio.wait_for(self._evaluate(expression), PATIENCE_S))

    async def _evaluate(self, expression: str) -> Any:
        socket = await self._connect()
        content = {"code": "", "silent": True, "user_expressions": {"it": expression}}
        asked = await send(socket, "execute_request", content)
        answer = await until(
            socket,
            lambda m: m["msg_type"] == "execute_reply" and m["parent_header"]["msg_id"] == asked,
        )
        socket.close()
        return ast.literal_eval(answer["content"]["user_expressions"]["it"]["data"]["text/plain"])

    async def _connect(self) -> WebSocketClientConnection:
        return await websocket_connect(HTTPRequest(self._url, headers={"Cookie": self._cookies}))

    async def _drag(self, percent: int) -> dict[str, Any]:
        socket = await self._connect()
        (slider,) = [
            name
            for name, widget in (await states(socket)).items()
            if widget["model_name"] == "IntSliderModel"
            and widget["state"]["description"] == "Sparsity"
        ]
        content = {"comm_id": slider, "data": {"method": "update", "state": {"value": percent}}}
        asked = await send(socket, "comm_msg", content)
        await until(socket, lambda message: is_idle(message, asked))
        (feed,) = [
            widget["state"]
            for widget in (await states(socket)).values()
            if {"data", "handles"} <= widget["state"].keys()
        ]
        socket.close()
        return feed


async def states(socket: WebSocketClientConnection) -> dict[str, Any]:
    """Every widget's model and state, as a page asks for them when it opens."""
    comm = {"comm_id": uuid.uuid4().hex}
    opening = {**comm, "target_name": CONTROL, "data": {}}
    await send(socket, "comm_open", opening, {"version": "1.0.0"})
    await send(socket, "comm_msg", {**comm, "data": {"method": "request_states"}})
    answer = await until(socket, lambda message: has_states(message, comm["comm_id"]))
    return answer["content"]["data"]["states"]


def cookies_for(session: requests.Session, base: str) -> str:
    """The header a browser would send to this server."""
    prepared = session.prepare_request(requests.Request("GET", f"{base}/api"))
    return prepared.headers.get("Cookie", "")


async def send(
    socket: WebSocketClientConnection,
    kind: str,
    content: dict[str, Any],
    metadata: dict[str, Any] | None = None,
) -> str:
    """Send one message; return its id."""
    name = uuid.uuid4().hex
    header = {"msg_id": name, "msg_type": kind, "session": "visitor", "username": ""}
    header |= {"version": "5.3", "date": "2020-01-01T00:00:00Z"}
    message = {"header": header, "parent_header": {}, "metadata": metadata or {}}
    message |= {"content": content, "channel": "shell", "buffers": []}
    await socket.write_message(json.dumps(message))
    return name


def has_states(message: dict[str, Any], comm: str) -> bool:
    """Whether the message is the answer on this comm."""
    content = message["content"]
    return message["msg_type"] == "comm_msg" and content["comm_id"] == comm


async def until(
    socket: WebSocketClientConnection, fits: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Read until a message fits."""
    while True:
        received = await socket.read_message()
        assert received is not None, "the kernel's websocket was closed"
        binary = isinstance(received, bytes)
        message = deserialize_binary_message(received) if binary else json.loads(received)
        if fits(message):
            return message


def is_idle(message: dict[str, Any], asked: str) -> bool:
    """Whether the kernel says that it is done with what was asked."""
    return (
        message["msg_type"] == "status"
        and message["content"]["execution_state"] == "idle"
        and message["parent_header"]["msg_id"] == asked
    )
