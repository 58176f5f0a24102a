"""Places for long work on one machine: whoever finds none free waits, whichever process it is in.

The host names a folder with a file for each place. A place is taken by locking its file; the system
gives it back when the process ends, however it ends. One of those who wait, who holds the lock of
the folder itself, stands at the door, and only there is a place to be had: whoever has just given
one back queues again.
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
OFTEN_S, SELDOM_S = (0.02, 0.08), (0.3, 1.2)  # between two attempts, at the door and behind it
log = logging.getLogger("optiwidgets")


def hosted() -> str:
    """The folder of the host's places; empty where there is no limit."""
    return os.environ.get(FOLDER, "") if fcntl else ""


def lower_priority() -> None:
    """Lower the priority of this thread, and of those it starts, where a host shares the cores."""
    if hosted() and sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + LOWER)


class Slot:
    """One of the host's places for long work, from ``acquire`` to ``release``.

    Examples
    --------
    >>> place = Slot()
    >>> place.acquire(pause=lambda seconds: True)  # no host, no limit
    True
    >>> place.release()
    """

    def __init__(self) -> None:
        self._held: int | None = None

    def acquire(
        self, pause: Callable[[float], bool], waits: Callable[[bool], None] = lambda _: None
    ) -> bool:
        """Wait for a place; True once it is there, or where there is no limit.

        Parameters
        ----------
        pause
            Waits so many seconds, or less; True says that the work is not wanted any more.
        waits
            Told True where there is no place at once, and False when there is.

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
            log.warning("no limit on long work, the host's places: %s", error.strerror)
            waits(False)
            return True

    def release(self) -> None:
        """Let others have it; nothing happens where none was taken."""
        if self._held is not None:
            _let_go(self._held)
            self._held = None

    def _queue(
        self, folder: Path, pause: Callable[[float], bool], waits: Callable[[bool], None]
    ) -> bool:
        door, told = None, False
        try:
            while True:
                door = _lock(folder) if door is None else door
                self._held = _any_of(folder) if door is not None else None
                if self._held is not None:
                    break
                if not told:
                    waits(True)
                    told = True
                if pause(random.uniform(*(OFTEN_S if door is not None else SELDOM_S))):
                    return False
        finally:
            if door is not None:
                _let_go(door)
        if told:
            waits(False)
        return True


def _any_of(folder: Path) -> int | None:
    """Take any free place; a folder without places is one that is gone."""
    places = [path for path in folder.iterdir() if path.is_file()]
    if not places:
        raise OSError(errno.ENOENT, "there are none")
    held = map(_lock, places)
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
