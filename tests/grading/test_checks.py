"""Graders, wrong answers first: every check fails in a test before it passes in one."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.measurements import Confusion
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading import checks
from optiwidgets.grading.answers import read_number
from optiwidgets.grading.checks import (
    Decision,
    FindRecipe,
    MultipleChoice,
    Number,
    Outcome,
    Prediction,
)

TEXTS = {"key": "t.q", "prompt": "?", "hint": "h", "solution": "s"}
CHOICE = MultipleChoice(
    **TEXTS, options=("a", "b", "c"), right=1, feedback=("not a", "b it is", "not c")
)
PREDICTION = Prediction(**TEXTS, options=("up", "down"), reveal="Look.")
SHARE = Number(**TEXTS, value=0.85, tolerance=0.005, slips={85: "percent", 0.9: "before"})
PERCENT = Number(**TEXTS, value=lambda base, report: 100 * report.recipe.sparsity, tolerance=0.5)
DECISION = Decision(
    **TEXTS,
    right="no",
    reasons=("good", "fine", "bad"),
    good_reasons=("good", "fine"),
    feedback={"yes": "not yes", "no": "no it is", "good": "g!", "fine": "f!", "bad": "b?"},
)
HALF = FindRecipe(**TEXTS, max_drop=2, min_size_cut=0.5)
NONSENSE = [
    None, "", "  ", 3.7, math.nan, math.inf, -1, 99, True, b"b", [], {}, set(), object(),
    "x" * 10**6, 10**400, ("b",), ["no", None, 3], ("no", 7), ("no", "good"),
    ("no", {"good": 1, "evil": 2}.keys()), ([], []),
]  # fmt: skip
QUESTIONS = [CHOICE, PREDICTION, SHARE, PERCENT, DECISION, HALF]


@pytest.fixture(scope="module")
def base(digits):
    return digits.run(Recipe())


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: type(q).__name__)
@pytest.mark.parametrize("answer", NONSENSE, ids=lambda a: repr(a)[:20])
def test_nonsense_is_answered_in_words_and_never_right(question, answer, base, digits):
    for run in ((None, None), (base, digits.run(Recipe(sparsity=0.5))), ("x", 3)):
        result = question.check(answer, *run)
        assert result.outcome is not Outcome.CORRECT
        assert 0 < len(result.message) < 200


def test_an_empty_answer_is_not_attempted():
    for question, empty in (
        *((q, e) for q in (CHOICE, PREDICTION, SHARE) for e in (None, "")),
        (DECISION, None),
        (DECISION, (None, ())),
        (DECISION, (None, ("good",))),
        (HALF, None),
    ):
        assert question.check(empty).outcome is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize("answer", ["a", 0, np.int64(0), "c", 2])
def test_a_wrong_choice_gets_its_own_feedback(answer):
    result = CHOICE.check(answer)
    assert result.outcome is Outcome.INCORRECT
    assert result.message == ("not c" if answer in ("c", 2) else "not a")


@pytest.mark.parametrize("answer", ["b", 1, np.int64(1)])
def test_the_right_choice_is_correct(answer):
    assert CHOICE.check(answer) == checks.Result(Outcome.CORRECT, "b it is")


@pytest.mark.parametrize("answer", ["B", "b ", "1", 1.0, True, 3, -2])
def test_what_only_looks_like_the_right_choice_is_not_attempted(answer):
    assert CHOICE.check(answer).outcome is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize(
    "change",
    [{"feedback": ("one",)}, {"right": 3}, {"right": -1}, {"right": None}],
    ids=str,
)
def test_a_choice_that_could_not_be_graded_cannot_be_made(change):
    with pytest.raises(ValueError, match=r"t\.q: "):
        replace(CHOICE, **change)


def test_a_prediction_is_never_wrong_and_says_what_to_look_for():
    for answer, said in ((0, "up"), ("down", "down")):
        result = PREDICTION.check(answer)
        assert result.outcome is Outcome.CORRECT
        assert result.message == f"You said: {said}. Look."
    assert PREDICTION.check("sideways").outcome is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize(
    ("answer", "message"),
    [(85, "percent"), ("85", "percent"), ("0.9", "before"), ("90 %", "before"),
     (0.844, "too low"), ("0.8561", "too high"), (-0.85, "too low"),
     ("1e3", "1,000 is too high"), (10**15, "too high")],
)  # fmt: skip
def test_a_wrong_number_is_told_what_is_wrong(answer, message):
    result = SHARE.check(answer)
    assert result.outcome is Outcome.INCORRECT
    assert message in result.message


@pytest.mark.parametrize(
    "answer", [0.85, "0.85", " 0,85 ", "85 %", "85%", "85/100", "170 : 200", ".85", "8.5e-1", 0.855]
)
def test_a_right_number_is_right_however_it_is_written(answer):
    assert SHARE.check(answer).outcome is Outcome.CORRECT


@pytest.mark.parametrize(
    "answer",
    [
        "about 0.85",
        "0.85.",
        "0.8 5",
        "1/0",
        "nan",
        "inf",
        "1e999",
        "\u0660\u066b\u0668",
        "0.85 kg",
        "--1",
    ],
)
def test_what_is_no_number_is_not_attempted_and_named(answer):
    result = SHARE.check(answer)
    assert result.outcome is Outcome.NOT_ATTEMPTED
    assert answer in result.message
    assert "is not a number" in result.message


def test_per_cent_is_no_other_unit():
    points = Number(
        key="t.points", prompt="?", value=10, tolerance=0.05, unit="points", hint="", solution=""
    )
    for answer in ("1000 %", "10 %", "10,0%"):
        assert points.check(answer).outcome is Outcome.NOT_ATTEMPTED
        assert points.check(answer).message == "Write it in points, without a % sign."
    assert points.check("10 points").outcome is Outcome.CORRECT


def test_units_and_thousands_are_read():
    assert read_number("\u22120,85") == -0.85
    assert read_number("80,5\u202f%") == 0.805
    assert read_number("50 %", "points") is None
    assert read_number("12,452 bytes", "bytes") == 12452
    assert read_number("1,234,567.5") == 1234567.5
    assert read_number("0,895") == 0.895
    assert read_number("50 %", "%") == 50
    assert read_number("12 apples", "bytes") is None


@given(st.one_of(st.text(max_size=60), st.floats(), st.integers(), st.binary(), st.none()))
def test_no_answer_makes_reading_raise(answer):
    number = read_number(answer, "points")
    assert number is None or math.isfinite(number)


@given(st.floats(-1e6, 1e6))
def test_a_number_is_read_back_as_it_was_written(number):
    assert read_number(repr(number)) == number
    comma = f"{number:.2f}".replace(".", ",")  # three decimals would read as thousands
    assert read_number(comma) == round(number, 2)


def test_a_number_of_a_run_needs_a_run(base, digits):
    assert "run of your own" in PERCENT.check(50).message
    assert PERCENT.check(50, base, None).outcome is Outcome.NOT_ATTEMPTED
    assert "untouched model" in PERCENT.check(0, base, base).message
    report = digits.run(Recipe(sparsity=0.5))
    assert PERCENT.check(40, base, report).outcome is Outcome.INCORRECT
    assert PERCENT.check(50, base, report).outcome is Outcome.CORRECT
    assert PERCENT.solve() == "s"
    assert PERCENT.solve(base, report) == "s On your run: 50."


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ("0.63", Outcome.CORRECT),
        ("0.62", Outcome.CORRECT),
        ("63 %", Outcome.CORRECT),
        ("0.625", Outcome.CORRECT),
        ("0.61", Outcome.INCORRECT),
        ("0.64", Outcome.INCORRECT),
        ("0.629", Outcome.INCORRECT),
    ],
)
def test_a_half_may_be_rounded_up_or_down(given, outcome):
    number = Number(**TEXTS, value=5 / 8, tolerance=0.001, share=True)
    assert number.check(given).outcome is outcome


def test_a_number_that_the_run_does_not_have_cannot_be_answered(base, digits):
    undefined = Number(**TEXTS, value=lambda base, report: math.nan, tolerance=1)
    result = undefined.check(0, base, digits.run(Recipe(bits=4)))
    assert result.outcome is Outcome.NOT_ATTEMPTED
    assert "0 / 0" in result.message


@pytest.mark.parametrize("tolerance", [-1, math.nan, math.inf])
def test_a_tolerance_that_lets_nothing_or_all_through_is_refused(tolerance):
    with pytest.raises(ValueError, match="tolerance is 0 or more"):
        Number(**TEXTS, value=1, tolerance=tolerance)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (("yes", ()), "not yes"),
        (("yes", ["good"]), "not yes"),
        (("yes", ["bad"]), "not yes b?"),
        (("no", ["bad"]), "The decision is right. But: b?"),
        (("no", ["good", "bad"]), "The decision is right. But: b?"),
        (("no", []), "The decision is right. What is missing is why: choose a reason."),
        (("no", None), "The decision is right. What is missing is why: choose a reason."),
    ],
)
def test_a_wrong_decision_or_reason_is_named(answer, message):
    assert DECISION.check(answer) == checks.Result(Outcome.INCORRECT, message)


@pytest.mark.parametrize(
    "answer", [("no", ["good"]), (1, {1}), ["no", ("fine", "good")], ("no", frozenset({"fine"}))]
)
def test_the_right_decision_with_a_good_reason_is_correct(answer):
    result = DECISION.check(answer)
    assert result.outcome is Outcome.CORRECT
    assert result.message.startswith("no it is ")


@pytest.mark.parametrize(
    "change",
    [{"right": "maybe"}, {"good_reasons": ("other",)}, {"feedback": {"yes": "y"}}],
    ids=lambda change: next(iter(change)),
)
def test_a_decision_that_could_not_be_graded_cannot_be_made(change):
    with pytest.raises(ValueError, match=r"t\.q: "):
        replace(DECISION, **change)


def find(**constraints):
    return FindRecipe(**TEXTS, **constraints)


@pytest.mark.parametrize(
    ("question", "recipe", "words"),
    [
        (find(max_drop=2), Recipe(bits=3), ["7.2 points lost, it must be under 2"]),
        (find(min_drop=8), Recipe(bits=3), ["7.2 points lost, the least is 8"]),
        (find(min_size_cut=0.5), Recipe(sparsity=0.3), ["% smaller, the least is 50 %"]),
        (find(min_ratio=10), Recipe(bits=8), ["4.7 times smaller, the least is 10"]),
        (HALF, Recipe(sparsity=0.3, score="random"), ["points lost", "% smaller"]),
        (find(policy=Policy.MEDICAL), Recipe(bits=3), ["bad for a medical image: drop 7.2"]),
        (find(policy=Policy.MOBILE, min_ratio=50), Recipe(bits=8), ["least is 50; speed not"]),
    ],
)
def test_a_recipe_that_will_not_do_is_told_what_binds(question, recipe, words, base, digits):
    result = question.check(digits.run(recipe), base)
    assert result.outcome is Outcome.INCORRECT
    assert all(word in result.message for word in words), result.message


@pytest.mark.parametrize(
    ("question", "recipe"),
    [
        (HALF, Recipe(bits=8)),
        (find(min_drop=6, max_drop=8), Recipe(bits=3)),
        (find(policy=Policy.MOBILE, grades=("bad",)), Recipe(bits=3)),
        (find(policy=Policy.MOBILE, grades=("cannot tell",)), Recipe(bits=8)),
    ],
)
def test_a_recipe_that_will_do_is_correct(question, recipe, base, digits):
    result = question.check(digits.run(recipe), base)
    assert result.outcome is Outcome.CORRECT
    assert re.search(r"points (lost|gained)", result.message)


def test_a_limit_that_is_just_missed_is_not_rounded_away(base, digits):
    report = digits.run(Recipe(bits=3))
    drop = report.drop_from(base).points
    assert find(max_drop=drop + 0.001).check(report, base).outcome is Outcome.CORRECT
    assert find(max_drop=drop).check(report, base).outcome is Outcome.INCORRECT
    assert find(min_drop=drop).check(report, base).outcome is Outcome.CORRECT
    ratio = report.size.ratio
    assert find(min_ratio=ratio).check(report, base).outcome is Outcome.CORRECT
    told = find(min_ratio=float(f"{ratio + 0.0005:.3f}")).check(report, base).message
    assert told.split(" times")[0] != told.split("least is ")[1].rstrip(".")


def test_unmeasured_speed_is_waited_for_and_not_called_wrong(base, digits):
    result = find(policy=Policy.MOBILE).check(digits.run(Recipe(bits=8)), base)
    assert result.outcome is Outcome.NOT_ATTEMPTED
    assert "speed is not measured yet" in result.message


def of(report, **changes):
    """Change fields of a report's outcome."""
    return replace(report, outcome=replace(report.outcome, **changes))


def test_a_report_that_is_not_of_the_exploration_images_is_refused(base, digits, own):
    good = digits.run(Recipe(bits=8))
    assert HALF.check(good, base).outcome is Outcome.CORRECT
    mirrored = Confusion(good.confusion.counts.T, good.class_names)
    lifted = Confusion(np.diag(good.confusion.counts.sum(axis=1)), good.class_names)
    refused = {
        "sealed ones": (digits.open_sealed(good.recipe), base),
        "same images": (good, own.run(Recipe())),
        "a report, not a dict": ({"drop": 0}, base),
        "not the untouched model": (good, digits.run(Recipe(bits=4))),
        "This is the untouched model": (digits.run(Recipe(pruning="layer")), base),
        "counts do not agree": (of(good, confusion=lifted), base),
        "run of your own": (good, None),
    }
    for words, (answer, given_base) in refused.items():
        result = HALF.check(answer, given_base)
        assert result.outcome is Outcome.NOT_ATTEMPTED, words
        assert words in result.message
    forged = of(good, predictions=good.labels)
    assert "do not agree" in HALF.check(forged, base).message
    assert HALF.check(of(good, confusion=mirrored), base).outcome is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize(
    "constraints", [{}, {"grades": ("good",)}, {"policy": Policy.MOBILE, "grades": ("super",)}]
)
def test_a_challenge_without_a_sensible_constraint_cannot_be_made(constraints):
    with pytest.raises(ValueError, match=r"t\.q: "):
        find(**constraints)


def test_questions_are_frozen():
    with pytest.raises(AttributeError):
        CHOICE.right = 0


def test_checks_know_no_display_and_no_experiment():
    tree = ast.parse(Path(checks.__file__).read_text())
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert {m for m in imported if m and m.startswith("optiwidgets")} <= {
        "optiwidgets.grading.answers",
        "optiwidgets.grading.constraints",
        "optiwidgets.engine.types.report",
        "optiwidgets.engine.evaluation.policy",
        "optiwidgets.engine.evaluation.verdict",
        "optiwidgets.engine.types.recipe",
        "optiwidgets.texts",
    }
