"""Servers of a class for the tests, and visitors of them."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread, Timer

import psutil

PATIENCE_S = 240  # then a server that hangs is killed, and the test fails


@contextmanager
def serving(
    lessons: Path, *options: str, cwd: Path | None = None, **env: str
) -> Iterator[tuple[int, psutil.Process]]:
    """Run a server of a class; yield its port, and end all its processes afterwards."""
    state = ([] if "--state" in options else ["--state", tempfile.mkdtemp()]) + [*options]
    command = [sys.executable, "-m", "optiwidgets.cli", "serve", "--port", "0", *state]
    process = subprocess.Popen(
        [*command, "--lessons", str(lessons)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=cwd,
        env=os.environ | {"OPTIWIDGETS_GRIDS": ""} | env,
    )
    watchdog = Timer(PATIENCE_S, process.kill)
    watchdog.start()
    assert process.stdout
    said = ""
    while not (address := re.search(r"^http://.*:(\d+)/$", said, re.MULTILINE)):
        line = process.stdout.readline()
        assert line, said
        said += line
    watchdog.cancel()  # from here on, every request has its own timeout
    drain = Thread(target=process.stdout.read)  # a full pipe would stop the server
    drain.start()
    server = psutil.Process(process.pid)
    try:
        yield int(address[1]), server
    finally:
        family = server.children(recursive=True)
        process.terminate()
        watchdog = Timer(PATIENCE_S, process.kill)
        watchdog.start()
        process.wait()
        watchdog.cancel()
        drain.join()
        process.stdout.close()
    assert not psutil.wait_procs(family, PATIENCE_S)[1]


@dataclass
class Browser:
    """Browser as far as cookies go: every request comes from the same one."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self, path: str, method: str = "GET", body: str = "", **headers: str
    ) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        kept = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, body, kept | form | headers)
        response = connection.getresponse()
        for cookie in response.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        text = response.read().decode()
        self.headers = response.headers
        connection.close()
        return response.status, text

    def open(self, query: str = "", lesson: str = "explorer") -> str:
        """Open a lesson, and return its kernel."""
        status, text = self.ask(f"/voila/render/{lesson}.ipynb{query}")
        assert status == 200
        return re.search(r'"kernelId": "([^"]+)"', text)[1]

    def close(self, kernel: str) -> int:
        """Send the message of a closing tab."""
        return self.ask(f"/voila/api/shutdown/{kernel}", "POST", f"_xsrf={self.cookies['_xsrf']}")[
            0
        ]

    def health(self) -> dict[str, object]:
        return json.loads(self.ask("/health")[1])
