"""Memory: what processes have of their own, and how many users fit into a machine."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

USER_MB = 60  # of a forked kernel's own while its user drags: benchmarks/classroom.py
FORKER_MB, KEPT_MB = 900, 500  # the forking process; for the server and the system
MB = 1e6


def own_mb(pids: Iterable[int]) -> float:
    """MB that processes have for themselves, together; those gone meanwhile have none.

    Examples
    --------
    >>> import os
    >>> own_mb([os.getpid()]) > 1
    True
    """
    return sum(map(_own_bytes, pids)) / MB


def _own_bytes(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_full_info().uss)
    except psutil.NoSuchProcess:
        return 0


def free_mb() -> float:
    """MB that new processes can have without swapping.

    Examples
    --------
    >>> free_mb() > 1
    True
    """
    return float(psutil.virtual_memory().available / MB)


def users_that_fit(free: float) -> int:
    """Compute the number of users that fit into so many MB, 1 or more.

    Examples
    --------
    >>> users_that_fit(20_000)
    310
    """
    return max(1, int((free - FORKER_MB - KEPT_MB) / USER_MB))
