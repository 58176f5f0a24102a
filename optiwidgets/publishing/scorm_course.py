"""The core path as lessons of a SCORM package."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from optiwidgets.publishing.scorm import ScormLesson
from optiwidgets.publishing.static_cells import NAME, read_static_cells
from optiwidgets.texts import text
from optiwidgets.widgets.lesson.core_path import CORE


def core_lessons(lessons: Path) -> list[ScormLesson]:
    """List the lessons of the core path, with the questions that their pages grade.

    Parameters
    ----------
    lessons
        Folder of the notebooks and of their list of static cells.

    Raises
    ------
    FileNotFoundError
        A notebook or the list is absent.
    """
    listed = read_static_cells(lessons / NAME)
    found = []
    for name, title in CORE.items():
        in_python = {cell.cell for cell in listed[name].values() if cell.needs_python}
        asked = questions_in(lessons / f"{name}.ipynb", in_python)
        found.append(ScormLesson(f"{name}.html", text(title), asked))
    return found


def questions_in(notebook: Path, left_out: set[str]) -> tuple[str, ...]:
    """List the keys of ``ow.ask`` in a notebook's cells, each once, but in some cells.

    Parameters
    ----------
    notebook
        The notebook's file.
    left_out
        Identifiers of cells that are not looked at.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = [
        "".join(cell["source"])
        for cell in cells
        if cell["cell_type"] == "code" and cell["id"] not in left_out
    ]
    return tuple(dict.fromkeys(key for source in sources for key in _asked(source)))


def _asked(source: str) -> Iterator[str]:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    for call in calls:
        first = call.args[0] if call.args else None
        if ast.unparse(call.func) == "ow.ask" and isinstance(first, ast.Constant):
            yield str(first.value)
