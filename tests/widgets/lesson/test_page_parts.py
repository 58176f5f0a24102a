"""Parts that arrange a lesson's page: a question beside its explorer, and dots of the path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ipywidgets import HTML

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.session import Session
from optiwidgets.widgets.lesson.beside import Beside
from optiwidgets.widgets.lesson.core_path import CORE, CorePath
from optiwidgets.widgets.lesson.live_text import Live
from optiwidgets.widgets.lesson.quiz import Quiz, ask

LESSONS = Path(__file__).parents[3] / "lessons"
WIDGETS = LESSONS.parent / "optiwidgets" / "widgets"


def title(name: str) -> str:
    book: dict[str, Any] = json.loads((LESSONS / f"{name}.ipynb").read_text())
    return str(book["cells"][0]["source"][0]).removeprefix("# ").strip()


def test_a_question_keeps_its_answer_and_its_run_beside_an_explorer() -> None:
    session = Session()
    quiz = ask("pruning.magnitude")
    row = Beside(quiz, Live("{sparsity}", session))
    session.recipe = Recipe(sparsity=0.5)
    first, second = row.children
    assert isinstance(first, Quiz)
    assert "50 %" in second.value
    assert "ow-beside" in row._dom_classes


def test_one_stylesheet_alone_lays_out_a_question_beside_its_explorer() -> None:
    sheets = [path for path in WIDGETS.rglob("*.css") if ".ow-beside" in path.read_text("utf-8")]
    assert [sheet.name for sheet in sheets] == ["theme.css"]


@pytest.mark.parametrize("trait", ["children", "box_style", "layout"])
def test_a_page_cannot_change_what_stands_beside(trait: str) -> None:
    row = Beside(HTML("question"), HTML("explorer"))
    row.set_state({trait: []})
    assert [child.value for child in row.children] == ["question", "explorer"]


def test_the_path_has_the_titles_of_its_lessons() -> None:
    assert CorePath().lessons == [[name, title(name)] for name in CORE]


def test_a_page_cannot_change_the_path() -> None:
    path = CorePath({"30_pruning": "Pruning"})
    path.set_state({"lessons": [["https://example.org", "elsewhere"]]})
    assert path.lessons == [["30_pruning", "Pruning"]]
