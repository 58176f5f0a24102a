"""Verdicts: the rule on numbers, on reports, and on real recipes of the wide model."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from optiwidgets.engine.evaluation.paired_test import mcnemar_p, paired_drop
from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import Evidence, decide, grade, is_stable, judge
from optiwidgets.engine.experiment import measurement
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.measurements import Confusion, Drop, Latency, Size
from optiwidgets.engine.types.recipe import Recipe

MOBILE, MEDICAL = Policy.MOBILE, Policy.MEDICAL


@pytest.mark.parametrize(
    ("drop", "size_cut", "speedup", "expected"),
    [
        (1.9, 0.5, 1.01, "good"),
        (2.0, 0.5, 1.01, "borderline"),  # the limit itself is already too much
        (1.9, 0.49, 1.01, "borderline"),
        (1.9, 0.5, 1.0, "borderline"),  # not faster
        (5.0, 0.9, 9.0, "borderline"),
        (5.1, 0.9, 9.0, "bad"),
        (10, 0.6, 3, "bad"),  # the self-check
        (-1, 0.8, 2, "good"),
    ],
)
def test_bare_numbers_are_graded_by_the_mobile_limits(drop, size_cut, speedup, expected):
    assert grade(drop, size_cut, speedup, MOBILE).grade == expected


@pytest.mark.parametrize(
    ("drop", "recall_drop", "expected"),
    [(0.9, 1.0, "good"), (0.9, 1.1, "borderline"), (1.0, 0.0, "borderline")],
)
def test_medical_use_bears_less_and_watches_recall(drop, recall_drop, expected):
    assert grade(drop, 0.6, 3, MEDICAL, recall_drop=recall_drop).grade == expected


def with_scores(report, scores):
    """Return a report with other scores."""
    return replace(report, outcome=replace(report.outcome, scores=scores))


def test_an_unstable_model_is_bad_however_small_and_fast():
    verdict = grade(0, 0.9, 9, MOBILE, stable=False)
    assert verdict.grade == "bad"
    assert verdict.reasons[0].startswith("unstable")


def test_reasons_name_what_binds_with_its_number():
    assert "drop 10.0 points; 5 is the limit" in grade(10, 0.6, 3, MOBILE).reasons[0]
    assert "smaller, not faster: speed x 0.98" in grade(1, 0.6, 0.98, MOBILE).reasons[0]
    assert "size cut by 30 %" in grade(1, 0.3, 3, MOBILE).reasons[0]
    assert grade(1.5, 0.6, 3, MOBILE).reasons == (
        "drop 1.5 points, 60 % smaller, speed x 3.00",
        "below 2 is good for a mobile app",
    )
    assert "fell 4.0 points; 1 is the limit" in grade(0, 0.6, 3, MEDICAL, recall_drop=4).reasons[0]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"drop": 101}, "drop is -100 to 100 points, not 101"),
        ({"drop": float("nan")}, "drop is -100 to 100 points, not nan"),
        ({"drop": "a"}, "drop is -100 to 100 points, not 'a'"),
        ({"drop": True}, "drop is -100 to 100 points, not True"),
        ({"size_cut": 60}, "a share of the bytes, 1 at most, not 60; 60 % is 0.6$"),
        ({"size_cut": 600}, "a share of the bytes, 1 at most, not 600$"),
        ({"size_cut": None}, "a share of the bytes, 1 at most, not None$"),
        ({"speedup": -1}, "speedup is a number above 0, 1 is as fast as before, not -1"),
        ({"speedup": 0}, "speedup is a number above 0, 1 is as fast as before, not 0"),
        ({"speedup": None}, "speedup is a number above 0, .* not None"),
        ({"recall_drop": 1000}, "recall_drop is -100 to 100 points, not 1000"),
        ({"policy": "MOBILE"}, r"policy is a Policy, Policy.MOBILE say, not 'MOBILE'"),
    ],
)
def test_numbers_out_of_range_are_refused(numbers, message):
    with pytest.raises(ValueError, match=message):
        grade(**{"drop": 1, "size_cut": 0.6, "speedup": 3, "policy": MOBILE} | numbers)


@pytest.mark.parametrize("points", [-1, float("nan"), float("inf"), None, "2"])
def test_a_policy_has_limits_of_0_points_or_more(points):
    with pytest.raises(ValueError, match=f"limit_points is .* 0 or more, not {points!r}"):
        Policy("mine", points)
    if points is not None:
        with pytest.raises(ValueError, match=f"recall_floor_points is .* not {points!r}"):
            Policy("mine", 2, recall_floor_points=points)


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ((1.99, 0.6, 3), "drop 1.99 points, 60 % smaller, speed x 3.00"),
        ((2.001, 0.6, 3), "drop 2.001 points; 2 is the limit"),
        ((2.0, 0.6, 3), "drop 2.0 points; 2 is the limit"),
        ((5.04, 0.6, 3), "drop 5.04 points; 5 is the limit for any use"),
        ((1, 0.4999, 3), "size cut by 49.99 %; half is the least that pays"),
        ((1, 0.6, 0.9999), "smaller, not faster: speed x 0.9999"),
        ((1, 0.0, 3), "not smaller; a cut by half is the least"),
        ((1, -0.004, 3), "not smaller; a cut by half is the least"),
        ((1, -0.2, 3), "20 % larger; a cut by half is the least"),
        ((1, -1.0, 3), "2.0 times larger; a cut by half is the least"),
        ((1, -23.26, 3), "24 times larger; a cut by half is the least"),
    ],
)
def test_exact_numbers_are_told_exactly(numbers, reason):
    reasons = grade(*numbers, MOBILE).reasons
    assert reasons[0] == reason
    assert not any(doubt in " ".join(reasons) for doubt in ("may be", "surely", "95 %"))


def test_a_medical_recall_is_told_from_its_limit():
    reason = grade(0, 0.6, 3, MEDICAL, recall_drop=1.04).reasons[0]
    assert reason == "recall of the class fell 1.04 points; 1 is the limit"


def test_what_is_no_report_is_not_judged(pair):
    base, rep = pair
    with pytest.raises(ValueError, match=r"policy is a Policy, Policy.MOBILE say, not 'MOBILE'"):
        judge(base, rep, "MOBILE")
    with pytest.raises(ValueError, match=r"base is a Report, .* not NoneType"):
        judge(None, rep, MOBILE)
    with pytest.raises(ValueError, match=r"rep is a Report, .* not Recipe"):
        judge(base, rep.recipe, MOBILE)
    with pytest.raises(ValueError, match=r"base is a Report, .* not NoneType"):
        rep.drop_from(None)


def test_the_unstable_reason_carries_its_numbers(pair):
    base, rep = pair
    shaken = replace(rep, flip_rate=132 / 1500, baseline_flip_rate=0.009)
    reasons = judge(base, shaken, MOBILE).reasons
    assert reasons[0] == "unstable: 8.8 % flip, 2.9 % is the limit"
    assert "8.8 % of the predictions flip under an invisible change" in reasons[1]


def test_scores_that_are_not_finite_are_counted(pair):
    base, rep = pair
    scores = rep.scores.copy()
    scores[3:15, 2] = np.nan
    assert judge(base, with_scores(rep, scores), MOBILE).reasons[0] == (
        "unstable: 12 images get no finite score"
    )


def test_a_bad_drop_comes_before_instability():
    reasons = grade(10, 0.6, 3, MOBILE, stable=False).reasons
    assert reasons[0].startswith("drop 10.0 points; 5 is the limit")
    assert reasons[1] == "unstable: an invisible change flips too much"


@pytest.mark.parametrize(
    "given",
    [
        {"points": 12.3, "low": 10.1, "high": 14.9},
        {"points": 1.2, "low": -0.3, "high": 2.4},
        {"points": 1.2, "low": -0.3, "high": 2.4, "size_cut": 0.3},
        {"points": 0.4, "low": -0.3, "high": 1.4},
        {"points": 0.4, "low": -0.3, "high": 1.4, "speed": (0.98, 0.95, 1.01)},
        {"points": 0.4, "low": -0.3, "high": 1.4, "speed": None},
    ],
)
def test_the_first_reason_is_short(given):
    verdict = decide(evidence(**given), MOBILE)
    assert len(verdict.reasons[0]) <= 45, verdict.reasons


def evidence(points, low, high, p=0.0, speed=(2.0, 1.9, 2.1), size_cut=0.6, n=1500):
    drop = Drop(points, low, high, lost=0, gained=0, p=p)
    return Evidence(drop, size_cut, speed, 0.0, "x", stable=True, images=n)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (evidence(1.0, 0.4, 1.9), "good"),
        (evidence(1.0, -0.1, 2.1), "cannot tell"),
        (evidence(1.0, -0.1, 2.1, size_cut=0.4), "borderline"),
        (evidence(2.5, 1.5, 3.5), "borderline"),
        (evidence(5.5, 4.0, 7.0, p=0.04), "bad"),
        (evidence(5.5, 4.0, 7.0, p=0.06), "cannot tell"),
        (evidence(6.0, 5.1, 7.0, p=0.9), "bad"),
        (evidence(1.0, 0.4, 1.9, speed=None), "cannot tell"),
        (evidence(3.0, 2.4, 3.9, speed=None), "borderline"),
        (evidence(1.0, 0.4, 1.9, speed=(1.2, 0.99, 1.4)), "borderline"),
    ],
)
def test_the_rule_binds_in_order(given, expected):
    assert decide(given, MOBILE).grade == expected


def test_cannot_tell_says_how_many_images_would_settle_it():
    short, full, *_ = decide(evidence(1.0, -1.0, 3.0, n=1000), MOBILE).reasons
    assert short == "drop -1.0 to 3.0; 4,000 images would settle 2"
    assert "1,000 images cannot settle 2, about 4,000 would" in full


def test_more_images_than_there_are_would_settle_it():
    reason = decide(evidence(1.0, 0.1, 2.0, n=1500), MOBILE).reasons[1]
    assert "1,500 images cannot settle 2, about 1,600 would" in reason


@pytest.fixture(scope="module")
def wide() -> Experiment:
    return Experiment.load("digits", model="wide")


@pytest.fixture
def pair(wide):
    return wide.run(Recipe()), wide.run(Recipe(sparsity=0.5, bits=6))


def timed(report, low, ratio, high, flips=0.002):
    speed = Latency(ratio, low, high, 1, 1, threads=1)
    return replace(report, latency=speed, flip_rate=flips, baseline_flip_rate=0.002)


def test_until_speed_is_measured_it_is_the_first_reason(pair):
    verdict = judge(*pair, MOBILE)
    assert (verdict.grade, verdict.reasons[0]) == ("cannot tell", "speed not measured yet")


@pytest.mark.parametrize(("flips", "stable"), [(0.022, True), (0.0221, False), (0.5, False)])
def test_stability_compares_flips_with_the_baselines(pair, flips, stable):
    assert is_stable(timed(pair[1], 1, 1, 1, flips)) == stable


def test_three_times_the_baselines_flips_are_borne_where_that_is_more(pair):
    rep = replace(pair[1], flip_rate=0.3, baseline_flip_rate=0.1)
    assert is_stable(rep)
    assert not is_stable(replace(rep, flip_rate=0.301))


def test_a_score_that_is_not_finite_is_unstable(pair):
    scores = pair[1].scores.copy()
    scores[3, 2] = np.nan
    assert not is_stable(with_scores(pair[1], scores))


def test_recall_is_watched_for_the_positive_class_or_else_the_one_that_fell_most(pair):
    base, rep = pair
    counts = base.confusion.counts.copy()
    counts[7, 7] -= 30
    counts[7, 1] += 30
    outcome = replace(rep.outcome, confusion=Confusion(counts, rep.class_names))
    fallen = timed(replace(rep, outcome=outcome), 1.5, 2, 2.5)
    assert "recall of 7 fell 20.0 points" in " ".join(judge(base, fallen, MEDICAL).reasons)
    watched = [replace(r, positive=0) for r in (base, fallen)]
    assert "recall" not in " ".join(judge(*watched, MEDICAL).reasons)


def test_a_positive_class_that_no_image_shows_is_told_instead_of_passed(pair):
    counts = pair[0].confusion.counts.copy()
    counts[0] = 0
    outcome = replace(pair[0].outcome, confusion=Confusion(counts, pair[0].class_names))
    unseen = timed(replace(pair[0], outcome=outcome, positive=0), 1.5, 2, 2.5)
    told = judge(unseen, unseen, MEDICAL)
    assert told.grade == "borderline"
    assert "recall of 0 is not measured: the images show no 0" in told.reasons
    assert "recall" not in " ".join(judge(unseen, unseen, Policy.MOBILE).reasons)


def test_reports_on_different_images_are_not_compared(wide, pair):
    with pytest.raises(ValueError, match="same images"):
        judge(pair[0], wide.open_sealed(Recipe(bits=4)), MOBILE)


def test_size_cut_is_the_share_of_bytes_saved(pair):
    base, rep = pair
    grown = replace(rep, size=Size({"codes": base.size.total_bytes}, base.size.total_bytes))
    assert "not smaller" in " ".join(judge(base, timed(grown, 2, 2, 2), MOBILE).reasons)


def test_mcnemar_is_scipys_binomial_test():
    from scipy.stats import binomtest

    for lost, gained in ((0, 1), (7, 2), (30, 11), (200, 150)):
        expected = binomtest(lost, lost + gained, 0.5).pvalue
        assert mcnemar_p(lost, gained) == pytest.approx(expected)


def test_the_paired_interval_covers_the_true_drop_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    labels, hits = np.zeros(400, int), 0
    for _ in range(400):
        u = random.random(400)  # 6 % lost, 2 % gained: a true drop of 4 points
        before = np.where(u < 0.02, 1, 0)
        after = np.where((u >= 0.02) & (u < 0.08), 1, 0)
        drop = paired_drop(labels, before, after)
        hits += drop.low <= 4 <= drop.high
    assert 0.92 <= hits / 400 <= 0.99


# --- real recipes: shipped weights, no training, and a clock that counts multiplications ---


class Counted:
    """Stub of a session that advances a clock by the multiplications of its model.

    Like the runtime's kernels, it multiplies by every weight, including zeros.
    """

    def __init__(self, model, threads, clock):
        values = model.graph.initializer
        self.weights = sum(math.prod(v.dims) for v in values if len(v.dims) > 1)
        self.clock, self.intra_op_num_threads = clock, threads

    def run(self, outputs, feed):
        self.clock[0] += 1e-9 * self.weights * len(feed["images"])

    def get_session_options(self):
        return self


@pytest.fixture
def counted(monkeypatch):
    """Replace timing on this processor by counting."""
    clock, real = [0.0], measurement.open_session

    def session(model, threads=None):
        return real(model) if threads is None else Counted(model, threads, clock)

    monkeypatch.setattr(measurement, "open_session", session)
    monkeypatch.setenv("OPTIWIDGETS_SPARSE", "off")  # its sessions would be timed for real
    timing = partial(measurement.time_runtimes, clock=lambda: clock[0])
    monkeypatch.setattr(measurement, "time_runtimes", timing)


@pytest.fixture
def judged(wide, counted):
    base = wide.run(Recipe())

    def verdict(policy, **recipe):
        return judge(base, wide.measure(wide.run(Recipe(**recipe))), policy)

    return verdict


HALF = {"sparsity": 0.5, "pruning": "channel", "recovery": "sequential"}


def test_half_the_channels_refitted_are_good_for_a_phone_and_not_for_a_clinic(judged):
    assert judged(MOBILE, **HALF).grade == "good"
    assert judged(MEDICAL, **HALF).grade == "borderline"


def test_zeros_make_it_smaller_not_faster(judged):
    verdict = judged(MOBILE, sparsity=0.5, bits=6)
    assert verdict.reasons[0] == "smaller, not faster: speed x 1.00 (1.00-1.00)"


def test_two_bits_min_max_are_bad(judged):
    assert judged(MOBILE, bits=2).grade == "bad"


def test_pruned_to_the_bone_is_unstable(judged):
    verdict = judged(MOBILE, sparsity=0.95)
    assert verdict.grade == "bad"
    assert verdict.reasons[0].startswith("drop ")
    assert verdict.reasons[1].startswith("unstable: ")


@pytest.fixture(scope="module")
def smear():
    return Experiment.load("smear")


def test_a_drop_that_may_or_may_not_be_too_much_cannot_be_told(smear, counted):
    recipe = Recipe(sparsity=0.35, pruning="channel", recovery="sequential")
    verdict = judge(smear.run(Recipe()), smear.measure(smear.run(recipe)), MOBILE)
    assert verdict.grade == "cannot tell"  # 1.7 points, 0.9 to 2.6: a margin of eight images
    assert "images would settle 2" in verdict.reasons[0]
    assert "1,500 images cannot settle 2" in verdict.reasons[1]


@pytest.mark.parametrize("bits", [32, 8])
def test_cells_without_three_tenths_of_the_channels_are_good_for_a_phone_not_a_clinic(
    smear, counted, bits
):
    recipe = Recipe(sparsity=0.3, pruning="channel", recovery="refit", bits=bits)
    base, rep = smear.run(Recipe()), smear.measure(smear.run(recipe))
    assert judge(base, rep, MOBILE).grade == "good"
    assert judge(base, rep, MEDICAL).grade != "good"
