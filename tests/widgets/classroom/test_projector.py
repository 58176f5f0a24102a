"""Projector mode without a browser: steps, and leaving."""

import pytest

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.widgets.explorer.explorer import Explorer


@pytest.fixture
def projector(explorer):
    return explorer.classroom.projector


def steps(explorer):
    return [name for name in explorer._dom_classes if name.startswith("ow-step-")]


def test_next_and_back_turn_and_stop_at_the_ends(projector, explorer):
    projector.toggle.click()
    assert "ow-projector" in explorer._dom_classes
    seen = []
    for button in (projector.next, projector.next, projector.next, projector.back):
        seen += steps(explorer)
        button.click()
    steps_of_classes = ["numbers", "confusion", "change"]
    assert seen == [f"ow-step-{step}" for step in (*steps_of_classes, "change")]
    assert projector.step == "confusion"


def test_a_detector_has_a_step_of_its_scenes():
    explorer = Explorer(Experiment.load("scenes"))
    projector = explorer.classroom.projector
    projector.toggle.click()
    assert projector.steps == ["numbers", "scenes", "confusion", "change"]
    shown = []
    for _ in projector.steps:
        shown.append((projector.step, explorer.tabs.titles[explorer.tabs.selected_index]))
        projector.next.click()
    assert shown == [
        ("numbers", "Scenes"),
        ("scenes", "Scenes"),
        ("confusion", "Confusion"),
        ("change", "Confusion"),
    ]


def test_it_leads_back_to_the_tab_where_it_was(projector, explorer):
    explorer.tabs.selected_index = 2
    projector.toggle.click()
    assert explorer.tabs.titles[explorer.tabs.selected_index] == "Confusion"
    projector.toggle.click()
    assert explorer.tabs.selected_index == 2
    assert steps(explorer) == []
    assert "ow-projector" not in explorer._dom_classes


def test_what_an_activity_asks_can_be_answered_there(projector, explorer):
    activities = explorer.classroom.activities
    assert projector.asked.children == (activities.accuracy, activities.commit, activities.uncover)
    activities.start("predict")
    projector.toggle.click()
    assert "ow-asks" in explorer._dom_classes
    assert activities.accuracy.layout.display is None
    activities.leave()
    assert "ow-asks" not in explorer._dom_classes


def test_it_is_refused_and_left_while_a_recipe_is_hidden(projector, explorer):
    projector.toggle.click()
    explorer.classroom.activities.start_surprise(7)
    assert not projector.on
    projector.toggle.click()
    assert not projector.on
    assert "Surprise me" in explorer.feed.message
    explorer.classroom.activities.stop.click()
    projector.toggle.click()
    assert projector.on


def test_reset_leaves_it(projector, explorer):
    projector.toggle.click()
    explorer.controls.reset.click()
    assert not projector.on
    assert projector.toggle.description == "Projector"


def test_keys_find_their_buttons_only_while_it_is_on(projector):
    assert "ow-leave" not in projector.toggle._dom_classes
    projector.next.click()
    assert projector.index == 0
    projector.toggle.click()
    assert "ow-leave" in projector.toggle._dom_classes
    assert projector.back.disabled
