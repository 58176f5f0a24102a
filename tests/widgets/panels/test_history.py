"""History: each settled recipe once, undo and redo, comparison of two rows, table."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.sweep import frontier
from optiwidgets.texts import SOURCE, use
from optiwidgets.widgets.controls.recipe_words import in_words
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.panels.history_log import MOST, HistoryLog, to_csv

FOUR, EIGHT, SPARSE = Recipe(bits=4), Recipe(bits=8), Recipe(sparsity=0.9)


def rest(explorer):
    """Run the idle jobs, except for measuring speed."""
    work, done = explorer.history.settled(explorer.session.report)
    done(work(lambda: False))


def settle_on(explorer, *recipes):
    for recipe in recipes:
        explorer.session.ask(recipe)
        rest(explorer)


@pytest.fixture
def history(explorer):
    explorer.tabs.selected_index = explorer.tabs.titles.index("History")
    assert explorer.history.looked_at
    return explorer.history


def recipes(history):
    return [row["recipe"] for row in history.ledger.rows]


def test_every_settled_recipe_has_one_row_the_newest_last(explorer, history, digits):
    settle_on(explorer, FOUR, SPARSE, FOUR)
    assert recipes(history) == ["Recipe()", str(FOUR), str(SPARSE)]
    report, base, row = digits.run(SPARSE), digits.run(Recipe()), history.ledger.rows[2]
    assert row["value"] == report.confusion.accuracy
    assert row["drop"] == report.drop_from(base).points
    assert (row["bytes"], row["ratio"]) == (report.size.total_bytes, report.size.ratio)
    assert row["speed"] is None


def test_it_is_one_of_the_things_done_at_rest(explorer):
    assert explorer.history.settled in explorer.session.on_idle


def test_what_does_not_answer_the_hand_is_not_kept(explorer, history, digits):
    explorer.session.ask(FOUR)
    work, done = history.settled(explorer.session.report)
    explorer.session.ask(EIGHT)
    done(work(lambda: False))  # too late
    explorer.session.stale = True
    rest(explorer)
    assert history.past.index(FOUR) == history.past.index(EIGHT) == -1


def test_speed_comes_in_once_it_is_measured_and_stays(explorer, history, digits):
    settle_on(explorer, FOUR)
    timed = Latency(1.5, 1.25, 1.75, 0.3, 0.2, threads=1)
    explorer.session.adopt(replace(explorer.session.report, latency=timed))
    assert history.ledger.rows[1]["speed"] == [1.5, 1.25, 1.75]
    settle_on(explorer, EIGHT, FOUR)  # not measured again
    assert history.ledger.rows[1]["speed"] == [1.5, 1.25, 1.75]


def test_undo_and_redo_restore_recipe_handles_and_picture(explorer, history, digits):
    settle_on(explorer, FOUR, SPARSE)
    history.undo.click()
    assert explorer.session.report.recipe == FOUR == explorer.controls.recipe()
    assert explorer.feed.data["optimized"]["bytes"] == digits.run(FOUR).size.total_bytes
    assert explorer.feed.state == "fresh"
    rest(explorer)
    history.undo.click()
    assert explorer.session.recipe == Recipe()
    assert history.undo.disabled
    history.redo.click()
    history.redo.click()
    assert explorer.session.recipe == SPARSE
    assert history.redo.disabled
    assert not history.undo.disabled


def test_what_is_done_after_undo_ends_redo(explorer, history):
    settle_on(explorer, FOUR, SPARSE)
    history.undo.click()
    settle_on(explorer, EIGHT)
    assert history.redo.disabled
    history.undo.click()
    assert explorer.session.recipe == FOUR


def test_undo_before_the_hand_rests_goes_to_where_it_last_did(explorer, history):
    settle_on(explorer, FOUR)
    explorer.session.ask(SPARSE)
    assert not history.undo.disabled
    history.undo.click()
    assert explorer.session.recipe == FOUR
    history.redo.click()
    assert explorer.session.recipe == SPARSE


def test_a_trained_recipe_comes_back_trained(explorer, history, digits):
    tuned = Recipe(sparsity=0.8, recovery="finetune")
    explorer.session.adopt(digits.run(tuned))
    rest(explorer)
    settle_on(explorer, FOUR)
    history.undo.click()
    assert explorer.session.report.recipe == tuned
    assert not explorer.session.stale


def test_choosing_a_row_or_a_point_restores_its_recipe(explorer, history):
    settle_on(explorer, FOUR, SPARSE)
    history.ledger.set_state({"chosen": 1})
    assert explorer.session.report.recipe == FOUR
    assert (history.ledger.chosen, history.chart.chosen) == (1, 1)
    history.chart.set_state({"chosen": 2})
    assert explorer.session.report.recipe == SPARSE
    assert history.ledger.chosen == 2
    explorer.session.ask(EIGHT)
    assert history.ledger.chosen == -1


def test_the_front_of_the_points_is_that_of_bytes_and_accuracy(explorer, history):
    settle_on(explorer, FOUR, SPARSE, EIGHT, Recipe(sparsity=0.95, bits=2))
    shown = [(row["bytes"], row["value"]) for row in history.chart.trials]
    assert [i for i, row in enumerate(history.chart.trials) if row["front"]] == sorted(
        frontier(shown)
    )
    assert len(shown) == 5


def test_two_rows_side_by_side_with_their_paired_drop(explorer, history, digits):
    settle_on(explorer, FOUR, SPARSE)
    history.ledger.set_state({"a": 1})
    pair, a, b = history.ledger.pair, digits.run(FOUR), digits.run(SPARSE)
    assert (pair["a"]["recipe"], pair["b"]["recipe"]) == (str(FOUR), str(SPARSE))
    assert pair["drop"]["points"] == b.drop_from(a).points
    was, now = a.predictions == a.labels, b.predictions == b.labels
    assert (pair["drop"]["lost"], pair["drop"]["gained"]) == (
        (was & ~now).sum(),
        (~was & now).sum(),
    )
    assert pair["recalls"] == [list(a.confusion.recall), list(b.confusion.recall)]
    assert pair["few"] == list(a.confusion.few.values())


def test_b_is_the_newest_until_it_is_put_elsewhere(explorer, history):
    settle_on(explorer, FOUR, SPARSE)
    assert (history.ledger.a, history.ledger.b) == (0, 2)
    history.ledger.set_state({"b": 1})
    settle_on(explorer, EIGHT)
    assert history.ledger.b == 1


@pytest.mark.parametrize(
    "state",
    [{"a": 9}, {"b": -1}, {"chosen": "1"}, {"chosen": True}, {"a": None}, {"rows": []}, {"a": 1.0}],
    ids=str,
)
def test_a_page_can_only_choose_rows_that_are_there(explorer, history, state):
    settle_on(explorer, FOUR)
    before = history.ledger.rows
    history.ledger.set_state(state)
    assert (history.ledger.a, history.ledger.b, history.ledger.rows) == (0, 1, before)
    assert explorer.session.recipe == FOUR
    assert "HistoryTable: refused" in explorer.feed.message


def test_models_are_never_in_one_group_and_each_finds_its_own_again():
    explorer = Explorer()
    explorer.tabs.selected_index = explorer.tabs.titles.index("History")
    history = explorer.history
    settle_on(explorer, FOUR)
    explorer.model.value = "wide"
    assert (recipes(history), history.ledger.about) == (["Recipe()"], "wide on digits")
    assert history.chart.message == ""
    rest(explorer)
    assert recipes(history) == ["Recipe()", str(FOUR)]
    wide = explorer.session.baseline.size.total_bytes
    assert history.ledger.rows[0]["bytes"] == wide
    history.undo.click()
    assert (explorer.session.model, explorer.session.recipe) == ("wide", Recipe())
    explorer.model.value = "small"
    assert history.ledger.rows[0]["bytes"] < wide
    assert recipes(history) == ["Recipe()", str(FOUR)]
    rows = list(csv.DictReader(io.StringIO(to_csv(history.groups.values()))))
    assert [row["model"] for row in rows] == ["small", "small", "wide", "wide"]


def test_the_table_to_keep_has_units_and_every_row(explorer, history, digits):
    layered = Recipe(bits=8, layers=(("head", None, 4),))
    settle_on(explorer, layered)
    rows = list(csv.DictReader(io.StringIO(to_csv([history.past]))))
    report = digits.run(layered)
    assert rows[1]["recipe"] == str(layered)
    assert float(rows[1]["accuracy (0 to 1)"]) == report.confusion.accuracy
    assert int(rows[1]["size (bytes)"]) == report.size.total_bytes
    assert rows[1]["speed ratio (times faster)"] == ""
    assert 'download="optiwidgets-history.csv"' in history.link.value


def test_the_table_to_keep_is_the_same_in_every_language(explorer, history):
    settle_on(explorer, FOUR)
    english = to_csv([history.past])
    use("de")
    try:
        assert to_csv([history.past]) == english
    finally:
        use(SOURCE)


def test_nobody_looks_nothing_is_sent(explorer):
    explorer.history.ledger.rows = before = []
    settle_on(explorer, FOUR)
    assert explorer.history.ledger.rows == before
    assert explorer.history.past.index(FOUR) == 1


def test_it_keeps_no_more_than_it_says(digits):
    base = digits.run(Recipe())
    past = HistoryLog("digits", "small", base)
    for index in range(MOST + 5):
        past.keep(replace(base, recipe=Recipe(0.5, score="random", seed=index + 1)))
    assert len(past.entries) == MOST
    assert past.entries[0].recipe == Recipe()
    assert past.entries[-1].recipe == Recipe(0.5, score="random", seed=MOST + 5)
    assert past.entries[1].report.scores.nbytes == 0
    assert np.array_equal(past.entries[1].report.predictions, base.predictions)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe(), "untouched"),
        (Recipe(sparsity=0.5, pruning="channel", score="l2"), "50 % of the channels by L2 norm"),
        (Recipe(bits=1), "1 bit"),
        (Recipe(bits=4, scheme="affine", clip="mse"), "4 bits affine MSE"),
        (Recipe(bits=8, activation_bits=8), "8 bits, 8-bit activations"),
        (Recipe(sparsity=0.9, recovery="sequential"), "90 % sparsity, refitted layer by layer"),
        (Recipe(layers=(("head", 0.5, None),)), "32 bits, 1 layer apart"),
    ],
    ids=str,
)
def test_a_recipe_in_few_words(recipe, words):
    assert in_words(recipe) == words


def test_rows_and_points_have_the_grade_of_the_policy_that_is_chosen(explorer, history, digits):
    settle_on(explorer, FOUR, Recipe(bits=2))
    base = digits.run(Recipe())

    def expected(policy):
        return ["", *(judge(base, digits.run(r), policy).grade for r in (FOUR, Recipe(bits=2)))]

    for policy in (Policy.MOBILE, Policy.MEDICAL):
        explorer.policy.value = policy
        assert [row["grade"] for row in history.ledger.rows] == expected(policy)
        assert [row["grade"] for row in history.chart.trials] == expected(policy)
    assert expected(Policy.MOBILE) != expected(Policy.MEDICAL)
    assert [row["words"] for row in history.chart.trials] == ["untouched", "4 bits", "2 bits"]


def test_a_measurement_by_another_session_reaches_the_rows(explorer, history, digits):
    settle_on(explorer, FOUR, EIGHT)
    timed = Latency(1.5, 1.25, 1.75, 0.3, 0.2, threads=1)
    digits._measurements.store(replace(digits.run(FOUR), latency=timed))
    assert [row["speed"] for row in history.ledger.rows] == [None, [1.5, 1.25, 1.75], None]
