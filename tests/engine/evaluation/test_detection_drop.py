"""Paired drop of mAP@0.5 beside average precisions of explicitly resampled sets."""

from __future__ import annotations

import numpy as np
import pytest
from example_boxes import as_boxes, draw, slow_precision

from optiwidgets.engine.evaluation.detection_counts import found_objects
from optiwidgets.engine.evaluation.detection_drop import (
    RESAMPLES,
    drop_between,
    map_interval,
    paired_drop,
    resample,
    resample_weights,
    resampled_maps,
)
from optiwidgets.engine.evaluation.detection_precision import average_precisions
from optiwidgets.engine.types.boxes import Detections, TrueBoxes

CLASSES, IMAGES = 4, 12


def resampled_rows(rows, weights):
    """List the rows of each image as often as the resample has it, each time as a new image."""
    copies = [image for image, weight in enumerate(weights) for _ in range(weight)]
    parts = [rows[rows[:, 0] == image] for image in copies]
    return [np.array([new, *row[1:]]) for new, part in enumerate(parts) for row in part]


@pytest.mark.parametrize("seed", [0, 1])
def test_resampled_precisions_equal_those_of_explicit_sets(seed):
    true, found = draw(seed, IMAGES, CLASSES)
    maps = resampled_maps(*as_boxes(true, found), CLASSES, IMAGES)
    weights = resample_weights(IMAGES)
    for at in range(0, RESAMPLES, RESAMPLES // 20):
        objects = resampled_rows(true, weights[:, at])
        detected = resampled_rows(found, weights[:, at])
        each = [slow_precision(objects, detected, k, 0.5) for k in range(CLASSES)]
        assert maps[at] == pytest.approx(np.nanmean(each), abs=1e-9)


def test_a_class_without_truth_in_a_resample_is_left_out_of_its_mean():
    zeros, image = np.zeros(2, int), np.arange(2)
    true = TrueBoxes(np.tile([0.0, 0, 4, 4], (2, 1)), image, image, zeros > 0)
    found = Detections(true.boxes[:1], np.ones(1), zeros[:1], zeros[:1])
    maps, (first, second) = resampled_maps(found, true, 3, 2), resample_weights(2)
    assert (maps[first == 2] == 1).all()
    assert (maps[second == 2] == 0).all()
    assert (maps[first == second] == 0.5).all()
    assert (first == 2).any()
    assert (second == 2).any()


def test_the_drop_is_the_difference_with_its_percentiles_and_p():
    true, before = draw(5, 40, CLASSES)
    after = before[np.random.default_rng(0).random(len(before)) < 0.8]
    (old, boxes), (new, _) = as_boxes(true, before), as_boxes(true, after)
    drop = paired_drop(boxes, old, new, CLASSES, 40)
    half = np.array([0.5])
    maps = [np.nanmean(average_precisions(each, boxes, CLASSES, half)) for each in (old, new)]
    assert drop.points == pytest.approx(100 * (maps[0] - maps[1]))
    losses = np.subtract(*(resampled_maps(each, boxes, CLASSES, 40) for each in (old, new)))
    objects = (~boxes.crowd).sum()
    shares = (drop.lost + 1) / (objects + 2), (drop.gained + 1) / (objects + 2)
    half = 196 * ((sum(shares) - (shares[0] - shares[1]) ** 2) / (objects + 2)) ** 0.5
    low, high = np.quantile(100 * losses, [0.025, 0.975])
    assert drop.low == pytest.approx(min(low, drop.points - half), abs=0.01)
    assert drop.high == pytest.approx(max(high, drop.points + half), abs=0.01)
    rarer = min(sum(losses <= 0), sum(losses >= 0))
    assert drop.p == pytest.approx(2 * (1 + rarer) / 2001)
    seen = [found_objects(each, boxes, 0.5, 0.3) for each in (old, new)]
    assert drop.lost - drop.gained == seen[0].sum() - seen[1].sum()
    assert drop.lost == (seen[0] & ~seen[1]).sum() > 0
    back = paired_drop(boxes, new, old, CLASSES, 40)
    assert (back.points, back.low, back.high, back.lost) == pytest.approx(
        (-drop.points, -drop.high, -drop.low, drop.gained)
    )
    assert back.p == drop.p


def test_p_is_the_least_there_is_where_all_is_lost():
    true, found = as_boxes(*draw(5, 40, 1))[::-1]
    drop = paired_drop(true, found, found.take(found.scores > 2), 1, 40)
    assert drop.p == 2 / 2001
    assert drop.low > 0


@pytest.mark.parametrize("tied", [False, True])
def test_identical_detections_lose_nothing(tied):
    found, true = as_boxes(*draw(1, 30, CLASSES, tied=tied))
    again = found.take(np.random.default_rng(0).permutation(len(found.scores)))
    drop = paired_drop(true, found, again, CLASSES, 30)
    assert (drop.points, drop.lost, drop.gained, drop.p) == (0, 0, 0, 1)
    objects = (~true.crowd).sum()
    half = 196 * 2**0.5 / (objects + 2)
    assert [drop.low, drop.high] == pytest.approx([-half, half], rel=1e-3)


def test_three_images_do_not_prove_that_nothing_is_lost():
    boxes, image, zeros = np.tile([0.0, 0, 4, 4], (3, 1)), np.arange(3), np.zeros(3, int)
    true = TrueBoxes(boxes, zeros, image, zeros > 0)
    found = Detections(boxes, np.linspace(0.9, 0.7, 3), zeros, image)
    drop = paired_drop(true, found, found, 1, 3)
    assert drop.low < -50
    assert drop.high > 50
    gone = paired_drop(true, found, found.take(image < 0), 1, 3)
    assert gone.low < 50 < gone.points == gone.high == 100


def test_equal_scores_are_resampled_around_their_mean_over_orders():
    image, zeros = np.arange(60), np.zeros(60, int)
    boxes = np.tile([0.0, 0, 4, 4], (60, 1))
    true = TrueBoxes(boxes[:30], zeros[:30], image[:30], np.zeros(30, bool))
    found = Detections(boxes, np.full(60, 0.5), zeros, image)  # 30 hits, listed first, 30 false
    side = resample(found, true, 1, 60)
    assert 0.5 < side.map_50 < 0.6
    assert side.maps.mean() == pytest.approx(side.map_50, abs=0.04)


def test_a_baseline_is_computed_once_for_many_drops():
    found, true = as_boxes(*draw(4, 30, CLASSES))
    base = resample(found, true, CLASSES, 30)
    for least in (0.4, 0.6):
        other = found.take(found.scores > least)
        drop = drop_between(base, resample(other, true, CLASSES, 30))
        assert drop == paired_drop(true, found, other, CLASSES, 30)


@pytest.mark.parametrize("crowd", [False, True])
def test_without_objects_the_drop_is_unknown(crowd):
    boxes = np.tile([0.0, 0, 4, 4], (int(crowd), 1))
    zeros = np.zeros(len(boxes), int)
    true = TrueBoxes(boxes, zeros, zeros, np.ones(len(boxes), bool))
    found = Detections(np.array([[0.0, 0, 4, 4]]), np.ones(1), np.zeros(1, int), np.zeros(1, int))
    drop = paired_drop(true, found, found, 2, 3)
    assert np.isnan([drop.points, drop.low, drop.high, drop.p]).all()
    assert drop.lost == drop.gained == 0


def scenes(random, images):
    """Draw scenes whose objects two detectors find with probability 0.9 and 0.75, by their scores.

    Returns true boxes and both detections. Boxes lie apart, and false alarms apart from them.
    """
    counts = random.integers(1, 5, images)
    image = np.repeat(np.arange(images), counts)
    first = np.cumsum(counts) - counts
    column = np.arange(len(image)) - first[image]
    corner = np.stack([20.0 * column, np.zeros(len(image))], 1)
    boxes = np.concatenate([corner, corner + 10], 1)
    classes = random.integers(2, size=len(image))
    true = TrueBoxes(boxes, classes, image, np.zeros(len(image), bool))
    both = []
    for share, alarms in ((0.9, 0.3), (0.75, 0.4)):
        hit, false = random.random(len(image)) < share, random.random(len(image)) < alarms
        strength = 0.3 * random.random(images)[image]  # scores of one image go together
        scores = np.concatenate(
            [
                0.3 + strength[hit] + 0.4 * random.random(hit.sum()),
                strength[false] + 0.6 * random.random(false.sum()),
            ]
        )
        both.append(
            Detections(
                np.concatenate([boxes[hit], boxes[false] + 500]),
                scores,
                np.concatenate([classes[hit], classes[false]]),
                np.concatenate([image[hit], image[false]]),
            )
        )
    return true, *both


def test_intervals_hold_the_true_loss_about_as_often_as_they_say():
    random = np.random.default_rng(20261130)
    true, *both = scenes(random, 30_000)
    half = np.array([0.5])
    maps = [average_precisions(each, true, 2, half).mean() for each in both]
    loss, held = 100 * (maps[0] - maps[1]), 0
    for _ in range(200):
        drop = paired_drop(*scenes(random, 30), classes=2, images=30)
        held += drop.low <= loss <= drop.high
    assert 0.88 <= held / 200 < 1


def mostly_found(random, images):
    """Draw one object an image, found with probability 0.97, without a false alarm."""
    boxes, zeros = np.tile([0.0, 0, 10, 10], (images, 1)), np.zeros(images, int)
    true = TrueBoxes(boxes, zeros, np.arange(images), zeros > 0)
    hit = random.random(images) < 0.97
    found = Detections(boxes[hit], random.random(hit.sum()), zeros[hit], np.flatnonzero(hit))
    return found, true


@pytest.mark.parametrize(("images", "usual"), [(5, 0.55), (30, 0.2)])
def test_intervals_hold_the_true_value_of_a_detector_that_misses_little(images, usual):
    """Without false alarms, 98 of the 101 recalls, 0 to 0.97, are reached at precision 1."""
    random = np.random.default_rng(20261130)
    drawn = [map_interval(resample(*mostly_found(random, images), 1, images)) for _ in range(100)]
    low, high = np.array(drawn).T
    assert ((low <= 98 / 101) & (high >= 98 / 101)).mean() >= 0.88
    assert (high - low).mean() < usual


def test_an_interval_without_objects_is_unknown():
    nothing = TrueBoxes(np.empty((0, 4)), *np.empty((2, 0), int), np.empty(0, bool))
    none = Detections(np.empty((0, 4)), np.empty(0), *np.empty((2, 0), int))
    assert np.isnan(map_interval(resample(none, nothing, 1, 2))).all()
