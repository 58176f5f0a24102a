"""Average precision of boxes beside a slow transcription of COCO's rules."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from example_boxes import as_boxes, draw, slow_precision

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
