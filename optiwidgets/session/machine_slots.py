"""Slots for long work on one machine, shared by all processes; work waits for a free slot.

The host sets a folder with one file per slot. A slot is taken by locking its file; the operating
system releases the lock when the process ends, for whatever reason. Waiters queue on the lock of
the folder itself; only the holder of that lock may take the next free slot.
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
except ImportError:  # Windows has no fcntl, and no limit on long work
    fcntl = None  # type: ignore[assignment]

FOLDER = "OPTIWIDGETS_SLOW_LANES"  # environment variable
LOWER = 10  # added to the niceness of a background thread
OFTEN_S, SELDOM_S = (
    (0.02, 0.08),
    (0.3, 1.2),
)  # seconds between attempts: of the first waiter, and of all others
log = logging.getLogger("optiwidgets")


def hosted() -> str:
    """Return the folder of the host's slots; empty without a limit."""
    return os.environ.get(FOLDER, "") if fcntl else ""


def lower_priority() -> None:
    """Lower the priority of this thread, and of threads it starts, if a host limits long work."""
    if hosted() and sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + LOWER)


class Slot:
    """Slot for long work, one of the host's, held from ``acquire`` to ``release``.

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
        """Wait for a slot and take it; without a limit return at once.

        Parameters
        ----------
        pause
            Function that waits at most the given seconds; it returns True if the work was
            cancelled.
        waits
            Called with True if no slot is free at first, and with False once one is taken.

        Returns
        -------
        bool
            True with a slot or without a limit, False if ``pause`` returned True.
        """
        folder = hosted()
        if not folder or self._held is not None:
            return True
        try:
            return self._queue(Path(folder), pause, waits)
        except OSError as error:  # the host may have ended: its kernels continue
            log.warning("no limit on long work, the host's slots: %s", error.strerror)
            waits(False)
            return True

    def release(self) -> None:
        """Release the slot, if one was taken."""
        if self._held is not None:
            _let_go(self._held)
            self._held = None

    def _queue(
        self, folder: Path, pause: Callable[[float], bool], waits: Callable[[bool], None]
    ) -> bool:
        first, waited = None, False
        try:
            while True:
                first = _lock(folder) if first is None else first
                self._held = _any_of(folder) if first is not None else None
                if self._held is not None:
                    break
                if not waited:
                    waits(True)
                    waited = True
                if pause(random.uniform(*(OFTEN_S if first is not None else SELDOM_S))):
                    return False
        finally:
            if first is not None:
                _let_go(first)
        if waited:
            waits(False)
        return True


def _any_of(folder: Path) -> int | None:
    """Take any free slot; raise OSError if the folder has no slots, as after the host's end."""
    slots = [path for path in folder.iterdir() if path.is_file()]
    if not slots:
        raise OSError(errno.ENOENT, "there are none")
    held = map(_lock, slots)
    return next((descriptor for descriptor in held if descriptor is not None), None)


def _lock(path: Path) -> int | None:
    """Lock a file or folder; return None if it is locked already."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _let_go(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_UN)  # closing alone would not unlock copies in forks
    os.close(descriptor)
