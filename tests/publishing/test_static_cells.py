"""The list of static cells is complete, true to the notebooks, and leaves few questions out."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest

from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.publishing.static_cells import (
    StaticCell,
    code_cells,
    problems,
    read_static_cells,
)

LESSONS = Path(__file__).parents[2] / "lessons"
BOOKS = {path.stem: nbformat.read(path, 4) for path in sorted(LESSONS.glob("*.ipynb"))}
LISTED = read_static_cells(LESSONS / "static.yaml")
COUNTED = [name for name in BOOKS if name[:2] in ("90", *(f"{n}" for n in range(10, 61)), "00")]
IN_PYTHON = {  # functions that run what no page can
    *("train", "Fragility", "Layers", "TableOfBeliefs", "beliefs", "Rule", "NewData", "Inspect"),
    *("Compare", "Trials", "Present", "Textbook", "Threshold", "plot_images", "load_dataset"),
}


def called(source: str) -> list[ast.Call]:
    """Calls of functions of ``ow`` in a cell."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call for call in calls if ast.unparse(call.func).startswith("ow.")]


def asked(source: str) -> list[str]:
    asks = [call for call in called(source) if ast.unparse(call.func) == "ow.ask"]
    return [str(ast.literal_eval(call.args[0])) for call in asks]


def test_every_lesson_is_in_the_list_and_no_other():
    assert sorted(LISTED) == sorted(BOOKS)


@pytest.mark.parametrize("lesson", BOOKS)
def test_every_code_cell_is_in_the_list_with_its_first_line(lesson):
    assert problems(lesson, BOOKS[lesson], LISTED[lesson]) == []


@pytest.mark.parametrize("lesson", BOOKS)
def test_a_reason_is_a_sentence(lesson):
    for cell in LISTED[lesson].values():
        assert cell.reason[0].isupper(), cell
        assert cell.reason.endswith("."), cell


@pytest.mark.parametrize("lesson", BOOKS)
def test_a_cell_that_calls_what_runs_in_python_alone_says_so(lesson):
    for cell in code_cells(BOOKS[lesson]):
        names = {ast.unparse(call.func).removeprefix("ow.") for call in called(cell.source)}
        assert LISTED[lesson][cell.id].needs_python or not names & IN_PYTHON, cell.source


def test_nine_of_ten_questions_of_the_core_lessons_are_answered_in_the_page():
    in_page, in_python = [], []
    for lesson in COUNTED:
        for cell in code_cells(BOOKS[lesson]):
            kind = in_python if LISTED[lesson][cell.id].needs_python else in_page
            kind += asked(cell.source)
    assert {*in_page, *in_python} <= {*QUESTIONS}
    assert len(COUNTED) == 10
    assert len(in_page) >= 0.9 * len(in_page + in_python) > 40, in_python


PLANTED = [
    ({}, "cell 1, 'ow.Explorer()': not in static.yaml"),
    ({"1": StaticCell("1", "x = 1", "grid", "It is.")}, "begins with 'ow.Explorer()'"),
    (
        {k: StaticCell(k, "ow.Explorer()", "grid", "It is.") for k in ("1", "2")},
        "static.yaml has a cell '2', the lesson has none",
    ),
]


@pytest.mark.parametrize(("listed", "said"), PLANTED)
def test_a_difference_to_the_notebook_is_found(listed, said):
    cells = [nbformat.v4.new_code_cell("ow.Explorer()", id="1"), nbformat.v4.new_code_cell("")]
    (found,) = problems("a", nbformat.v4.new_notebook(cells=cells), listed)
    assert said in found


ENTRY = "a:\n  - {cell: '1', line: x, by: grid, reason: It is.}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 1\n", "no list of cells"),
        ("a: [", "static.yaml"),
        (ENTRY.replace("grid", "luck"), "by is one of grid, wasm, needs-python, not 'luck'"),
        (ENTRY.replace("It is.", "''"), "no reason"),
        (ENTRY.replace("line", "lines"), "lines"),
        (ENTRY + ENTRY.partition("\n")[2], "two entries of cell '1'"),
    ],
)
def test_a_wrong_list_is_refused_and_named(tmp_path, text, said):
    path = tmp_path / "static.yaml"
    path.write_text(ENTRY)
    assert read_static_cells(path) == {"a": {"1": StaticCell("1", "x", "grid", "It is.")}}
    path.write_text(text)
    with pytest.raises(ValueError, match=said):
        read_static_cells(path)
