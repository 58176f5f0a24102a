"""Command ``optiwidgets scorm OUT.zip``: its arguments and its run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from optiwidgets.publishing import site_command

Require = Callable[[str], None]


def add_to(commands: Any, lessons: Path, require: Require) -> None:
    """Add the command to those of the command line; arguments are those of ``site_command``."""
    scorm = commands.add_parser("scorm", help="package the core path for Moodle, Canvas and others")
    scorm.add_argument("out", type=Path, metavar="OUT.zip", help="the package, SCORM 1.2")
    scorm.add_argument(
        "--lessons", type=Path, default=lessons, metavar="DIR", help="folder of notebooks"
    )
    scorm.add_argument(
        "--site",
        type=Path,
        metavar="FOLDER",
        help="site of these notebooks that `site` wrote; by default it is built",
    )
    scorm.add_argument(
        "--passing",
        type=float,
        default=60,
        metavar="PERCENT",
        help="score from which a lesson is passed once all is answered; 60",
    )
    scorm.set_defaults(run=lambda arguments: _run(arguments, require))


def _run(arguments: argparse.Namespace, require: Require) -> None:
    """Package the core path, of a site that is there or of one that is built for it."""
    require("app")
    from optiwidgets.publishing.scorm import check_package
    from optiwidgets.publishing.scorm_course import core_lessons

    check_package(arguments.out, arguments.passing)
    lessons = core_lessons(arguments.lessons)
    if arguments.site:
        size = _package(arguments, arguments.site, lessons)
    else:
        with TemporaryDirectory() as work:
            site_command.build(Path(work, "site"), arguments.lessons, require)
            size = _package(arguments, Path(work, "site"), lessons)
    asked = sum(len(lesson.questions) for lesson in lessons)
    sys.stdout.write(
        f"{arguments.out}: {len(lessons)} lessons, {asked} questions, {size:,} bytes\n"
    )


def _package(arguments: argparse.Namespace, site: Path, lessons: Any) -> int:
    from optiwidgets.publishing.scorm import package

    return package(site, lessons, arguments.out, passing=arguments.passing)
