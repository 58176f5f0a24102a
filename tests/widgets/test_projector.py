"""The projector without a browser: steps, and the way back."""

import pytest

from optiwidgets.widgets.projector import STEPS


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
    assert seen == [f"ow-step-{step}" for step in (*STEPS, STEPS[-1])]
    assert projector.step == STEPS[-2]


def test_it_leads_back_to_the_tab_where_it_was(projector, explorer):
    explorer.tabs.selected_index = 2
    projector.toggle.click()
    assert explorer.tabs.titles[explorer.tabs.selected_index] == "Confusion"
    projector.toggle.click()
    assert explorer.tabs.selected_index == 2
    assert steps(explorer) == []
    assert "ow-projector" not in explorer._dom_classes


def test_reset_leaves_it(projector, explorer):
    projector.toggle.click()
    explorer.controls.reset.click()
    assert not projector.on
    assert projector.toggle.description == "Projector"


def test_keys_find_their_buttons_only_while_it_is_on(projector):
    assert "ow-leave" not in projector.toggle._dom_classes
    projector.next.click()
    assert projector.place == 0
    projector.toggle.click()
    assert "ow-leave" in projector.toggle._dom_classes
    assert projector.back.disabled
