"""Processes that do not outlive who started them. Linux only."""

from __future__ import annotations

import ctypes
import os
import signal

DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def die_with(parent: int) -> None:
    """Be killed when the parent process ends, however it ends."""
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before this
        os._exit(1)
