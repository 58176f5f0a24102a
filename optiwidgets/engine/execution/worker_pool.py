"""Pools of worker threads for batches, in the background or not; each uses one torch thread."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")
THREADS = 2  # Python threads with one torch thread each: other busy processes do not stall them
_this_thread = threading.local()


def work_in_background() -> None:
    """Give further work of this thread to the background's pool, where it holds up no other work.

    Examples
    --------
    >>> with ThreadPoolExecutor(1, initializer=work_in_background) as lane:
    ...     lane.submit(run_on_worker, lambda: threading.current_thread().name).result()[:10]
    'background'
    """
    _this_thread.background = True


def each(work: Callable[..., T], *items: Sequence[Any]) -> list[T]:
    """Map ``work`` over the sequences, two calls at a time; return the results in order.

    Examples
    --------
    >>> each(lambda one, other: one * other, [1, 2, 3], [4, 5, 6])
    [4, 10, 18]
    """
    return list(_workers(*_whose()).map(work, *items))


def run_on_worker(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``work`` on a worker thread with one torch thread; two do not speed up small tensors.

    Examples
    --------
    >>> run_on_worker(torch.get_num_threads)
    1
    """
    return _workers(*_whose()).submit(work, *args, **kwargs).result()


def on_worker(work: Callable[P, T]) -> Callable[P, T]:
    """Wrap ``work`` so that every call runs on a worker thread, as ``run_on_worker`` does.

    Examples
    --------
    >>> on_worker(torch.get_num_threads)()
    1
    """

    @wraps(work)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return run_on_worker(work, *args, **kwargs)

    return call


def run_on_new_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``work`` as ``run_on_worker`` does, on a new thread that ends before a later fork.

    Examples
    --------
    >>> from threading import current_thread
    >>> threads, thread = run_on_new_thread(lambda: (torch.get_num_threads(), current_thread()))
    >>> threads, thread.is_alive()
    (1, False)
    """
    with _threads(1) as passing:
        return passing.submit(work, *args, **kwargs).result()


@cache
def _workers(process: int, niceness: int, background: bool) -> ThreadPoolExecutor:
    """Start the pool of a process and a priority on first use; a forked child starts its own.

    Threads inherit the priority of the thread that starts them. Each priority, and background work
    of the same priority, has its own pool, so that urgent work never waits for other work.
    """
    return _threads(THREADS, "background" if background else "evaluate")


def _whose() -> tuple[int, int, bool]:
    """Return process and niceness of this thread, and whether it works in the background."""
    return os.getpid(), _niceness(), getattr(_this_thread, "background", False)


def _threads(count: int, name: str = "evaluate") -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, name, initializer=torch.set_num_threads, initargs=(1,))


def _niceness() -> int:
    """Return the niceness of this thread (0 is the default, higher is less urgent); 0 off Linux."""
    return os.getpriority(os.PRIO_PROCESS, 0) if sys.platform == "linux" else 0
