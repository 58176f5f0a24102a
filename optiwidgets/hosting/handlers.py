"""Request handlers: lessons, kernels, and metrics of the host."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Awaitable
from http.client import responses
from importlib import resources
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import tornado.web
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from tornado.ioloop import IOLoop
from tornado.web import HTTPError
from traitlets.config import Config
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from optiwidgets import runtime_info
from optiwidgets.hosting.auth import ClassIdentityProvider
from optiwidgets.hosting.capacity import own_mb
from optiwidgets.hosting.kernel_manager import Visit
from optiwidgets.hosting.notice_pages import (
    CLASS_IS_FULL,
    MANY_PAGES,
    TRIES_AGAIN,
    button,
    links,
    notice,
    password,
)
from optiwidgets.hosting.page_language import in_language, kept, settings_in
from optiwidgets.hosting.provisioner import CAN_FORK, FORKS, NotForkedError
from optiwidgets.texts import asked_language

LOOPBACK = ("127.0.0.1", "localhost", "::1")  # hosts that no other machine reaches
CDN_LINK = re.compile(r'<link[^>]+href="https?://[^>]*>')
HEAD_END = "</head>"
PAGE_CSS = resources.files("optiwidgets.widgets") / "base" / "page.css"
PAGE_STYLE = f"<style>{PAGE_CSS.read_text(encoding='utf-8')}</style>"  # there before any widget
NOTEBOOK = re.compile(r"\w[\w-]{0,99}\.ipynb")  # in the lessons' own folder, not hidden
AGAIN_S = 5  # seconds until a page retries a full class
PAGES_EACH = 6  # kernels of one browser, if a class shares the places
HURRY_S = 0.3  # seconds for the forking process to report its state
RATE_S = 5.0  # averaging time of the update rate
TROUBLES = {
    403: "This is not open to you. If you were given a link or a password, use it once more.",
    404: "There is no such page here.",
    500: "Something broke on the server. Reload the page; if it stays so, tell your teacher.",
}


def without_token(address: str) -> str:
    """Remove the token from an address, so that a projector does not show it.

    Examples
    --------
    >>> without_token("/voila/render/explorer.ipynb?token=secret&case=smear")
    '/voila/render/explorer.ipynb?case=smear'
    """
    parts = urlsplit(address)
    said = [pair for pair in parse_qsl(parts.query) if pair[0] != "token"]
    return urlunsplit(("", "", parts.path, urlencode(said), ""))


class Plain:
    """Error pages in plain words: no traceback, no path, no kernel id."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Send a small page."""
        text = TROUBLES.get(status_code) or responses.get(status_code, "That did not work.")
        self.set_header("Content-Type", "text/html; charset=utf-8")  # type: ignore[attr-defined]
        self.finish(notice(f"Error {status_code}", text))  # type: ignore[attr-defined]


class Missing(Plain, tornado.web.RequestHandler):
    """Handler of all other addresses."""

    def prepare(self) -> None:
        """Answer 404."""
        raise HTTPError(404)


class Page(Plain, TornadoVoilaHandler):
    """Page of a lesson: kernel freed when the tab closes, nothing fetched from elsewhere."""

    _visit: Visit | None = None
    traitlet_config: Config | None

    def initialize(self, **kwargs: Any) -> None:
        """Have the page's root element name the language that its address asks for."""
        super().initialize(**kwargs)
        self.traitlet_config = settings_in(self.traitlet_config, self.request.query)

    async def prepare(self) -> None:
        """Set the ``_xsrf`` cookie; without it, Voila refuses the last message of a closing tab."""
        await super().prepare()
        _ = self.xsrf_token

    @tornado.web.authenticated
    async def get(self, path: str | None = None) -> None:
        """Render the lesson if it exists and a place is free."""
        if self.get_query_arguments("token"):
            self.redirect(without_token(self.request.uri or "/"))  # the token is in a cookie now
            return
        name, kernels, owner = path or "", self.kernel_manager, self.current_user.username
        if path is not None and not NOTEBOOK.fullmatch(name):
            raise HTTPError(404)
        if path is not None and not Path(self.contents_manager.root_dir, name).is_file():
            raise HTTPError(404)
        if kernels.is_full:
            self._turn_away(*CLASS_IS_FULL)
        elif kernels.max_users and list(kernels.owners.values()).count(owner) >= PAGES_EACH:
            self._turn_away(MANY_PAGES[0], MANY_PAGES[1].format(PAGES_EACH))
        else:
            with kernels.visit(owner) as self._visit:
                await super().get(path)

    def on_connection_close(self) -> None:
        """End the kernel of a page that was closed before it was complete."""
        super().on_connection_close()
        if self._visit:
            IOLoop.current().spawn_callback(self.kernel_manager.leave, self._visit)

    def _turn_away(self, title: str, text: str) -> None:
        """Answer 503 with a page that retries by itself."""
        self.set_status(503)
        self.set_header("Retry-After", str(AGAIN_S))
        self.finish(notice(title, f"{text} {TRIES_AGAIN.format(AGAIN_S)}", again_s=AGAIN_S))

    def write(self, chunk: Any) -> None:
        """Remove links to icon fonts on a CDN, which block a page offline; add what is ours."""
        if isinstance(chunk, str):
            chunk = in_language(chunk, asked_language(self.request.query))
            head = f"{PAGE_STYLE}{self.settings.get('page_head', '')}"
            chunk = CDN_LINK.sub("", chunk).replace(HEAD_END, f"{head}{HEAD_END}", 1)
        super().write(chunk)


class OwnerOnly(Plain):
    """Base of handlers that only the owner of a kernel may use."""

    async def prepare(self) -> None:
        """Answer 404 unless the request comes from the kernel's owner."""
        done: Awaitable[None] | None = super().prepare()  # type: ignore[misc]
        if done is not None:
            await done
        named: list[str] = [*self.path_args, *self.path_kwargs.values()]  # type: ignore[attr-defined]
        user, owners = self.current_user, self.kernel_manager.owners  # type: ignore[attr-defined]
        if user is None or owners.get(named[0]) != user.username:
            raise HTTPError(404)


class Kernel(OwnerOnly, KernelHandler):  # type: ignore[misc]
    """State of a kernel, requested by its page."""


class Shutdown(OwnerOnly, VoilaShutdownKernelHandler):
    """Shutdown message of a closing page."""


class Channels(OwnerOnly, VoilaKernelWebsocketHandler):
    """Websocket of a kernel, without TCP's wait for small messages: half the delay of a drag."""

    updates: ClassVar[deque[float]] = deque(maxlen=100_000)  # times of widget updates, on all pages

    async def open(self, kernel_id: str) -> None:
        """Turn off Nagle's algorithm, then connect."""
        self.set_nodelay(True)
        await super().open(kernel_id)

    def write_message(self, message: Any, binary: bool = False) -> Any:
        """Forward messages of older protocols without parsing them.

        Voila reads the first 8 bytes as the number of offsets. In Jupyter's older protocol, which
        clients without a subprotocol use, they are two numbers: Voila would loop over a huge count
        and block the whole class.
        """
        if isinstance(message, bytes) and b'"method": "update"' in message:
            self.updates.append(monotonic())
        if isinstance(message, bytes) and int.from_bytes(message[:8], "little") > len(message):
            return super(VoilaKernelWebsocketHandler, self).write_message(message, binary)
        return super().write_message(message, binary)


def entry_of(handler: JupyterHandler) -> ClassIdentityProvider:
    """Return the provider of the server that a handler belongs to."""
    provider: ClassIdentityProvider = handler.settings["identity_provider"]
    return provider


class Login(Plain, LoginFormHandler):
    """Login page that asks for the password, and says how long to wait after wrong ones."""

    @allow_unauthenticated
    def post(self) -> None:
        """Check a password, unless this browser has to wait."""
        if wait := entry_of(self).wait_s(self):
            self.set_status(429)
            self.set_header("Retry-After", str(wait))
            self._show(f"There were too many wrong passwords. Try again in {wait} seconds.")
        else:
            super().post()  # type: ignore[no-untyped-call]

    def _render(self, message: dict[str, str] | None = None) -> None:
        entry_of(self).greet(self)
        wait = entry_of(self).wait_s(self)
        again = f" Try again in {wait} seconds." if wait else ""
        first = "That was not the password." if message else "Type the password of your class."
        self._show(first + again)

    def _show(self, text: str) -> None:
        self.finish(notice("The lessons", text, inside=password(self.xsrf_form_html())))


class Logout(Plain, JupyterHandler):
    """Button that ends a session; it has no page."""

    @allow_unauthenticated
    def get(self) -> None:
        """Answer 404: a link or picture of another site must end no session."""
        raise HTTPError(404)

    @allow_unauthenticated
    def post(self) -> None:
        """End the session, and lead to the start."""
        entry_of(self).log_out(self)
        self.redirect("/")


def log_out_button(handler: JupyterHandler) -> str:
    """Format the button that ends a session, where one was opened by a token or password."""
    if not entry_of(handler).auth_enabled:
        return ""
    return button("/logout", "Log out", handler.xsrf_form_html())


class Index(Plain, JupyterHandler):
    """Index page of the lessons."""

    @tornado.web.authenticated
    def get(self) -> None:
        """List the notebooks by file name."""
        folder = Path(self.contents_manager.root_dir)
        names = sorted(
            path.name for path in folder.glob("*.ipynb") if NOTEBOOK.fullmatch(path.name)
        )
        query = kept(self.request.query)
        pages = [(f"voila/render/{name}{query}", name.removesuffix(".ipynb")) for name in names]
        self.finish(notice("Lessons", "Choose one.", inside=links(pages) + log_out_button(self)))


async def facts(kernels: Any) -> dict[str, Any]:
    """Collect users, kernels, memory in MB, widget updates a second, and the sparse runtime."""
    running = [kernels.get_kernel(kernel_id).provisioner for kernel_id in kernels.list_kernel_ids()]
    pids = [provisioner.pid for provisioner in running if provisioner]
    memory = await asyncio.get_running_loop().run_in_executor(None, own_mb, pids)
    now = monotonic()
    lately = sum(now - at < RATE_S for at in Channels.updates)
    return {
        "status": "ok",
        "users": len(set(kernels.owners.values())),
        "kernels": len(kernels),
        "max_users": kernels.max_users,
        "memory_mb": round(memory, 1),
        "updates_per_s": round(lately / RATE_S, 1),
        "sparse_runtime": runtime_info().sparse_status,
        "sparse_runtime_most_macs": runtime_info().most_macs,
        "grid": await _grid() if kernels.forked and CAN_FORK else "none",
    }


async def _grid() -> str:
    """Return the state of the slider grids; "loading" until the forking process answers."""
    try:
        async with asyncio.timeout(HURRY_S):
            return str((await FORKS.state())["grids"])
    except (TimeoutError, NotForkedError):
        return "loading"


class Health(Plain, JupyterHandler):
    """Health check for monitoring programs: status and load."""

    @allow_unauthenticated
    async def get(self) -> None:
        """Send the metrics as JSON."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(await facts(self.kernel_manager)))
