"""A detector's reports without a detector: random objects, some of them found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.evaluation.detection_counts import (
    OVERLAP,
    SCORE,
    count_confusion,
    rates,
)
from optiwidgets.engine.evaluation.detection_precision import OVERLAPS, average_precisions
from optiwidgets.engine.types.boxes import ABSENT, Detections, Floats, TrueBoxes
from optiwidgets.engine.types.measurements import Confusion, Drop
from optiwidgets.engine.types.report import Report

SIDE = 96  # pixels of a scene
MOST = 6  # objects in one
Found = tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, eq=False)
class FakeOutcome:
    """Numbers of detections, as a detector's report has them."""

    boxes: Found
    true: TrueBoxes
    precisions: Floats
    count: int

    task = "detection"
    metric, names = "map_50", ("mAP", "mAP")
    is_compared, not_finite = True, 0

    @classmethod
    def of(cls, boxes: Sequence[NDArray[np.float32]], true: TrueBoxes, classes: int) -> FakeOutcome:
        precisions = average_precisions(Detections.of(boxes), true, classes, OVERLAPS)
        return cls(tuple(boxes), true, precisions, len(boxes))

    @property
    def ap(self) -> Floats:
        return self.precisions.mean(1)

    @property
    def ap_50(self) -> Floats:
        return self.precisions[:, 0]

    @property
    def confusion(self) -> Confusion:
        classes, found = len(self.ap), Detections.of(self.boxes)
        counts = count_confusion(found, self.true, classes, OVERLAP, SCORE)
        return Confusion(counts, (*map(str, range(classes)), "nothing there"))

    @property
    def recall(self) -> Floats:
        return rates(Detections.of(self.boxes), self.true, len(self.ap), OVERLAP, SCORE).recall

    @property
    def map_50(self) -> float:
        return float(np.nanmean(self.ap_50))

    @property
    def map_50_95(self) -> float:
        return float(np.nanmean(self.ap))

    def drop_from(self, base: FakeOutcome) -> Drop:
        """Compute the points; the interval is as wide as any, it is only shown."""
        points = 100 * (base.map_50 - self.map_50)
        return Drop(points, points - 2, points + 2, 12, 3, 0.01)


def random_targets(images: int, classes: int, seed: int = 0, crowds: float = 0.0) -> NDArray:
    """Draw targets (N, MOST, 6): 1 to MOST boxes an image, the rest of the rows without one."""
    random = np.random.default_rng(seed)
    targets = np.zeros((images, MOST, 6), np.float32)
    targets[:, :, :2] = random.uniform(0, SIDE - 42, (images, MOST, 2))
    targets[:, :, 2:4] = targets[:, :, :2] + random.uniform(14, 40, (images, MOST, 2))
    targets[:, :, 4] = random.integers(0, classes, (images, MOST))
    targets[:, :, 5] = random.random((images, MOST)) < crowds
    absent = np.arange(MOST) >= random.integers(1, MOST + 1, images)[:, None]
    targets[absent] = (0, 0, 0, 0, ABSENT, 0)
    return targets


def random_detections(
    targets: NDArray, classes: int, seed: int = 0, miss: float = 0.1, shift: float = 2.0
) -> Found:
    """Detect the boxes of targets: some missed or of another class, all shifted, alarms added."""
    random = np.random.default_rng(seed)
    found = []
    for rows in targets:
        own = rows[(rows[:, 4] != ABSENT) & (random.random(len(rows)) >= miss)]
        alarms = random.uniform(0, SIDE - 40, (random.integers(0, 3), 2))
        corners = np.concatenate([own[:, :4], np.hstack([alarms, alarms + 20])])
        corners = corners + random.normal(0, shift, corners.shape)
        corners[:, 2:] = np.maximum(corners[:, 2:], corners[:, :2] + 1)
        kinds = random.integers(0, classes, len(corners))
        kept = random.random(len(own)) < 0.9
        kinds[: len(own)][kept] = own[kept, 4]
        scores = np.where(
            np.arange(len(corners)) < len(own), random.uniform(0.2, 1, len(corners)), 0
        )
        scores = np.where(scores > 0, scores, random.uniform(0.05, 0.6, len(corners)))
        found.append(np.column_stack([corners, scores, kinds]).astype(np.float32))
    return tuple(found)


def detector_reports(baseline: Report, report: Report, images: int = 300) -> tuple[Report, Report]:
    """Give two reports of a classifier the numbers of a detector."""
    classes = len(baseline.class_names)
    targets = random_targets(images, classes)
    true = TrueBoxes.of(targets)
    before = random_detections(targets, classes, seed=1, miss=0.05)
    after = random_detections(targets, classes, seed=2, miss=0.35, shift=3.0)
    return tuple(
        with_outcome(each, FakeOutcome.of(found, true, classes))
        for each, found in ((baseline, before), (report, after))
    )  # type: ignore[return-value]


def with_outcome(report: Report, outcome: FakeOutcome) -> Report:
    """Copy a report, with this outcome."""
    made = replace(report, out_of=outcome.count)
    vars(made)["outcome"] = outcome
    return made
