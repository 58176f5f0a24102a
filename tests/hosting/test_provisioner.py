"""Kernels forked from one process, requested as a Jupyter server requests them."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.manager import AsyncKernelManager

from optiwidgets.hosting import fork_server, provisioner
from optiwidgets.hosting.provisioner import FORKS

PATIENCE_S = 120

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not provisioner.CAN_FORK, reason="kernels are forked on Linux only"),
    pytest.mark.filterwarnings("ignore:.*:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning"),
]


@asynccontextmanager
async def kernel(**given: Any) -> AsyncIterator[tuple[Any, Any]]:
    manager = AsyncKernelManager(kernel_name="optiwidgets", transport="ipc")
    await manager.start_kernel(**given)
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=PATIENCE_S)
        yield manager, client
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


async def says(client: Any, code: str) -> str:
    said: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        if message["msg_type"] in ("stream", "error"):
            said.append(message["content"].get("text") or message["content"]["evalue"])

    await client.execute_interactive(code, timeout=PATIENCE_S, output_hook=hear)
    return "".join(said)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not done():
            await asyncio.sleep(0.02)


Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture
def run(loop: asyncio.AbstractEventLoop, forks: None) -> Run:
    return loop.run_until_complete


def test_kernels_come_from_one_process_that_has_loaded_all(run: Run) -> None:
    async def body() -> None:
        async with kernel() as (first, one), kernel() as (_, other):
            assert isinstance(first.provisioner.process, provisioner.ForkedKernel)
            parents = {
                await says(client, "import os; print(os.getppid())") for client in (one, other)
            }
            assert parents == {f"{FORKS.pid}\n"}
            loaded = "import sys; print({'torch', 'optiwidgets', 'onnxruntime'} <= {*sys.modules})"
            assert await says(one, loaded) == "True\n"

    run(body())


def test_a_forked_kernel_evaluates_as_any_other(run: Run, digits: Any) -> None:
    import optiwidgets as ow

    async def body() -> None:
        async with kernel() as (_, client):
            code = "import optiwidgets as ow; session = ow.Session()"
            code += "\nprint(session.experiment.run(ow.Recipe(0.85, bits=3)))"
            assert await says(client, code) == f"{digits.run(ow.Recipe(0.85, bits=3))}\n"

    run(body())


def test_no_two_kernels_draw_the_same_random_numbers(run: Run) -> None:
    code = "import random, numpy, torch; print(random.random(), numpy.random.rand(), torch.rand(1))"

    async def body() -> None:
        async with kernel() as (_, one), kernel() as (_, other):
            drawn = [(await says(client, code)).split() for client in (one, other)]
            assert all(mine != theirs for mine, theirs in zip(*drawn, strict=True))

    run(body())


def test_a_kernel_killed_is_known_to_be_dead_with_its_signal(run: Run) -> None:
    async def body() -> None:
        async with kernel() as (manager, _):
            process = manager.provisioner.process
            assert process.poll() is None
            os.kill(process.pid, signal.SIGKILL)
            await until(lambda: process.poll() is not None)
            assert process.returncode == -signal.SIGKILL

    run(body())


def test_an_interrupt_reaches_the_kernel_alone_and_it_lives_on(run: Run) -> None:
    async def body() -> None:
        async with kernel() as (manager, client), kernel() as (_, other):
            busy = client.execute("import time; print('begun')\nwhile True: time.sleep(0.01)")
            while (await client.get_iopub_msg(timeout=PATIENCE_S))["content"].get("text") is None:
                pass  # interrupted before its first line, a cell would never answer
            await manager.interrupt_kernel()
            while (reply := await client.get_shell_msg(timeout=PATIENCE_S)) and (
                reply["parent_header"].get("msg_id") != busy
            ):
                pass
            assert reply["content"]["ename"] == "KeyboardInterrupt"
            assert await says(other, "print('undisturbed')") == "undisturbed\n"

    run(body())


def test_memory_of_its_own_has_a_bound_and_the_kernel_outlives_it(run: Run) -> None:
    env = os.environ | {fork_server.MEMORY_MB: "200"}

    async def body() -> None:
        async with kernel(env=env) as (_, client):
            assert "Unable to allocate" in await says(
                client, "import numpy; numpy.ones(500_000_000, numpy.uint8)"
            )
            assert await says(client, "print(numpy.ones(5).sum())") == "5.0\n"

    run(body())


def test_when_the_forking_process_is_killed_its_kernels_go_and_new_ones_come(run: Run) -> None:
    async def body() -> None:
        async with kernel() as (manager, _):
            process, before = manager.provisioner.process, FORKS.pid
            assert before
            os.kill(before, signal.SIGKILL)
            await until(lambda: process.poll() is not None)
            await until(lambda: not psutil.pid_exists(process.pid))
        async with kernel() as (_, client):
            assert await says(client, "import os; print(os.getppid())") == f"{FORKS.pid}\n"
            assert before != FORKS.pid

    run(body())


def test_who_asks_for_nonsense_gets_nothing_and_others_are_served(run: Run) -> None:
    async def body() -> None:
        async with kernel():
            for words in (b"", b"\n", b"{", b'{"argv": 1}\n', b"[]\n", b"\xff\xfe\n"):
                with socket.socket(socket.AF_UNIX) as stranger:
                    stranger.connect(FORKS.start())
                    stranger.sendall(words)
                    stranger.shutdown(socket.SHUT_WR)
                    stranger.settimeout(PATIENCE_S)
                    assert b"pid" not in stranger.recv(1000)
        async with kernel() as (_, client):
            assert await says(client, "print('served')") == "served\n"

    run(body())


def test_where_nothing_can_be_forked_a_kernel_starts_the_ordinary_way(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(provisioner, "CAN_FORK", False)

    async def body() -> None:
        async with kernel() as (manager, client):
            assert not isinstance(manager.provisioner.process, provisioner.ForkedKernel)
            assert await says(client, "import os; print(os.getppid())") == f"{os.getpid()}\n"

    run(body())


def test_the_kernelspec_names_the_provisioner_and_starts_python_where_there_is_none() -> None:
    folder = Path(provisioner.__file__).parent / "kernelspec"
    spec = json.loads((folder / "kernel.json").read_text())
    assert spec["metadata"]["kernel_provisioner"]["provisioner_name"] == "optiwidgets-fork"
    assert spec["argv"][:3] == ["python", "-m", "ipykernel_launcher"]


def test_what_is_made_after_holes_are_filled_lies_together() -> None:
    def pools() -> int:
        new = [bytes(100) for _ in range(200)]
        return len({id(each) // fork_server.POOL_BYTES for each in new})

    many = [bytes(100) for _ in range(20_000)]
    del many[::50]
    assert pools() > 50
    filling = fork_server.fill_holes()
    assert pools() <= 3
    assert len(filling) < 10**6


def test_who_asks_a_forking_process_that_is_just_killed_is_served_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(b'{"pid": 7}\n' if len(asked) == 2 else b"")
        writer.close()

    async def body() -> None:
        path = str(tmp_path / "forks")
        monkeypatch.setattr(FORKS, "start", lambda: path)
        async with await asyncio.start_unix_server(answer, path):
            kernel = await FORKS.fork(["python"], {}, "/")
            assert kernel.pid == 7
            assert len(asked) == 2
            with pytest.raises(
                provisioner.NotForkedError, match="no kernel was forked: the forking"
            ):
                await FORKS.fork(["python"], {}, "/")
            assert len(asked) == 4

    asyncio.run(body())
