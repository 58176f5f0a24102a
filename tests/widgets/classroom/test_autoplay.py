"""Autoplay, beat by beat, without a browser."""

import pytest
from traitlets import TraitError

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.measurements import Drop
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.widgets.classroom import autoplay
from optiwidgets.widgets.classroom.autoplay import CALM_MS, SPEEDS
from optiwidgets.widgets.classroom.page_events import PageEvents
from optiwidgets.widgets.explorer.explorer import Explorer


@pytest.fixture
def player(explorer):
    return explorer.classroom.player


@pytest.fixture
def clock(monkeypatch):
    """Seconds on the player's clock, in a list."""
    seconds = [100.0]
    monkeypatch.setattr(autoplay, "monotonic", lambda: seconds[0])
    return seconds


def beat(player, most=200):
    """Send beats as the page does while it plays; return their number."""
    count = 0
    while player.playing and count < most:
        player.stage.beat += 1
        count += 1
    return count


def test_play_goes_on_from_where_the_slider_stands_to_the_end(player, explorer):
    explorer.controls.sparsity.value = 95
    seen = []
    explorer.session.observe(lambda c: seen.append(c.new.recipe.sparsity), "report")
    player.play.click()
    assert player.play.description == "Pause"
    assert beat(player) == 5
    assert seen == [0.96, 0.97, 0.98, 0.99]
    assert player.play.description == "Play"
    player.play.click()
    assert explorer.session.report.recipe == Recipe()


def test_pause_lets_it_stand(player, explorer):
    player.play.click()
    player.stage.beat += 1
    player.play.click()
    player.stage.beat += 1
    assert explorer.session.recipe.sparsity == 0.01


@pytest.mark.parametrize("handle", ["sparsity", "bits"])
def test_a_hand_on_a_handle_pauses_it(player, explorer, handle):
    player.play.click()
    getattr(explorer.controls, handle).value = 3
    assert not player.playing
    assert not player.cliff.disabled


def test_no_step_is_taken_while_the_picture_is_not_whole(player, explorer, monkeypatch):
    player.play.click()
    explorer.session.stale = True
    player.stage.beat += 1
    assert explorer.controls.sparsity.value == 0
    explorer.session.stale = False
    player.stage.beat += 1
    assert explorer.controls.sparsity.value == 1


def test_a_stand_in_is_not_whole(explorer, monkeypatch):
    assert explorer.session.is_whole
    monkeypatch.setattr(explorer.session.slow, "submit", lambda *jobs, **how: None)
    explorer.session.recipe = Recipe(sparsity=0.8642, recovery="sequential")  # not run before
    assert not explorer.session.is_whole


def test_the_cliff_is_the_first_sparsity_whose_drop_is_surely_above_the_limit(
    player, explorer, digits
):
    explorer.controls.bits.value = 6
    player.cliff.click()
    beat(player)
    base = digits.run(Recipe())
    lows = [digits.run(Recipe(s / 100, bits=6)).drop_from(base).low for s in range(100)]
    first = next(s for s, low in enumerate(lows) if low > Policy.MOBILE.limit_points)
    assert explorer.controls.sparsity.value == first
    start = f"Cliff at {first} %: there the model surely loses more than 2 points ("
    assert explorer.feed.message.startswith(start)
    assert len(explorer.feed.message) <= 80


def test_a_number_that_would_contradict_its_sentence_gets_more_decimals(player, monkeypatch):
    drop = Drop(points=3.0, low=2.04, high=4.1, p=0.001, lost=9, gained=1)
    monkeypatch.setattr(Report, "drop_from", lambda self, baseline: drop)
    player.cliff.click()
    beat(player)
    assert (
        player.said
        == "Cliff at 0 %: there the model surely loses more than 2 points (2.04 to 4.1)."
    )


@pytest.mark.parametrize("by", ["hand", "button", "page"])
def test_a_search_that_is_interrupted_says_how_far_it_came(player, explorer, clock, by):
    player.cliff.click()
    for _ in range(4):
        player.stage.beat += 1
    if by == "hand":
        explorer.controls.sparsity.value = 60
    elif by == "button":
        player.play.click()
    else:
        player.stage.set_state({"playing": False})
        explorer.controls.sparsity.value = 5  # the drag that starts when the user takes the slider
    assert not player.playing
    assert explorer.feed.message == "Stopped at 4 %: no cliff yet."
    explorer.controls.reset.click()
    assert explorer.feed.message == ""


def test_a_hand_that_comes_later_ends_what_an_interrupted_search_said(player, explorer, clock):
    player.cliff.click()
    player.stage.beat += 1
    player.play.click()
    explorer.controls.sparsity.value = 60
    assert "no cliff yet" in explorer.feed.message
    clock[0] += autoplay.GRIP_S + 0.1
    explorer.controls.sparsity.value = 61
    assert explorer.feed.message == ""


def test_another_policy_ends_the_search_and_what_it_said(player, explorer):
    explorer.controls.bits.value = 1
    player.cliff.click()
    beat(player)
    explorer.policy.value = Policy.MEDICAL
    assert "Cliff" not in explorer.feed.message


@pytest.mark.parametrize("activity", ["predict", "blind"])
def test_what_is_covered_is_not_told_by_the_cliff(player, explorer, activity):
    explorer.classroom.activities.start(activity)
    told = []
    explorer.feed.observe(lambda change: told.append(change.new), "message")
    player.cliff.click()
    beat(player)
    at = explorer.controls.sparsity.value
    assert explorer.feed.message == f"Stopped at {at} %."
    assert not [said for said in told if said.startswith(("Cliff at", "No cliff"))]


def test_nothing_is_remarked_in_numbers_while_the_picture_is_covered(explorer, monkeypatch):
    monkeypatch.setattr(
        "optiwidgets.widgets.explorer.explorer.status_text", lambda *_: "right on 84.2 %"
    )
    activities = explorer.classroom.activities
    activities.start("predict")
    explorer.controls.sparsity.value = 50
    assert explorer.feed.message == ""
    activities.stop.click()
    assert explorer.feed.message == "right on 84.2 %"


def test_the_cliff_of_a_stricter_policy_comes_earlier_or_at_once(player, explorer):
    player.cliff.click()
    beat(player)
    mobile = explorer.controls.sparsity.value
    explorer.policy.value = Policy.MEDICAL
    player.cliff.click()
    beat(player)
    assert 0 < explorer.controls.sparsity.value <= mobile
    explorer.controls.bits.value = 1
    player.cliff.click()
    beat(player)
    assert explorer.controls.sparsity.value == 0
    assert "Cliff at 0 %" in explorer.feed.message


def test_what_was_said_of_the_cliff_goes_with_the_next_move(player, explorer):
    explorer.controls.bits.value = 1
    player.cliff.click()
    beat(player)
    explorer.controls.sparsity.value = 40
    assert "Cliff" not in explorer.feed.message


def test_without_a_cliff_it_says_so(player, explorer, monkeypatch):
    monkeypatch.setattr(type(player), "_is_over", lambda self: False)
    player.cliff.click()
    beat(player)
    assert explorer.feed.message.startswith("No cliff up to 99 %")


def test_calm_eyes_get_few_large_steps_and_the_same_cliff(player, explorer):
    player.cliff.click()
    many = beat(player)
    found = explorer.controls.sparsity.value
    player.stage.calm = True
    assert player.stage.pause_ms == CALM_MS
    player.cliff.click()
    assert beat(player) < many / 2
    assert explorer.controls.sparsity.value == found
    explorer.controls.sparsity.value = 0
    player.play.click()
    assert beat(player) == 6


def test_speed_sets_how_long_a_picture_stands(player):
    for name, pause_ms in SPEEDS.items():
        player.speed.value = name
        assert player.stage.pause_ms == pause_ms


def test_a_pattern_with_its_own_sparsity_cannot_be_played(player, explorer):
    explorer.controls.choices["pruning"].value = "2:4"
    player.play.click()
    assert not player.playing
    assert "stands still" in explorer.feed.message


def test_a_failed_run_ends_it(player, explorer, monkeypatch):
    player.play.click()

    def broken(self, recipe):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(Experiment, "run", broken)
    player.stage.beat += 1
    assert not player.playing
    assert "out of luck" in explorer.feed.message


def test_reset_and_another_model_end_it():
    explorer = Explorer()
    player = explorer.classroom.player
    player.play.click()
    explorer.controls.reset.click()
    assert not player.playing
    player.play.click()
    explorer.model.value = "wide"
    assert not player.playing


@pytest.mark.parametrize(
    ("trait", "value", "words"),
    [
        ("beat", -1, "whole number 0 to"),
        ("beat", 2**31, "whole number 0 to"),
        ("beat", True, "whole number"),
        ("beat", 1.0, "whole number"),
        ("calm", 1, "true or false"),
        ("playing", True, "only be ended"),
        ("playing", 0, "only be ended"),
        ("pause_ms", 0, "cannot be set"),
        ("_esm", "alert(1)", "cannot be set"),
    ],
)
def test_what_no_page_needs_to_say_is_refused(trait, value, words):
    with pytest.raises(TraitError, match=words):
        PageEvents().check_user_input(trait, value)


def test_the_page_may_end_it(player, explorer):
    player.play.click()
    player.stage.set_state({"playing": False})
    assert player.play.description == "Play"
    player.stage.set_state({"playing": True})
    assert not player.playing
    assert "only be ended" in explorer.feed.message


def test_lessons_show_play_by_its_name(digits):
    assert Explorer(digits, unlock=["sparsity"]).classroom.player.layout.display == "none"
    assert Explorer(digits, unlock=["sparsity", "play"]).classroom.player.layout.display is None
    assert Explorer(digits, unlock=["play"]).classroom.projector.layout.display == "none"
