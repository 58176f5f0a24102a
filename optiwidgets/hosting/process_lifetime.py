"""Child processes that end with their parent. Linux only."""

from __future__ import annotations

import ctypes
import os
import signal

DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def die_with(parent: int) -> None:
    """Have the kernel send SIGKILL to this process when its parent ends."""
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before the call
        os._exit(1)
