"""Progress callbacks of long work, and the exception that cancels it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class Cancelled(Exception):  # noqa: N818 (somebody's wish, no error)
    """Somebody asked long work to stop; nothing was changed."""


@dataclass(frozen=True)
class Progress:
    """How far long work is: ``done`` 0..1, what is being done, seconds left (nan: unknown)."""

    done: float
    stage: str
    left_s: float = float("nan")


ProgressCallback = Callable[[Progress], None]


AT_START = Progress(0.0, "starting")  # nothing is known yet
