"""Votes of a whole class: milliseconds from a student's ballot to the projector's tally.

``python benchmarks/votes.py --students 300 --seconds 10``. Students are websockets of one process
on the same machine; each votes once, evenly spread over the time. A ballot that is missing from
the last tally ends the benchmark with an error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from tornado.httpclient import HTTPRequest
from tornado.web import create_signed_value
from tornado.websocket import WebSocketClientConnection, websocket_connect

from optiwidgets.hosting.classes.class_store import ClassStore

LESSONS = Path(__file__).resolve().parents[1] / "lessons"
TOKEN = "benchmark"
OPTIONS = ["a", "b", "c", "d"]
AT_ONCE = 20  # websockets that connect at the same time


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run a server of a class; yield its host and port."""
    command = [sys.executable, "-m", "optiwidgets.cli", "serve", "--port", "0"]
    command += ["--lessons", str(LESSONS), "--state", str(folder)]
    own = {"OPTIWIDGETS_TOKEN": TOKEN, "OPTIWIDGETS_PASSWORD": "", "OPTIWIDGETS_GRIDS": ""}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | own)
    assert server.stdout
    try:
        found = (re.match(r"http://(.*)/$", line) for line in iter(server.stdout.readline, ""))
        yield next(match[1] for match in found if match)
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def cookie(key: bytes, host: str, student: str) -> dict[str, str]:
    """Sign a student's cookie as the login does."""
    fields = ("username", "name", "display_name", "initials", "color", "avatar_url")
    user = json.dumps(dict.fromkeys(fields, student))
    name = "username-" + re.sub(r"[^A-Za-z0-9]", "-", host)
    return {"Cookie": f"{name}={create_signed_value(key, name, user).decode()}"}


async def until(channel: WebSocketClientConnection, kind: str) -> dict:
    """Read messages until one is of a kind and not empty."""
    while True:
        message = json.loads(await channel.read_message())
        if message["type"] == kind and message.get("vote"):
            return message


async def measure(host: str, key: bytes, students: int, seconds: float) -> list[float]:
    """Hold one vote; return the milliseconds from each ballot to a tally that counts it."""
    teacher = f"ws://{host}/class/live?token={TOKEN}&view="
    wall, desk = [await websocket_connect(f"{teacher}{view}") for view in ("show", "teacher")]
    gate = asyncio.Semaphore(AT_ONCE)

    async def enter(number: int) -> WebSocketClientConnection:
        async with gate:
            headers = cookie(key, host, f"student {number}")
            return await websocket_connect(HTTPRequest(f"ws://{host}/class/live", headers=headers))

    pages = await asyncio.gather(*map(enter, range(students)))
    form = {"kind": "choice", "title": "Which?", "options": OPTIONS}
    await desk.write_message(json.dumps({"type": "open", "form": form}))
    votes = await asyncio.gather(*(until(page, "vote") for page in pages))
    ballot = {"type": "ballot", "vote": votes[0]["vote"]["id"], "round": 1}
    sent: list[list[float]] = [[] for _ in OPTIONS]
    waits: list[float] = []

    async def watch() -> None:
        seen = [0] * len(OPTIONS)
        while sum(seen) < students:
            counts = (await until(wall, "tally"))["rounds"][0]
            now = time.perf_counter()
            for option, count in enumerate(counts):
                waits.extend(1000 * (now - at) for at in sent[option][seen[option] : count])
            seen = counts

    watching = asyncio.create_task(watch())
    for number, page in enumerate(pages):
        option = number % len(OPTIONS)
        sent[option].append(time.perf_counter())
        await page.write_message(json.dumps(ballot | {"position": option}))
        await asyncio.sleep(seconds / students)
    await asyncio.wait_for(watching, 60)
    for channel in (wall, desk, *pages):
        channel.close()
    return waits


def main() -> None:
    """Print the waits of one vote."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = ClassStore(Path(folder))
        key = store.cookie_key(TOKEN, "")
        store.close()
        with serving(Path(folder)) as host:
            waits = asyncio.run(measure(host, key, asked.students, asked.seconds))
    half, most, last = (round(float(np.percentile(waits, p))) for p in (50, 95, 100))
    print(
        f"{len(waits)} of {asked.students} ballots within {asked.seconds:g} s were counted; "
        f"ballot to projector: median {half} ms, p95 {most} ms, last {last} ms"
    )


if __name__ == "__main__":
    main()
