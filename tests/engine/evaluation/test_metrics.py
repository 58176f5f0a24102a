from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, norm
from sklearn.metrics import average_precision_score, confusion_matrix

from optiwidgets.engine.evaluation import metrics
from optiwidgets.engine.evaluation.metrics import (
    average_precision,
    count_confusion,
    mean_average_precision,
    wilson_interval,
)
from optiwidgets.engine.evaluation.paired_test import Z95, mcnemar_p, paired_drop

PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60)


@given(PAIRS)
def test_confusion_is_scikit_learns(pairs):
    labels, predictions = np.array(pairs).T
    counted = count_confusion(labels, predictions, 3)
    np.testing.assert_array_equal(counted, confusion_matrix(labels, predictions, labels=range(3)))
    assert counted.dtype == np.int64


def test_confusion_by_hand_has_the_truth_in_its_rows():
    counted = count_confusion(np.array([0, 0, 0, 2]), np.array([1, 1, 0, 0]), 3)
    assert counted.tolist() == [[1, 2, 0], [0, 0, 0], [1, 0, 0]]


def test_a_class_that_nothing_is_of_still_has_its_row_and_column():
    assert count_confusion(np.array([0]), np.array([0]), 4).shape == (4, 4)


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_scipys(case):
    right, total = case
    expected = binomtest(right, total).proportion_ci(method="wilson")
    assert wilson_interval(right, total) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilsons_interval_by_hand():
    # 1 of 4 with z^2 = 4 would be (0.25 + 0.5 +- 2 sqrt(0.1875 / 4 + 4 / 64)) / 2
    z2 = Z95**2 / 4
    half = Z95 * math.sqrt(0.25 * 0.75 / 4 + z2 / 16)
    low, high = wilson_interval(1, 4)
    assert low == pytest.approx((0.25 + z2 / 2 - half) / (1 + z2))
    assert high == pytest.approx((0.25 + z2 / 2 + half) / (1 + z2))
    assert pytest.approx(norm.ppf(0.975)) == Z95


def test_an_interval_stays_inside_0_and_1():
    assert wilson_interval(0, 3)[0] == 0.0
    assert wilson_interval(3, 3)[1] == 1.0


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemars_p_is_the_exact_binomial_one(lost, gained):
    expected = binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
    assert mcnemar_p(lost, gained) == pytest.approx(expected)
    assert mcnemar_p(lost, gained) == pytest.approx(mcnemar_p(gained, lost))


def test_mcnemars_p_by_hand():
    assert mcnemar_p(0, 0) == 1.0
    assert mcnemar_p(6, 0) == pytest.approx(2 / 2**6)
    assert mcnemar_p(4, 1) == pytest.approx(2 * (1 + 5) / 2**5)


def test_a_paired_drop_by_hand():
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    before = np.array([0, 1, 2, 0, 1, 0, 1, 1])  # wrong at 5 and 6
    after = np.array([1, 1, 0, 1, 1, 2, 2, 1])  # lost 0, 2 and 3, gained 5
    drop = paired_drop(labels, before, after)
    assert (drop.points, drop.lost, drop.gained) == (25.0, 3, 1)
    half = Z95 * math.sqrt((0.4 + 0.2 - 0.2**2) / 10)  # p12 = 4 / 10, p21 = 2 / 10
    assert (drop.low, drop.high) == pytest.approx((100 * (0.2 - half), 100 * (0.2 + half)))
    assert drop.p == pytest.approx(2 * (1 + 4) / 2**4)


@given(PAIRS)
def test_a_drop_turned_around_is_a_gain(pairs):
    before, after = np.array(pairs).T
    labels = np.zeros(len(before), int)
    there, back = paired_drop(labels, before, after), paired_drop(labels, after, before)
    assert (there.points, there.lost) == (-back.points, back.gained)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.low < there.high


SCORES = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=1, max_size=40)


@given(SCORES.filter(lambda rows: any(relevant for relevant, _ in rows)))
def test_average_precision_is_scikit_learns_ties_included(rows):
    relevant = np.array([r for r, _ in rows])
    scores = np.array([s for _, s in rows], dtype=np.float32) / 8
    expected = average_precision_score(relevant, scores)
    assert average_precision(relevant, scores) == pytest.approx(expected, abs=1e-6)


def test_equal_scores_enter_together():
    # two of three images share the highest score, one of them relevant: precision 1 / 2, recall 1
    relevant, scores = np.array([True, False, False]), np.array([0.7, 0.7, 0.2], np.float32)
    assert average_precision(relevant, scores) == 0.5
    assert average_precision(relevant[[1, 0, 2]], scores) == 0.5


@pytest.mark.parametrize("levels", [3, 40, 10**6])
@pytest.mark.parametrize("at_once", [1, 200, 2**20])
def test_the_mean_has_the_bits_of_sorting_class_by_class(monkeypatch, levels, at_once):
    monkeypatch.setattr(metrics, "MOST_SORTED", at_once)
    random = np.random.default_rng(levels)
    labels = random.integers(0, 6, 90)
    scores = (random.integers(-levels, levels, (90, 7)) / levels).astype(np.float32)
    expected = []
    for k in range(6):
        order = np.argsort(-scores[:, k], kind="stable")
        hits, ranked = np.cumsum((labels == k)[order]), scores[order, k]
        ends = np.append(np.flatnonzero(np.diff(ranked)), 89)
        gained = np.diff(hits[ends], prepend=0)
        expected.append((gained * (hits[ends] / (ends + 1))).sum() / hits[-1])
        assert average_precision(labels == k, scores[:, k]) == expected[-1]
    assert mean_average_precision(labels, scores) == float(np.mean(expected))
    scores[5, 2] = np.inf
    assert math.isnan(mean_average_precision(labels, scores))
    scores[:, 6] = np.nan  # a class without images
    scores[5, 2] = 0.0
    assert mean_average_precision(labels, scores) > 0


def test_average_precision_is_nan_where_it_is_undefined():
    scores = np.array([0.5, 0.4], np.float32)
    assert math.isnan(average_precision(np.array([False, False]), scores))
    assert math.isnan(average_precision(np.array([True, False]), np.array([np.nan, 0.1])))


def test_the_mean_over_classes_is_scikit_learns_macro():
    random = np.random.default_rng(5)
    labels = random.permutation(np.repeat([0, 1, 2], [17, 4, 9]))
    scores = random.dirichlet([1, 1, 1], 30).astype(np.float32)
    expected = average_precision_score(np.eye(3)[labels], scores, average="macro")
    assert mean_average_precision(labels, scores) == pytest.approx(expected, abs=1e-6)


def test_a_class_without_images_is_left_out_of_the_mean():
    labels, scores = np.array([0, 2]), np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]])
    assert mean_average_precision(labels, scores) == 1.0


def test_a_real_report_agrees_with_the_references(digits):
    from optiwidgets.engine.types.recipe import Recipe

    report = digits.run(Recipe(sparsity=0.85, bits=3))
    truth = np.eye(10)[report.labels]
    right = int((report.labels == report.predictions).sum())
    interval = binomtest(right, 1500).proportion_ci(method="wilson")
    assert report.mean_average_precision == pytest.approx(
        average_precision_score(truth, report.scores, average="macro"), abs=1e-6
    )
    assert report.accuracy_interval == pytest.approx((interval.low, interval.high))
    np.testing.assert_array_equal(
        report.confusion.counts, confusion_matrix(report.labels, report.predictions)
    )
