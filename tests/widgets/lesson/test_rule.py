"""The learner's rule beside the measured curve, and the table of beliefs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.session import Session
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.lesson import rule as rule_module
from optiwidgets.widgets.lesson.belief_table import TableOfBeliefs
from optiwidgets.widgets.lesson.formula import Formula
from optiwidgets.widgets.lesson.rule import Point, Rule, distances, evaluate_rule, rule_payload


@pytest.fixture
def few_levels(monkeypatch):
    monkeypatch.setitem(rule_module.LEVELS, "sparsity", (0.0, 0.5, 0.9))
    monkeypatch.setitem(rule_module.LEVELS, "bits", (8, 2))


@pytest.fixture
def rule(digits, few_levels):
    return Rule(Session(digits), rule=lambda s: 10 * s)


# ---- formulas


@pytest.mark.parametrize(
    ("text", "at", "value"),
    [
        ("0.1 if s <= 0.5 else e^(2s)", 0.9, math.exp(1.8)),
        ("3*s^2", 2, 12),
        ("2(s + 1)", 3, 8),
        ("-s + 1e2", 1, 99),
        ("max(0, 100*(s-0.5)) / 2", 0.7, 10),
        ("exp(log(s)) if 0 < s < 1 and_no", None, "is no formula"),
        ("sqrt(abs(s))", -4, 2),
        ("1 if not s > 2 else 0", 1, 1),
        ("1e-3s", 2, 0.002),
        (".5s + 2abs(s) + 2min(s, 3)", 2, 9),
        ("2e", 0, 2 * math.e),
        ("100\u00b7s \u2212 2\u00d7s", 1, 98),
    ],
)
def test_formulas_are_evaluated_as_written(text, at, value):
    if at is None:
        with pytest.raises(ValueError, match=value):
            Formula(text, "s")
    else:
        assert Formula(text, "s")(at) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("__import__('os')", "a formula has no '__import__'"),
        ("s.real", "a formula has no Attribute"),
        ("[s for s in (1,)]", "a formula has no"),
        ("(lambda: s)()", "functions are exp"),
        ("exp(x=s)", "functions are exp"),
        ("'a' * 3", "a formula has numbers, not 'a'"),
        ("b + 1", "a formula has no 'b', only s, e, exp"),
        ("", "is no formula"),
        ("0,5 * s", "no comma outside of min and max: a decimal point is written as in 0.5"),
        ("e^2s", r"after \^ 2s needs parentheses: \^\(2s\)"),
        ("e**-2s", r"after \^ -2s needs parentheses"),
        ("s +" * 90 + "s", "200 characters at most"),
        ("(" * 99 + "s", "is no formula"),
    ],
)
def test_other_code_is_refused_before_it_runs(text, said):
    with pytest.raises(ValueError, match=said):
        Formula(text, "s")


# ---- rules


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda s: 1 / 0, "At 50 % the rule fails: .*division by zero"),
        (lambda s: "much", "At 50 % the rule gives 'much', not a number of points$"),
        (lambda s: math.nan, "gives nan"),
        (lambda s: True, "gives True"),
        (lambda s: (-1) ** 0.5, "gives .*j"),
        (lambda s: 10**400, "gives 1000.*, not a number of points from -1,000,000 to 1,000,000"),
        (lambda s: -1e7, "gives -10000000.0, not a number of points from -1,000,000 to"),
        (Formula("(-1)^0.5", "s"), "gives .*j"),
        (lambda s: None, "gives None"),
        (lambda: 0, "fails: .*argument"),
        (Formula("9^9^9^9", "s"), "the rule fails: Numerical result out of range$"),
        (Formula("exp", "s"), "exp is a function"),
    ],
)
def test_a_rule_that_gives_no_number_is_named_with_its_level(rule, said):
    with pytest.raises(ValueError, match=said):
        evaluate_rule(rule, (0.5,), "sparsity")


def test_numbers_of_numpy_are_numbers():
    assert evaluate_rule(lambda s: np.float32(s), (0.5,), "sparsity") == {0.5: 0.5}


def test_distances_are_those_of_the_measured_levels():
    points = [Point(0.0, 0.0, -1, 1), Point(0.5, 2.0, 1, 3), Point(0.9, 50.0, 47, 53)]
    rule = {0.0: 0.5, 0.5: 5.0, 0.9: 30.0, 0.99: 99.0}
    assert distances(points, rule) == {0.0: 0.5, 0.5: 3.0, 0.9: 20.0}
    payload = rule_payload("sparsity", (0.0, 0.5, 0.9, 0.99), points, rule)
    assert payload["farthest"] == 0.9
    assert payload["words"] == (
        "Largest distance 20.0 points, at 90 %: the rule says 30.0, the run lost 50.0. Mean "
        "distance 7.8 points over 3 of 4 levels; the rule is inside the 95 % interval at 1."
    )


def test_the_curve_has_the_reports_own_drops(rule, digits):
    assert "press Measure" in rule.chart.data["words"]
    rule.start().result()
    drops = [digits.run(Recipe(s)).drop_from(digits.run(Recipe())) for s in (0, 0.5, 0.9)]
    assert rule.chart.data["points"] == [
        [s, d.points, d.low, d.high] for s, d in zip((0.0, 0.5, 0.9), drops, strict=True)
    ]
    assert rule.chart.data["rule"] == [[0.0, 0.0], [0.5, 5.0], [0.9, 9.0]]
    assert rule.chart.data["farthest"] == 0.9
    assert rule.session.progress is None


def test_the_last_good_line_stays_and_a_message_says_why(rule):
    rule.formula.value = "20 s"
    assert "is no formula" in rule.note.value
    assert rule.chart.data["rule"][1] == [0.5, 5.0]
    rule.formula.value = "1 / (s - s)"
    assert "At 0 % the rule fails" in rule.note.value
    assert rule.note.value.endswith("The last line stays.")
    assert rule.chart.data["rule"][1] == [0.5, 5.0]
    rule.formula.value = ""
    assert rule.note.value == ""
    rule.formula.value = "20s"
    assert rule.note.value == ""
    assert rule.chart.data["rule"][1] == [0.5, 10.0]


def test_a_first_rule_that_fails_leaves_no_line(digits, few_levels):
    broken = Rule(Session(digits), rule=lambda s: "much")
    assert broken.chart.data["rule"] == []
    assert broken.note.value == "At 0 % the rule gives &#x27;much&#x27;, not a number of points."


def test_another_field_begins_anew(rule):
    rule.start().result()
    rule.by.value = "bits"
    assert (rule.chart.data["points"], rule.chart.data["rule"]) == ([], [])
    rule.formula.value = "16 / b"
    assert rule.chart.data["rule"] == [[8, 2.0], [2, 8.0]]
    rule.formula.value = "100 * s"
    assert "no &#x27;s&#x27;, only b" in rule.note.value


def restart_at(monkeypatch, rule, recipe, restart):
    """Call ``restart`` once, from the worker, after a recipe was run."""
    experiment, calls = rule.session.experiment, [restart]
    run = experiment.run

    def run_then_restart(asked, **options):
        report = run(asked, **options)
        if asked == recipe and calls:
            calls.pop()()
        return report

    monkeypatch.setattr(experiment, "run", run_then_restart)


def test_a_cancelled_measurement_adds_no_point_to_the_next(rule, monkeypatch):
    restart_at(monkeypatch, rule, Recipe(0.5), rule.start)
    rule.start().result()
    rule.session.wait()
    assert [point[0] for point in rule.chart.data["points"]] == [0.0, 0.5, 0.9]


def test_a_cancelled_measurement_adds_no_point_to_another_field(rule, monkeypatch):
    def measure_bits():
        rule.by.value = "bits"
        rule.formula.value = "16 / b"
        rule.start()

    restart_at(monkeypatch, rule, Recipe(0.5), measure_bits)
    rule.start().result()
    rule.session.wait()
    assert [point[0] for point in rule.chart.data["points"]] == [8, 2]
    assert rule.session.error == ""


def test_a_measured_level_that_the_rule_lacks_is_left_out_of_the_words():
    points = [Point(0.5, 2.0, 1, 3), Point(8, 0.0, -1, 1)]
    payload = rule_payload("bits", (8, 2), points, {8: 2.0, 2: 8.0})
    assert payload["farthest"] == 8
    assert "at 8 bits" in payload["words"]
    assert "over 1 of 2 levels; the rule is inside the 95 % interval at 0" in payload["words"]


def test_an_unknown_field_is_refused(digits):
    with pytest.raises(ValueError, match="by is 'sparsity' or 'bits', not 'seed'"):
        Rule(Session(digits), by="seed")


# ---- table of beliefs


def test_beliefs_are_tested_on_every_network_when_run(digits, own):
    table = TableOfBeliefs(digits, own, keys=["eight-bits", "half-is-free"])
    assert table.table.heads[3:] == ["digits, small", "own images, own model"]
    assert [row[3:] for row in table.table.rows] == [["not tested yet"] * 2] * 2
    table.start().result()
    assert all(": " in cell for row in table.table.rows for cell in row[3:])
    assert table.table.rows[0][3].startswith("holds: ")
    assert "digits, small: 2 holds" in table.table.caption


def test_one_belief_can_be_chosen_and_others_stay_untested(digits):
    table = TableOfBeliefs(digits, keys=["eight-bits", "half-is-free"])
    table.belief.value = 1
    table.start().result()
    assert [row[3] == "not tested yet" for row in table.table.rows] == [True, False]


def test_progress_shows_in_the_table_and_cancel_keeps_rows(digits):
    table = TableOfBeliefs(digits, keys=["eight-bits"])
    states = []
    table.run.observe(lambda change: states.append(change["new"]), "disabled")
    table.start().result()
    assert states == [True, False]
    table.cancel.click()
    assert table.note.value.startswith("Cancelled")
    assert table.table.rows[0][3].startswith("holds")


def test_a_column_stays_that_of_its_own_network(digits):
    explorer = Explorer()
    table = TableOfBeliefs(explorer, keys=["eight-bits", "half-is-free"])
    assert table.table.heads[3:] == ["digits, small"]
    explorer.model.value = "wide"
    table.start().result()
    assert table.table.caption == "digits, small: 2 holds"
    known = TableOfBeliefs(digits, keys=["eight-bits", "half-is-free"])
    known.start().result()
    assert [row[3:] for row in table.table.rows] == [row[3:] for row in known.table.rows]
