"""Memory use of processes, and number of users that fit into a machine."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

USER_MB = 60  # of one forked kernel, its user dragging: benchmarks/classroom.py
FORKER_MB, KEPT_MB = 900, 500  # of the forking process; reserve for server and system
MB = 1e6


def own_mb(pids: Iterable[int]) -> float:
    """Compute the unshared memory of processes in MB, together; ended processes count 0.

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
    """Return the memory in MB that new processes can get without swapping.

    Examples
    --------
    >>> free_mb() > 1
    True
    """
    return float(psutil.virtual_memory().available / MB)


def users_that_fit(free: float) -> int:
    """Compute the number of users that fit into an amount of memory in MB, at least 1.

    Examples
    --------
    >>> users_that_fit(20_000)
    310
    """
    return max(1, int((free - FORKER_MB - KEPT_MB) / USER_MB))
