"""Voila server of the lessons: explorer at the root, prompt websockets, pages without internet.

Settings are in ``voila.json`` beside this file; a ``voila.json`` of the user overrides them.
"""

from __future__ import annotations

import errno
import logging
import os
import resource
import shutil
import socket
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_server.auth.logout import LogoutHandler
from jupyter_server.auth.security import passwd
from jupyter_server.services.kernels.handlers import KernelHandler
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.web import RedirectHandler, RequestHandler
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.contentshandler import VoilaContentsHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler
from voila.tornado.treehandler import TornadoVoilaTreeHandler
from voila.voila_identity_provider import VoilaLoginHandler

from optiwidgets import check_questions
from optiwidgets.hosting import handlers
from optiwidgets.hosting.auth import ClassIdentityProvider
from optiwidgets.hosting.capacity import free_mb, users_that_fit
from optiwidgets.hosting.classes.class_store import ClassStore, state_folder
from optiwidgets.hosting.classes.routes import ROUTES, settings_of
from optiwidgets.hosting.handlers import LOOPBACK
from optiwidgets.hosting.kernel_manager import ClassKernelManager
from optiwidgets.hosting.provisioner import CAN_FORK, FORKS
from optiwidgets.hosting.template_cache import compile_once

HOST = "127.0.0.1"
EXPLORER = "explorer.ipynb"
QUESTIONS = "questions"  # folder of a teacher's own, beside the notebooks
MOST_FILES = 65_536  # open files
CLASS = "OPTIWIDGETS_CLASS"  # tells kernels that the teacher sees answers
KERNEL_MB = 1000  # most memory that a kernel may add; training takes a few hundred
PLACES, MEMORY_MB = "OPTIWIDGETS_SLOW_LANES", "OPTIWIDGETS_MEMORY_MB"  # read by kernels
WATCH_MS = 500  # between two checks of the forking process
log = logging.getLogger("optiwidgets.hosting")

OURS = {
    VoilaLoginHandler: handlers.Login,
    TornadoVoilaHandler: handlers.Page,
    VoilaKernelWebsocketHandler: handlers.Channels,
    KernelHandler: handlers.Kernel,
    VoilaShutdownKernelHandler: handlers.Shutdown,
    LogoutHandler: handlers.Logout,
}
LEFT_OUT = (TornadoVoilaTreeHandler, VoilaContentsHandler)  # they list folders


class NotServedError(OSError):
    """Error: the lessons cannot be served; the message gives the reason and the remedy."""


@dataclass(frozen=True)
class Hosting:
    """Settings of the server of lessons.

    The explorer opens with ``case``. ``max_users`` is the limit of open pages, None for no limit.
    The ``token`` admits teachers, the ``password`` students; without both, everybody is admitted.
    With ``forked``, all kernels are forked from one process. A class with a token keeps votes and
    answers in the folder ``state``, by default in the user's own folder for such data.
    """

    lessons: str | os.PathLike[str]
    port: int = 8866
    host: str = HOST
    case: str = ""
    token: str = ""
    password: str = ""
    max_users: int | None = None
    forked: bool = False
    state: str | os.PathLike[str] | None = None

    def settings(self) -> Config:
        """Return the configuration of Voila and Jupyter."""
        config = Config()
        config.VoilaConfiguration.multi_kernel_manager_class = ClassKernelManager
        if self.password:
            config.ClassIdentityProvider.hashed_password = passwd(self.password)
        config.ClassKernelManager.max_users = self.max_users
        config.ClassKernelManager.forked = self.forked
        if CAN_FORK:
            config.KernelManager.transport = "ipc"  # files of this user, not open ports
        return config


class LessonServer(Voila):
    """Voila server for one folder, on a socket that is already bound."""

    hosting: Hosting
    socket: socket.socket
    store: ClassStore | None = None
    config_file_paths: list[str]  # Voila's trait: settings in an earlier place win

    def initialize(self, argv: list[str] | None = None) -> None:
        """Set logging to errors only, and read our settings before the user's."""
        self.log_level = logging.ERROR
        compile_once()
        self.config_file_paths = [*self.config_file_paths, os.path.dirname(__file__)]
        super().initialize(argv)

    def init_settings(self) -> dict[str, Any]:
        """Log no query, which may hold a token; answer unknown addresses in plain words."""
        settings: dict[str, Any] = super().init_settings()
        if self.store:
            settings["identity_provider"].remember_in(self.store)
        own = {"log_function": log_trouble, "default_handler_class": handlers.Missing}
        return settings | own | settings_of(self.store)

    def init_handlers(self) -> list[Any]:
        """Replace Voila's handlers by ours, and put the explorer at the root."""
        theirs = [route for route in super().init_handlers() if route[1] not in LEFT_OUT]
        routes = [(path, OURS.get(kind, _plain(kind)), *rest) for path, kind, *rest in theirs]
        own = [
            ("/lessons", handlers.Index),
            ("/health", handlers.Health),
            *ROUTES,
        ]
        return [("/", RedirectHandler, {"url": self._root(), "permanent": False}), *own, *routes]

    def _root(self) -> str:
        if not Path(self.root_dir, EXPLORER).is_file():
            return "/lessons"
        query = f"?case={self.hosting.case}" if self.hosting.case else ""
        return f"/voila/render/{EXPLORER}{query}"

    def listen(self) -> None:
        """Serve on the bound socket, print the address, and run until interrupted."""
        HTTPServer(self.app).add_socket(self.socket)
        self.ioloop = IOLoop.current()
        if self.hosting.forked:
            FORKS.start()
            PeriodicCallback(_keep_forking, WATCH_MS).start()
        print(f"http://{self.hosting.host}:{self.port}/", flush=True)  # noqa: T201 (as promised)
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            pass
        finally:
            FORKS.stop()
            shutil.rmtree(os.environ.get(PLACES, ""), ignore_errors=True)
            self.stop()
            if self.store:
                self.store.close()


def _keep_forking() -> None:
    """Restart the forking process if it was killed."""
    FORKS.start()


def _plain(kind: type[RequestHandler]) -> type[RequestHandler]:
    """Create a handler that reports errors in plain words."""
    return type(kind.__name__, (handlers.Plain, kind), {})


def log_trouble(handler: RequestHandler) -> None:
    """Log a server error with method and path only."""
    if handler.get_status() >= 500 and handler.get_status() != 503:
        path = handler.request.path
        log.error("%s %s gave %d", handler.request.method, path, handler.get_status())


def serve(hosting: Hosting, server: type[LessonServer] = LessonServer) -> None:
    """Serve a folder of notebooks until interrupted, code hidden.

    Parameters
    ----------
    hosting
        Settings of the server.
    server
        Kind of server; ``tools/dev.py`` has one whose pages load themselves anew.

    Raises
    ------
    NotServedError
        The folder is missing or has no notebook, a file of questions in it has findings, the
        address is open to others without a token, or the address cannot be bound.
    """
    folder = Path(hosting.lessons).resolve()
    if not any(folder.glob("*.ipynb")):
        raise NotServedError(
            f"no notebooks in {folder}; name a folder that has some: --lessons DIR"
        )
    if hosting.host not in LOOPBACK and not hosting.token:
        raise NotServedError(
            f"{hosting.host} can be reached by others: set a token (OPTIWIDGETS_TOKEN or --token)"
        )
    _check_own_questions(folder / QUESTIONS)
    bound = _bind(hosting.host, hosting.port)
    store = ClassStore(Path(hosting.state or state_folder())) if hosting.token else None
    os.environ[CLASS] = "1" if store else ""
    _open_many_files()
    if hosting.forked:
        fit = users_that_fit(free_mb())
        hosting = replace(hosting, max_users=hosting.max_users or fit)
        os.environ.setdefault(MEMORY_MB, str(KERNEL_MB))
        os.environ[PLACES] = _make_slots(max(1, (os.cpu_count() or 1) - 1))
        print(f"room for {hosting.max_users} users; this machine's memory fits {fit}")  # noqa: T201
    app = server(
        root_dir=str(folder),
        ip=hosting.host,
        port=bound.getsockname()[1],
        open_browser=False,
        token=hosting.token,
        identity_provider_class=ClassIdentityProvider,
        config=hosting.settings(),
        **_cookie_key(hosting, store),
    )
    app.hosting, app.socket, app.store = hosting, bound, store
    app.initialize([])
    app.start()


def _cookie_key(hosting: Hosting, store: ClassStore | None) -> dict[str, bytes]:
    """Return Voila's setting of the key that signs cookies: it outlives the server."""
    return {"cookie_secret": store.cookie_key(hosting.token, hosting.password)} if store else {}


def _check_own_questions(folder: Path) -> None:
    """Refuse to serve questions that could not be asked; name file and line of each finding."""
    if folder.is_dir() and (found := check_questions(folder)):
        raise NotServedError(
            "\n".join((f"questions with findings: {len(found)}", *map(str, found)))
        )


def _make_slots(count: int) -> str:
    """Create a folder with one file per slot of long work."""
    folder = Path(tempfile.mkdtemp(prefix="optiwidgets-slots-"))
    for slot in range(count):
        (folder / str(slot)).touch()
    return str(folder)


def _open_many_files() -> None:
    """Raise the limit of open files as far as this user may: one user takes about twenty."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _bind(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.create_server((host, port), family=family, backlog=1024)
        bound.setblocking(False)
        return bound
    except OSError as error:
        reason = os.strerror(error.errno or 0) if error.errno in errno.errorcode else str(error)
        raise NotServedError(
            f"port {port} of {host} cannot be had ({reason}); stop what holds it, or choose "
            f"another with --port (`make app PORT={port + 1}`)"
        ) from error
