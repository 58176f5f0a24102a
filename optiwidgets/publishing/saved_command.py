"""Command ``optiwidgets notebook LESSON OUT``: its arguments and its run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optiwidgets.publishing.handout import check_output

Require = Callable[[str], None]


def add_to(commands: Any, require: Require) -> None:
    """Add the command to those of the command line; arguments are those of ``site_command``."""
    saved = commands.add_parser(
        "notebook", help="run a notebook and save it with explorers that need no kernel"
    )
    saved.add_argument("lesson", type=Path, metavar="LESSON.ipynb", help="the notebook to run")
    saved.add_argument("out", type=Path, metavar="OUT.ipynb", help="the notebook to write")
    saved.set_defaults(run=lambda arguments: _run(arguments, require))


def _run(arguments: argparse.Namespace, require: Require) -> None:
    """Check the files before the long run, and run the notebook."""
    require("app")
    from optiwidgets.publishing.saved_lesson import save_lesson

    lesson, out = arguments.lesson, arguments.out
    if not lesson.is_file():
        raise FileNotFoundError(f"no notebook {lesson}")
    if out.absolute() == lesson.absolute():
        raise ValueError(f"{out} would replace the notebook that is run")
    check_output(out)
    save_lesson(lesson, out, tell=lambda said: sys.stderr.write(f"{said}\n"))
    sys.stdout.write(f"{out}: {out.stat().st_size:,} bytes\n")
