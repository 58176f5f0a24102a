"""Rules between controls, recorded for a page, are those of the live controls at every step."""

from __future__ import annotations

import random

import pytest

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.widgets.controls.recipe_controls import Controls
from optiwidgets.widgets.pages.control_rules import record_rules, restrict
from optiwidgets.widgets.pages.explorer_role import refer
from optiwidgets.widgets.pages.page_file import model_record
from optiwidgets.widgets.pages.page_offer import FULL, SLIDERS
from optiwidgets.widgets.security.widget_tree import widgets_below
from tests.widgets.node_answers import answers

WALK = "../../tests/javascript/rules_walk.js"


@pytest.fixture(scope="module")
def recorded():
    """Controls of a page, their rules, and their models as the page has them."""
    controls = Controls()
    restrict(controls, FULL, {})
    rules = record_rules(controls)
    models = {one.model_id: model_record(one) for one in (controls, *widgets_below(controls))}
    return controls, rules, models


def watched(controls):
    """Every trait of a control that depends on the others."""
    traits = ("_options_labels", "index", "disabled", "tooltip")
    handles = [(handle, trait) for handle in controls.choices.values() for trait in traits]
    folds = [(fold, "summary") for fold in controls.folds.values()]
    return [*handles, *folds, (controls.note, "value")]


def test_random_walk_has_the_traits_and_recipes_of_live_controls(recorded):
    controls, rules, models = recorded
    chance, steps, expected = random.Random(7), [], []
    live = [*controls.choices.values(), controls.activation_bits, controls.bits]
    for _ in range(300):
        handle = chance.choice([*live, controls.sparsity])
        trait = "value" if handle is controls.sparsity else "index"
        value = chance.randrange(100 if trait == "value" else len(handle.options))
        setattr(handle, trait, value)
        steps.append([refer(handle), trait, value])
        seen = [one.get_state(name)[name] for one, name in watched(controls)]
        expected.append([controls.recipe().as_dict() | {"layers": []}, plain(seen)])
    names = [[refer(one), name] for one, name in watched(controls)]
    [told] = answers(WALK, [["walk", models, rules, refer(controls.sparsity), steps, names]])
    controls.show(Recipe())
    for step, (theirs, ours) in enumerate(zip(told, expected, strict=True)):
        assert theirs == ours, f"step {step}: {steps[step]}"


def plain(values):
    """Values as JSON has them; a tooltip that is empty is none."""
    return [list(value) if isinstance(value, tuple) else value for value in values]


def test_controls_move_to_a_recipe_that_they_offer_and_tell_of_one_that_they_do_not(recorded):
    controls, rules, models = recorded
    known = Recipe(0.37, pruning="channel", score="random", bits=4, scheme="affine")
    unknown = Recipe(0.5, score="wanda", bits=8)
    recipes = [recipe.as_dict() | {"layers": []} for recipe in (known, unknown)]
    [told] = answers(WALK, [["shown", models, rules, refer(controls.sparsity), recipes]])
    assert told[0] == [True, recipes[0]]
    assert told[1][0] is False
    assert told[1][1]["bits"] == 8


def test_controls_are_where_they_were(recorded):
    controls, _, _ = recorded
    assert controls.recipe() == Recipe()
    assert [fold.value for fold in controls.folds.values()] == [False] * 3


def test_sliders_alone_have_no_other_row():
    controls = Controls()
    restrict(controls, SLIDERS, {})
    shown = [name for name, (first, *_) in controls.rows.items() if first.layout.display != "none"]
    assert shown == ["sparsity", "bits"]
    assert [fold.layout.display for fold in controls.folds.values()] == ["none"] * 3


def test_own_reasons_of_a_model_stay():
    controls = Controls()
    restrict(controls, FULL, {"channel": "No channel can be removed."})
    assert [value for _, value in controls.choices["pruning"].options] == ["global", "layer"]
    assert "No channel can be removed." in controls.note.value
