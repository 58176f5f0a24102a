"""Pages without questions run in a fresh kernel, and every lesson is saved without output."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

LESSONS = Path(__file__).parents[2] / "lessons"
BOOKS = sorted(LESSONS.glob("*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"


def outputs(book: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in book.cells for output in cell.get("outputs", [])]


def test_there_are_lessons():
    assert "explorer" in {path.stem for path in BOOKS}


# tests/browser/test_lessons.py runs and answers those with a number other than 0
RUNS = [pytest.param(p, id=p.stem) for p in BOOKS if p.stem[0] not in "123456789"]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_lesson_is_saved_without_output(path):
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert book.cells
    assert outputs(book) == []


@pytest.mark.parametrize("path", RUNS)
def test_a_lesson_runs_and_shows_a_widget(path):
    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=600, resources={"metadata": {"path": LESSONS}}).execute()
    shown = outputs(book)
    assert any(WIDGET in output.get("data", {}) for output in shown)
    assert [output for output in shown if output.output_type == "error"] == []
    assert [output.text for output in shown if output.get("name") == "stderr"] == []


def test_a_lesson_that_fails_is_noticed(tmp_path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    with pytest.raises(Exception, match="ZeroDivisionError"):
        NotebookClient(book, timeout=600, resources={"metadata": {"path": tmp_path}}).execute()
