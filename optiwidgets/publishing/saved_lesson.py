"""Notebooks that are run and saved with explorers that work without a kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.preprocessors import CellExecutionError, ExecutePreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.publishing.lesson_process import VIEW
from optiwidgets.publishing.lesson_run import LessonError
from optiwidgets.publishing.lesson_widgets import settle
from optiwidgets.widgets.explorer.explorer import Explorer

Tell = Callable[[str], object]
BEFORE = f"from {__name__} import keep_explorers\nkeep_explorers()"
MINE = "optiwidgets"  # key of an output's metadata, while the notebook runs
OF_SLIDERS = {"sparsity", "bits", "policy"}  # controls of the smaller page


def save_lesson(notebook: Path, output: Path, tell: Tell) -> None:
    """Run a notebook in a kernel of its own and save it with explorers that stay alive.

    Every explorer that a cell shows by itself becomes its page, over its picture; other widgets
    keep their texts and pictures. The notebook grows by 0.5 MB for the page of two sliders, and by
    up to 2.5 MB for one with more controls.

    Parameters
    ----------
    notebook
        The notebook to run; it stays as it is.
    output
        File to write, replaced at once when all is done.
    tell
        Called with a line for each explorer, alive or not, and why.

    Raises
    ------
    LessonError
        A cell failed, with its error.
    OSError, ValueError
        The file cannot be read or written, or is no notebook.
    """
    book = nbformat.read(notebook, as_version=4)
    book.cells.insert(0, new_code_cell(BEFORE))
    make: Any = ExecutePreprocessor  # nbconvert gives it no types
    runner = make(timeout=None, store_widget_state=False)
    try:
        runner.preprocess(book, {"metadata": {"path": str(notebook.resolve().parent)}})
    except CellExecutionError as error:
        raise LessonError(f"{notebook.name}: {_told(error)}") from error
    del book.cells[0]
    for cell in book.cells:
        for shown in cell.get("outputs", []):
            _finish(shown, tell)
    book.metadata.pop("widgets", None)
    write_atomically(output, nbformat.writes(book).encode())


def keep_explorers() -> None:
    """Have this kernel show explorers as pages from now on, in place of live widgets."""
    from IPython import get_ipython

    formatters = get_ipython().display_formatter
    formatters.mimebundle_formatter.for_type(Explorer, saved_bundle)


def saved_bundle(
    explorer: Explorer, include: Any = None, exclude: Any = None
) -> tuple[dict[str, str], dict[str, Any]]:
    """Describe an explorer for a saved notebook: data by mime type, and the reason of no page."""
    settle([explorer])
    data = {"text/plain": repr(explorer), **explorer.static_view()}
    if explorer.covered:
        return data, {MINE: "its numbers are covered by a question"}
    if not explorer.session.experiment.task.of_classes:
        return data, {MINE: "the page of a detector is too large for a notebook: make a handout"}
    try:
        page = explorer.to_notebook(sliders_only=has_two_sliders(explorer))
    except ValueError as error:  # too many classes
        return data, {MINE: str(error)}
    return data | {"text/html": page._repr_html_()}, {MINE: ""}


def has_two_sliders(explorer: Explorer) -> bool:
    """Tell whether the page of two sliders has all that an explorer offers and shows.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> digits = Experiment.load("digits")
    >>> has_two_sliders(Explorer(digits, unlock=["bits"]))
    True
    >>> has_two_sliders(Explorer(digits, unlock=["bits", "recovery"]))
    False
    """
    recipe, unlock = explorer.session.recipe, explorer.arguments["unlock"]
    offered = OF_SLIDERS if unlock is None else {*unlock}
    return offered <= OF_SLIDERS and recipe == Recipe(recipe.sparsity, bits=recipe.bits)


def _finish(output: NotebookNode, tell: Tell) -> None:
    """Tell of an explorer, and leave out the view of a widget that has HTML."""
    data = output.get("data", {})
    if "text/html" in data:
        data.pop(VIEW, None)
    reason = output.get("metadata", {}).pop(MINE, None)
    if reason is None:
        return
    size = len(data["text/html"].encode())
    tell(f"an explorer as a picture: {reason}" if reason else f"an explorer: {size:,} bytes")


def _told(error: CellExecutionError) -> str:
    """Name the error of a cell, in one line."""
    return f"{error.ename}: {error.evalue}".replace("\n", " ")
