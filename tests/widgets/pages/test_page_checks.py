"""A page without a kernel grades as Python does: the same outcome and message for every answer."""

from __future__ import annotations

import math
import os
import random
import shutil
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
from answer_rows import answers_to  # tests/widgets
from node_answers import answers  # tests/widgets
from page_runs import page_seen  # tests/widgets

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME
from optiwidgets.grading.checks import FindRecipe, Number
from optiwidgets.grading.question_data import NeedsPythonError, question_data
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.grading.run_figures import RUN_FIGURES
from optiwidgets.widgets.base import assets

TEXTS = {"key": "t.q", "prompt": "?", "hint": "h", "solution": "s"}
BY_HAND = (
    Number(**TEXTS, value=0.85, tolerance=0.005, share=True, slips={85: "percent", 0.9: "before"}),
    Number(**TEXTS, value=12452, tolerance=1, unit="bytes", slips={12450: "b", 12454: "a"}),
    Number(**TEXTS, value=-2.5, tolerance=0, unit="%"),
    Number(**TEXTS, value=1e15, tolerance=1e6, unit="times", share=True),
)
RECIPES = (
    Recipe(pruning="layer"),
    *(Recipe(sparsity=s, bits=b) for s in (0.0, 0.3, 0.6, 0.8, 0.95) for b in (32, 16, 8, 4, 3, 1)),
    Recipe(sparsity=0.5, pruning="channel"),
    Recipe(sparsity=0.25, pruning="channel", bits=4),
    Recipe(bits=4, layers=(("head", 0.5, 8),)),
)
LIMITS = (
    {"max_drop": 2, "min_size_cut": 0.5},
    {"max_drop": 7.2, "min_ratio": 3.5},
    {"min_drop": 5, "min_size_cut": 0.905},
    {"policy": Policy.MOBILE},
    {"policy": Policy.MEDICAL, "grades": ("borderline", "cannot tell")},
    {"max_drop": 90, "runtime": SPARSE_RUNTIME, "min_speedup": 1.05},
    {"min_size_cut": 0.2, "runtime": ONNX_RUNTIME, "min_speedup": 1},
)
FAULTS = (
    ("page_answers.js", "return number / 100;", "return number;"),
    ("page_answers.js", "\\\\x85\\\\xa0", "\\\\xa0"),
    ("page_answers.js", "whole === 0 ? null", "whole === 1 ? null"),
    ("page_checks.js", "const EPSILON = 1e-9", "const EPSILON = 1e-2"),
    ("page_checks.js", "number > truth", "number < truth"),
    ("page_checks.js", "!chosen.length", "chosen.length > 9"),
    ("page_constraints.js", "lost > max_drop - ", "lost > 4 * max_drop - "),
    ("page_constraints.js", "timed.low >= min_speedup", "timed.ratio >= min_speedup"),
    ("python_format.js", "halves % 2 === 1", "halves % 2 === 3"),
    ("verdict_rules.js", "limit_points: 2,", "limit_points: 40,"),
)
ABSENT = "the sparse runtime is absent: it was not built"


def graded(rows, module="pages/page_checks.js"):
    """Grade rows of question, answer, baseline, report in Python and in a page, in pairs."""
    expected, calls = [], []
    seen_once = cache(page_seen)  # reports compare by identity
    for question, answer, base, report in rows:
        is_recipe = isinstance(question, FindRecipe)
        given = report if is_recipe and answer == "the run" else answer
        result = question.check(given, base) if is_recipe else question.check(given, base, report)
        expected.append({"outcome": str(result.outcome), "message": result.message})
        seen = None if base is None or report is None else seen_once(base, report)
        told = seen and seen["run"] if is_recipe and answer == "the run" else answer
        calls.append(["checkAnswer", question_data(question), told, seen])
    return list(zip(expected, answers(module, calls), strict=True))


def assert_equal_results(rows):
    """Compare all results; return those of Python, by outcome."""
    pairs = graded(rows)
    found = [
        f"{question.key} {answer!r} {report and report.recipe}: {told} is not {expected}"
        for (question, answer, _, report), (expected, told) in zip(rows, pairs, strict=True)
        if expected != told
    ]
    assert not found, "\n".join(found[:30])
    return Counter(expected["outcome"] for expected, _ in pairs)


@pytest.fixture(scope="module")
def base(digits):
    return digits.run(Recipe())


@pytest.fixture(scope="module")
def reports(digits):
    """Run all recipes; give some of them a speed, flips, or the reason why there is no speed."""
    made = [digits.run(recipe) for recipe in RECIPES]
    drawn = random.Random(19)
    for report in tuple(made[::2]):
        low = drawn.choice((0.9, 1.02, 1.4))
        dense = Latency(low + 0.1, low, low + 0.2, 1.0, 1.0, 1)
        timed = {ONNX_RUNTIME: dense, SPARSE_RUNTIME: replace(dense, ratio=1.9, low=low + 0.04)}
        made.append(replace(report, latency=dense, latencies=timed))
        flips = {"flip_rate": drawn.choice((0.0, 0.02, 0.3)), "baseline_flip_rate": 0.001}
        reasons = {SPARSE_RUNTIME: ABSENT}
        only = {ONNX_RUNTIME: dense}
        made.append(
            replace(report, latency=dense, latencies=only, latency_reasons=reasons, **flips)
        )
    return made


def test_answers_to_all_questions_are_graded_as_in_python():
    drawn = random.Random(7)
    asked = [
        question
        for question in (*QUESTIONS.values(), *BY_HAND)
        if not isinstance(question, FindRecipe) and not getattr(question, "of_a_run", False)
    ]
    rows = [(each, answer, None, None) for each in asked for answer in answers_to(each, drawn)]
    outcomes = assert_equal_results(rows)
    assert outcomes.total() >= 2_000
    assert min(outcomes.values()) > 300, outcomes


def test_numbers_of_the_learner_s_own_run_are_graded_as_in_python(base, reports):
    drawn = random.Random(8)
    asked = [each for each in QUESTIONS.values() if getattr(each, "of_a_run", False)]
    by_hand = [
        Number(
            **TEXTS, value=figure, tolerance=0.5, unit="points", slips={RUN_FIGURES["drop"]: "d"}
        )
        for figure in RUN_FIGURES.values()
    ]
    rows = []
    for question in (*asked, *by_hand):
        for report in drawn.sample(reports, 4):
            known = [
                float(question._of(each, base, report))
                for each in (question.value, *question.slips)
            ]
            near = [value + off for value in known for off in (0, 0.5, -0.5, 0.01, 3)]
            rows += [
                (question, answer, base, report)
                for value in near
                for answer in (f"{value:.2f}", f"{value:.1f} {question.unit}")
            ]
            rows += [(question, "", base, report), (question, "5 %", base, report)]
        rows += [(question, "1", None, None), (question, "1", base, base)]
        rows += [(question, "1", reports[3], reports[2])]
    outcomes = assert_equal_results(rows)
    assert min(outcomes.values()) > 100, outcomes


def test_recipes_are_graded_as_in_python(base, reports, own):
    tasks = [each for each in QUESTIONS.values() if isinstance(each, FindRecipe)]
    tasks += [FindRecipe(**TEXTS, **limits) for limits in LIMITS]
    drawn = random.Random(9)
    rows = [
        (task, "the run", base, report) for task in tasks for report in drawn.sample(reports, 24)
    ]
    small = own.run(Recipe())
    sealed = replace(reports[1], part="sealed")
    for task in tasks:
        rows += [
            (task, "the run", None, None),
            (task, None, base, reports[0]),
            (task, "x", base, reports[0]),
            (task, 3, base, reports[0]),
            (task, [1], base, reports[0]),
            (task, {"drop": 0}, base, reports[0]),
            (task, "the run", base, base),
            (task, "the run", reports[3], reports[2]),
            (task, "the run", small, reports[2]),
            (task, "the run", replace(base, part="sealed"), sealed),
        ]
    outcomes = assert_equal_results(rows)
    assert min(outcomes.values()) > 30, outcomes


@pytest.mark.slow
@pytest.mark.parametrize(("file", "right", "wrong"), FAULTS, ids=lambda each: each[:24])
def test_a_planted_fault_is_found(file, right, wrong, base, reports, tmp_path):
    widgets = assets.WIDGETS
    for name in ("base", "panels", "pages"):
        shutil.copytree(
            widgets / name, tmp_path / name, ignore=shutil.ignore_patterns("*.py", "__pycache__")
        )
    source = (widgets / "pages" / file).read_text()
    assert source.count(right) == 1
    (tmp_path / "pages" / file).write_text(source.replace(right, wrong))
    drawn = random.Random(5)
    some = [each for each in reports if 1 < each.drop_from(base).points < 25][:6] + reports[-6:]
    asked = [QUESTIONS["map.ill"], QUESTIONS["start.goal"], QUESTIONS["selfcheck.production"]]
    rows = [
        (each, answer, None, None)
        for each in (*asked, *BY_HAND)
        for answer in answers_to(each, drawn)
    ]
    rows += [
        (FindRecipe(**TEXTS, **limits), "the run", base, each) for limits in LIMITS for each in some
    ]
    pairs = graded(rows, os.path.relpath(tmp_path / "pages" / "page_checks.js", widgets))
    assert any(expected != told for expected, told in pairs)


def test_solutions_name_the_number_of_the_run(base, reports):
    asked = [each for each in QUESTIONS.values() if not isinstance(each, FindRecipe)]
    rows = [(each, report) for each in asked for report in (None, *reports[:3], reports[-1])]
    calls = [
        ["solutionOf", question_data(each), report and page_seen(base, report)]
        for each, report in rows
    ]
    found = answers("pages/page_checks.js", calls)
    assert found == [
        each.solve() if report is None else each.solve(base, report) for each, report in rows
    ]


def test_a_question_that_only_python_grades_is_refused():
    class Own(Number):
        pass

    slips = question_data(Number(**TEXTS, value=1, tolerance=0, slips={math.inf: "i", 2: "t"}))
    assert [slip["reply"] for slip in slips["slips"]] == ["t"]
    for question, reason in (
        (Own(**TEXTS, value=1, tolerance=0), "class of its own"),
        (Number(**TEXTS, value=lambda base, report: 1.0, tolerance=0), "function of its own"),
        (FindRecipe(**TEXTS, policy=Policy("toy", 50)), "policy of its own"),
        (Number(**TEXTS, value=math.inf, tolerance=0), "finite numbers, not inf"),
        (FindRecipe(**TEXTS, max_drop=math.nan), "finite numbers, not nan"),
    ):
        with pytest.raises(NeedsPythonError, match=reason):
            question_data(question)
