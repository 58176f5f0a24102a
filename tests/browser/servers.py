"""Servers on this machine for the time of the tests, with their own settings."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/")
START_S, STOP_S = 120, 120  # a Hub took 64 s to end its services; then a hanging server is killed


def own_settings(folder: Path) -> dict[str, str]:
    """Create an environment with no user's Jupyter settings, and the kernels of this Python."""
    places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "HOME")
    for place in places:
        folder.joinpath(place).mkdir(parents=True)
    caches = {"XDG_CACHE_HOME": str(Path.home() / ".cache")}  # parsed images, matplotlib's fonts
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
    return caches | inherited | {place: str(folder / place) for place in places}


@contextmanager
def serving(command: list[str], folder: Path) -> Iterator[str]:
    """Run a server that prints its address; end it and its kernels afterwards."""
    log = folder / "log.txt"
    environment = own_settings(folder)
    with log.open("w") as output:
        server = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, start_new_session=True
        )
    try:
        yield _address(server, log)
    finally:
        _stop(server)


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < deadline:
        if found := ADDRESS.search(log.read_text()):
            return found[0]
        time.sleep(0.05)
    raise RuntimeError(f"{server.args} did not say where it serves:\n{log.read_text()}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Terminate a server first, so that it ends its kernels, then kill it."""
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    try:
        server.wait(STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
