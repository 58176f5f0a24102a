"""Run of a lesson from top to bottom, with the outputs of its cells: a process of its own.

A process of its own has its own shell, so that a site can be built from a notebook too, and figures
come through IPython's inline backend as they do in a notebook.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets import DOMWidget, Widget
from traitlets.config import Config

from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.publishing.lesson_run import FAILED, LessonError
from optiwidgets.publishing.static_cells import code_cells, first_line
from optiwidgets.widgets.base.standalone import Standalone

VIEW = "application/vnd.jupyter.widget-view+json"
TEXTS = (("text/html", "html"), ("image/svg+xml", "html"), ("text/plain", "text"))


class LessonShell(InteractiveShell):
    """Shell of a lesson: a notebook's, without a window system and without a kernel."""

    def __init__(self, **options: Any) -> None:
        begin: Any = super().__init__
        begin(**options, display_pub_class=CapturingDisplayPublisher)
        formatter: Any = self.display_formatter
        formatter.active_types = formatter.format_types

    def run(self, source: str) -> tuple[list[dict[str, Any]], BaseException | None]:
        """Run a cell; return its outputs by mime type, in order, and the error if it has one."""
        outputs = list[dict[str, Any]]()
        shell: Any = self
        shell.display_pub.outputs = outputs
        self.display_trap.hook = CapturingDisplayHook(shell=self, outputs=outputs)
        printed = StringIO()
        with redirect_stdout(printed):
            result = shell.run_cell(source)
        if text := printed.getvalue().rstrip():
            outputs.insert(0, {"data": {"text/plain": text}})
        error: BaseException | None = result.error_before_exec or result.error_in_exec
        return [output["data"] for output in outputs], error

    def enable_gui(self, gui: str | None = None) -> None:
        """Do nothing: inline figures need no event loop."""


def run_lesson(path: Path, experiments: Path, as_was: Container[str] = ()) -> dict[str, Any]:
    """Run a notebook in this process and describe the outputs of its code cells.

    Parameters
    ----------
    path
        The notebook.
    experiments
        Folder of the files of experiments.
    as_was
        Identifiers of the cells whose widgets are shown as they were, without their state.

    Returns
    -------
    dict
        ``cells``: outputs by cell identifier; ``page``: the widgets, see `describe`;
        ``experiments``: files of the experiments that the page needs, by name.

    Raises
    ------
    LessonError
        A cell failed.
    """
    book = nbformat.read(path, as_version=4)
    cells, made = dict[str, list[dict[str, str]]](), dict[str, DOMWidget]()
    with _shell(path.parent) as shell:
        for cell in code_cells(book):
            outputs = _run_cell(shell, path.stem, cell)
            cells[cell.id] = [_output(output, made) for output in outputs]
        _describe_stills(cells, made, as_was)
        shown = [
            made[output["widget"]]
            for name, outputs in cells.items()
            for output in outputs
            if "widget" in output and name not in as_was
        ]
        page, files = _described([*dict.fromkeys(shown)], path.stem, experiments)
        return {"cells": cells, "page": page, "experiments": files}


def _describe_stills(
    cells: Mapping[str, Sequence[dict[str, str]]],
    made: Mapping[str, DOMWidget],
    as_was: Container[str],
) -> None:
    """Describe the widgets once their numbers are complete; with a picture where that is all."""
    if not made:
        return
    from optiwidgets.publishing.lesson_widgets import settle

    settle(made.values())
    for name, outputs in cells.items():
        for output in outputs:
            if "widget" in output:
                output |= _still(made[output["widget"]], name in as_was)


def _still(widget: DOMWidget, is_all: bool) -> dict[str, str]:
    if not isinstance(widget, Standalone):
        return {"html": "", "png": ""}
    png = widget.static_picture() if is_all else b""
    return {"html": widget.static_body(), "png": base64.b64encode(png).decode()}


def _described(
    shown: Sequence[DOMWidget], lesson: str, experiments: Path
) -> tuple[dict[str, Any], dict[str, tuple[str, str]]]:
    """Describe the widgets of a page, and write the files of the experiments that they need."""
    if not shown:
        return {"data": {"models": {}, "shown": [], "roles": {}}, "styles": []}, {}
    from optiwidgets.publishing.experiment_file import write_experiment
    from optiwidgets.publishing.lesson_widgets import describe, experiments_of

    files = {
        name: write_experiment(name, experiment, experiments)
        for name, experiment in experiments_of(shown).items()
    }
    return describe(shown, lesson), files


def _run_cell(shell: LessonShell, lesson: str, cell: Any) -> list[dict[str, Any]]:
    """Return the data of a cell's outputs, by mime type."""
    outputs, error = shell.run(cell.source)
    if error is not None:
        said = f"{type(error).__name__}: {error}".replace("\n", " ")
        raise LessonError(f"{lesson}, cell {cell.id} ({first_line(cell.source)!r}): {said}")
    return outputs


def _output(data: dict[str, Any], shown: dict[str, DOMWidget]) -> dict[str, str]:
    """Describe an output: a widget by its id, a picture, or HTML; the shown widgets are kept."""
    widget = _widget(data[VIEW]["model_id"]) if VIEW in data else None
    if widget is not None:
        name = str(widget.model_id)
        shown[name] = widget
        return {"kind": "widget", "widget": name}
    if "image/png" in data:
        png = data["image/png"]
        png = base64.b64encode(png).decode() if isinstance(png, bytes) else png.replace("\n", "")
        return {"kind": "png", "png": png}
    kind, text = next(((kind, data[mime]) for mime, kind in TEXTS if mime in data), ("text", ""))
    return {"kind": kind, kind: text}


def _widget(name: str) -> DOMWidget | None:
    from ipywidgets.widgets.widget import _instances

    found: Widget | None = _instances.get(name)
    return found if isinstance(found, DOMWidget) else None


@contextmanager
def _shell(folder: Path) -> Iterator[LessonShell]:
    """Give the process's shell in a lesson's folder, with none of an earlier lesson's names."""
    before = Path.cwd()
    shell: Any = _only_shell()
    shell.reset(new_session=False)
    os.chdir(folder)
    try:
        yield shell
    finally:
        os.chdir(before)


@cache
def _only_shell() -> LessonShell:
    """Make the shell, once: inline figures follow the first one. No user's settings are read."""
    settings = Config()
    settings.HistoryManager.enabled = False
    shell: LessonShell = LessonShell.instance(config=settings)
    shell.run_line_magic("matplotlib", "inline")
    return shell


def main(jobs: Sequence[tuple[str, str, str, list[str]]]) -> int:
    """Run the lessons of a job list; print the name of each once its file is written."""
    said = sys.stdout
    for notebook, output, experiments, as_was in jobs:
        try:
            found = run_lesson(Path(notebook).resolve(), Path(experiments).resolve(), as_was)
        except LessonError as error:
            sys.stderr.write(f"{error}\n")
            return FAILED
        write_atomically(output, json.dumps(found).encode())
        said.write(f"{notebook}\n")
        said.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
