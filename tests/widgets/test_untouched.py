"""An untouched model: every panel says what is true and invites, and shows no placeholder."""

from __future__ import annotations

import re

import pytest
from shown_texts import lesson_widgets, visible  # tests/widgets

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import CHANNEL_SCORES, WEIGHT_SCORES, Recipe
from optiwidgets.session.session import Session
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.explorer.snapshot import headline
from optiwidgets.widgets.lesson.compare import Compare
from optiwidgets.widgets.lesson.live_text import Live
from optiwidgets.widgets.lesson.textbook import Textbook
from optiwidgets.widgets.security.widget_tree import widgets_below

PLACEHOLDER = re.compile(r"^\W*[\N{EN DASH}\N{EM DASH}-]\W*$|\b(nan|NaN|None|null|undefined)\b")
IDLE = [
    *(Recipe(score=score) for score in WEIGHT_SCORES),
    *(Recipe(pruning="channel", score=score) for score in CHANNEL_SCORES),
    Recipe(granularity="channel", scheme="affine", clip="mse", recovery="refit", seed=3),
]
CASES = [("digits", "small"), ("digits", "wide"), ("smear-200", "small")]


def bare(texts):
    """List texts that are a placeholder for a value that is missing."""
    return [f"{place}: {said}" for place, said in texts if PLACEHOLDER.search(said)]


@pytest.fixture(scope="module", params=[*CASES, None], ids=str)
def page(request):
    """Make an explorer of a shipped case, or of a model and images of one's own."""
    if request.param is None:
        experiment = request.getfixturevalue("own")
    else:
        experiment = Experiment.load(request.param[0], model=request.param[1])
    made = Explorer(experiment)
    made.session.measures = False
    yield made
    made.close()


def test_a_placeholder_is_found():
    dash = "\N{EN DASH}"
    texts = [dash, "drop nan points", f"95 %: 1{dash}2", "None", ""]
    assert bare([("", each) for each in texts]) == [f": {dash}", ": drop nan points", ": None"]


@pytest.mark.parametrize("recipe", IDLE, ids=str)
def test_every_tab_of_an_untouched_model_says_so(page, recipe):
    session = page.session
    if page.session.experiment.impossible.keys() & {recipe.pruning, recipe.score}:
        return
    session.recipe = recipe
    page.history.keep(session.report)
    for index, title in enumerate(page.tabs.titles):
        page.tabs.selected_index = index
        assert not bare(visible(page)), title
        data = page.feed.data
        assert data["verdict"]["word"] == "Nothing changed yet"
        assert (data["verdict"]["judged"], data["latency"]) == (False, None)
        assert data["verdict"]["reasons"][0] == "move a control to begin"
        assert data["untimed"] == "nothing to compare yet"
        assert any(said.strip() for _, said in visible(page.tabs.children[index])), title
    assert [(row["words"], row["grade"]) for row in page.history.ledger.rows] == [("untouched", "")]


@pytest.mark.parametrize("name", ["digits", "smear-200"])
def test_every_lesson_widget_of_an_untouched_model_says_what_is_true(name):
    for widget in lesson_widgets(Experiment.load(name), Recipe(score="random")):
        assert not bare(visible(widget))
        for each in (widget, *widgets_below(widget)):
            if isinstance(each, Table):
                assert each.rows or "yet" in each.caption
            if type(each).__name__ == "Inspect":
                assert each.count.value.startswith("Nothing changed yet: move a control")


def test_texts_about_a_score_without_sparsity_are_those_of_the_untouched_model(digits):
    session = Session(digits)
    session.recipe = Recipe(score="random")
    assert headline(session.baseline, session.report, Policy.MOBILE)[0] == "The untouched model"
    told = Live("{recipe}: {speed}, {sparse_speed}, {flips}", session).value
    assert re.sub("</?b>", "", told).count("nothing to compare yet") == 3
    speeds = next(sides for name, *sides in Compare(session).table.rows if name == "times faster")
    assert speeds == 2 * ["nothing to compare yet"]


def test_the_textbook_knows_the_untouched_model_under_any_score():
    session = Session(Experiment.load("smear-200"))
    session.recipe = Recipe(score="random")
    assert "untouched" in Textbook(session).table.caption
