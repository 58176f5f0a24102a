"""Command ``optiwidgets scorm``: its options, and its run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path


def add_to(
    parser: argparse.ArgumentParser, lessons: Path, run: Callable[[argparse.Namespace], None]
) -> None:
    """Add the options to a parser; ``lessons`` is the folder of notebooks by default."""
    parser.set_defaults(run=run)
    parser.add_argument("out", type=Path, metavar="OUT.zip", help="the package, SCORM 1.2")
    parser.add_argument(
        "--site", type=Path, required=True, metavar="FOLDER", help="pages of the lessons"
    )
    parser.add_argument(
        "--lessons", type=Path, default=lessons, metavar="DIR", help="folder of notebooks"
    )
    parser.add_argument(
        "--passing",
        type=float,
        default=60,
        metavar="PERCENT",
        help="score from which a lesson is passed once all is answered; 60",
    )


def run(arguments: argparse.Namespace) -> None:
    """Package the core path, and say how much it is."""
    from optiwidgets.publishing.scorm import package
    from optiwidgets.publishing.scorm_course import core_lessons

    lessons = core_lessons(arguments.lessons)
    size = package(arguments.site, lessons, arguments.out, passing=arguments.passing)
    asked = sum(len(lesson.questions) for lesson in lessons)
    sys.stdout.write(
        f"{arguments.out}: {len(lessons)} lessons, {asked} questions, {size:,} bytes\n"
    )
