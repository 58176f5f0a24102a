"""Verdicts: the rule on bare numbers, on reports, and on real recipes of the wide model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optiwidgets import Experiment, Policy, Recipe, grade, judge
from optiwidgets.engine.metrics import mcnemar_p, paired_drop
from optiwidgets.engine.report import Confusion, Drop, Latency, Size
from optiwidgets.engine.verdict import Evidence, _decide, is_stable

MOBILE, MEDICAL = Policy.MOBILE, Policy.MEDICAL


@pytest.mark.parametrize(
    ("drop", "size_cut", "speedup", "expected"),
    [
        (1.9, 0.5, 1.01, "good"),
        (2.0, 0.5, 1.01, "borderline"),  # the limit itself is too much
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


def test_an_unstable_model_is_bad_however_small_and_fast():
    verdict = grade(0, 0.9, 9, MOBILE, stable=False)
    assert verdict.grade == "bad"
    assert verdict.reasons[0].startswith("unstable")


def test_reasons_name_what_binds_with_its_number():
    assert "drop 10.0 points; 5 is the limit" in grade(10, 0.6, 3, MOBILE).reasons[0]
    assert "smaller, not faster: speed x 0.98" in grade(1, 0.6, 0.98, MOBILE).reasons[0]
    assert "size cut by 30 %" in grade(1, 0.3, 3, MOBILE).reasons[0]
    assert "fell 4.0 points; 1 is the limit" in grade(0, 0.6, 3, MEDICAL, recall_drop=4).reasons[0]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"drop": 101}, "drop is -100 to 100 points, not 101"),
        ({"drop": float("nan")}, "drop is -100 to 100 points, not nan"),
        ({"size_cut": 60}, "size_cut is -inf to 1 as a share of the bytes, not 60"),
        ({"speedup": -1}, "speedup is 0 to inf times as fast, not -1"),
        ({"recall_drop": 1000}, "recall_drop is -100 to 100 points, not 1000"),
    ],
)
def test_numbers_out_of_range_are_refused(numbers, message):
    with pytest.raises(ValueError, match=message):
        grade(**{"drop": 1, "size_cut": 0.6, "speedup": 3, "policy": MOBILE} | numbers)


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
    assert _decide(given, MOBILE).grade == expected


def test_cannot_tell_says_how_many_images_would_settle_it():
    reason = _decide(evidence(1.0, -1.0, 3.0, n=1000), MOBILE).reasons[0]
    assert "1,000 images cannot settle 2, about 4,000 would" in reason


@pytest.fixture(scope="module")
def wide() -> Experiment:
    return Experiment.load("digits", model="wide")


@pytest.fixture
def pair(wide):
    return wide.run(Recipe()), wide.run(Recipe(sparsity=0.5, bits=6))


def timed(report, low, ratio, high, flips=0.002):
    latency = Latency(ratio, low, high, 1, 1, threads=1)
    return replace(report, latency=latency, flip_rate=flips, baseline_flip_rate=0.002)


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
    assert not is_stable(replace(pair[1], scores=scores))


def test_recall_is_watched_for_the_positive_class_or_else_the_one_that_fell_most(pair):
    base, rep = pair
    counts = base.confusion.counts.copy()
    counts[7, 7] -= 30
    counts[7, 1] += 30
    fallen = timed(replace(rep, confusion=Confusion(counts, rep.class_names)), 1.5, 2, 2.5)
    assert "recall of 7 fell 20.0 points" in " ".join(judge(base, fallen, MEDICAL).reasons)
    watched = [replace(r, positive=0) for r in (base, fallen)]
    assert "recall" not in " ".join(judge(*watched, MEDICAL).reasons)


def test_reports_on_different_images_are_not_compared(wide, pair):
    with pytest.raises(ValueError, match="same images"):
        judge(pair[0], wide.open_sealed(Recipe(bits=4)), MOBILE)


def test_size_cut_is_the_share_of_bytes_saved(pair):
    base, rep = pair
    grown = replace(rep, size=Size({"codes": base.size.total_bytes}, base.size.total_bytes))
    assert "size cut by 0 %" in " ".join(judge(base, timed(grown, 2, 2, 2), MOBILE).reasons)


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


# --- real recipes; measured once, the slow lane's two seconds each ---


@pytest.fixture(scope="module")
def judged(wide):
    base = wide.run(Recipe())

    def verdict(policy, **recipe):
        return judge(base, wide.measure(wide.run(Recipe(**recipe))), policy)

    return verdict


HALF = {"sparsity": 0.5, "pruning": "channel", "recovery": "finetune"}


def test_half_the_channels_fine_tuned_are_good_for_a_phone_and_not_for_a_clinic(judged):
    assert judged(MOBILE, **HALF).grade == "good"
    assert judged(MEDICAL, **HALF).grade == "borderline"


def test_a_drop_that_may_or_may_not_be_too_much_cannot_be_told(judged):
    verdict = judged(MOBILE, **HALF, bits=4, grain="channel")
    assert verdict.grade == "cannot tell"
    assert "1,500 images cannot settle 2" in verdict.reasons[0]


def test_zeros_make_it_smaller_not_faster(judged):
    # an interval misses the truth one time in twenty: three in a row would be no accident
    verdicts = (judged(MOBILE, sparsity=0.5, bits=6) for _ in range(3))
    assert any(v.reasons[0].startswith("smaller, not faster") for v in verdicts)


def test_two_bits_min_max_are_bad(judged):
    assert judged(MOBILE, bits=2).grade == "bad"


def test_pruned_to_the_bone_is_unstable(judged):
    verdict = judged(MOBILE, sparsity=0.95)
    assert verdict.grade == "bad"
    assert verdict.reasons[0].startswith("unstable")
