from __future__ import annotations

import numpy as np
import pytest

from optiwidgets.engine.data import blood_smear, smear_fields
from optiwidgets.engine.data.dataset import PARTS
from optiwidgets.engine.data.loaders import (
    count_training_images,
    draw_training_part,
    load_dataset,
)
from optiwidgets.engine.data.scenes import shared_areas
from optiwidgets.engine.data.smear_fields import draw_fields


@pytest.fixture(scope="module")
def drawn():
    """Draw 100 fields: pixels (100, 3, 96, 96), targets (100, 8, 6)."""
    return draw_fields(100, seed=1)


def cells_of(rows):
    return rows[rows[:, 4] >= 0]


def test_a_field_has_up_to_eight_cells_and_a_third_are_parasitized(drawn):
    _, targets = drawn
    assert targets.shape == (100, 8, 6)
    counts = (targets[:, :, 4] >= 0).sum(1)
    assert 1 <= counts.min() <= 2
    assert counts.max() == 8
    empty = targets[targets[:, :, 4] < 0]
    np.testing.assert_array_equal(empty, np.tile([0, 0, 0, 0, -1, 0], (len(empty), 1)))
    assert cells_of(targets.reshape(-1, 6))[:, 4].mean() == pytest.approx(1 / 3, abs=0.07)


def test_boxes_are_whole_pixels_inside_the_field_and_share_a_fifth_at_most(drawn):
    most = 0.0
    for rows in drawn[1]:
        boxes = cells_of(rows)[:, :4]
        np.testing.assert_array_equal(boxes, boxes.round())
        assert boxes.min() >= 0
        assert boxes.max() <= smear_fields.EDGE
        assert (boxes[:, 2:] - boxes[:, :2]).min() >= 13
        assert (boxes[:, 2:] - boxes[:, :2]).max() <= 27
        shares = shared_areas(boxes.astype(np.int64), boxes)
        most = max(most, (shares - 2 * np.eye(len(boxes))).max())
    assert 0.1 < most <= 0.2


def test_a_box_is_tight_around_the_body_of_its_cell(monkeypatch):
    monkeypatch.setattr(blood_smear, "add_confusers", lambda *_: None)
    monkeypatch.setattr(smear_fields, "add_parasites", lambda *_: None)
    monkeypatch.setattr(blood_smear, "photograph", lambda random, light: light)
    monkeypatch.setattr(smear_fields, "FEWEST", 1)
    monkeypatch.setattr(smear_fields, "MOST", 1)
    light, targets = draw_fields(40, seed=2)
    for field, (box,) in zip(light, targets, strict=True):
        body = field[1] < field[1].max() * (1 - smear_fields.BODY)
        down, right = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
        assert [right[0], down[0], right[-1] + 1, down[-1] + 1] == box[:4].tolist()


def test_only_parasitized_cells_have_rings_and_dots(monkeypatch):
    plain, targets = draw_fields(30, seed=3)
    add = smear_fields.add_parasites
    monkeypatch.setattr(
        smear_fields,
        "add_parasites",
        lambda random, light, chosen, *rest: add(random, light.copy(), chosen, *rest),
    )
    without, same = draw_fields(30, seed=3)  # the same draws, rings and dots left out
    np.testing.assert_array_equal(targets, same)
    changed = (plain != without).any(1)
    for field, rows in zip(changed, targets, strict=True):
        inside = np.zeros(field.shape, bool)
        for x0, y0, x1, y1, kind, _ in rows.astype(int):
            if kind == blood_smear.POSITIVE:
                assert field[y0:y1, x0:x1].any()
                inside[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2] = True
        assert not (field & ~inside).any()


def test_a_parasite_has_a_quarter_to_half_of_the_diameter_of_its_cell():
    n, radius = 200, np.linspace(8.5, 12.5, 200)
    light, centre = np.ones((n, 3, 32, 32)), np.full((n, 2), 15.5)
    random = np.random.default_rng(4)
    smear_fields.add_parasites(random, light, np.arange(n), centre, radius)
    shares = (light[:, 1] < 0.9).sum((1, 2)) / (np.pi * radius**2)  # of the cell's area
    assert 0.02 < shares.min() < 0.07  # a quarter squared, less the hole of a ring
    assert 0.18 < shares.max() < 0.33  # half squared, and the dot at its edge
    darkest = light[:, 1].min((1, 2))
    assert (darkest < 0.5).all()
    rows, columns = np.indices((32, 32))
    away = np.hypot(rows - 15.5, columns - 15.5)
    assert (light[:, 1] == 1)[away[None] > radius[:, None, None]].all()  # not outside the cell


def test_a_seed_decides_everything():
    first, again, other = (draw_fields(3, seed=seed) for seed in (5, 5, [5, 1]))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[0] != other[0]).mean() > 0.5
    with pytest.raises(ValueError, match="count is 1 field or more, not 0"):
        draw_fields(0, seed=0)


def test_the_fields_are_a_dataset_of_boxes_and_no_two_parts_share_one(monkeypatch):
    data = load_dataset("smear-fields")
    assert data.targets == "boxes"
    assert data.shape == (3, 96, 96)
    assert {part: len(getattr(data, part)[1]) for part in PARTS} == smear_fields.COUNTS
    assert data.class_names[data.positive] == "parasitized"
    seen = [{image.numpy().tobytes() for image in getattr(data, part)[0]} for part in PARTS]
    assert len(set.union(*seen)) == sum(smear_fields.COUNTS.values())
    monkeypatch.setattr(smear_fields, "FRESH", 2)
    images, targets = draw_training_part(data, [0, 1])
    assert count_training_images(data) == len(images) == len(targets) == 2
    assert images.mean().item() == pytest.approx(0, abs=1)


def test_the_description_says_that_no_image_is_medical():
    assert "not medical images" in load_dataset("smear-fields").description
