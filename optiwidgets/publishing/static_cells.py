"""The list of what answers each code cell of a lesson on a page without Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from nbformat import NotebookNode

NAME = "static.yaml"
PYTHON = "needs-python"
WAYS = ("grid", "wasm", PYTHON)


@dataclass(frozen=True)
class StaticCell:
    """Code cell of a lesson on a page without Python.

    Parameters
    ----------
    cell
        Identifier of the cell in its notebook.
    line
        First line of its source.
    by
        "grid" for stored runs and the page's own checks, "wasm" where runs are computed in the page
        too, "needs-python" where the page shows the cell's output as it was.
    reason
        A sentence for the learner.

    Raises
    ------
    ValueError
        Another value of ``by``, or no reason.

    Examples
    --------
    >>> StaticCell("4", "ow.train(data)", "needs-python", "Training needs Python.").needs_python
    True
    """

    cell: str
    line: str
    by: str
    reason: str

    def __post_init__(self) -> None:
        if self.by not in WAYS:
            raise ValueError(f"by is one of {', '.join(WAYS)}, not {self.by!r}")
        if not self.reason.strip():
            raise ValueError(f"the cell {self.line!r} has no reason")

    @property
    def needs_python(self) -> bool:
        """Tell whether the page shows the cell's output as it was."""
        return self.by == PYTHON


def read_static_cells(path: Path) -> dict[str, dict[str, StaticCell]]:
    """Read the list: the cells of each lesson by their identifier.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        An entry has other fields, a wrong value, or the identifier of another one.
    """
    try:
        read = yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(read, Mapping):
        raise ValueError(f"{path} is no list of cells by lesson")
    return {str(lesson): _cells(f"{path}, {lesson}", rows) for lesson, rows in read.items()}


def problems(lesson: str, book: NotebookNode, listed: Mapping[str, StaticCell]) -> list[str]:
    """List the differences between a lesson's code cells and their list.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_notebook
    >>> book = new_notebook(cells=[new_code_cell("ow.Explorer()", id="1")])
    >>> problems("30_pruning", book, {})
    ["30_pruning, cell 1, 'ow.Explorer()': not in static.yaml"]
    >>> cell = StaticCell("1", "ow.train()", "needs-python", "Training needs Python.")
    >>> problems("30_pruning", book, {"1": cell})
    ["30_pruning, cell 1 begins with 'ow.Explorer()', in static.yaml with 'ow.train()'"]
    """
    found, there = [], {cell.id: first_line(cell.source) for cell in code_cells(book)}
    for name, line in there.items():
        if name not in listed:
            found.append(f"{lesson}, cell {name}, {line!r}: not in {NAME}")
        elif listed[name].line != line:
            found.append(
                f"{lesson}, cell {name} begins with {line!r}, in {NAME} with {listed[name].line!r}"
            )
    gone = [name for name in listed if name not in there]
    return found + [f"{lesson}: {NAME} has a cell {name!r}, the lesson has none" for name in gone]


def code_cells(book: NotebookNode) -> list[NotebookNode]:
    """List the code cells of a notebook that have any code."""
    return [cell for cell in book.cells if cell.cell_type == "code" and cell.source.strip()]


def first_line(source: str) -> str:
    r"""Return the first line of a cell.

    >>> first_line("import optiwidgets as ow\n\now.Explorer()")
    'import optiwidgets as ow'
    """
    return source.strip().splitlines()[0]


def _cells(where: str, rows: Iterable[Any]) -> dict[str, StaticCell]:
    found: dict[str, StaticCell] = {}
    for row in rows or ():
        try:
            cell = StaticCell(**row)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{where}: {row}: {error}") from error
        if cell.cell in found:
            raise ValueError(f"{where}: two entries of cell {cell.cell!r}")
        found[cell.cell] = cell
    return found
