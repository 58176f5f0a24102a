"""Average precisions equal those of pycocotools, COCO's own code, where no scores are equal."""

from __future__ import annotations

import os
from importlib.util import find_spec

import coco_code
import numpy as np
import pytest
from example_boxes import as_boxes, draw

from optiwidgets.engine.evaluation.detection_precision import OVERLAPS, average_precisions

CLASSES, SETS, PARTS = 4, 500, 10


@pytest.fixture(autouse=True)
def _installed():
    """Without the package, tests skip on a user's machine and fail under CI.

    The environment of the oldest torch has neither torchvision nor the extra dev: they skip there.
    """
    if find_spec("pycocotools") is None:
        reason = "pycocotools, of the extra dev, is not installed"
        is_full = os.environ.get("CI") == "true" and find_spec("torchvision") is not None
        pytest.fail(reason) if is_full else pytest.skip(reason)


def both(true, found, images):
    """Compute average precisions (K, T) here and by COCO's code, and its two means."""
    boxes = as_boxes(true, found)
    run = coco_code.prepare(*boxes, CLASSES, images)
    coco_code.run(run)
    assert run.params.maxDets == [100]
    np.testing.assert_array_equal(run.params.iouThrs, OVERLAPS)
    sampled = run.eval["precision"]
    means = [known.mean() if len(known := s[s > -1]) else None for s in (sampled[0], sampled)]
    return average_precisions(*boxes, CLASSES), coco_code.precisions(run), means


@pytest.mark.parametrize("part", range(PARTS))
def test_precisions_equal_those_of_pycocotools(part):
    seen = dict.fromkeys(("crowd", "empty class", "empty image", "hit"), 0)
    for seed in range(part, SETS, PARTS):
        images = 1 + seed % 9
        true, found = draw(1000 + seed, images, classes=1 + seed % CLASSES)
        assert len(np.unique(found[:, 6])) == len(found)
        computed, expected, (map_50, map_50_95) = both(true, found, images)
        np.testing.assert_allclose(computed, expected, rtol=0, atol=1e-9, err_msg=f"seed {seed}")
        if map_50 is None:
            assert np.isnan(computed).all()
        else:
            assert np.nanmean(computed[:, 0]) == pytest.approx(map_50, abs=1e-9)
            assert np.nanmean(computed) == pytest.approx(map_50_95, abs=1e-9)
        seen["crowd"] += (true[:, 6] > 0).any()
        seen["empty class"] += np.isnan(computed[:, 0]).any()
        seen["empty image"] += len(np.unique(true[:, 0])) < images
        seen["hit"] += (np.nan_to_num(computed) > 0).any()
    assert min(seen.values()) > 10, seen


def test_the_hundred_and_first_detection_counts_for_neither():
    random = np.random.default_rng(0)
    corner = random.uniform(0, 90, (40, 2))
    true = np.concatenate([np.zeros((40, 2)), corner, corner + 10, np.zeros((40, 1))], 1)
    found = np.tile(true, (4, 1))
    found[:, 2:6] += random.normal(0, 1, (160, 4))
    found[:, 6] = random.permutation(160) / 160
    found = found[np.argsort(-found[:, 6])]
    found[100, 2:6] = true[0, 2:6] = [300, 300, 310, 310]  # only this one finds that object
    computed, expected, _ = both(true, found, 1)
    np.testing.assert_allclose(computed, expected, rtol=0, atol=1e-9)
    found[[99, 100], 2:6] = found[[100, 99], 2:6]
    counted, expected, _ = both(true, found, 1)
    np.testing.assert_allclose(counted, expected, rtol=0, atol=1e-9)
    assert counted[0, 0] > computed[0, 0]
