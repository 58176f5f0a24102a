"""Run of lessons in a process of its own: the side that starts it and follows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

INLINE = "module://matplotlib_inline.backend_inline"
FAILED = 3  # exit code of a lesson with an error
OURS = ("OPTIWIDGETS_PROGRESS", "SERVER_SOFTWARE")  # of a server, or of the person who builds
CHILD = "optiwidgets.publishing.lesson_process"


class LessonError(ValueError):
    """A cell of a lesson failed; the message names the lesson, the cell and the error."""


@dataclass(frozen=True)
class Job:
    """Notebook to run, and where its outputs go.

    ``output`` is a JSON file, ``experiments`` a folder; widgets of ``as_was`` are without state.
    """

    notebook: Path
    output: Path
    experiments: Path
    as_was: tuple[str, ...] = ()


def run_lessons(jobs: Sequence[Job]) -> Iterator[Path]:
    """Run lessons in a new process; yield each notebook's path once its outputs are written.

    Parameters
    ----------
    jobs
        The lessons, in order.

    Raises
    ------
    LessonError
        A cell failed, or the process ended.
    """
    listed = json.dumps([astuple(job) for job in jobs], default=str)
    kept = {key: value for key, value in os.environ.items() if key not in OURS}
    with (
        TemporaryFile("w+") as said,
        TemporaryDirectory() as home,
        subprocess.Popen(
            [sys.executable, "-m", CHILD, listed],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=kept | {"MPLBACKEND": INLINE, "IPYTHONDIR": home},
        ) as process,
    ):
        assert process.stdout is not None
        for job in jobs:
            if not process.stdout.readline():
                raise LessonError(_reason(process.wait(), said, job))
            yield job.notebook


def _reason(code: int, said: IO[str], job: Job) -> str:
    """Tell why a process ended: the cell that failed, or all that it said last."""
    said.seek(0)
    told = said.read().strip()
    if code == FAILED:
        return told.splitlines()[-1]
    return f"{job.notebook.stem}: the process that ran it ended ({code}): {told[-2000:]}"
