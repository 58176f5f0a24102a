"""Commands ``optiwidgets questions check`` and ``sheet``: files of questions, and paper."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import optiwidgets as ow
from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.publishing.handout import check_output


def add_questions(questions: argparse.ArgumentParser) -> None:
    """Add the commands to the parser of ``questions``."""
    works = questions.add_subparsers(required=True)
    check = works.add_parser("check", help="list all problems")
    check.add_argument("files", nargs="+", metavar="FILE", help="a YAML file of questions")
    check.set_defaults(run=check_files)
    sheet = works.add_parser("sheet", help="write a page to print on A4")
    sheet.add_argument("source", metavar="LESSON|FILE", help="such as 30_pruning, or a YAML file")
    sheet.add_argument("out", type=Path, metavar="OUT.html", help="the page")
    sheet.add_argument("--key", action="store_true", help="add the answers, on pages of their own")
    sheet.set_defaults(run=write_sheet)


def check_files(arguments: argparse.Namespace) -> None:
    """Check files of questions, and list the findings.

    Raises
    ------
    ValueError
        There are findings.
    """
    found = ow.check_questions(*arguments.files)
    sys.stdout.writelines(f"{line}\n" for line in (found or ("no findings",)))
    if found:
        raise ValueError(f"findings: {len(found)}")


def write_sheet(arguments: argparse.Namespace) -> None:
    """Write the sheet of a lesson or file.

    Raises
    ------
    ValueError
        No such lesson, a file that breaks the rules, or an output that cannot be written.
    """
    check_output(arguments.out)
    page = ow.question_sheet(arguments.source, key=arguments.key)
    write_atomically(arguments.out, page.encode())
    sys.stdout.write(f"{arguments.out}: print it on A4\n")
