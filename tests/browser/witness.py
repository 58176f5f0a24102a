"""Recorder of a page's errors and requests."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page

LOCAL = {"http", "https", "ws", "wss"}
# Voila and the widgets' front end were built for different JupyterLabs, and log it.
SHARED_MODULES = ("Unsatisfied version", "No satisfying version")


class Witness:
    """Recorder to attach to a page before it opens an address."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self.asked = 0
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asks(request.url))
        page.on("websocket", lambda websocket: self._asks(websocket.url))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(SHARED_MODULES):
            self.complaints.append(f"{message.type}: {message.text}")

    def _asks(self, url: str) -> None:
        self.asked += 1
        address = urlsplit(url)
        if address.scheme in LOCAL and address.hostname != "127.0.0.1":
            self.strangers.append(url)
