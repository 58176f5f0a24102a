"""Texts of the widgets come from the catalogue: in another language none stays English.

A catalogue is generated that puts every collected message into brackets. The widgets are then
built, and a visible text with letters outside of brackets is one that bypasses the catalogue.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ipywidgets import HTML
from shown_texts import in_html, lesson_widgets, visible  # tests/widgets
from texts import collect  # tools/texts.py

from optiwidgets.engine.beliefs.catalogue import beliefs
from optiwidgets.engine.data import loaders
from optiwidgets.engine.data.corruptions import corrupt
from optiwidgets.engine.data.loaders import SHIPPED, load_dataset
from optiwidgets.engine.data.splitting import describe_repeated
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.session.session import Session
from optiwidgets.texts import SOURCE, text, use
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.explorer import share_link
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.lesson.formula import Formula
from optiwidgets.widgets.lesson.quiz import ask, of_a_run
from optiwidgets.widgets.lesson.rule import evaluate_rule

ROOT = Path(__file__).parents[2]
WIDGETS = ROOT / "optiwidgets" / "widgets"
NAMES = re.compile(  # written in every language as in English
    r"\b\d\d_\w+|Recipe\([^()]*(\([^()]*\))?[^()]*\)|features\.\d+|\b(hidden|head|small|wide|"
    r"digits|smear-200|classification|detection|OptiWidgets|LAMP|Wanda|Fisher|OBS|MSE|GPTQ|ONNX|PNG|SVG|CSV|A|B)\b"
)


@pytest.fixture(scope="module")
def brackets(tmp_path_factory):
    """Put every message of the package into brackets, while the module's tests run."""
    catalogue = collect()
    for entry in catalogue:
        if entry.msgid_plural:
            entry.msgstr_plural = {0: f"⟦{entry.msgid}⟧", 1: f"⟦{entry.msgid_plural}⟧"}
        else:
            entry.msgstr = f"⟦{entry.msgid}⟧"
    folder = tmp_path_factory.mktemp("texts")
    catalogue.save(folder / "brackets.po")
    use("brackets", folder)
    yield catalogue
    use(SOURCE)


@pytest.fixture(scope="module")
def experiment(brackets):
    return Experiment.load("digits")  # of its own: reports that others made hold English words


@pytest.fixture(scope="module")
def page(experiment):
    made = Explorer(experiment)
    made.session.measures = False
    yield made
    made.close()


def outside(said: str) -> str:
    """Return the part of a text that is in no brackets.

    >>> outside("⟦a ⟦b⟧ c⟧ d, 5 %")
    ' d, 5 %'
    """
    depth, kept = 0, []
    for letter in said:
        depth -= letter == "⟧"
        if not depth and letter not in "⟦⟧":
            kept.append(letter)
        depth += letter == "⟦"
    return "".join(kept)


def bypassing(texts: Iterator[tuple[str, str]]) -> list[str]:
    """List texts with letters outside of brackets, other than names."""
    found = {f"{place}: {said}" for place, said in texts if re.search(r"[^\W\d_]", left(said))}
    return sorted(found)


def left(said: str) -> str:
    return NAMES.sub("", outside(said))


def test_the_test_itself_finds_a_text_without_a_message():
    table = Table("⟦Caption⟧", ("⟦head⟧", "bare"))
    assert bypassing(visible(table)) == ["Table.heads: bare"]
    found = bypassing(visible(HTML("<p title='bare'>⟦all⟧</p> <code>x</code> 5 %")))
    assert found == ["HTML.value: bare"]
    assert left("⟦12 ⟦points⟧⟧, features.0, Recipe(sparsity=0.5, layers=(1,))") == ", , "


RECIPES = (
    Recipe(),
    Recipe(sparsity=0.9, bits=4, granularity="channel", clip="mse", score="lamp"),
    Recipe(sparsity=0.5, pruning="2:4", bits=2, scheme="ternary"),
    Recipe(sparsity=0.4, pruning="channel", score="l2", bits=8),
    Recipe(bits=8, activation_bits=8),
    Recipe(bits=1),
)


def test_the_page_is_read_as_a_whole(page):
    """The other tests find nothing; this one shows that they look at every part of the page."""
    page.session.recipe = Recipe(sparsity=0.9, bits=4)
    page.tabs.selected_index = page.tabs.titles.index(text("History"))
    page.history.keep(page.session.report)
    seen = [said for _, said in visible(page)]
    for part in (
        *("⟦Sparsity⟧", "⟦Back to the untouched model⟧", "⟦Remove weights⟧", "⟦What changed⟧"),
        *("⟦mobile app⟧", "⟦drop {} points; {} is the limit", "⟦untouched⟧", "⟦Win back⟧"),
        *("⟦{} sparsity⟧, ⟦{} bits⟧", "⟦ONNX Runtime's dense kernels", "⟦Export CSV⟧"),
    ):
        pattern = re.escape(part).replace(re.escape("{}"), ".+")
        assert any(re.match(pattern, said) for said in seen), part


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_the_page_in_another_language_has_no_english(page, recipe):
    page.session.recipe = recipe
    found = []
    for index in range(len(page.tabs.titles)):
        page.tabs.selected_index = index
        page.history.keep(page.session.report)
        found += bypassing(visible(page))
    assert not found


def test_a_class_in_another_language_has_no_english(page):
    activities, projector = page.classroom.activities, page.classroom.projector
    for activity in ("blind", "predict"):
        activities.start(activity)
        assert not bypassing(visible(page))
    page.session.recipe = Recipe(bits=5)
    activities.accuracy.value = "many"
    activities.commit.click()
    assert not bypassing(visible(page))
    activities.accuracy.value = "90"
    activities.commit.click()
    assert not bypassing(visible(page))
    activities.start_surprise(7)
    projector.toggle.click()  # refused: the matrices are in the tab
    assert not bypassing(visible(page))
    activities.reveal.click()
    assert not bypassing(visible(page))
    page.controls.reset.click()
    projector.toggle.click()
    assert projector.on
    assert not bypassing(visible(page))
    projector.leave()
    page._open_link("policy=nonsense")
    assert text("mobile app") == "⟦mobile app⟧"


def test_a_search_of_the_cliff_tells_in_another_language(page):
    page.classroom.player.seek()
    told = [page.classroom.player.said, page.classroom.player.safe]
    page.classroom.player.cliff.click()
    told += [page.classroom.player.said, page.classroom.player.rule()]
    assert not [said for said in told if left(said).strip()]


def kinds() -> list[str]:
    """Keys of one question of each kind, and of each kind with a run."""
    found: dict[Any, str] = {}
    for key, question in QUESTIONS.items():
        found.setdefault((type(question), of_a_run(question)), key)
    return [*found.values()]


@pytest.mark.parametrize("key", kinds())
def test_a_question_in_another_language_has_no_english(experiment, key):
    quiz = ask(key, Session(experiment))
    seen = bypassing(visible(quiz))
    for act in (quiz.check, quiz.hint, quiz.solution):
        act()
        seen += bypassing(visible(quiz))
    assert not seen


def test_lesson_widgets_in_another_language_have_no_english(experiment):
    found = []
    for widget in lesson_widgets(experiment):
        found += bypassing(visible(widget))
        if hasattr(widget, "static_view"):
            static = in_html(widget.static_view().get("text/html", ""))
            found += bypassing((f"static {type(widget).__name__}", each) for each in static)
    assert not found


def test_findings_in_another_language_have_no_english(experiment):
    assert not bypassing(
        ("table", each) for each in in_html(beliefs(experiment, ["eight-bits"])._repr_html_())
    )


def test_the_picture_of_a_page_in_another_language_has_no_english(page):
    page.session.recipe = Recipe(sparsity=0.85, bits=4)
    static = page.static_view()["text/html"]
    assert not bypassing(("static", each) for each in in_html(static))


# ---- messages of the engine and of controls that a learner sees


def refused(act, *given):
    with pytest.raises(ValueError, match=r"^⟦") as caught:
        act(*given)
    return str(caught.value)


def test_refusals_that_a_page_shows_have_no_english(brackets, experiment):
    session = Session(experiment)
    formulas = ("1" * 1000, "s +", "t", "'a'", "print(s)", "[s]")
    said = [refused(Formula, written, "s") for written in formulas]
    said.append(refused(Formula("exp", "s"), 0.5))
    rules = (lambda s: "x", lambda s: 1 / 0)
    said += [refused(evaluate_rule, rule, (0.5,), "sparsity") for rule in rules]
    said += [refused(share_link.read, query) for query in ("a" * 9000, "zz=1", "bits=4&bits=5")]
    for link in ({"model": "huge"}, {"case": "mice"}, {"policy": "none"}):
        said.append(refused(share_link.check, session, {}, link | {"recipe": Recipe()}))
    said.append(refused(lambda: experiment.fit_budget(bytes=1)))
    assert len(said) == 16


def test_descriptions_of_images_have_no_english(brackets):
    for cached in (loaders._digits, loaders._smear, loaders._scenes, loaders._fields):
        cached.cache_clear()
    try:
        made = [load_dataset(name).description for name in SHIPPED]
        made.append(corrupt(load_dataset("digits"), noise=0.1, blur=2).description)
        made.append(describe_repeated([np.array([0, 1]), np.array([2])], ["a", "b", "b"]))
    finally:
        for cached in (loaders._digits, loaders._smear, loaders._scenes, loaders._fields):
            cached.cache_clear()
    assert [each for each in made if left(each).strip()] == []


# ---- literals in the code


GIVEN = {"description", "tooltip", "placeholder"}


def literals(path: Path) -> Iterator[str]:
    """Find literals with letters that are given to widgets without ``text``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            given = [each.value for each in node.keywords if each.arg in GIVEN]
            is_html = isinstance(node.func, ast.Name) and node.func.id in ("HTML", "Table")
            given += node.args[:2] if is_html else []
        elif isinstance(node, ast.Assign):
            named = {each.attr for each in node.targets if isinstance(each, ast.Attribute)}
            given = [node.value] if named & (GIVEN | {"caption"}) else []
        else:
            continue
        for value in given:
            words = " ".join(in_html(" ".join(said_in(value))))
            if re.search(r"[^\W\d_]", NAMES.sub("", words)):
                yield f"{path.relative_to(path.parents[2]).as_posix()}:{value.lineno}: {words}"


def said_in(value: ast.AST) -> Iterator[str]:
    """Find the literals of an expression that are not looked up."""
    if isinstance(value, ast.Constant):
        yield value.value if isinstance(value.value, str) else ""
    elif isinstance(value, ast.JoinedStr | ast.Tuple | ast.List):
        for part in value.values if isinstance(value, ast.JoinedStr) else value.elts:
            yield from said_in(part)
    elif isinstance(value, ast.BinOp):
        yield from (*said_in(value.left), *said_in(value.right))
    elif isinstance(value, ast.IfExp):
        yield from (*said_in(value.body), *said_in(value.orelse))


def test_no_widget_is_given_a_literal_that_bypasses_the_catalogue():
    found = [each for path in sorted(WIDGETS.rglob("*.py")) for each in literals(path)]
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "Button(description='Go')",
        "Button(description=text('Go'), tooltip='Away')",
        "button.description = 'Stop' if on else text('Go')",
        "HTML(f'<p>{count} images</p>')",
        "Table('', ('', 'use'))",
        "Text(placeholder='a ' + unit)",
    ],
)
def test_a_literal_that_bypasses_the_catalogue_is_found(tmp_path, line):
    path = tmp_path / "widget.py"
    path.write_text(line)
    assert [*literals(path)]


def test_a_text_that_is_looked_up_is_no_literal(tmp_path):
    path = tmp_path / "widget.py"
    path.write_text("HTML(f'<p class=\"note\">{text(\"Go\")}</p>', tooltip=text('Away'))")
    assert not [*literals(path)]
