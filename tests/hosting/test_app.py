"""Lessons under Voila: HTTP requests to a real server on a free port."""

import asyncio
import http.client
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from types import SimpleNamespace

import nbformat
import pytest
from voila.tornado.handler import TornadoVoilaHandler

from optiwidgets.cli import main
from optiwidgets.hosting import app, handlers

PATIENCE_S = 120  # then a hanging server is killed, and the test fails


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lessons")
    cell = nbformat.v4.new_code_cell("print('six times seven is', 6 * 7)")
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata=metadata)
    nbformat.write(notebook, folder / "explorer.ipynb")
    return folder


@pytest.fixture(scope="module")
def url(lessons: Path) -> Iterator[str]:
    """Start a server, and wait for the address that it prints."""
    command = [sys.executable, "-m", "optiwidgets.cli", "app", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--lessons", str(lessons)], stdout=subprocess.PIPE, text=True
    )
    watchdog = Timer(PATIENCE_S, process.kill)
    watchdog.start()
    assert process.stdout
    address = process.stdout.readline()
    watchdog.cancel()  # from here on, every request has its own timeout
    yield address
    process.terminate()
    try:
        process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()


@pytest.fixture
def server(url: str) -> Iterator[http.client.HTTPConnection]:
    port = int(url.split(":")[2].rstrip("/\n"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    yield connection
    connection.close()


def get(server: http.client.HTTPConnection, path: str) -> tuple[http.client.HTTPResponse, str]:
    server.request("GET", path)
    response = server.getresponse()
    return response, response.read().decode()


def lessons_app(lessons: Path, monkeypatch: pytest.MonkeyPatch) -> app.LessonServer:
    monkeypatch.setattr("signal.signal", lambda *_: None)  # Voila handles SIGTERM itself
    made = app.LessonServer(root_dir=str(lessons), ip=app.HOST)
    made.hosting = app.Hosting(lessons)
    made.initialize([])
    made.init_settings()
    return made


def test_it_prints_its_address_on_a_line_of_its_own(url: str) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\n", url)


def test_the_root_leads_to_the_explorer(server: http.client.HTTPConnection) -> None:
    response, _ = get(server, "/")
    assert response.status == 302
    assert response.headers["Location"] == "/voila/render/explorer.ipynb"


def test_the_page_shows_output_without_code_and_fetches_nothing_from_elsewhere(
    server: http.client.HTTPConnection,
) -> None:
    response, page = get(server, "/voila/render/explorer.ipynb")
    assert response.status == 200
    assert "six times seven is 42" in page
    assert "6 * 7" not in page
    assert not re.findall(r'<(?:link|script|img)[^>]+(?:href|src)="(?:https?:)?//[^>]*>', page)


def test_a_closing_tab_may_free_its_kernel_and_a_stranger_may_not(
    server: http.client.HTTPConnection,
) -> None:
    response, page = get(server, "/voila/render/explorer.ipynb")
    cookies = [c.split(";")[0] for c in response.headers.get_all("Set-Cookie")]
    (token,) = [c.removeprefix("_xsrf=") for c in cookies if c.startswith("_xsrf=")]
    kernel = re.search(r'"kernelId": "([^"]+)"', page)[1]
    for body, status in (("", 403), (f"_xsrf={token}", 204), (f"_xsrf={token}", 404)):
        headers = {
            "Cookie": "; ".join(cookies),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        server.request("POST", f"/voila/api/shutdown/{kernel}", body, headers)
        response = server.getresponse()
        response.read()
        assert response.status == status


def test_a_taken_port_is_named_with_the_way_to_choose_another(
    lessons: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["app", "--port", str(port), "--lessons", str(lessons)]) == 2
    said = capsys.readouterr().err
    assert f"port {port} of 127.0.0.1 cannot be had (Address already in use)" in said
    assert f"make app PORT={port + 1}" in said
    assert "choose another with --port" in said


def test_a_folder_without_notebooks_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["app", "--lessons", str(tmp_path / "none")]) == 2
    assert f"no notebooks in {tmp_path / 'none'}" in capsys.readouterr().err


def test_small_messages_are_sent_at_once_on_a_kernels_websocket(
    lessons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(handler: handlers.Channels, kernel_id: str) -> None:
        done.append(kernel_id)

    done: list[object] = []
    monkeypatch.setattr(handlers.VoilaKernelWebsocketHandler, "open", connect)
    monkeypatch.setattr(handlers.Channels, "set_nodelay", lambda handler, on: done.append(on))
    (served,) = [
        kind
        for path, kind, *_ in lessons_app(lessons, monkeypatch).init_handlers()
        if path.endswith("/channels")
    ]
    asyncio.run(served.open(served.__new__(served), "kernel"))
    assert done == [True, "kernel"]


def test_a_message_in_the_older_protocol_does_not_hang_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    older = struct.pack("!3I", 2, 12, 14) + b"{}" + b"picture"  # offsets of 4 bytes, big end first
    passed: list[bytes] = []
    base = handlers.VoilaKernelWebsocketHandler.__bases__[0]
    monkeypatch.setattr(
        base, "write_message", lambda handler, message, binary: passed.append(message)
    )
    handler = handlers.Channels.__new__(handlers.Channels)
    handler.write_message(older, binary=True)
    assert passed == [older]


def test_forgotten_kernels_are_culled_and_only_needed_extensions_are_loaded(
    lessons: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = lessons_app(lessons, monkeypatch)
    assert made.kernel_manager.cull_interval + made.kernel_manager.cull_idle_timeout <= 120
    assert not made.kernel_manager.cull_connected
    assert "anywidget" in made.voila_configuration.extension_allowlist
    assert made.voila_configuration.strip_sources


def test_without_an_explorer_the_root_lists_the_notebooks(
    lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads_to = [
        next(
            settings["url"]
            for path, _, *(settings,) in lessons_app(folder, monkeypatch).init_handlers()
            if path == "/"
        )
        for folder in (lessons, tmp_path)
    ]
    assert leads_to == ["/voila/render/explorer.ipynb", "/lessons"]


def test_a_page_has_its_column_before_any_widget_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[object] = []
    monkeypatch.setattr(TornadoVoilaHandler, "write", lambda page, chunk: written.append(chunk))
    page = object.__new__(handlers.Page)
    page.request, page.application = SimpleNamespace(query=""), SimpleNamespace(settings={})
    for chunk in ("<head><title>A lesson</title></head><body>", "<p>text", b"bytes"):
        page.write(chunk)
    head, *rest = written
    assert str(head).startswith("<head><title>A lesson</title><style>")
    assert str(head).endswith("</style></head><body>")
    assert "--ow-column: 680px" in str(head)
    assert rest == ["<p>text", b"bytes"]
