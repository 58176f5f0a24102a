"""`make dev`: pages with a script that loads them anew when another process serves."""

from __future__ import annotations

import socket
from pathlib import Path

import dev
import pytest
from voila.tornado.handler import TornadoVoilaHandler
from watchfiles import Change

from optiwidgets.hosting import app, handlers

ROOT = Path(__file__).parents[1]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> dev.DevServer:
    monkeypatch.setattr("signal.signal", lambda *_: None)  # Voila takes SIGTERM for itself
    made = dev.DevServer(root_dir=str(ROOT / "lessons"), ip=app.HOST)
    made.hosting = app.Hosting(ROOT / "lessons")
    made.initialize([])
    made.init_settings()
    return made


def test_lessons_are_pages_that_load_anew_and_one_address_tells_the_start(
    server: dev.DevServer,
) -> None:
    routes = server.init_handlers()
    kinds = [kind for _, kind, *_ in routes]
    assert dev.Page in kinds
    assert handlers.Page not in kinds
    assert TornadoVoilaHandler not in kinds
    assert (dev.ADDRESS, dev.Start) in routes
    assert {handlers.Channels, handlers.Shutdown} <= {*kinds}  # the rest as in `make app`


def test_tracebacks_are_shown(server: dev.DevServer) -> None:
    assert server.voila_configuration.show_tracebacks


def test_the_script_stands_once_at_the_beginning_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[object] = []
    monkeypatch.setattr(handlers.Page, "write", lambda page, chunk: written.append(chunk))
    page = object.__new__(dev.Page)
    for chunk in ("<html><head><title>", "</title></head>", b"<head>"):
        page.write(chunk)
    first, *rest = written
    assert first == f"<html><head>{dev.SCRIPT}<title>"
    assert dev.START in dev.SCRIPT
    assert rest == ["</title></head>", b"<head>"]


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("widgets/base/feed.js", True),
        ("widgets/base/theme.css", True),
        ("engine/pruning/masks.py", True),
        ("lessons/30_pruning.ipynb", True),
        ("engine/pruning/__pycache__/masks.cpython-311.pyc", False),
        ("engine/pruning/masks.py~", False),
        ("engine/data/digits_split.txt", False),
    ],
)
def test_sources_alone_start_the_server_again(path: str, seen: bool) -> None:
    assert dev.SourceFilter()(Change.modified, path) is seen


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server((app.HOST, 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(SystemExit, match=f"make dev: port {port} of 127.0.0.1 cannot be had"):
            dev.serve(port, ROOT / "lessons")
