"""Outcome of a detector: boxes, average precision, found objects. Only numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import nan

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.evaluation.detection_counts import (
    OBJECTS,
    OVERLAP,
    SCORE,
    ObjectConfusion,
    Rates,
    count_confusion,
    found_by_area,
    found_objects,
    rates,
)
from optiwidgets.engine.evaluation.detection_drop import (
    Resampled,
    drop_between,
    map_interval,
    resample,
)
from optiwidgets.engine.evaluation.detection_precision import average_precisions
from optiwidgets.engine.evaluation.policy import is_number
from optiwidgets.engine.evaluation.stratification import stratified
from optiwidgets.engine.types.boxes import NOTHING, Booleans, Detections, Floats, TrueBoxes
from optiwidgets.engine.types.measurements import Confusion, Drop, Integers
from optiwidgets.engine.types.task import unknown
from optiwidgets.texts import text

OTHERS = dict.fromkeys(
    (
        *("labels", "predictions", "scores", "accuracy", "at_threshold"),
        *("mean_average_precision", "accuracy_interval"),
    ),
    "it is a detector's, with boxes, map_50, map_50_95, ap and confusion",
)


@dataclass(frozen=True, eq=False)
class DetectionOutcome:
    """Numbers of a detector on N images of K classes.

    ``boxes`` is a tuple of (n, 6) float32 arrays, one an image: x0, y0, x1, y1 in pixels, score,
    class. ``lost`` are the indices of the images whose output is not finite; they have no boxes.
    """

    targets: NDArray[np.float32]
    boxes: tuple[NDArray[np.float32], ...]
    class_names: tuple[str, ...]
    lost: tuple[int, ...] = ()

    task = "detection"
    metric = "map_50"
    further = ("map_50_95", "found_small", "found_large")
    names = "mAP", "mAP"
    counted = OBJECTS

    def __getattr__(self, name: str) -> object:
        """Raise AttributeError, with the names that a detector has."""
        raise unknown(self, name, OTHERS)

    @property
    def count(self) -> int:
        """Number of images, N."""
        return len(self.boxes)

    @property
    def not_finite(self) -> int:
        """Number of images whose output is not finite."""
        return len(self.lost)

    @cached_property
    def true(self) -> TrueBoxes:
        """True boxes of all images."""
        return TrueBoxes.of(self.targets)

    @cached_property
    def found(self) -> Detections:
        """Detected boxes of all images."""
        return Detections.of(self.boxes)

    @cached_property
    def precisions(self) -> Floats:
        """Average precision (K, 10) of each class at overlaps 0.5, 0.55, ..., 0.95."""
        return average_precisions(self.found, self.true, len(self.class_names))

    @property
    def ap(self) -> Floats:
        """Average precision (K,) of each class, mean over the ten overlaps; nan without objects."""
        found: Floats = self.precisions.mean(1)
        return found

    @property
    def ap_50(self) -> Floats:
        """Average precision (K,) of each class at overlap 0.5; nan without objects."""
        return self.precisions[:, 0]

    @property
    def map_50(self) -> float:
        """Mean average precision at overlap 0.5, 0..1; nan without objects."""
        return _mean(self.ap_50)

    @property
    def map_50_95(self) -> float:
        """Mean average precision over overlaps 0.5 to 0.95, as COCO reports it, 0..1."""
        return _mean(self.ap)

    @cached_property
    def confusion(self) -> Confusion:
        """Confusion at overlap 0.5 and score 0.3; see ``confusion_at``."""
        return self.confusion_at(OVERLAP, SCORE)

    def confusion_at(self, overlap: float, score: float) -> Confusion:
        """Count (K + 1, K + 1) objects; last row "nothing there", last column "missed".

        Raises
        ------
        ValueError
            ``overlap`` or ``score`` is not a number from 0 to 1.
        """
        for name, value in (("overlap", overlap), ("score", score)):
            if not is_number(value) or not 0 <= value <= 1:
                raise ValueError(f"{name} is a number from 0 to 1, not {value!r}")
        classes = len(self.class_names)
        counts = count_confusion(self.found, self.true, classes, overlap, score)
        return ObjectConfusion(counts, (*self.class_names, text(NOTHING)))

    @cached_property
    def found_objects(self) -> Booleans:
        """True boxes (M,) that are found at overlap 0.5 and score 0.3."""
        return found_objects(self.found, self.true, OVERLAP, SCORE)

    @cached_property
    def _rates(self) -> Rates:
        return rates(self.found, self.true, len(self.class_names), OVERLAP, SCORE)

    @property
    def recall(self) -> Floats:
        """Share of each class's objects (K,) in ``found_objects``, 0..1; nan without objects."""
        return self._rates.recall

    @property
    def precision(self) -> Floats:
        """Share of each class's detections (K,) that hit an object of it; nan without any."""
        return self._rates.precision

    @property
    def found_small(self) -> float:
        """Share of the smallest third of the objects that is found, 0..1."""
        return found_by_area(self.found_objects, self.true)[0]

    @property
    def found_large(self) -> float:
        """Share of the largest third of the objects that is found, 0..1."""
        return found_by_area(self.found_objects, self.true)[1]

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of mAP@0.5, (low, high), 0..1; see ``map_interval``."""
        return map_interval(self.resampled)

    @cached_property
    def resampled(self) -> Resampled:
        """Its side of a paired drop, on 2,000 resamples of the images."""
        return resample(self.found, self.true, len(self.class_names), self.count)

    @property
    def is_compared(self) -> bool:
        """True once the images were resampled, which takes longer than an update of a slider."""
        return "resampled" in vars(self)

    @property
    def is_counted(self) -> bool:
        """True: all numbers are computed from the boxes."""
        return True

    def is_beside(self, other: DetectionOutcome) -> bool:
        """Return whether the other outcome has the same true boxes."""
        return np.array_equal(self.targets, other.targets)

    @property
    def words(self) -> str:
        """Mean average precision in words."""
        return f"mAP@0.5 {self.map_50:.3f}"

    @property
    def nbytes(self) -> int:
        """Bytes of the boxes, kept twice."""
        return self.targets.nbytes + 3 * sum(each.nbytes for each in self.boxes)

    @property
    def order(self) -> Integers:
        """Order of the images, stratified by their number of objects."""
        return order_of(self.targets)

    def drop_from(self, base: DetectionOutcome) -> Drop:
        """Compute the paired drop of mAP@0.5, in points; lost and gained count objects."""
        return drop_between(base.resampled, self.resampled)

    def first(self, order: Integers) -> DetectionOutcome:
        """Return the outcome of these images only."""
        boxes = tuple(self.boxes[place] for place in order)
        lost = tuple(np.flatnonzero(np.isin(order, self.lost)).tolist())
        return replace(self, targets=self.targets[order], boxes=boxes, lost=lost)

    def flip_rate(self, other: DetectionOutcome) -> float:
        """Compute the share of objects that are found in only one of two outcomes."""
        objects = int((~self.true.crowd).sum())
        changed = int((self.found_objects != other.found_objects).sum())
        return changed / objects if objects else 0.0

    def without_scores(self) -> DetectionOutcome:
        """Return the outcome: its boxes are small."""
        return self


def _mean(values: Floats) -> float:
    """Compute the mean of the numbers that are known; nan without any."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else nan


def order_of(targets: NDArray[np.float32]) -> Integers:
    """Compute an order of images in which each prefix has its share of crowded ones.

    Examples
    --------
    >>> targets = np.full((4, 2, 6), -1, np.float32)
    >>> targets[2:, 0, 4] = 0
    >>> sorted(order_of(targets)[:2].tolist() in ([a, b], [b, a]) for a in (0, 1) for b in (2, 3))
    [False, False, False, True]
    """
    objects: Integers = TrueBoxes.of(targets).images
    return stratified(np.bincount(objects, minlength=len(targets)))


def check_boxes(found: Sequence[NDArray[np.float32]], images: int, classes: int) -> None:
    """Raise ValueError for decoded boxes of a wrong shape or with wrong values."""
    check_shapes(found, images)
    if len(found) > 1 and _are_sound(np.concatenate(found), classes):
        return
    for image, boxes in enumerate(found):
        _check_values(image, boxes, classes)


def check_shapes(found: Sequence[NDArray[np.float32]], images: int) -> None:
    """Raise ValueError for decoded boxes of a wrong shape."""
    if len(found) != images:
        raise ValueError(f"decode returns boxes of {len(found)} images for {images} images")
    for image, boxes in enumerate(found):
        if boxes.ndim != 2 or boxes.shape[1] != 6:
            raise ValueError(
                f"decode returns {boxes.shape} for image {image}; each image has (n, 6): x0, y0, "
                "x1, y1, score, class"
            )


def _are_sound(boxes: NDArray[np.float32], classes: int) -> bool:
    """Return whether all boxes pass the checks of ``_check_values``."""
    scores, own = boxes[:, 4], boxes[:, 5]
    scored = (scores >= 0) & (scores <= 1)
    known = (own == own.round()) & (own >= 0) & (own < classes)
    ordered = (boxes[:, 2:4] >= boxes[:, :2]).all(1)
    return bool(np.isfinite(boxes).all() and (scored & known & ordered).all())


def _check_values(image: int, boxes: NDArray[np.float32], classes: int) -> None:
    """Raise ValueError for boxes of one image with wrong values."""
    if len(bad := boxes[~np.isfinite(boxes)]):
        raise ValueError(f"decode returns {bad[0]:g}, which is not finite, for image {image}")
    scores, own = boxes[:, 4], boxes[:, 5]
    if len(bad := scores[(scores < 0) | (scores > 1)]):
        raise ValueError(f"decode returns score {bad[0]:g} for image {image}; scores are 0..1")
    if len(bad := own[(own != own.round()) | (own < 0) | (own >= classes)]):
        raise ValueError(
            f"decode returns class {bad[0]:g} for image {image}; classes are 0 to {classes - 1}"
        )
    if len(bad := boxes[(boxes[:, 2] < boxes[:, 0]) | (boxes[:, 3] < boxes[:, 1])]):
        corners = ", ".join(f"{value:g}" for value in bad[0, :4])
        raise ValueError(f"decode returns a box with swapped corners for image {image}: {corners}")
