"""Slots for long work on one machine, shared by all processes; who finds none free waits.

The host names a folder with a file for each slot. A slot is taken by locking its file; the system
releases it when the process ends, however it ends. Waiters queue on the lock of the folder itself;
only the holder of that lock may take the next free slot.
"""

from __future__ import annotations

import errno
import logging
import os
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows: there is no limit there
    fcntl = None  # type: ignore[assignment]

FOLDER = "OPTIWIDGETS_SLOW_LANES"  # environment variable
LOWER = 10  # how much the priority of a slow lane falls
OFTEN_S, SELDOM_S = (
    (0.02, 0.08),
    (0.3, 1.2),
)  # between attempts, first in line and behind
log = logging.getLogger("optiwidgets")


def hosted() -> str:
    """Return the folder of the host's slots; empty where there is no limit."""
    return os.environ.get(FOLDER, "") if fcntl else ""


def lower_priority() -> None:
    """Lower the priority of this thread, and of those it starts, where a host shares the cores."""
    if hosted() and sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + LOWER)


class Slot:
    """One of the host's slots for long work, from ``acquire`` to ``release``.

    Examples
    --------
    >>> slot = Slot()
    >>> slot.acquire(pause=lambda seconds: True)  # no host, no limit
    True
    >>> slot.release()
    """

    def __init__(self) -> None:
        self._held: int | None = None

    def acquire(
        self, pause: Callable[[float], bool], waits: Callable[[bool], None] = lambda _: None
    ) -> bool:
        """Wait for a slot; True once it is taken, or where there is no limit.

        Parameters
        ----------
        pause
            Waits so many seconds, or less; True says that the work is not wanted any more.
        waits
            Told True where there is no slot at once, and False when there is.

        Returns
        -------
        bool
            False: given up, because ``pause`` said so.
        """
        folder = hosted()
        if not folder or self._held is not None:
            return True
        try:
            return self._queue(Path(folder), pause, waits)
        except OSError as error:  # the host ended, say: its kernels go on
            log.warning("no limit on long work, the host's slots: %s", error.strerror)
            waits(False)
            return True

    def release(self) -> None:
        """Release the slot; nothing happens where none was taken."""
        if self._held is not None:
            _let_go(self._held)
            self._held = None

    def _queue(
        self, folder: Path, pause: Callable[[float], bool], waits: Callable[[bool], None]
    ) -> bool:
        first, told = None, False
        try:
            while True:
                first = _lock(folder) if first is None else first
                self._held = _any_of(folder) if first is not None else None
                if self._held is not None:
                    break
                if not told:
                    waits(True)
                    told = True
                if pause(random.uniform(*(OFTEN_S if first is not None else SELDOM_S))):
                    return False
        finally:
            if first is not None:
                _let_go(first)
        if told:
            waits(False)
        return True


def _any_of(folder: Path) -> int | None:
    """Take any free slot; a folder without slots is one that is gone."""
    slots = [path for path in folder.iterdir() if path.is_file()]
    if not slots:
        raise OSError(errno.ENOENT, "there are none")
    held = map(_lock, slots)
    return next((descriptor for descriptor in held if descriptor is not None), None)


def _lock(path: Path) -> int | None:
    """Lock a file or folder, unless somebody has it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _let_go(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_UN)  # for copies in forked processes too
    os.close(descriptor)
