"""Command ``optiwidgets handout``: an explorer as one file that needs no Python and no network."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

import optiwidgets as ow

UNSAFE = re.compile(r"[^\w.-]+")  # in a file's name made of those of case and model


def add_handout(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command to its parser."""
    parser.add_argument(
        "case",
        help="digits, smear, smear-rare, smear-200, scenes, smear-fields, or a file of `train`",
    )
    parser.add_argument("--model", default="", help="small (the default) or wide")
    parser.add_argument("--images", type=Path, metavar="FOLDER", help="images of a file's model")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="CASE-MODEL.html, or .mjs of a module"
    )
    parser.add_argument(
        "--sliders-only", action="store_true", help="the two sliders alone, in a small file"
    )
    parser.add_argument(
        "--module",
        action="store_true",
        help="a JavaScript module instead, for MyST's {anywidget} directive",
    )
    parser.set_defaults(run=write_handout)


def write_handout(arguments: argparse.Namespace) -> None:
    """Write the page of a case and model; show the progress on the standard error.

    Raises
    ------
    ValueError
        No such case or model, no page of its task, or the output is no file that can be written.
    """
    if arguments.output:
        check_output(arguments.output)
    experiment = ow.Experiment.load(arguments.case, model=arguments.model, images=arguments.images)
    ending = "mjs" if arguments.module else "html"
    output = arguments.output or Path(f"{file_name(experiment)}.{ending}")
    check_output(output)
    explorer = ow.Explorer(experiment)
    write = explorer.to_module if arguments.module else explorer.to_html
    try:
        write(output, sliders_only=arguments.sliders_only, on_progress=Progress())
    except KeyboardInterrupt:
        print(
            "\nStopped. Finished families of recipes are kept for the next time.", file=sys.stderr
        )
        raise
    use = "a page of MyST shows it" if arguments.module else "it opens in a browser"
    print(f"{output}: {output.stat().st_size:,} bytes; {use}, without a network")


def check_output(output: Path) -> None:
    """Raise ValueError if a file cannot be written, before the long work begins.

    Examples
    --------
    >>> check_output(Path("no/such/folder/digits.html"))
    Traceback (most recent call last):
    ...
    ValueError: --output cannot be written: no/such/folder is no writable folder
    """
    if output.is_dir():
        raise ValueError(f"--output is a file, {output} is a folder")
    if not os.access(output.parent, os.W_OK | os.X_OK):
        raise ValueError(f"--output cannot be written: {output.parent} is no writable folder")


def file_name(experiment: Any) -> str:
    """Name a file by case and model; letters that a file system may refuse become hyphens.

    Examples
    --------
    >>> file_name(ow.Experiment.load("digits"))
    'digits-small'
    """
    parts = (experiment.dataset.name, experiment.name)
    named = [UNSAFE.sub("-", part).strip("-.") for part in parts]
    return "-".join(part for part in named if part)[:80] or "handout"


class Progress:
    """Line of progress on the standard error, written again at each whole percent."""

    def __init__(self) -> None:
        self._shown = -1

    def __call__(self, progress: Any) -> None:
        """Show a progress."""
        percent = int(100 * progress.done)
        if percent == self._shown:
            return
        self._shown = percent
        end = "\r" if sys.stderr.isatty() else "\n"
        print(f"{percent:3} %  {progress.stage:<60}", end=end, file=sys.stderr, flush=True)
