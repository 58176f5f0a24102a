"""Grids of a detector: each stored number is that of ``run``, and comes back from the file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_detector import tiny_detector  # tests/engine

from optiwidgets.engine.experiment import detection_grid
from optiwidgets.engine.experiment.detection_grid import DROP, DetectionGrid
from optiwidgets.engine.experiment.family_grids import detections_of, sizes_of
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.engine.types.runtime_info import RUNTIMES

FAMILY = RecipeFamily(Recipe(), (0.0, 0.01, 0.6), (2, 32))


@pytest.fixture(scope="module")
def detector():
    return tiny_detector()


@pytest.fixture(scope="module")
def grid(detector, tmp_path_factory):
    return detections_of(detector, FAMILY, folder=tmp_path_factory.mktemp("families"))


def test_each_row_has_the_numbers_of_run(detector, grid):
    base = detector.run(Recipe())
    assert any(len(boxes) for boxes in base.boxes)
    for row, recipe in enumerate(FAMILY.recipes):
        report = detector.run(recipe)
        for stored, own in zip(grid.boxes_of(row), report.boxes, strict=True):
            np.testing.assert_array_equal(stored, own)
        drop = report.drop_from(base)
        np.testing.assert_array_equal(grid.precisions[row], report.precisions)
        np.testing.assert_array_equal(grid.drops[row], [getattr(drop, name) for name in DROP])
        np.testing.assert_array_equal(grid.intervals[row], report.interval)
        assert dict(zip(grid.part_names, grid.parts[row], strict=True)) == report.size.parts
        assert grid.counts[row, 1] == report.pruned_weights
        assert RUNTIMES[grid.runtimes[row]] == report.runtime
        assert not grid.lost[row].any()


def test_a_family_is_run_once_and_read_again(detector, tmp_path, monkeypatch):
    few = replace(FAMILY, bits=(32,))
    first = detections_of(detector, few, folder=tmp_path)
    monkeypatch.setattr(DetectionGrid, "of", None)
    again = detections_of(detector, few, folder=tmp_path)
    for name in detection_grid.DTYPES:
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))


def test_equal_boxes_are_judged_once(detector, monkeypatch):
    judged = []
    monkeypatch.setattr(
        detection_grid,
        "_seen",
        lambda report, base, own=detection_grid._seen: judged.append(report) or own(report, base),
    )
    base, same = detector.run(Recipe()), RecipeFamily(Recipe(), (0.0, 0.01), (32,))
    DetectionGrid.of(detector.about, same, base, [base, base])
    assert len(judged) == 1


def test_a_damaged_file_is_refused_and_too_many_boxes_too(detector, grid, tmp_path, monkeypatch):
    (tmp_path / "grid.npz").write_bytes(b"no")
    with pytest.raises(ValueError, match="has no detections, or damaged ones"):
        DetectionGrid.load(tmp_path / "grid.npz")
    with pytest.raises(ValueError, match="boxes are float32 of shape"):
        replace(grid, boxes=grid.boxes[1:])
    monkeypatch.setattr(detection_grid, "MOST_BOXES", 3)
    base = detector.run(Recipe())
    with pytest.raises(ValueError, match="a page holds at most 3 boxes, and 1 of 6 recipes have"):
        DetectionGrid.of(detector.about, FAMILY, base, [base])


def test_a_detectors_files_are_weighed(detector, tmp_path):
    family = RecipeFamily(Recipe(score="lamp"), (0.5,), (4,))
    weighed = sizes_of(detector, family, folder=tmp_path)
    report = detector.run(family.recipes[0])
    assert dict(zip(weighed.part_names, weighed.parts[0], strict=True)) == report.size.parts
