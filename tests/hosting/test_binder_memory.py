"""Binder's commands in 2 GB (slow): its postBuild, its start, the server's own command."""

from __future__ import annotations

import os
import resource
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from servers import own_settings
from visitor import VIEW, Kernel, answers, free_ports, until_true

ROOT = Path(__file__).parents[2]
MOST = 2_000_000_000  # bytes
TOKEN = "of-this-test"
MOST_S = 120  # between two parts of a page: one whose kernel died never ends
STOP_S = 30  # then a hanging server is killed
IN_THE_PLACE_OF_PYTHON = """#!/bin/sh
# pip has nothing to do here, and the settings belong into a folder of this test
echo "{prefix}"
"""


def settings_of_post_build(folder: Path) -> Path:
    """Run binder/postBuild with its settings going to a folder; return their path."""
    python = folder / "bin" / "python"
    python.parent.mkdir()
    python.write_text(IN_THE_PLACE_OF_PYTHON.format(prefix=folder / "prefix"))
    python.chmod(0o755)
    path = f"{python.parent}:{os.environ['PATH']}"
    subprocess.run([ROOT / "binder/postBuild"], cwd=ROOT, env={"PATH": path}, check=True)
    return folder / "prefix/etc/jupyter"


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MOST, MOST))


def tree(server: subprocess.Popen[bytes]) -> list[psutil.Process]:
    process = psutil.Process(server.pid)
    return [process, *process.children(recursive=True)]


def used(server: subprocess.Popen[bytes]) -> int:
    """Add up the bytes of all processes; pages that they share count once."""
    found = 0
    for process in tree(server):
        try:
            found += process.memory_full_info().pss
        except psutil.NoSuchProcess:  # the process ended since the listing
            continue
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        yield made


@pytest.fixture
def server(tmp_path: Path, log: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command that Binder gives to ``binder/start``; end all its processes afterwards."""
    jupyter = Path(sysconfig.get_path("scripts"), "jupyter-lab")
    command = [ROOT / "binder/start", jupyter, "--ip=127.0.0.1", f"--port={port}", "--no-browser"]
    command += [f"--IdentityProvider.token={TOKEN}"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    environment = own_settings(tmp_path / "own")
    environment["JUPYTER_CONFIG_PATH"] = str(settings_of_post_build(tmp_path))
    with log.open("w") as output:
        started = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, preexec_fn=limit
        )
    until_true(lambda: answers(f"http://127.0.0.1:{port}/api"))
    yield started
    everybody = tree(started)
    started.terminate()
    started.wait(STOP_S)
    gone, left = psutil.wait_procs(everybody, STOP_S)
    assert left == []
    assert len(gone) > 1


@pytest.mark.slow
def test_the_explorer_and_two_lessons_fit_into_what_binder_gives(
    server: subprocess.Popen[bytes], port: int, log: Path, session: requests.Session
) -> None:
    base = f"http://127.0.0.1:{port}"
    session.headers["Authorization"] = f"token {TOKEN}"
    kernels = []
    for lesson in ("explorer", "30_pruning", "50_both_smaller_faster"):
        page = session.get(f"{base}/voila/render/lessons/{lesson}.ipynb", timeout=MOST_S)
        assert page.ok
        assert VIEW in page.text
        assert used(server) < MOST
        kernels.append(Kernel(base, page.text, session))
    feed = kernels[0].drag(80)
    assert feed["data"]["recipe"]["sparsity"] == 0.8
    assert used(server) < MOST
    (parent,) = {kernel.evaluate("__import__('os').getppid()") for kernel in kernels}
    assert "optiwidgets.hosting.fork_server" in psutil.Process(parent).cmdline()
    assert kernels[0].evaluate("__import__('torch').get_num_threads()") == 1
    assert "Culling kernels with idle durations > 90 seconds" in log.read_text()
