"""Faults of one user or of the host: other users are served, and nothing is left."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from classes import Browser, serving
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect
from visitor import PATIENCE_S, of, only, send, states, until, until_true

from optiwidgets.hosting.handlers import PAGES_EACH
from optiwidgets.hosting.provisioner import CAN_FORK

PLACES, STRANGERS = 7, 500
SPARE_FILES = 10  # opened by a server meanwhile and kept
LOOPS = "while True: pass"
LESSONS = {
    "long": "import time\ntime.sleep(12)\nprint('made in', 'the end')",
    "explorer": "print('six times seven is', 6 * 7)",
    "10_loops": LOOPS,
    "20_loops": (
        "import ipywidgets\n"
        "slider = ipywidgets.IntSlider(description='Loop')\n"
        "def loop(change):\n    while True: pass\n"
        "slider.observe(loop, 'value')\n"
        "slider"
    ),
}
HASTY = {"MappingKernelManager": {"cull_interval": 1, "cull_idle_timeout": 5}}
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CAN_FORK, reason="kernels are forked on Linux only"),
]


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lessons")
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for name, code in LESSONS.items():
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(code)], metadata=metadata
        )
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


@pytest.fixture(scope="module")
def served(
    lessons: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, psutil.Process]]:
    """Server that culls forgotten kernels sooner than the default."""
    folder = tmp_path_factory.mktemp("host")
    folder.joinpath("voila.json").write_text(json.dumps(HASTY))
    with serving(lessons, "--max-users", str(PLACES), cwd=folder) as found:
        yield found


@pytest.fixture
def port(served: tuple[int, psutil.Process]) -> Iterator[int]:
    """Port of the class, without kernels before and after each test."""
    port, _ = served
    yield port
    until_true(lambda: Browser(port).health()["kernels"] == 0)


@pytest.fixture
def server(served: tuple[int, psutil.Process]) -> psutil.Process:
    return served[1]


def forker(server: psutil.Process) -> psutil.Process:
    (found,) = [p for p in server.children() if "optiwidgets.hosting.fork_server" in p.cmdline()]
    return found


def kernels(server: psutil.Process) -> list[psutil.Process]:
    return forker(server).children()


@asynccontextmanager
async def connected(browser: Browser, kernel: str) -> AsyncIterator[WebSocketClientConnection]:
    """Open the websocket between a page and its kernel."""
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    url = f"ws://127.0.0.1:{browser.port}/api/kernels/{kernel}/channels"
    channels = await websocket_connect(HTTPRequest(url, headers={"Cookie": cookies}))
    try:
        yield channels
    finally:
        channels.close()
        while await channels.read_message() is not None:
            pass


async def answered(channels: WebSocketClientConnection) -> list[dict[str, Any]]:
    """Request the kernel's info; return all messages up to the answer."""
    heard: list[dict[str, Any]] = []

    def fits(message: dict[str, Any]) -> bool:
        heard.append(message)
        return message["msg_type"] == "kernel_info_reply" and of(message, asked)

    asked = await send(channels, "kernel_info_request", {})
    async with asyncio.timeout(PATIENCE_S):
        await until(channels, fits)
    return heard


def request(path: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    return "".join(f"{line}\r\n" for line in lines).encode()


def test_a_kernel_killed_gives_its_place_back_and_another_notices_nothing(
    port: int, server: psutil.Process
) -> None:
    one, other = Browser(port), Browser(port)
    kept = other.open()

    async def body() -> None:
        async with connected(other, kept) as channels:
            await answered(channels)
            (neighbour,) = kernels(server)
            lost = one.open()
            (killed,) = [p for p in kernels(server) if p != neighbour]
            killed.kill()
            until_true(lambda: one.health()["kernels"] == 1)
            assert one.ask(f"/api/kernels/{lost}")[0] == 404
            await answered(channels)
            assert kernels(server) == [neighbour]

    asyncio.run(body())
    assert other.close(kept) == 204


def test_when_the_forking_process_is_killed_nothing_of_it_stays_and_another_serves(
    port: int, server: psutil.Process
) -> None:
    one = Browser(port)
    lost, before = one.open(), forker(server)
    orphans = before.children(recursive=True)
    assert orphans

    async def told() -> None:
        async with connected(one, lost) as channels:
            await answered(channels)
            before.kill()
            async with asyncio.timeout(PATIENCE_S):
                await until(channels, lambda m: m["content"].get("execution_state") == "dead")

    asyncio.run(told())
    assert not psutil.wait_procs(orphans, PATIENCE_S)[1]
    until_true(lambda: one.ask(f"/api/kernels/{lost}")[0] == 404)
    assert one.close(one.open()) == 204
    assert forker(server) != before


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_code_sent_by_the_owner_is_not_run(port: int, tmp_path: Path, channel: str) -> None:
    owner, trace = Browser(port), tmp_path / "ran"
    kernel = owner.open()
    code = f"open({str(trace)!r}, 'w')"
    sent = {
        "execute_request": {"code": code, "silent": False, "user_expressions": {"it": code}},
        "complete_request": {"code": "pri", "cursor_pos": 3},
        "inspect_request": {"code": "print", "cursor_pos": 5, "detail_level": 1},
        "history_request": {"hist_access_type": "tail", "n": 10, "output": True, "raw": True},
        "debug_request": {"type": "request", "seq": 1, "command": "debugInfo"},
        "create_subshell_request": {},
        "interrupt_request": {},
    }

    async def body() -> None:
        async with connected(owner, kernel) as channels:
            asked = [
                await send(channels, kind, content, channel=channel)
                for kind, content in sent.items()
            ]
            heard = [*await answered(channels), *await answered(channels)]
            assert not [m["msg_type"] for m in heard if any(of(m, one) for one in asked)]

    asyncio.run(body())
    assert not trace.exists()
    assert owner.close(kernel) == 204


def test_hundreds_of_connections_dropped_leave_nothing_open(
    port: int, server: psutil.Process
) -> None:
    owner = Browser(port)
    kernel = owner.open()
    cookies = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
    before = server.num_fds()
    words = [
        b"",
        b"GET /lessons HT",
        request("/voila/render/explorer.ipynb"),  # no empty line: incomplete
        request(f"/api/kernels/{kernel}/channels", f"Cookie: {cookies}", UPGRADE),
    ]
    with ExitStack() as strangers:
        for number in range(STRANGERS):
            stranger = socket.create_connection(("127.0.0.1", port))
            strangers.enter_context(stranger).sendall(words[number % len(words)])
        until_true(lambda: server.num_fds() >= before + STRANGERS // 2)  # many exist at once
    until_true(lambda: server.num_fds() <= before + SPARE_FILES)
    assert owner.close(kernel) == 204
    assert owner.close(owner.open()) == 204


def test_a_lesson_that_loops_for_ever_is_freed_when_its_reader_leaves(
    port: int, server: psutil.Process
) -> None:
    other = Browser(port)
    with socket.create_connection(("127.0.0.1", port)) as reader:
        reader.sendall(request("/voila/render/10_loops.ipynb") + b"\r\n")
        until_true(lambda: other.health()["kernels"] == 1)
        until_true(lambda: any(p.cpu_times().user > 1 for p in kernels(server)))
        (looping,) = kernels(server)
        assert other.close(other.open()) == 204
        assert looping.is_running()
    assert not psutil.wait_procs([looping], PATIENCE_S)[1]
    until_true(lambda: other.health()["kernels"] == other.health()["users"] == 0)


def test_who_leaves_before_the_kernel_is_there_leaves_none(
    port: int, server: psutil.Process
) -> None:
    browser = Browser(port)
    for _ in range(PLACES):
        with socket.create_connection(("127.0.0.1", port)) as reader:
            reader.sendall(request("/voila/render/10_loops.ipynb") + b"\r\n")
    until_true(lambda: browser.ask("/voila/render/explorer.ipynb")[0] == 200)
    until_true(lambda: not kernels(server))  # the page that was just read is culled


def test_a_widget_that_loops_for_ever_is_freed_when_its_page_is_gone_without_a_word(
    port: int, server: psutil.Process
) -> None:
    browser = Browser(port)
    kernel = browser.open(lesson="20_loops")

    async def body() -> None:
        async with connected(browser, kernel) as channels:
            slider = only(await states(channels), {"description": "Loop", "readout": True})
            update = {"method": "update", "state": {"value": 5}}
            await send(channels, "comm_msg", {"comm_id": slider, "data": update})
            await until(channels, lambda m: m["content"].get("execution_state") == "busy")

    (looping,) = kernels(server)
    asyncio.run(body())
    assert not psutil.wait_procs([looping], PATIENCE_S)[1]


def test_one_browser_cannot_take_all_places(port: int) -> None:
    greedy, other = Browser(port), Browser(port)

    async def body() -> list[str]:
        async with AsyncExitStack() as pages:  # looked at meanwhile: none is freed
            kernels = []
            for _ in range(PAGES_EACH):
                kernels.append(greedy.open())
                await pages.enter_async_context(connected(greedy, kernels[-1]))
            status, text = greedy.ask("/voila/render/explorer.ipynb")
            assert (status, greedy.headers["Retry-After"]) == (503, "5")
            assert "Close one of your 6 lessons." in text
            assert other.close(other.open()) == 204
            assert [greedy.close(kernel) for kernel in kernels] == [204] * PAGES_EACH
        return kernels

    assert len(set(asyncio.run(body()))) == PAGES_EACH


def test_a_page_that_never_opens_a_websocket_is_freed(port: int, server: psutil.Process) -> None:
    Browser(port).open()
    (forgotten,) = kernels(server)
    assert not psutil.wait_procs([forgotten], PATIENCE_S)[1]


def test_a_page_that_takes_longer_to_make_than_kernels_may_be_idle_is_made(port: int) -> None:
    assert HASTY["MappingKernelManager"]["cull_idle_timeout"] < 12
    status, text = Browser(port).ask("/voila/render/long.ipynb")
    assert status == 200
    assert "made in the end" in text


def test_a_full_disk_is_said_plainly_and_takes_no_place(port: int, server: psutil.Process) -> None:
    browser = Browser(port)
    browser.ask("/lessons")
    before = server.rlimit(psutil.RLIMIT_FSIZE)
    server.rlimit(psutil.RLIMIT_FSIZE, (0, before[1]))  # no byte can be written
    try:
        refused = [browser.ask("/voila/render/explorer.ipynb") for _ in range(5)]
    finally:
        server.rlimit(psutil.RLIMIT_FSIZE, before)
    for status, text in refused:
        assert status in (500, 503)
        assert "Reload the page" in text
        assert "Traceback" not in text
        assert "/" not in re.sub(r"<style>.*?</style>|<[^>]*>", "", text, flags=re.DOTALL)
    assert browser.health()["kernels"] == 0
    assert kernels(server) == []
    assert browser.close(browser.open()) == 204
