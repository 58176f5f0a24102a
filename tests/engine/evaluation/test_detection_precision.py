"""Average precision of boxes beside a slow transcription of COCO's rules."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from example_boxes import as_boxes, draw, slow_precision

from optiwidgets.engine.evaluation import detection_precision
from optiwidgets.engine.evaluation.detection_matching import match
from optiwidgets.engine.evaluation.detection_precision import (
    OVERLAPS,
    average_precisions,
)
from optiwidgets.engine.types.boxes import Detections, TrueBoxes


@pytest.mark.parametrize("seed", range(60))
def test_precisions_equal_a_slow_transcription(seed):
    true, found = draw(seed, images=1 + seed % 7, classes=1 + seed % 3)
    computed = average_precisions(*as_boxes(true, found), 3)
    expected = [[slow_precision(true, found, k, t) for t in OVERLAPS] for k in range(3)]
    np.testing.assert_allclose(computed, expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(50))
def test_equal_scores_give_the_mean_over_all_orders(seed):
    true, found = draw(seed, images=2, classes=1, tied=True)
    found = found[:5]
    orders = [found[list(order)] for order in permutations(range(len(found)))]
    expected = np.mean([slow_precision(true, order, 0, 0.5) for order in orders])
    for listed in (found, found[::-1]):
        computed = average_precisions(*as_boxes(true, listed), 1, np.array([0.5]))
        np.testing.assert_allclose(computed, [[expected]], atol=1e-9)


def count_evaluated(monkeypatch):
    """Record the number of detections in each call that matches boxes."""
    evaluated = []

    def counted(found, true, thresholds):
        evaluated.append(len(found.scores))
        return match(found, true, thresholds)

    monkeypatch.setattr(detection_precision, "match", counted)
    return evaluated


def test_only_images_with_equal_scores_are_matched_anew(monkeypatch):
    evaluated = count_evaluated(monkeypatch)
    boxes, image = np.tile([0.0, 0, 4, 4], (500, 1)), np.arange(500)
    zeros, scores = np.zeros(500, int), np.linspace(0.9, 0.1, 500)
    true = TrueBoxes(boxes, zeros, image, zeros > 0)
    boxes = np.where((image % 2 == 0)[:, None], boxes, boxes + 50)  # every second one is a hit
    scores[1:10:2] = scores[2:11:2]  # five pairs of a hit and a false alarm
    found = Detections(boxes, scores, zeros, image)
    average_precisions(found, true, 1)
    assert sum(evaluated) <= 1000
    again = found.take(np.append(image, [4, 5]))  # the same box twice in two images
    average_precisions(again, true, 1)
    assert sum(evaluated) <= 2200


@pytest.mark.parametrize("seed", range(30))
def test_few_orders_of_a_large_set_are_all_taken(seed):
    true, found = draw(seed, images=20, classes=1)
    found = found[np.argsort(-found[:, 6])]
    found[3, 6] = found[2, 6]
    found[8:10, 6] = found[7, 6]
    orders = [
        [*range(2), *pair, 4, 5, 6, *three, *range(10, len(found))]
        for pair in permutations((2, 3))
        for three in permutations((7, 8, 9))
    ]
    expected = np.mean([slow_precision(true, found[order], 0, 0.5) for order in orders])
    computed = average_precisions(*as_boxes(true, found), 1, np.array([0.5]))
    np.testing.assert_allclose(computed, [[expected]], atol=1e-9)


def test_equal_scores_around_the_hundredth_detection_share_its_place():
    box, zeros = np.array([[0.0, 0, 4, 4]]), np.zeros(102, int)
    true = TrueBoxes(box, zeros[:1], zeros[:1], np.array([False]))
    scores = np.append(np.linspace(0.9, 0.6, 98), np.full(4, 0.5))
    found = Detections(np.concatenate([np.tile(box + 50, (101, 1)), box]), scores, zeros, zeros)
    computed = average_precisions(found, true, 1, np.array([0.5]))  # 99th or 100th: 2 of 4 places
    assert computed[0, 0] == pytest.approx((1 / 99 + 1 / 100) / 4)


def test_more_orders_than_are_listed_do_not_hang_on_the_listing():
    true, found = draw(3, images=30, classes=1, tied=True)
    computed = [
        average_precisions(*as_boxes(true, found[order]), 1)
        for order in (
            slice(None),
            slice(None, None, -1),
            np.random.default_rng(0).permutation(len(found)),
        )
    ]
    np.testing.assert_array_equal(computed[0], computed[1])
    np.testing.assert_array_equal(computed[0], computed[2])


def test_a_hundred_detections_of_an_image_and_class_count():
    box = np.array([[0.0, 0.0, 4.0, 4.0]])
    far = np.tile(box + 50, (100, 1))
    zeros = np.zeros(101, int)
    true = TrueBoxes(box, zeros[:1], zeros[:1], np.array([False]))
    scores = np.linspace(0.9, 0.1, 101)
    found = Detections(np.concatenate([far, box]), scores, zeros, zeros)
    assert average_precisions(found, true, 1).max() == 0
    found = Detections(np.concatenate([far[:99], box]), scores[:100], zeros[:100], zeros[:100])
    assert average_precisions(found, true, 1)[0, 0] == pytest.approx(0.01)
