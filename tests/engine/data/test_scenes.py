from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from optiwidgets.engine.data import loaders, scenes
from optiwidgets.engine.data.dataset import PARTS
from optiwidgets.engine.data.loaders import (
    count_training_images,
    draw_training_part,
    load_dataset,
)
from optiwidgets.engine.data.scenes import draw_scenes, warp

MEANS = [
    [[61, 58, 74, 80], [64, 59, 101, 100], [69, 60, 57, 46], [58, 53, 64, 52]],
    [[80, 77, 54, 59], [89, 99, 69, 68], [59, 82, 66, 96], [45, 69, 60, 126]],
    [[74, 75, 62, 44], [74, 82, 91, 96], [39, 56, 166, 84], [58, 59, 76, 54]],
]  # of 4 x 4 squares of three scenes
BOXES = [[32, 33, 55, 58, 5, 0], [63, 11, 85, 48, 8, 0]]


@pytest.fixture(scope="module")
def digits():
    """Return the calibration digits (500, 28, 28) and their labels."""
    pixels, labels = loaders._digit_pixels()
    own = loaders._digit_parts()[1]
    return pixels[own], labels[own]


@pytest.fixture(scope="module")
def drawn(digits):
    """Draw 150 scenes: pixels (150, 96, 96), targets (150, 6, 6)."""
    pixels, targets = draw_scenes(*digits, 150, seed=1)
    return pixels[:, 0], targets


def boxes_of(rows):
    return rows[rows[:, 4] >= 0]


# The generator


def test_a_scene_has_one_to_six_digits_and_rows_without_one_are_empty(drawn):
    _, targets = drawn
    counts = (targets[:, :, 4] >= 0).sum(1)
    assert set(counts.tolist()) == {1, 2, 3, 4, 5, 6}
    empty = targets[targets[:, :, 4] < 0]
    np.testing.assert_array_equal(empty, np.tile([0, 0, 0, 0, -1, 0], (len(empty), 1)))
    assert set(targets[targets[:, :, 4] >= 0][:, 4].tolist()) == set(range(10))


def test_boxes_are_whole_pixels_inside_the_scene_of_14_to_40_on_the_longer_edge(drawn):
    boxes = boxes_of(drawn[1].reshape(-1, 6))[:, :4]
    np.testing.assert_array_equal(boxes, boxes.round())
    assert boxes.min() >= 0
    assert boxes.max() <= scenes.EDGE
    longer = (boxes[:, 2:] - boxes[:, :2]).max(1)
    assert longer.min() == 14
    assert longer.max() == 40


def test_two_boxes_share_at_most_a_fifth_of_the_smaller_one(drawn):
    most = 0.0
    for rows in drawn[1]:
        boxes = boxes_of(rows)[:, :4].astype(int)
        covers = np.zeros((len(boxes), scenes.EDGE, scenes.EDGE), bool)
        for cover, (x0, y0, x1, y1) in zip(covers, boxes, strict=True):
            cover[y0:y1, x0:x1] = True
        for i in range(len(boxes)):
            for other in covers[:i]:
                shared = (covers[i] & other).sum() / min(covers[i].sum(), other.sum())
                most = max(most, shared)
    assert 0.15 < most <= 0.2  # and some do overlap


def test_a_box_is_tight_around_the_ink_of_its_digit(digits, monkeypatch):
    monkeypatch.setattr(scenes, "AMPLITUDE", 0.0)  # a flat ground, and no stroke
    monkeypatch.setattr(scenes, "_add_strokes", lambda *_: None)
    pixels, targets = draw_scenes(*digits, 60, seed=2)
    seen = 0
    for scene, rows in zip(pixels[:, 0], targets, strict=True):
        boxes = boxes_of(rows)
        if len(boxes) > 1:
            continue
        x0, y0, x1, y1 = boxes[0, :4].astype(int)
        ground = int(scene[0, 0]) if (x0, y0) != (0, 0) else int(scene[-1, -1])
        # ink of a quarter or more covers a quarter of the way from the ground to a tone of 0.7
        inked = scene > ground + 0.2 * (0.7 * 255 - ground)
        rows_inked, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
        assert [columns[0], rows_inked[0], columns[-1] + 1, rows_inked[-1] + 1] == [x0, y0, x1, y1]
        seen += 1
    assert seen >= 5


def test_digits_have_their_own_shape_upright_and_not_mirrored():
    ink = np.zeros((1, 28, 28), np.uint8)
    ink[0, 4:24, 8:11] = ink[0, 21:24, 8:20] = 255  # an L
    pixels, targets = draw_scenes(ink, np.array([6]), 1, seed=3)
    x0, y0, x1, y1 = targets[0, 0, :4].astype(int)
    shown = pixels[0, 0, y0:y1, x0:x1].astype(float)
    assert (y1 - y0) / (x1 - x0) == pytest.approx(20 / 12, rel=0.1)
    assert shown[: (y1 - y0) // 2, -((x1 - x0) // 2) :].mean() < shown[:, :2].mean() - 60
    assert targets[0, 0, 4] == 6


def test_a_scene_has_three_to_eight_strokes(digits, monkeypatch):
    counts = set()
    whole = scenes._whole

    def counted(uniform, limits):
        made = whole(uniform, limits)
        if limits == scenes.STROKES:
            counts.add(made)
        return made

    monkeypatch.setattr(scenes, "_whole", counted)
    draw_scenes(*digits, 60, seed=4)
    assert counts == {3, 4, 5, 6, 7, 8}


def test_the_ground_varies_by_a_fifth_about_its_mean(digits, monkeypatch):
    monkeypatch.setattr(scenes, "_add_strokes", lambda *_: None)
    monkeypatch.setattr(scenes, "_add_digits", lambda *_: None)
    monkeypatch.setattr(scenes, "GRAIN", 0.0)
    grounds = draw_scenes(*digits, 50, seed=5)[0] / 255
    assert grounds.min() == pytest.approx(scenes.GROUND - 0.05 - scenes.AMPLITUDE, abs=0.03)
    assert grounds.max() == pytest.approx(scenes.GROUND + 0.05 + scenes.AMPLITUDE, abs=0.03)
    assert 0.05 < grounds.std() < scenes.AMPLITUDE


def test_a_seed_decides_everything(digits):
    first, again, other = (draw_scenes(*digits, 5, seed=seed) for seed in (5, 5, [5, 1]))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[0] != other[0]).mean() > 0.5


def test_numpys_own_random_stream_is_left_alone(digits):
    np.random.seed(3)
    expected = np.random.random(4)
    np.random.seed(3)
    draw_scenes(*digits, 2, seed=0)
    np.testing.assert_array_equal(np.random.random(4), expected)


def test_bad_input_is_refused(digits):
    with pytest.raises(ValueError, match="count is 1 scene or more, not 0"):
        draw_scenes(*digits, 0, seed=0)
    with pytest.raises(ValueError, match="scenes need 1 digit or more, not 0"):
        draw_scenes(digits[0][:0], digits[1][:0], 3, seed=0)
    with pytest.raises(ValueError, match="a digit has pixels of 64 or more; one has none"):
        draw_scenes(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.int64), 3, seed=0)


# The dataset


def test_the_scenes_of_a_part_are_made_of_its_own_digits(monkeypatch):
    given, draw = {}, scenes.draw_scenes

    def noted(digits, labels, count, seed):
        given[seed] = {hashlib.sha256(digit.tobytes()).digest() for digit in digits}
        return draw(digits, labels, 2, seed)

    monkeypatch.setattr(scenes, "draw_scenes", noted)
    loaders._scenes.cache_clear()
    try:
        data = load_dataset("scenes")
    finally:
        loaders._scenes.cache_clear()
    digits = load_dataset("digits")
    assert [len(given[scenes.SEEDS[part]]) for part in PARTS] == [
        len(getattr(digits, part)[1]) for part in PARTS
    ]
    assert len(set.union(*given.values())) == sum(map(len, given.values()))  # in no two parts
    assert len(data.train[1]) == 2


def test_the_scenes_are_a_dataset_of_boxes():
    data = load_dataset("scenes")
    assert data.targets == "boxes"
    assert data.shape == (1, 96, 96)
    assert {part: len(getattr(data, part)[1]) for part in PARTS} == scenes.COUNTS
    assert data.class_names == tuple("0123456789")
    images = data.train[0]
    assert images.mean().item() == pytest.approx(0, abs=1e-3)
    assert images.std().item() == pytest.approx(1, abs=1e-3)


def test_the_scenes_are_those_the_detector_was_trained_for():
    data = load_dataset("scenes")
    pixels = (data.pixels(data.exploration[0]) * 255).round()
    squares = pixels[:3].reshape(3, 4, 24, 4, 24).mean((2, 4)).round().int()
    assert squares.tolist() == MEANS
    assert data.exploration[1][0, :2].int().tolist() == BOXES


def test_training_scenes_are_new_ones_of_the_training_digits(monkeypatch):
    data = load_dataset("scenes")
    monkeypatch.setattr(scenes, "FRESH", 3)
    (images, targets), (again, _), (other, _) = (
        draw_training_part(data, seed) for seed in ([0, 1], [0, 1], [0, 2])
    )
    assert count_training_images(data) == len(images) == len(targets) == 3
    assert torch.equal(images, again)
    assert not torch.equal(images, other)


def test_a_dataset_that_is_not_drawn_trains_on_its_training_part():
    digits = load_dataset("digits")
    assert draw_training_part(digits, [0, 1]) is digits.train
    assert count_training_images(digits) == 2500


def test_warped_digits_stay_near_their_place(digits):
    pixels, _ = digits
    warped = warp(pixels, [0])
    assert warped.dtype == np.uint8
    assert (warped != pixels).mean() > 0.1
    ink, kept = pixels.astype(float).ravel(), warped.astype(float).ravel()
    assert 0.7 < np.corrcoef(ink, kept)[0, 1] < 0.99
