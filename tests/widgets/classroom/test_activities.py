"""Activities without a browser: hidden recipe, covered verdict, prediction before the result."""

import json
from pathlib import Path

import pytest

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.widgets.classroom.activities import COVER_CARDS, COVER_PICTURE
from optiwidgets.widgets.classroom.covered_payload import without_recipe
from optiwidgets.widgets.classroom.hidden_recipe import HURT, hide, nearness, told
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.panels.report_panels import Matrices
from optiwidgets.widgets.security.message_guard import check_message

SURPRISES = Path(__file__).parents[2] / "javascript/surprise_payload.json"  # node draws them
SHOWN = {"classes", "positive", "clear", "covered", "baseline", "optimized"}
ENTER = {"method": "custom", "content": {"event": "submit"}}


def outline(value):
    """Describe a payload by its keys and types; JSON holds bytes as {"int32": [numbers]}."""
    if isinstance(value, dict) and set(value) != {"int32"}:
        return {key: outline(each) for key, each in value.items()}
    return "bytes" if isinstance(value, bytes | dict) else type(value).__name__


@pytest.fixture
def activities(explorer):
    return explorer.classroom.activities


def covers(explorer):
    return {name for name in explorer._dom_classes if name.startswith("ow-cover")}


def drawn(activities):
    return [child for child in activities.children if isinstance(child, Matrices)]


@pytest.mark.slow
def test_a_seed_always_hides_the_same_recipe_and_it_hurts(digits):
    hidden = [hide(seed, digits.run) for seed in range(12)]
    assert [r.recipe for r in hidden] == [hide(seed, digits.run).recipe for seed in range(12)]
    assert len({r.recipe for r in hidden}) > 6
    base = digits.run(Recipe())
    assert all(HURT[0] <= r.drop_from(base).points <= HURT[1] for r in hidden)


@pytest.mark.parametrize("seed", [-1, 10**6, 1.0, True, "7"])
def test_a_seed_out_of_range_is_refused(digits, seed):
    with pytest.raises(ValueError, match="whole number 0 to 999999"):
        hide(seed, digits.run)


def test_the_score_counts_points_and_steps_and_never_falls_below_0():
    assert nearness(Recipe(0.85, bits=4), 85, 4).score == 100
    assert nearness(Recipe(0.85, bits=32), 85, 8).score == 80  # 8, 16, 32: two steps
    assert nearness(Recipe(0.3, bits=32), 99, 1).score == 0
    assert "1 bit:" in told(Recipe(0.85, bits=4), 80, 1)


def test_a_surprise_is_hidden_from_handles_page_and_history(activities, explorer, digits):
    ran = []
    explorer.session.observe(lambda change: ran.append(change.new), ["recipe", "report"])
    activities.seed.value = 7
    activities.surprise.click()
    hidden = hide(7, digits.run)
    assert ran == []
    assert explorer.controls.recipe() == Recipe()
    assert explorer.feed.data["recipe"]["sparsity"] == 0
    assert set(activities.secret.data) == SHOWN
    shown = activities.secret.data["optimized"]
    assert shown["counts"] == hidden.confusion.counts.astype("<i4").tobytes()
    assert set(shown) == {"counts", "accuracy", "interval"}


@pytest.mark.parametrize("name", ["digits", "smear-200"])
def test_the_page_is_tested_with_the_payload_that_a_surprise_sends(name):
    experiment = Experiment.load(name)
    base, hidden = experiment.run(Recipe()), experiment.run(Recipe(sparsity=0.9))
    sent = without_recipe(base, hidden)
    assert set(sent) == SHOWN
    drawn = json.loads(SURPRISES.read_text())[name]
    assert outline(sent) == outline(drawn)
    fixed = ("classes", "positive", "covered")
    assert [sent[key] for key in fixed] == [drawn[key] for key in fixed]
    assert len(sent["baseline"]["counts"]) == 4 * len(drawn["baseline"]["counts"]["int32"])


def test_handles_stand_still_and_it_is_said_until_the_reveal(activities, explorer, digits):
    activities.start_surprise(7)
    assert all(handle.disabled for handle in explorer.controls.handles)
    assert explorer.model.disabled
    assert explorer.classroom.player.play.disabled
    assert "do not drive" in activities.said.value
    assert covers(explorer) == {COVER_CARDS}
    hidden = hide(7, digits.run).recipe
    activities.sparsity.value, activities.bits.value = 80, 4
    activities.reveal.click()
    assert told(hidden, 80, 4) in activities.said.value
    assert explorer.session.recipe == hidden
    assert explorer.controls.sparsity.value == round(100 * hidden.sparsity)
    assert not explorer.controls.sparsity.disabled
    assert not explorer.controls.bits.disabled
    assert covers(explorer) == set()
    assert activities.reveal.disabled


def test_the_next_surprise_is_the_next_seed_for_the_whole_class(activities):
    activities.start_surprise(999_999)
    assert activities.seed.value == 999_999
    activities.reveal.click()
    activities.surprise.click()
    assert activities.seed.value == 0
    activities.seed.value = 31
    activities.surprise.click()
    assert activities.seed.value == 31


def test_matrices_are_drawn_only_while_looked_at_and_the_hidden_ones_while_hidden(
    activities, explorer
):
    assert drawn(activities) == []
    explorer.tabs.selected_index = explorer.tabs.titles.index("Class")
    assert drawn(activities) == [activities.matrices]
    activities.start_surprise(3)
    assert drawn(activities) == [activities.hidden]
    activities.stop.click()
    assert drawn(activities) == [activities.matrices]


def test_in_a_blind_vote_the_verdict_does_not_reach_the_page(activities, explorer):
    activities.blind.click()
    explorer.controls.sparsity.value = 97
    verdict = explorer.feed.data["verdict"]
    assert verdict["grade"] == "covered"
    assert "bad" not in str(verdict)
    assert "drop" not in str(verdict)
    activities.uncover.click()
    assert explorer.feed.data["verdict"]["grade"] == "bad"
    assert activities.uncover.disabled
    explorer.controls.sparsity.value = 10
    assert explorer.feed.data["verdict"]["grade"] == "covered"
    activities.stop.click()
    assert explorer.feed.data["verdict"]["grade"] == "borderline"


def test_predict_covers_before_the_new_picture_is_there(activities, explorer):
    activities.predict.click()
    assert covers(explorer) == set()
    order = []
    explorer.observe(lambda change: order.append("cover"), "_dom_classes")
    explorer.feed.observe(lambda change: order.append("data"), "data")
    explorer.controls.sparsity.value = 92
    assert covers(explorer) == {COVER_PICTURE}
    assert order.index("cover") < order.index("data")


def test_committing_uncovers_and_the_guess_stays_as_a_marker(activities, explorer, digits):
    activities.predict.click()
    activities.commit.click()
    assert activities.guesses == []
    explorer.controls.sparsity.value = 92
    activities.accuracy.value = "60"
    activities.commit.click()
    assert explorer.feed.data["guess"] == 60
    came = 100 * digits.run(Recipe(sparsity=0.92)).confusion.accuracy
    assert covers(explorer) == set()
    assert f"You said 60 %, it is {came:.1f} %" in activities.said.value
    assert "left: 60%" in activities.marker.value
    assert f"accuracy {came:.1f} percent" in activities.marker.value
    explorer.controls.sparsity.value = 50
    assert covers(explorer) == {COVER_PICTURE}
    assert activities.marker.value == ""
    assert explorer.feed.data["guess"] is None
    activities.accuracy.value = "88,5 %"
    activities.accuracy._handle_msg({"content": {"data": ENTER}, "buffers": []})
    assert "2 guesses" in activities.said.value
    activities.stop.click()
    assert explorer.feed.data["guess"] == 88.5
    explorer.controls.reset.click()
    assert explorer.feed.data["guess"] is None


@pytest.mark.parametrize("text", ["", "101", "-1", "nan", "1e1", "100.5", "9" * 150, "<b>"])
def test_what_is_no_percentage_is_not_committed_and_the_range_is_said(activities, explorer, text):
    activities.predict.click()
    explorer.controls.sparsity.value = 92
    assert activities.accuracy.value == ""
    activities.accuracy.value = text
    activities.commit.click()
    assert "0 to 100" in activities.said.value
    assert "0 to 100" in explorer.feed.message
    assert explorer.feed.alarm
    assert activities.guesses == []
    assert covers(explorer) == {COVER_PICTURE}


def test_a_guess_is_held_against_the_whole_recipe_not_its_stand_in(activities, explorer):
    activities.predict.click()
    explorer.session.recipe = Recipe(sparsity=0.883, recovery="sequential")
    activities.accuracy.value = "90"
    activities.commit.click()
    assert activities.guesses == []
    assert covers(explorer) == {COVER_PICTURE}
    explorer.session.wait()
    assert activities.guesses[0].came == 100 * explorer.session.report.confusion.accuracy
    assert explorer.session.report.recipe.recovery == "sequential"
    assert covers(explorer) == set()


def test_what_is_measured_at_rest_covers_nothing_again(activities, explorer):
    activities.predict.click()
    explorer.controls.sparsity.value = 92
    activities.accuracy.value = "90"
    activities.commit.click()
    explorer.session.adopt(explorer.session.report)
    assert covers(explorer) == set()


@pytest.mark.parametrize("activity", ["surprise", "predict", "blind"])
@pytest.mark.parametrize("by", ["stop", "reset"])
def test_stop_and_reset_leave_every_activity(activities, explorer, activity, by):
    getattr(activities, activity).click()
    if activity != "surprise":
        explorer.controls.sparsity.value = 97
    (activities.stop if by == "stop" else explorer.controls.reset).click()
    assert activities.running == ""
    assert covers(explorer) == set()
    assert explorer.feed.data["verdict"]["grade"] != "covered"
    assert not explorer.controls.sparsity.disabled
    assert activities.stop.disabled
    if by == "reset":
        assert explorer.session.recipe == Recipe()


@pytest.mark.parametrize("by", ["undo", "redo", "row", "page", "point"])
def test_nothing_runs_another_recipe_while_one_is_hidden(activities, explorer, digits, by):
    history, session = explorer.history, explorer.session
    explorer.tabs.selected_index = explorer.tabs.titles.index("History")
    for bits in (4, 5):
        session.recipe = Recipe(bits=bits)
        history.keep(session.report)
    history.undo.click()
    here = session.recipe
    act = {
        "undo": history.undo.click,
        "redo": history.redo.click,
        "row": lambda: setattr(history.ledger, "chosen", 0),
        "page": lambda: history.ledger.set_state({"chosen": 0}),
        "point": lambda: setattr(history.chart, "chosen", 0),
    }[by]
    activities.start_surprise(7)
    assert history.undo.disabled
    assert history.redo.disabled
    act()
    assert session.recipe == here
    assert history.ledger.chosen == history.chart.chosen == 1
    activities.stop.click()
    assert not history.undo.disabled
    assert not history.redo.disabled
    act()
    assert session.recipe != here


@pytest.mark.parametrize("name", ["model", "case"])
def test_a_blind_vote_goes_on_with_another_model_covered(name):
    explorer = Explorer()
    explorer.classroom.activities.start("blind")
    explorer.classroom.activities.uncover.click()
    grades = []
    explorer.feed.observe(lambda change: grades.append(change.new["verdict"]["grade"]), "data")
    chooser = getattr(explorer, name)
    chooser.value = {"model": "wide", "case": "smear"}[name]
    assert explorer.classroom.activities.running == "blind"
    assert {*grades} == {"covered"}


def test_a_prediction_stays_covered_when_the_model_changes_and_says_so():
    explorer = Explorer()
    activities = explorer.classroom.activities
    activities.start("predict")
    explorer.controls.sparsity.value = 92
    explorer.model.value = "wide"
    assert activities.running == "predict"
    assert covers(explorer) == {COVER_PICTURE}
    assert "another model" in activities.said.value
    assert activities.guesses == []


def test_another_policy_is_another_verdict_to_vote_on(activities, explorer):
    activities.blind.click()
    explorer.controls.sparsity.value = 60
    activities.uncover.click()
    grades = []
    explorer.feed.observe(lambda change: grades.append(change.new["verdict"]["grade"]), "data")
    explorer.policy.value = Policy.MEDICAL
    assert {*grades} == {"covered"}
    assert not activities.uncover.disabled


def test_one_activity_at_a_time(activities, explorer):
    activities.start_surprise(5)
    activities.blind.click()
    assert not explorer.controls.sparsity.disabled
    assert covers(explorer) == set()
    shown = (activities.reveal, activities.commit, activities.uncover)
    assert [b.layout.display for b in shown] == ["none", "none", None]


@pytest.mark.parametrize(
    ("widget", "value"), [("seed", 10**6), ("seed", -1), ("accuracy", "9" * 201), ("sparsity", 2.5)]
)
def test_numbers_out_of_range_are_refused(activities, widget, value):
    field = getattr(activities, widget)
    before = field.value
    field.set_state({"value": value})
    assert field.value == before


def test_hidden_matrices_take_nothing_from_a_page(activities):
    before = activities.hidden._esm
    activities.hidden.set_state({"_esm": "alert(1)"})
    activities.start_surprise(7)
    activities.secret.set_state({"data": {}})
    assert activities.hidden._esm == before
    assert activities.secret.data


def receive(widget, **data):
    """Handle a message of the page."""
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


def press_commit(explorer, text, **moved):
    """Send the messages of a click on Commit while the page shows other positions, "moved"."""
    activities, controls = explorer.classroom.activities, explorer.controls
    positions = explorer.positions()
    for name, value in moved.items():
        positions[controls.handles.index(getattr(controls, name))] = value
    shown = json.dumps(positions, separators=(",", ":"))
    guess = {"event": "guess", "text": text, "positions": shown}
    receive(explorer.classroom.stage, method="custom", content=guess)
    receive(activities.commit, method="custom", content={"event": "click"})


def test_a_guess_is_the_one_that_the_page_shows(activities, explorer):
    activities.predict.click()
    explorer.controls.sparsity.value = 92
    activities.accuracy.value = "9"
    press_commit(explorer, "90")  # the kernel was busy: the click overtakes the field's change
    receive(activities.accuracy, method="update", state={"value": "90"}, buffer_paths=[])
    assert [guess.guessed for guess in activities.guesses] == [90]


def test_a_guess_is_held_against_the_recipe_that_the_page_shows(activities, explorer, digits):
    activities.predict.click()
    explorer.controls.sparsity.value = 50
    press_commit(explorer, "60", sparsity=92)  # overtakes the slider's change
    assert activities.guesses == []
    assert covers(explorer) == {COVER_PICTURE}
    receive(explorer.controls.sparsity, method="update", state={"value": 92}, buffer_paths=[])
    came = 100 * digits.run(Recipe(sparsity=0.92)).confusion.accuracy
    assert [(guess.guessed, guess.came) for guess in activities.guesses] == [(60, came)]
    assert covers(explorer) == set()


def test_a_guess_for_positions_that_never_come_is_not_committed(activities, explorer):
    activities.predict.click()
    explorer.controls.sparsity.value = 50
    press_commit(explorer, "60", sparsity=92)
    explorer.controls.sparsity.value = 70
    assert activities.guesses == []
    activities.stop.click()
    activities.predict.click()
    explorer.controls.sparsity.value = 92
    assert activities.guesses == []


def test_the_positions_fit_into_a_message(explorer):
    check_message(
        {"method": "custom", "content": {"positions": json.dumps(explorer.positions())}}, []
    )
