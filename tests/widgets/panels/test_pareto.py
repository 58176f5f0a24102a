"""Chart of the pareto front: its data, the effect of a click, and its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from traitlets import TraitError

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.sweep import Sweep, Trial
from optiwidgets.session.session import Session
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.panels import pareto
from optiwidgets.widgets.panels.pareto import Frontier

RECIPES = [Recipe(bits=bits) for bits in (8, 2, 4)]


@pytest.fixture(scope="module")
def sweep(digits) -> Sweep:
    return digits.sweep(RECIPES, progress=False)


@pytest.fixture
def chart(sweep, digits) -> Frontier:
    return Frontier(sweep, Session(digits))


def test_the_page_gets_a_row_a_recipe_in_the_sweeps_order(chart, sweep):
    assert [row["recipe"] for row in chart.trials] == [str(recipe) for recipe in RECIPES]
    assert [row["bytes"] for row in chart.trials] == [trial.total_bytes for trial in sweep]
    assert [row["value"] for row in chart.trials] == [trial.accuracy for trial in sweep]
    assert [row["front"] for row in chart.trials] == [trial in sweep.frontier for trial in sweep]
    assert "3 recipes, small on digits; accuracy on 1,500 exploration images" in chart.about
    json.dumps(chart.trials, allow_nan=False)


def test_a_recipe_that_could_not_be_run_is_counted_and_has_no_numbers():
    rows = (Trial(Recipe(), accuracy=1.0, total_bytes=9), Trial(Recipe(bits=4), error="no"))
    chart = Frontier(Sweep(rows, "small", "digits", 7))
    assert chart.trials[1]["bytes"] is chart.trials[1]["value"] is None
    assert "1 recipes, small on digits; accuracy on 7 exploration images. 1 more could not" in (
        chart.about
    )
    assert "A click on a point marks it" in chart.about


def test_choosing_a_point_loads_its_recipe_into_the_explorer(sweep, explorer):
    chart = Frontier(sweep, explorer)
    assert chart.chosen == -1
    chart.set_state({"chosen": 1})  # as sent by a page
    assert explorer.session.report.recipe == RECIPES[1]
    assert explorer.controls.recipe() == RECIPES[1]


def test_the_chosen_point_is_where_the_explorer_stands(chart):
    chart.session.recipe = RECIPES[2]
    assert chart.chosen == 2
    chart.session.recipe = Recipe(bits=3)
    assert chart.chosen == -1
    assert chart.session.recipe == Recipe(bits=3)
    chart.chosen = 2
    assert chart.session.recipe == RECIPES[2]


def test_without_an_explorer_a_choice_is_only_marked(sweep):
    chart = Frontier(sweep)
    chart.chosen = 0
    assert chart.chosen == 0


def test_another_model_in_the_explorer_is_pointed_out(sweep):
    explorer = Explorer()
    chart = Frontier(sweep, explorer)
    assert chart.message == ""
    explorer.session.model = "wide"
    assert "run with small on digits; the explorer shows wide on digits" in chart.message
    explorer.session.model = "small"
    assert chart.message == ""


@pytest.mark.parametrize(
    "state",
    [{"chosen": 3}, {"chosen": -2}, {"chosen": "1"}, {"chosen": True}, {"trials": []}, {"min": 0}],
    ids=str,
)
def test_a_page_can_only_choose_a_row_that_is_there(chart, state):
    before = chart.trials
    chart.set_state(state)
    assert (chart.chosen, chart.trials, chart.session.recipe) == (-1, before, Recipe())
    assert "Frontier: refused" in chart.message


def test_code_that_chooses_a_row_that_is_not_there_is_told_the_range(chart):
    with pytest.raises(TraitError, match=r"chosen is -1 \(none\) to 2, not 3"):
        chart.chosen = 3


def test_what_is_no_sweep_is_refused():
    with pytest.raises(ValueError, match=r"sweep is what Experiment.sweep\(\) gives, not list"):
        Frontier([])


def test_an_empty_sweep_has_no_points_and_is_no_error():
    assert Frontier(Sweep((), "small", "digits", 7)).trials == []


def test_style_and_module_are_complete_and_fetch_nothing(chart):
    here = Path(pareto.__file__).parent
    assert chart._css.startswith((here / "pareto.css").read_text())
    assert "export default" in chart._esm
    assert "http" not in chart._css + chart._esm.replace("http://www.w3.org", "")
