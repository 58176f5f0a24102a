"""Counts of boxes beside a slow transcription of the matching, one loop a step."""

from __future__ import annotations

import numpy as np
import pytest
from example_boxes import as_boxes, draw, overlap, slow_precision

from optiwidgets.engine.evaluation.detection_counts import (
    ObjectConfusion,
    count_confusion,
    found_by_area,
    found_objects,
    precision_recall_curve,
    rates,
)
from optiwidgets.engine.evaluation.detection_precision import average_precisions
from optiwidgets.engine.types.boxes import Detections, TrueBoxes
from optiwidgets.engine.types.measurements import Confusion

CLASSES = 3
NOTHING = "nothing"


def slow_matches(true, found, least, score, *, across):
    """Pair each counted detection with the index of its true box, "nothing" or "crowd"."""
    taken, pairs = set(), []
    for row in sorted((row for row in found if row[6] >= score), key=lambda row: -row[6]):
        free = {
            place: overlap(row[2:6], one[2:7])
            for place, one in enumerate(true)
            if one[0] == row[0] and (across or one[1] == row[1]) and place not in taken
        }
        near = [place for place, share in free.items() if share >= least]
        objects = [place for place in near if not true[place][6]]
        if objects:
            best = max(objects, key=lambda place: free[place])
            taken.add(best)
            pairs.append((row, best))
        else:
            pairs.append((row, "crowd" if near else NOTHING))
    return pairs


@pytest.mark.parametrize("seed", range(40))
def test_the_confusion_equals_a_slow_transcription(seed):
    true, found = draw(seed, images=6, classes=CLASSES)
    found[::3, 1] = (found[::3, 1] + 1) % CLASSES  # mistaken for another class
    least, score = (0.5, 0.3) if seed % 2 else (0.3, 0.6)
    expected = np.zeros((CLASSES + 1, CLASSES + 1), int)
    pairs = slow_matches(true, found, least, score, across=True)
    for row, partner in pairs:
        if partner != "crowd":
            truth = CLASSES if partner == NOTHING else int(true[partner][1])
            expected[truth, int(row[1])] += 1
    matched = {partner for _, partner in pairs}
    for place, one in enumerate(true):
        if not one[6] and place not in matched:
            expected[int(one[1]), CLASSES] += 1
    counts = count_confusion(*as_boxes(true, found), CLASSES, least, score)
    assert counts.dtype == np.int64
    assert counts.tolist() == expected.tolist()
    Confusion(counts, ("a", "b", "c", "nothing there"))


@pytest.mark.parametrize("seed", range(40))
def test_found_objects_and_rates_equal_a_slow_transcription(seed):
    true, found = draw(seed, images=6, classes=CLASSES)
    least, score = (0.5, 0.3) if seed % 2 else (0.3, 0.6)
    pairs = slow_matches(true, found, least, score, across=False)
    hits = {partner for _, partner in pairs} - {NOTHING, "crowd"}
    seen = found_objects(*as_boxes(true, found), least, score)
    assert np.flatnonzero(seen).tolist() == sorted(hits)
    computed = rates(*as_boxes(true, found), CLASSES, least, score)
    for k in range(CLASSES):
        right = sum(true[place][1] == k for place in hits)
        wrong = sum(row[1] == k and partner == NOTHING for row, partner in pairs)
        objects = sum(one[1] == k and not one[6] for one in true)
        wanted = (
            right / (right + wrong) if right + wrong else np.nan,
            right / objects if objects else np.nan,
            2 * right / (right + wrong + objects) if right + wrong + objects else np.nan,
        )
        measured = computed.precision[k], computed.recall[k], computed.f1[k]
        np.testing.assert_allclose(measured, wanted, rtol=1e-12)


def test_the_last_column_of_a_confusion_of_objects_is_named_missed():
    confusion = ObjectConfusion([[1, 1], [2, 0]], ["cell", "nothing there"])
    assert confusion.class_names == ("cell", "nothing there")
    assert confusion.column_names == ("cell", "missed")


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("tied", [False, True])
def test_the_mean_of_the_sampled_curve_is_the_average_precision(seed, tied):
    boxes = as_boxes(*draw(seed, images=5, classes=CLASSES, tied=tied))
    expected = average_precisions(*boxes, CLASSES, np.array([0.5]))[:, 0]
    curves = [precision_recall_curve(*boxes, k, 0.5) for k in range(CLASSES)]
    np.testing.assert_allclose([c.sampled.mean() for c in curves], expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_points_of_the_curve_are_the_rates_at_their_scores(seed):
    true, found = draw(seed, images=8, classes=1, tied=seed % 2 == 1)
    boxes = as_boxes(true, found)
    curve = precision_recall_curve(*boxes, 0, 0.5)
    assert (np.diff(curve.scores) < 0).all()
    if not seed % 2:
        best = [max(curve.precision[curve.recall >= r], default=0) for r in np.linspace(0, 1, 101)]
        np.testing.assert_allclose(np.mean(best), slow_precision(true, found, 0, 0.5))
    for score, recall, precision in zip(curve.scores, curve.recall, curve.precision, strict=True):
        found_at = rates(*boxes, 1, 0.5, score)
        assert (found_at.recall[0], found_at.precision[0]) == (recall, precision)
        assert curve.at(score) == (recall, precision)
    assert curve.at(2.0) is None


def test_the_listing_of_boxes_changes_nothing():
    true, found = draw(3, images=20, classes=CLASSES, tied=True)
    boxes, reverse = as_boxes(true, found), as_boxes(true[::-1], found[::-1])
    counts = [count_confusion(*each, CLASSES, 0.5, 0.3).tolist() for each in (boxes, reverse)]
    assert counts[0] == counts[1]
    seen = [found_objects(*each, 0.5, 0.3) for each in (boxes, reverse)]
    assert seen[0].tolist() == seen[1][::-1].tolist()
    curves = [precision_recall_curve(*each, 0, 0.5) for each in (boxes, reverse)]
    np.testing.assert_array_equal(curves[0].precision, curves[1].precision)
    np.testing.assert_array_equal(curves[0].sampled, curves[1].sampled)


@pytest.mark.parametrize("listed", [[0, 1], [1, 0]])
@pytest.mark.parametrize(
    ("detected", "expected"),
    [
        ([0], [[1, 0, 0], [0, 0, 1], [0, 0, 0]]),
        ([1], [[0, 0, 1], [0, 1, 0], [0, 0, 0]]),
        ([1, 0], [[1, 0, 0], [0, 1, 0], [0, 0, 0]]),
        ([1, 1], [[0, 1, 0], [0, 1, 0], [0, 0, 0]]),
    ],
)
def test_equal_true_boxes_are_counted_with_their_own_class(listed, detected, expected):
    boxes, zeros = np.array([[0.0, 0, 4, 4]] * 2), np.zeros(2, int)
    true = TrueBoxes(boxes, np.array(listed), zeros, zeros > 0)
    scores = np.linspace(0.9, 0.8, len(detected))
    found = Detections(boxes[: len(detected)], scores, np.array(detected), zeros[: len(detected)])
    assert count_confusion(found, true, 2, 0.5, 0.3).tolist() == expected


def test_sets_without_boxes_count_nothing():
    none = Detections.of([])
    nothing = TrueBoxes.of(np.empty((0, 1, 6), np.float32))
    assert count_confusion(none, nothing, 2, 0.5, 0.3).sum() == 0
    assert found_objects(none, nothing, 0.5, 0.3).shape == (0,)
    assert np.isnan(rates(none, nothing, 2, 0.5, 0.3).f1).all()
    curve = precision_recall_curve(none, nothing, 0, 0.5)
    assert np.isnan(curve.sampled).all()
    assert len(curve.scores) == 0
    _, true = as_boxes(np.array([[0, 1, 0, 0, 4, 4, 0.0]]), np.empty((0, 7)))
    assert count_confusion(none, true, 2, 0.5, 0.3)[1, 2] == 1
    assert precision_recall_curve(none, true, 1, 0.5).sampled.sum() == 0


def test_the_object_takes_one_detection_and_the_second_is_of_nothing():
    true = np.array([[0, 1, 0, 0, 10, 10, 0.0], [0, 0, 50, 50, 60, 60, 1.0]])
    twice = [[0, 1, 0, 0, 10, 9, 0.9], [0, 0, 0, 0, 10, 10, 0.8], [0, 1, 51, 51, 55, 55, 0.7]]
    counts = count_confusion(*as_boxes(true, np.array(twice)), 2, 0.5, 0.3)
    assert counts.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0]]  # the third lies in a crowd


def test_found_thirds_are_counted_over_objects_sorted_by_area():
    for seed in range(8):
        found, true = as_boxes(*draw(seed, 30, CLASSES))
        seen = found_objects(found, true, 0.5, 0.3)
        rows = [
            ((x1 - x0) * (y1 - y0), each)
            for (x0, y0, x1, y1), crowd, each in zip(true.boxes, true.crowd, seen, strict=True)
            if not crowd
        ]
        ranked = [each for _, each in sorted(rows, key=lambda row: row[0])]
        third = len(ranked) // 3
        expected = sum(ranked[:third]) / third, sum(ranked[-third:]) / third
        assert found_by_area(seen, true) == pytest.approx(expected)


def test_two_objects_have_no_third():
    boxes, zeros = np.array([[0.0, 0, 4, 4], [9.0, 9, 12, 12]]), np.zeros(2, int)
    true = TrueBoxes(boxes, zeros, zeros, np.array([False, False]))
    assert np.isnan(found_by_area(zeros == 0, true)).all()
