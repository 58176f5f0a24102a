"""A mouse that moves by the clock, as a hand does: it sends its moves and waits for no answer.

Playwright's ``mouse.move`` returns once the page has handled the move, so the moves of a drag come
no faster than the page's frames. Here they go through a connection of their own to the browser's
DevTools protocol (``Input.dispatchMouseEvent``); Chromium gives a page the newest one each frame.
"""

from __future__ import annotations

import json
import socket
from urllib.request import urlopen
from weakref import WeakKeyDictionary

import websocket
from chromium import FLAGS, find_browser
from playwright.sync_api import Browser, Page, Playwright

_PORTS: WeakKeyDictionary[Browser, int] = WeakKeyDictionary()


def launch(play: Playwright) -> Browser:
    """Start the installed browser, headless, with a DevTools port on this machine only."""
    port = _free_port()
    args = [*FLAGS, f"--remote-debugging-port={port}", f"--remote-allow-origins={_address(port)}"]
    browser = play.chromium.launch(executable_path=find_browser(), args=args)
    _PORTS[browser] = port
    return browser


class FreeMouse:
    """Moves of a pressed mouse on a page of a browser that `launch` started, in CSS pixels."""

    def __init__(self, page: Page) -> None:
        assert page.context.browser is not None
        port = _PORTS[page.context.browser]
        session = page.context.new_cdp_session(page)
        name = session.send("Target.getTargetInfo")["targetInfo"]["targetId"]
        session.detach()
        pages = json.load(urlopen(f"{_address(port)}/json"))
        url = next(page["webSocketDebuggerUrl"] for page in pages if page["id"] == name)
        self._socket = websocket.create_connection(url, origin=_address(port))
        self._sent = 0

    def move(self, x: float, y: float) -> None:
        """Send a move with the left button down."""
        self._sent += 1
        params = {"type": "mouseMoved", "x": x, "y": y, "button": "left", "buttons": 1}
        call = {"id": self._sent, "method": "Input.dispatchMouseEvent", "params": params}
        self._socket.send(json.dumps(call))

    def close(self) -> None:
        """Wait until the page has handled all moves, and end the connection."""
        while json.loads(self._socket.recv()).get("id") != self._sent:
            pass
        self._socket.close()


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
