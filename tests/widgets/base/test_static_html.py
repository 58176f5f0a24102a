"""Saved notebooks without a kernel: HTML of widgets, as nbconvert shows it."""

from __future__ import annotations

import nbformat
import pytest
from ipywidgets import HTML, Button, Image, Text, VBox
from nbconvert import HTMLExporter

from optiwidgets.grading.checks import MultipleChoice
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.session.session import Session
from optiwidgets.widgets.base.static_html import image_html, plain_html, static_html
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.lesson.compare import Compare
from optiwidgets.widgets.lesson.core_path import CORE, CorePath
from optiwidgets.widgets.lesson.live_text import Live
from optiwidgets.widgets.lesson.quiz import Quiz, ask
from optiwidgets.widgets.lesson.rule import Rule

HOSTILE = (
    '<img src=x onerror="alert(1)"><script>alert(2)</script><b onclick="alert(3)">bold</b>&lt;i&gt;'
)


def exported(*widgets) -> str:
    """Return the HTML of a saved notebook that shows the widgets, exported without their state."""
    outputs = []
    for widget in widgets:
        bundle = widget._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle  # anywidget adds metadata
        outputs.append(nbformat.v4.new_output("display_data", data=data))
    cell = nbformat.v4.new_code_cell("show()", outputs=outputs)
    html, _ = HTMLExporter(template_name="basic").from_notebook_node(
        nbformat.v4.new_notebook(cells=[cell])
    )
    return html


def test_a_saved_notebook_shows_questions_tables_and_texts_of_numbers(digits) -> None:
    session = Session(digits)
    html = exported(
        ask("confusion.precision_after"), Compare(session), Live("{images} images", session)
    )
    assert "0 to 1, to 2 decimals" in html
    assert "<th>A</th>" in html
    assert "<b>1,500</b> images" in html
    assert html.count("run this cell") == 3
    assert "widget-view" not in html


def test_a_rule_shows_its_formula_and_a_path_its_lessons(digits) -> None:
    html = exported(Rule(Session(digits), "1 if s < 0.5 else 9"), CorePath())
    assert "Rule: <code>1 if s &lt; 0.5 else 9</code>" in html
    assert "such as" not in html
    assert [title for title in CORE.values() if f"<li>{title}</li>" not in html] == []
    assert "Rule: none yet" in exported(Rule(Session(digits)))


@pytest.mark.parametrize("key", sorted(QUESTIONS))
def test_no_question_shows_hint_solution_or_replies_in_a_saved_notebook(key, digits) -> None:
    question = QUESTIONS[key]
    quiz = Quiz(question, Session(digits))
    html = quiz._repr_mimebundle_()["text/html"]
    assert len(html) < 10_000
    assert plain_html(question.hint) not in html
    solution = question.solution if isinstance(getattr(question, "solution", None), str) else ""
    assert not solution or plain_html(solution) not in html
    quiz.close()


def test_an_answer_that_was_chosen_is_not_marked() -> None:
    key = next(k for k, q in QUESTIONS.items() if type(q) is MultipleChoice)
    quiz = ask(key)
    before = quiz._repr_mimebundle_()["text/html"]
    quiz.answer = quiz.question.options[0]
    quiz.solution()
    assert quiz._repr_mimebundle_()["text/html"] == before


def test_markup_can_neither_run_nor_load_anything() -> None:
    assert plain_html(HOSTILE) == "<b>bold</b>&lt;i&gt;"
    table = Table(HOSTILE, ("<script>",), rows=[[HOSTILE]])
    shown = static_html(VBox([HTML(HOSTILE), Text(placeholder=HOSTILE), table]))
    assert [tag for tag in ("<script", "<img", "<b onclick") if tag in shown] == []
    assert "&lt;script&gt;" in shown


def test_a_large_picture_is_left_out_and_what_is_hidden_or_a_button_too() -> None:
    assert "left out" in image_html(bytes(80_000), "Images")
    picture = Image(value=b"\x89PNG")
    assert static_html(picture).startswith('<img alt="Picture of this widget" src="data:image/png')
    picture.layout.display = "none"
    assert static_html(VBox([picture, Button(description="Go")])) == ""


def test_a_page_of_voila_gets_the_widget_alone(monkeypatch) -> None:
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    assert "text/html" not in ask("confusion.precision_after")._repr_mimebundle_()
