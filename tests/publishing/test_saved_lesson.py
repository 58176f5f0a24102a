"""A notebook that is run and saved: its explorers have pages, or a reason why not."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from optiwidgets.cli import main

pytest.importorskip("nbconvert")

VIEW = "application/vnd.jupyter.widget-view+json"
SETUP = """from functools import partialmethod
import optiwidgets as ow
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.widgets.pages.page_content import PageContent
few = PageContent(families=(RecipeFamily(ow.Recipe(), (0.0, 0.5), (32,)),))
ow.Explorer.to_notebook = partialmethod(ow.Explorer.to_notebook, content=few)
digits = ow.Experiment.load("digits")"""
ALIVE = 'see = ow.Explorer(digits, unlock=["sparsity"])\nsee.session.recipe = ow.Recipe(0.5)\nsee'
BOXES = 'ow.Explorer(ow.Experiment.load("scenes"))'
PLAIN = "print('4 bits')"


def written(path: Path, *sources: str) -> Path:
    cells = [new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_a_run_notebook_has_pages_of_its_explorers(tmp_path, capsys):
    lesson = written(tmp_path / "a.ipynb", SETUP, ALIVE, BOXES, PLAIN)
    before = lesson.read_bytes()
    assert main(["notebook", str(lesson), str(tmp_path / "out.ipynb")]) == 0
    book = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert [cell.id for cell in book.cells] == [f"cell-{i}" for i in range(4)]
    _, alive, boxes, plain = (cell.outputs for cell in book.cells)
    assert "srcdoc=" in alive[0].data["text/html"]
    assert "Recipe(sparsity=0.5)" in str(alive[0].data)
    assert alive[0].data["image/png"]
    assert VIEW not in alive[0].data
    assert "<iframe" not in boxes[0].data["text/html"]
    assert "<img" in boxes[0].data["text/html"]
    assert plain[0].text == "4 bits\n"
    assert [output.metadata for output in (*alive, *boxes)] == [{}, {}]
    assert "widgets" not in book.metadata
    told = capsys.readouterr().err
    assert "an explorer as a picture: " in told
    assert "the page of a detector is too large" in told
    assert lesson.read_bytes() == before


def test_an_error_names_the_notebook_and_leaves_no_file(tmp_path, capsys):
    lesson = written(tmp_path / "a.ipynb", "1 / 0")
    assert main(["notebook", str(lesson), str(tmp_path / "out.ipynb")]) == 2
    assert "a.ipynb: ZeroDivisionError: division by zero" in capsys.readouterr().err
    assert not (tmp_path / "out.ipynb").exists()


@pytest.mark.parametrize(
    ("lesson", "out", "reason"),
    [
        ("gone.ipynb", "out.ipynb", "no notebook gone.ipynb"),
        ("a.ipynb", "a.ipynb", "would replace the notebook that is run"),
        ("a.ipynb", "no/such/folder/b.ipynb", "no/such/folder is no writable folder"),
    ],
)
def test_what_cannot_be_saved_is_refused_before_the_run(
    lesson, out, reason, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "a.ipynb", "1 / 0")
    assert main(["notebook", lesson, out]) == 2
    assert reason in capsys.readouterr().err
