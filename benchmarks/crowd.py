"""What simulated students do together, and what is counted and timed meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Sequence
from statistics import median
from typing import Any

import numpy as np
import psutil
from hosts import Host, running
from student import NotServedError, Student

FREED_WITHIN_S, CULLED_WITHIN_S = 15, 150  # a kernel that is there later counts as kept
TICK_S = 0.05
KNOCKS = 20  # at the door of a full class
Found = dict[str, Any]


async def one_user(host: Host, rounds: int, patience_s: float) -> Found:
    """Seconds from asking for the page until all widgets' states are in, one after another."""
    seconds = []
    for seed in range(rounds):
        student = Student(host.url, patience_s, seed)
        began = time.monotonic()
        await student.open()
        seconds.append(time.monotonic() - began)
        await student.close()
    return {"median_s": median(seconds), "each_s": seconds}


async def closed_tab(host: Host, patience_s: float) -> Found:
    """Seconds from a closing tab's last message until the kernel's process is gone, or None."""
    student = Student(host.url, patience_s)
    await student.open()
    kernels = _came(host, set())
    began = time.monotonic()
    status = await student.close()
    left = await ended(kernels)
    return {"freed_s": None if left is None else time.monotonic() - began, "http": status}


async def turned_away(host: Host, patience_s: float) -> Found:
    """Milliseconds until a class of one, which is full, asks who else comes to wait."""
    student = Student(host.url, patience_s)
    await student.open()
    milliseconds = []
    for _ in range(KNOCKS):
        began = time.monotonic()
        try:
            await Student(host.url, patience_s).read()
        except NotServedError as error:
            if str(error) != "page: HTTP 503":
                raise
        else:
            raise NotServedError("a full class took one more")
        milliseconds.append(1000 * (time.monotonic() - began))
    await student.close()
    return {"median_ms": median(milliseconds), "most_ms": max(milliseconds)}


async def abandoned(host: Host, patience_s: float) -> Found:
    """Seconds until the kernel is gone of a page that never connects, and of a killed browser."""
    silent, killed = (Student(host.url, patience_s, seed) for seed in range(2))
    await silent.read()
    of_silent = _came(host, set())
    await killed.open()
    of_killed = _came(host, of_silent)
    killed.kill()
    ends = await asyncio.gather(*(ended(k, CULLED_WITHIN_S) for k in (of_silent, of_killed)))
    return dict(zip(("silent_s", "killed_s"), ends, strict=True))


def _came(host: Host, others: set[psutil.Process]) -> set[psutil.Process]:
    """Processes of the student who just came."""
    kernels = host.kernels() - others
    if not kernels:
        raise SystemExit(f"{host.url}: a student came, and no process with them")
    return kernels


async def crowd(host: Host, users: int, gap_s: float, seconds: float, patience_s: float) -> Found:
    """Students come, all drag for some seconds, then all close their tabs.

    Parameters
    ----------
    host
        A server without students.
    users, gap_s
        How many, and seconds from one's coming to the next one's.
    seconds
        How long they drag, from when the last is ready.
    patience_s
        For any one step of one student; then it is an error.

    Returns
    -------
    Found
        Counts, times in s, memory in MB; errors by kind.
    """
    students = [Student(host.url, patience_s, seed) for seed in range(users)]
    errors: Counter[str] = Counter()
    arrived = await _come(students, gap_s, errors)
    before, kernels = host.memory(), host.kernels()
    there, dragged = await _drag(arrived.pop("there"), seconds, errors)
    right = await _all(errors, [student.settle() for student in there])
    memory = host.memory()
    closed = await _all(errors, [student.close() for student in there])
    freed = await ended(kernels)
    for student in students:
        student.drop()
    return {
        "users": users,
        "served": right.count(True),
        "failures": sum(errors.values()),
        "errors": dict(errors),
        **arrived,
        **dragged,
        "private_mb_each": memory["private_mb"] / max(1, len(there)),
        "memory_before": before,
        "memory": memory,
        "closed": {str(status): count for status, count in Counter(closed).items()},
        "all_freed": freed is not None,
    }


async def _come(students: list[Student], gap_s: float, errors: Counter[str]) -> Found:
    """Open the page with one after the other; who is there, and how long each waited."""
    began = time.monotonic()

    async def come(place: int) -> float:
        await asyncio.sleep(place * gap_s)
        start = time.monotonic()
        await students[place].open()
        return time.monotonic() - start

    waits = await _all(errors, [come(place) for place in range(len(students))])
    there = [student for student, wait in zip(students, waits, strict=True) if wait is not None]
    ready_s = time.monotonic() - began if len(there) == len(students) else None
    waited = spread([wait for wait in waits if wait is not None])
    return {"there": there, "ready_s": ready_s, "waits_s": waited}


async def _drag(
    students: list[Student], seconds: float, errors: Counter[str]
) -> tuple[list[Student], Found]:
    """All at once; who is still there, how fast the answers came and what the load itself cost."""
    began, own = time.monotonic(), time.process_time()
    updates = await _all(errors, [student.drag(seconds) for student in students])
    wall, own = time.monotonic() - began, time.process_time() - own
    answers = [answer for student in students for answer in student.answers]
    there = [student for student, got in zip(students, updates, strict=True) if got is not None]
    return there, {
        **{f"answer_{name}_s": value for name, value in spread(answers).items()},
        "answers": len(answers),
        "updates_per_s": len(answers) / wall,
        "own_share_of_a_core": own / wall,
    }


async def _all(errors: Counter[str], steps: Sequence[Awaitable[Any]]) -> list[Any]:
    """Take a step with every student at once; None for those who could not."""

    async def attempt(step: Awaitable[Any]) -> Any:
        try:
            return await step
        except NotServedError as error:
            errors[str(error)] += 1
            return None

    return await asyncio.gather(*map(attempt, steps))


async def ended(processes: set[psutil.Process], within_s: float = FREED_WITHIN_S) -> float | None:
    """Seconds until none of these processes runs, None where some stay."""
    began = time.monotonic()
    while running(processes):
        if time.monotonic() - began > within_s:
            return None
        await asyncio.sleep(TICK_S)
    return time.monotonic() - began


def spread(seconds: Sequence[float]) -> dict[str, float | None]:
    """Median and tail.

    Examples
    --------
    >>> spread([1.0, 2.0, 3.0])["p50"]
    2.0
    """
    shares = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
    return {
        name: float(np.percentile(seconds, share)) if seconds else None
        for name, share in shares.items()
    }
