"""Command ``optiwidgets site OUT``: its arguments and its run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def add_to(commands: Any, lessons: Path, require: Callable[[str], None]) -> None:
    """Add the command to those of the command line.

    Parameters
    ----------
    commands
        The ``add_subparsers`` of the command line.
    lessons
        Folder of notebooks by default.
    require
        Refuses to go on where packages of an extra are missing.
    """
    site = commands.add_parser("site", help="write the lessons as a site that needs no Python")
    site.add_argument("out", type=Path, metavar="OUT", help="folder of the site")
    site.add_argument(
        "--lessons", type=Path, default=lessons, metavar="DIR", help="folder of notebooks"
    )
    site.set_defaults(run=lambda arguments: build(arguments.out, arguments.lessons, require))


def build(out: Path, lessons: Path, require: Callable[[str], None]) -> None:
    """Build the site; of a checkout the API reference is built too."""
    checkout = (lessons.resolve().parent / "docs" / "conf.py").is_file()
    for extra in ("app", "docs") if checkout else ("app",):
        require(extra)
    from optiwidgets.publishing.site import build_site

    build_site(out, lessons, tell=lambda said: print(said, file=sys.stderr))
