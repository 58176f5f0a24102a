"""Servers to compare, and measurements of their processes by Linux."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from builds import THIS

LESSONS = THIS / "lessons"
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")
START_S, READY_S, STOP_S = 120, 600, 30  # seconds; a server that takes longer is given up
TICK_S = 0.05
ENVIRONMENT = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
MB = 1e6


def free_port() -> int:
    """Find a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def stock(users: int, lessons: Path = LESSONS) -> list[str]:
    """Return the command of stock Voila on the explorer."""
    options = ["--no-browser", "--Voila.ip=127.0.0.1", f"--port={free_port()}"]
    return [sys.executable, "-m", "voila", str(lessons / "explorer.ipynb"), *options]


def app(users: int, lessons: Path = LESSONS) -> list[str]:
    """Return the command of ``make app``: Voila with our settings, one process for each kernel."""
    command = [sys.executable, "-m", "optiwidgets.cli", "app", "--port", "0"]
    return [*command, "--lessons", str(lessons)]


def serve(users: int, lessons: Path = LESSONS) -> list[str]:
    """Return the command of ``optiwidgets serve``: kernels forked from one process."""
    command = [sys.executable, "-m", "optiwidgets.cli", "serve", "--port", "0"]
    return [*command, "--lessons", str(lessons), "--max-users", str(users)]


def own(users: int, lessons: Path = LESSONS) -> list[str]:
    """Return the command of a Jupyter server as JupyterHub starts for each user."""
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={free_port()}", "--allow-root"]
    options += ["--IdentityProvider.token=", f"--ServerApp.root_dir={lessons}"]
    return [sys.executable, "-m", "jupyter_server", *options]


HOSTS = {"stock": stock, "app": app, "serve": serve}


@dataclass
class Host:
    """Running server; ``idle`` are its processes before any student."""

    url: str
    process: psutil.Process
    idle: frozenset[psutil.Process]

    def kernels(self) -> set[psutil.Process]:
        """Return the processes started for students: kernels, and their parent processes."""
        return set(self.process.children(recursive=True)) - self.idle

    def memory(self) -> dict[str, Any]:
        """Measure memory in MB of the kernels, private and proportional, and of the server."""
        kernels = self.kernels()
        each = [found for one in kernels if (found := memory(one.pid))]
        rest = [memory(one.pid) for one in (self.process, *self.idle)]
        whole = [found["proportional"] for found in (*each, *rest) if found]
        return {
            "processes": len(kernels),
            "private_mb": sum(found["private"] for found in each),
            "proportional_mb": sum(found["proportional"] for found in each),
            "whole_mb": sum(whole),
        }


def running(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Return the running processes, without zombies, which hold no memory."""
    return [one for one in processes if _runs(one)]


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.is_running())
    except psutil.NoSuchProcess:
        return False


def memory(pid: int) -> dict[str, float] | None:
    """Measure private and proportional memory of a process in MB; None if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return None
    kib = {name: int(size) for name, size, *_ in (line.replace(":", "").split() for line in lines)}
    private = kib["Private_Clean"] + kib["Private_Dirty"]
    return {"private": private * 1024 / MB, "proportional": kib["Pss"] * 1024 / MB}


@contextmanager
def serving(name: str, users: int, build: Path = THIS) -> Iterator[Host]:
    """Run a checkout's server in its own environment; end all its processes afterwards."""
    command = (HOSTS | {"own": own})[name](users, build / "lessons")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log.txt")
        with log.open("w") as output:
            started = subprocess.Popen(
                command, stdout=output, stderr=output, cwd=folder, env=_environment(folder, build)
            )
        process = psutil.Process(started.pid)
        try:
            url = _address(started, log)
            if name == "serve":
                _wait_until_ready(url)
            yield Host(url, process, frozenset(process.children(recursive=True)))
        finally:
            _stop(started, process)


def own_server_mb() -> float:
    """Measure the private memory, in MB, of one user's Jupyter server after it served a page."""
    with serving("own", 1) as host:
        with urllib.request.urlopen(f"{host.url}voila/render/explorer.ipynb") as page:
            page.read()
        found = memory(host.process.pid)
        assert found
        return found["private"]


def _environment(folder: str, build: Path) -> dict[str, str]:
    """Make an environment without user settings of Jupyter, and with the kernels of this Python."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
    package = os.pathsep.join(filter(None, (str(build), os.environ.get("PYTHONPATH"))))
    own = {place: str(Path(folder, place)) for place in ENVIRONMENT}
    return inherited | own | {"PYTHONPATH": package}


def _address(started: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_S
    while started.poll() is None and time.monotonic() < deadline:
        if found := ADDRESS.search(log.read_text()):
            return found[0]
        time.sleep(TICK_S)
    raise SystemExit(f"{started.args} did not say where it serves:\n{log.read_text()}")


def _wait_until_ready(url: str) -> None:
    """Wait for the slider grid, which a server evaluates once."""
    deadline = time.monotonic() + READY_S
    while (grid := health(url)["grid"]) != "ready":
        if time.monotonic() > deadline:
            raise SystemExit(f"the slider grid is not ready after {READY_S} s: {grid}")
        time.sleep(1)


def health(url: str) -> dict[str, Any]:
    """Read the health report of ``optiwidgets serve``."""
    with urllib.request.urlopen(f"{url}health", timeout=START_S) as answer:
        said: dict[str, Any] = json.load(answer)
        return said


def _stop(started: subprocess.Popen[bytes], process: psutil.Process) -> None:
    """Stop the server by a signal first, so that it ends its kernels."""
    family = process.children(recursive=True) if started.poll() is None else []
    started.send_signal(signal.SIGTERM)
    try:
        started.wait(STOP_S)
    except subprocess.TimeoutExpired:
        started.kill()
        started.wait()
    for one in psutil.wait_procs(family, timeout=5)[1]:
        one.kill()
