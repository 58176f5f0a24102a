"""Voila for the lessons: the explorer at the root, prompt websockets, pages that need no internet.

Settings are in ``voila.json`` beside this file; a ``voila.json`` of the user's own goes before it.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import RedirectHandler
from voila.app import Voila
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

HOST = "127.0.0.1"
EXPLORER = "explorer.ipynb"
CDN_LINK = re.compile(r'<link[^>]+href="https?://[^>]*>')


class NotServedError(OSError):
    """The lessons cannot be served; the message says why and what to do."""


class Page(TornadoVoilaHandler):
    """A lesson's page: kernel freed when the tab closes, nothing fetched from elsewhere."""

    async def prepare(self) -> None:
        """Set the ``_xsrf`` cookie, without which Voila refuses a closing tab's last message."""
        await super().prepare()
        _ = self.xsrf_token

    def write(self, chunk: Any) -> None:
        """Leave out links to icon fonts on a CDN: offline, a browser would wait for them."""
        super().write(CDN_LINK.sub("", chunk) if isinstance(chunk, str) else chunk)


class Channels(VoilaKernelWebsocketHandler):
    """A kernel's websocket, small messages sent at once: half the delay of a drag is TCP's wait."""

    async def open(self, kernel_id: str) -> None:
        """Turn Nagle's algorithm off, then connect."""
        self.set_nodelay(True)
        await super().open(kernel_id)

    def write_message(self, message: Any, binary: bool = False) -> Any:
        """Pass on what is not in the protocol that Voila reads, unread.

        Voila takes the first 8 bytes for a number of offsets. In Jupyter's older protocol, which a
        client gets that asks for none, they are two numbers: it would count for centuries, and the
        whole class would wait.
        """
        if isinstance(message, bytes) and int.from_bytes(message[:8], "little") > len(message):
            return super(VoilaKernelWebsocketHandler, self).write_message(message, binary)
        return super().write_message(message, binary)


class Lessons(Voila):
    """Voila on one folder and one socket that is already bound."""

    socket: socket.socket
    config_file_paths: list[str]  # Voila's trait: settings in an earlier place win

    def initialize(self, argv: list[str] | None = None) -> None:
        """Say only what went wrong, and read our settings before the user's."""
        self.log_level = logging.ERROR
        self.config_file_paths = [*self.config_file_paths, os.path.dirname(__file__)]
        super().initialize(argv)

    def init_handlers(self) -> list[Any]:
        """Put our handlers in the place of Voila's, and the explorer at the root."""
        ours = {TornadoVoilaHandler: Page, VoilaKernelWebsocketHandler: Channels}
        theirs = super().init_handlers()
        routes = [(path, ours.get(kind, kind), *rest) for path, kind, *rest in theirs]
        if not Path(self.root_dir, EXPLORER).is_file():
            return routes
        target = {"url": f"/voila/render/{EXPLORER}", "permanent": False}
        return [("/", RedirectHandler, target), *routes]

    def listen(self) -> None:
        """Serve on the bound socket, say where, and stay until interrupted."""
        HTTPServer(self.app).add_socket(self.socket)
        self.ioloop = IOLoop.current()
        print(f"http://{HOST}:{self.port}/", flush=True)  # noqa: T201 (what `make app` promises)
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            pass
        finally:
            self.stop()


def serve(lessons: str | os.PathLike[str], port: int) -> None:
    """Serve a folder of notebooks on this machine until interrupted, code hidden.

    Parameters
    ----------
    lessons
        The folder; where it holds ``explorer.ipynb``, the root leads there.
    port
        0 takes any that is free.

    Raises
    ------
    NotServedError
        No such folder, no notebook in it, or the port cannot be had.
    """
    folder = Path(lessons).resolve()
    if not any(folder.glob("*.ipynb")):
        raise NotServedError(
            f"no notebooks in {folder}; name a folder that has some: --lessons DIR"
        )
    bound = _bind(port)
    port = bound.getsockname()[1]
    app = Lessons(root_dir=str(folder), ip=HOST, port=port, open_browser=False)
    app.socket = bound
    app.initialize([])
    app.start()


def _bind(port: int) -> socket.socket:
    try:
        bound = socket.create_server((HOST, port))
        bound.setblocking(False)
        return bound
    except OSError as error:
        raise NotServedError(
            f"port {port} of {HOST} cannot be had ({os.strerror(error.errno or 0)}); stop what "
            f"holds it, or choose another: `make app PORT={port + 1}` or "
            f"`optiwidgets app --port {port + 1}`"
        ) from error
