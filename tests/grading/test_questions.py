"""Question bank: each wrong answer has its own feedback, each right answer is accepted."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME
from optiwidgets.grading import worked_numbers
from optiwidgets.grading.answers import unfit
from optiwidgets.grading.checks import (
    Decision,
    FindRecipe,
    MultipleChoice,
    Number,
    Outcome,
    Prediction,
)
from optiwidgets.grading.questions import QUESTIONS, bank_file, by_key

LESSONS = (
    *("start", "metrics", "map", "confusion", "pruning", "quantization", "both", "tradeoff"),
    *("winback", "fragile", "detector"),
    *("pitfalls", "beliefs", "own", "ship", "selfcheck", "challenge"),
)
RUN = Recipe(sparsity=0.5, bits=5)


def of(kind):
    found = [q for q in QUESTIONS.values() if isinstance(q, kind)]
    return pytest.mark.parametrize("question", found, ids=lambda q: q.key)


@pytest.fixture(scope="module")
def scenes():
    return Experiment.load("scenes")


@pytest.fixture
def run(request, digits):
    """Run that a question can be about: a detector's own questions are about boxes."""
    question = request.node.callspec.params["question"] if hasattr(request.node, "callspec") else ""
    about_boxes = getattr(question, "key", "").startswith("detector.")
    experiment = request.getfixturevalue("scenes") if about_boxes else digits
    return experiment.run(Recipe()), experiment.run(RUN)


class Tags(HTMLParser):
    """Parser that records open tags and all tags."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], set()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.add(tag)
        assert attrs == []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@of(object)
def test_texts_are_there_short_and_plain(question):
    lesson, name = question.key.split(".")
    assert lesson in LESSONS
    assert re.fullmatch("[a-z_]+", name)
    tags = Tags()
    tags.feed(question.prompt)
    assert tags.open == []
    assert tags.seen <= {"p", "em"}
    said = re.sub("<[^>]+>", " ", question.prompt)
    assert 15 < len(said) <= 260
    assert re.search(r"[.?:]\s*$", said)
    for text in (question.hint, question.solution):
        assert 10 < len(text) <= 260
        assert "<" not in text
        assert text.endswith((".", "?"))
    assert question.hint != question.solution


@of(object)
def test_nothing_answered_is_not_attempted(question, run):
    for empty in (None, "", (None, ())):
        assert question.check(empty, *run).outcome is Outcome.NOT_ATTEMPTED


@of(MultipleChoice)
def test_each_wrong_option_is_wrong_with_its_own_feedback_and_the_right_one_right(question):
    assert len(question.options) >= 3
    replies = Counter()
    for place, option in enumerate(question.options):
        result = question.check(option)
        expected = Outcome.CORRECT if place == question.right else Outcome.INCORRECT
        assert result.outcome is expected, option
        assert len(result.message) > 15
        replies[result.message] += 1
    assert set(replies.values()) == {1}
    assert len(set(question.options)) == len(question.options)


def test_the_right_option_is_not_always_at_the_same_place():
    places = Counter(q.right for q in QUESTIONS.values() if isinstance(q, MultipleChoice))
    assert max(places.values()) <= 0.5 * places.total()


@of(Prediction)
def test_a_prediction_reveals_no_number_of_a_run(question):
    for option in question.options:
        assert question.check(option).outcome is Outcome.CORRECT
    told = question.reveal + question.hint
    assert re.search(r"\d+(\.\d+)? points lost|\d+ times smaller", told) is None


@of(Number)
def test_each_slip_is_wrong_with_its_own_feedback_and_the_number_is_right(question, run):
    truth = question._of(question.value, *run)
    told = set()
    for slip, feedback in question.slips.items():
        wrong = question._of(slip, *run)
        assert abs(wrong - truth) > question.tolerance, slip
        result = question.check(wrong, *run)
        assert result.outcome is Outcome.INCORRECT, slip
        assert result.message == feedback
        told.add(feedback)
    assert len(question.slips) >= 2
    assert len(told) >= 2
    assert question.check(truth + 3 * question.tolerance + 1e6, *run).outcome is Outcome.INCORRECT
    assert question.check(truth, *run).outcome is Outcome.CORRECT
    assert question.check(f"{truth:.6f}".replace(".", ","), *run).outcome is Outcome.CORRECT


@of(Number)
def test_the_right_number_to_two_decimals_is_right_and_no_slip_is(question, run):
    truth = question._of(question.value, *run)
    assert question.check(f"{truth:.2f}", *run).outcome is Outcome.CORRECT
    for slip in question.slips:
        wrong = f"{question._of(slip, *run):.2f}"
        expected = wrong == f"{truth:.2f}"  # no rounded answer tells such a slip apart
        assert (question.check(wrong, *run).outcome is Outcome.CORRECT) == expected, slip


SHARES = [q for q in QUESTIONS.values() if isinstance(q, Number) and q.share]


@pytest.mark.parametrize("question", SHARES, ids=lambda q: q.key)
def test_a_share_in_percent_is_answered_with_that(question, run):
    truth = question._of(question.value, *run)
    for answer in (f"{100 * truth:.1f}", f"{100 * truth:.0f}"):
        result = question.check(answer, *run)
        assert result.outcome is Outcome.INCORRECT
        assert "percent" in result.message, answer
        assert question.check(f"{answer} %", *run).outcome is Outcome.CORRECT


def test_numbers_asked_as_shares_are_marked_as_such():
    assert {q.key.split(".")[0] for q in SHARES} == {"metrics", "map", "confusion", "detector"}
    assert len(SHARES) == 10


@of(Number)
def test_a_number_is_literal_or_of_the_learners_own_run_never_both(question):
    assert callable(question.value) == ("your recipe" in question.prompt)


@of(Decision)
def test_a_decision_needs_itself_and_a_good_reason_and_no_bad_one(question):
    bad = [reason for reason in question.reasons if reason not in question.good_reasons]
    assert len(bad) >= 2
    for option in question.options:
        for reason in question.reasons:
            good = option == question.right and reason in question.good_reasons
            result = question.check((option, [reason]))
            assert result.outcome is (Outcome.CORRECT if good else Outcome.INCORRECT)
            if reason in bad:
                assert question.feedback[reason] in result.message
    assert "missing" in question.check((question.right, [])).message
    assert question.check((question.right, question.reasons)).outcome is Outcome.INCORRECT
    assert question.check((question.right, question.good_reasons)).outcome is Outcome.CORRECT
    assert len(set(question.feedback.values())) == len(question.feedback)


SOLVED = {  # a recipe that meets it, and one that does not
    "pruning.find": (Recipe(sparsity=0.6), Recipe(sparsity=0.9)),
    "quantization.find": (Recipe(bits=5), Recipe(bits=2)),
    "both.find": (Recipe(sparsity=0.6, bits=4), Recipe(bits=4)),
    "selfcheck.recipe": (Recipe(bits=2, scheme="codebook"), Recipe(bits=4)),
    "challenge.half": (Recipe(bits=8), Recipe(sparsity=0.3)),
    "pitfalls.sealed": (Recipe(sparsity=0.6), Recipe(sparsity=0.8)),
    "winback.find": (
        Recipe(sparsity=0.85, score="lamp", bits=4, recovery="sequential"),
        Recipe(sparsity=0.8, bits=4),
    ),
    "fragile.find": (
        Recipe(bits=4, layers=(("hidden", 0.8, None), ("features.8", 0.5, None))),
        Recipe(sparsity=0.7, bits=4),  # as small, all layers with the same settings
    ),
}


@pytest.mark.parametrize("key", SOLVED)
def test_a_challenge_can_be_met_on_the_shipped_digits_and_missed(key, digits):
    right, wrong = SOLVED[key]
    base, question = digits.run(Recipe()), QUESTIONS[key]
    assert question.check(digits.run(wrong), base).outcome is Outcome.INCORRECT
    assert question.check(digits.run(right), base).outcome is Outcome.CORRECT


@pytest.mark.parametrize(("percent", "met"), [(76, False), (78, True), (80, False)])
def test_ten_points_are_lost_one_small_step_past_the_cliff(percent, met, digits):
    base, report = digits.run(Recipe()), digits.run(Recipe(sparsity=percent / 100))
    outcome = QUESTIONS["selfcheck.recipe"].check(report, base).outcome
    assert outcome is (Outcome.CORRECT if met else Outcome.INCORRECT)


@pytest.fixture(scope="module")
def wide():
    return Experiment.load("digits", model="wide")


HALF_TUNED = Recipe(sparsity=0.5, pruning="channel", bits=8, recovery="finetune")
SLOWER, FASTER = Latency(0.9, 0.8, 0.95, 1, 1.1, 1), Latency(1.3, 1.2, 1.4, 1.3, 1, 1)


def test_half_of_the_channels_are_good_for_a_mobile_app_once_it_is_faster(wide):
    base, report, question = wide.run(Recipe()), wide.run(HALF_TUNED), QUESTIONS["ship.find"]
    assert question.check(report, base).outcome is Outcome.NOT_ATTEMPTED
    assert "not faster" in question.check(replace(report, latency=SLOWER), base).message
    assert question.check(replace(report, latency=FASTER), base).outcome is Outcome.CORRECT


@pytest.mark.parametrize("timed", [None, SLOWER, FASTER])
def test_ten_times_smaller_does_not_hang_on_speed(timed, wide):
    base, report = wide.run(Recipe()), wide.run(Recipe(sparsity=0.65, bits=8))
    question = QUESTIONS["challenge.medical"]
    assert question.check(replace(report, latency=timed), base).outcome is Outcome.CORRECT


@pytest.mark.parametrize("timed", [SLOWER, FASTER])
@pytest.mark.parametrize(("sparsity", "binds"), [(0.5, "drop"), (0.4, "recall")])
def test_first_reason_of_the_trade_off_s_medical_verdict_does_not_hang_on_speed(
    sparsity, binds, timed, wide
):
    base, report = wide.run(Recipe()), wide.run(replace(HALF_TUNED, sparsity=sparsity))
    verdict = judge(base, replace(report, latency=timed), Policy.MEDICAL)
    assert (verdict.grade, verdict.reasons[0].split()[0]) == ("borderline", binds)


def measured(report, sparse=None, reason=""):
    """Report with times; ONNX Runtime gains nothing from zeros."""
    dense = Latency(1.0, 0.95, 1.05, 1, 1, 1)
    latencies = {ONNX_RUNTIME: dense} | ({SPARSE_RUNTIME: sparse} if sparse else {})
    reasons = {SPARSE_RUNTIME: reason} if reason else {}
    return replace(report, latency=dense, latencies=latencies, latency_reasons=reasons)


PAYS, PAYS_NOT = (Latency(1.9, low, 2.1, 1, 0.5, 1) for low in (1.4, 1.05))
ABSENT = "the sparse runtime is absent: kernel_baseline.so was not built"


@pytest.mark.parametrize(
    ("sparsity", "sparse", "reason", "outcome", "words"),
    [
        (0.9, PAYS, "", Outcome.INCORRECT, "points lost, it must be under 2"),
        (0.7, PAYS_NOT, "", Outcome.INCORRECT, "at least 1.05 times as fast in the sparse runtime"),
        (0.7, None, "", Outcome.NOT_ATTEMPTED, "not measured yet"),
        (0.9, None, "", Outcome.INCORRECT, "points lost"),
        (0.7, None, ABSENT, Outcome.NOT_ATTEMPTED, f"Not timed here, since {ABSENT}"),
        (0.9, None, ABSENT, Outcome.INCORRECT, "points lost"),
        (0.7, PAYS, "", Outcome.CORRECT, "1.90 times as fast in the sparse runtime"),
    ],
)
def test_zeros_pay_once_the_sparse_runtime_is_surely_faster(
    wide, sparsity, sparse, reason, outcome, words
):
    base, report = wide.run(Recipe()), wide.run(Recipe(sparsity=sparsity))
    given = report if sparse is None and not reason else measured(report, sparse, reason)
    result = QUESTIONS["both.skipped"].check(given, base)
    assert (result.outcome, words in result.message) == (outcome, True), result.message


def test_the_dense_runtime_s_gain_does_not_count_for_the_sparse_one(wide):
    base, report = wide.run(Recipe()), wide.run(Recipe(sparsity=0.7))
    fast = Latency(3.0, 2.9, 3.1, 3, 1, 1)
    swapped = replace(measured(report, PAYS_NOT), latency=fast)
    assert QUESTIONS["both.skipped"].check(swapped, base).outcome is Outcome.INCORRECT


def test_a_speed_is_asked_of_a_runtime_by_name():
    question = QUESTIONS["both.skipped"]
    for wrong in ({"runtime": ""}, {"min_speedup": None}):
        with pytest.raises(ValueError, match="a speed is asked of a runtime"):
            replace(question, **wrong)


@of(FindRecipe)
def test_a_challenge_is_not_met_by_a_model_that_answers_at_random(question, digits):
    report = digits.run(Recipe(sparsity=0.99))
    assert question.check(report, digits.run(Recipe())).outcome is Outcome.INCORRECT


def test_the_lessons_have_what_they_need():
    kinds = {lesson: Counter() for lesson in LESSONS}
    for key, question in QUESTIONS.items():
        kinds[key.split(".")[0]][type(question).__name__] += 1
    for lesson in ("pruning", "quantization", "both", "winback", "fragile", "tradeoff", "ship"):
        second = lesson in ("pruning", "quantization", "both", "fragile")  # of another section
        assert kinds[lesson]["Prediction"] == 1 + second
        assert kinds[lesson].total() >= 4
    assert all(kinds[lesson] for lesson in LESSONS)


def test_the_worked_example_is_computed_from_its_counts():
    def value(name):
        return round(QUESTIONS[f"confusion.{name}"].value, 3)

    assert (value("precision_before"), value("precision_after")) == (0.9, 0.85)
    assert (value("recall_before"), value("recall_after")) == (0.947, 0.895)


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        ("3", "Swap them"),  # union over intersection
        ("36/12", "Swap them"),
        ("12/24", "divides by one box"),
        ("12/48", "counts the shared part twice"),
        ("12", "shared area"),
        ("36", "union"),
        ("33.3", "percentage"),
        ("0.3", "too low"),
    ],
)
def test_a_wrong_overlap_is_refused_with_its_slip(answer, reply):
    result = QUESTIONS["detector.iou"].check(answer)
    assert (result.outcome, reply in result.message) == (Outcome.INCORRECT, True), result.message


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (str((0 + 1 / 2 + 2 / 3 + 2 / 4 + 2 / 5) / 5), "all five boxes"),
        (str((1 / 2 + 2 / 3) / 3), "best from there on"),
        ("2/3", "two objects found"),
        ("2/5", "share of hits"),
        (str(4 / 3), "sum"),
        ("44.4", "percentage"),
        ("0.5", "too high"),
    ],
)
def test_a_wrong_average_precision_is_refused_with_its_slip(answer, reply):
    result = QUESTIONS["detector.ap"].check(answer)
    assert (result.outcome, reply in result.message) == (Outcome.INCORRECT, True), result.message


@pytest.mark.parametrize(
    ("key", "answers"),
    [
        ("iou", ("1/3", "12/36", "0.33", "0,333", "33.3 %")),
        ("ap", ("4/9", "0.444", "0.442", "0.44", "44 %", str((34 + 33) * 2 / 3 / 101))),
    ],
)
def test_a_detectors_numbers_by_hand_are_right(key, answers):
    for answer in answers:
        assert QUESTIONS[f"detector.{key}"].check(answer).outcome is Outcome.CORRECT, answer


def test_the_reply_has_the_average_precision_that_the_lesson_works_out():
    reply = QUESTIONS["detector.ap"].check("4/9").message
    assert "0.444 is right" in reply
    assert "is 0.444" in QUESTIONS["detector.ap"].solution


def test_the_prompts_of_a_detectors_sums_are_those_of_the_engines_examples():
    said = [re.sub("<[^>]+>", " ", QUESTIONS[f"detector.{key}"].prompt) for key in ("iou", "ap")]
    (x0, y0, x1, y1), (u0, v0, u1, v1) = worked_numbers.TRUE_BOX, worked_numbers.FOUND_BOX
    sides = [x1 - x0, y1 - y0, min(x1, u1) - max(x0, u0), min(y1, v1) - max(y0, v0)]
    assert [float(n) for n in re.findall(r"\d+", said[0])] == sides
    assert (u1 - u0, v1 - v0) == (x1 - x0, y1 - y0)
    listed = re.findall(r"\d (hit|false\s+alarm)", said[1])
    assert [each == "hit" for each in listed] == list(worked_numbers.HITS)
    assert re.match(r"\s*(\d+) objects", said[1])[1] == str(worked_numbers.OBJECTS)


def test_average_precision_by_hand_is_what_scikit_learn_says():
    from sklearn.metrics import average_precision_score

    ill, scores = [1, 0, 1, 1, 0], [0.9, 0.8, 0.7, 0.6, 0.5]
    well = average_precision_score([1 - i for i in ill], [1 - s for s in scores])
    assert QUESTIONS["map.ill"].value == pytest.approx(average_precision_score(ill, scores))
    assert QUESTIONS["map.well"].value == pytest.approx(well)
    mean = (QUESTIONS["map.ill"].value + well) / 2
    assert QUESTIONS["map.mean"].value == pytest.approx(mean)


def test_the_self_check_is_the_textbooks_question():
    question = QUESTIONS["selfcheck.production"]
    for words in ("reduced size by 60 %", "sped up inference by 3x", "95 % to 85 %", "production"):
        assert words in question.prompt
    assert question.right == "usually no"
    assert question.check(("yes", question.good_reasons)).outcome is Outcome.INCORRECT


def test_the_bank_cannot_be_changed_and_has_no_key_twice():
    with pytest.raises(TypeError):
        QUESTIONS["x"] = None
    with pytest.raises(ValueError, match=r"two questions have the key 'confusion\.predict'"):
        by_key(bank_file("confusion").questions, bank_file("confusion").questions)
    assert all(key == question.key for key, question in QUESTIONS.items())


def test_a_run_to_ask_about_fits(run):
    assert unfit(*run) == ""
