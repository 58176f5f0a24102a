"""Run of lessons in a process of its own: the side that starts it and follows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

INLINE = "module://matplotlib_inline.backend_inline"
FAILED = 3  # exit code of a lesson with an error
OURS = ("OPTIWIDGETS_PROGRESS", "SERVER_SOFTWARE")  # of a server, or of the person who builds
CHILD = "optiwidgets.publishing.lesson_process"


class LessonError(ValueError):
    """A cell of a lesson failed; the message names the lesson, the cell and the error."""


@dataclass(frozen=True)
class Job:
    """Notebook to run, JSON file of its outputs, cells whose widgets are shown as they were."""

    notebook: Path
    output: Path
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
    command = [
        sys.executable,
        "-m",
        __name__,
        json.dumps([astuple(job) for job in jobs], default=str),
    ]
    kept = {key: value for key, value in os.environ.items() if key not in OURS}
    environment = kept | {"MPLBACKEND": INLINE}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for job in jobs:
            line = process.stdout.readline()
            if not line:
                said = process.stderr.read().strip()
                if process.wait() == FAILED:
                    raise LessonError(said.splitlines()[-1])
                raise LessonError(
                    f"{job.notebook.stem}: the process that ran it ended: {said[-2000:]}"
                )
            yield job.notebook
