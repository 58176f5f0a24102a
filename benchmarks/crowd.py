"""Actions of simulated students together, with the counts and times measured."""

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

FREED_WITHIN_S, CULLED_WITHIN_S = 15, 150  # a kernel that runs longer counts as not freed
TICK_S = 0.05
KNOCKS = 20  # requests to a full class
Found = dict[str, Any]


async def one_user(host: Host, rounds: int, patience_s: float) -> Found:
    """Measure seconds from page request until all widget states arrive, for one user at a time."""
    seconds = []
    for seed in range(rounds):
        student = Student(host.url, patience_s, seed)
        began = time.monotonic()
        await student.open()
        seconds.append(time.monotonic() - began)
        await student.close()
    return {"median_s": median(seconds), "each_s": seconds}


async def closed_tab(host: Host, patience_s: float) -> Found:
    """Measure seconds from a closing tab's last message until its kernel ends; None if it stays."""
    student = Student(host.url, patience_s)
    await student.open()
    kernels = _came(host, set())
    began = time.monotonic()
    status = await student.close()
    left = await ended(kernels)
    return {"freed_s": None if left is None else time.monotonic() - began, "http": status}


async def turned_away(host: Host, patience_s: float) -> Found:
    """Measure milliseconds until a full class of one refuses another user (HTTP 503)."""
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
    """Measure seconds until the kernel ends: for a page that never connects, a killed browser."""
    silent, killed = (Student(host.url, patience_s, seed) for seed in range(2))
    await silent.read()
    of_silent = _came(host, set())
    await killed.open()
    of_killed = _came(host, of_silent)
    killed.kill()
    ends = await asyncio.gather(*(ended(k, CULLED_WITHIN_S) for k in (of_silent, of_killed)))
    return dict(zip(("silent_s", "killed_s"), ends, strict=True))


def _came(host: Host, others: set[psutil.Process]) -> set[psutil.Process]:
    """Return the processes that started with the newest student."""
    kernels = host.kernels() - others
    if not kernels:
        raise SystemExit(f"{host.url}: a student came, and no process with them")
    return kernels


async def crowd(host: Host, users: int, gap_s: float, seconds: float, patience_s: float) -> Found:
    """Open the pages of all students, let all drag for some seconds, then close all tabs.

    Parameters
    ----------
    host
        Server without students.
    users, gap_s
        Number of students, and seconds between two arrivals.
    seconds
        Duration of dragging, after the last student is ready.
    patience_s
        Time limit in seconds of each step of a student; after it the step is an error.

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
    """Open the pages one after the other; return connected students and their waiting times."""
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
    """Drag with all at once; return remaining students, answer times, and the CPU of the load."""
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
    """Run a step with every student at once; return None for those with an error."""

    async def attempt(step: Awaitable[Any]) -> Any:
        try:
            return await step
        except NotServedError as error:
            errors[str(error)] += 1
            return None

    return await asyncio.gather(*map(attempt, steps))


async def ended(processes: set[psutil.Process], within_s: float = FREED_WITHIN_S) -> float | None:
    """Measure seconds until none of these processes runs; None if some do not end."""
    began = time.monotonic()
    while running(processes):
        if time.monotonic() - began > within_s:
            return None
        await asyncio.sleep(TICK_S)
    return time.monotonic() - began


def spread(seconds: Sequence[float]) -> dict[str, float | None]:
    """Compute the median and the tail.

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
