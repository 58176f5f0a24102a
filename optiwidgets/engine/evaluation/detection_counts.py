"""Counts of boxes at one overlap and score: confusion, found objects, precision and recall.

Detections are matched as for the average precision: by falling score, at most 100 of an image and
class. Nothing depends on the order in which boxes are listed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.evaluation.detection_matching import (
    NONE,
    match,
    order_of_found,
    strongest,
)
from optiwidgets.engine.evaluation.detection_precision import (
    RECALLS,
    mean_sampled,
    outcomes,
)
from optiwidgets.engine.types.boxes import (
    MISSED,
    Booleans,
    Detections,
    Floats,
    Integers,
    TrueBoxes,
)
from optiwidgets.engine.types.measurements import Confusion, Counted
from optiwidgets.texts import mark, mark_plural, text

OVERLAP, SCORE = 0.5, 0.3  # thresholds of counts that are shown first
SMALLEST, LARGEST = 1, 2  # thirds of the objects by area
OBJECTS = Counted(
    mark("objects"), mark_plural("{n:,} object", "{n:,} objects"), flipped=mark("objects")
)


@dataclass(frozen=True, eq=False)
class ObjectConfusion(Confusion):
    """Confusion of objects of K classes, (K + 1, K + 1); see ``count_confusion``.

    There is no accuracy, since nobody counts the places without an object and without a detection.
    Precision, recall and F1 score are (K,), of the classes alone. A detection may take an object of
    any class here; ``Report.recall`` is that of detections matched to their own class.

    Examples
    --------
    One object found, one missed, and two false alarms:

    >>> found = ObjectConfusion([[1, 1], [2, 0]], ["cell", "nothing there"])
    >>> found.precision.round(3).tolist(), found.recall.tolist(), found.f1.tolist()
    ([0.333], [0.5], [0.4])
    >>> found.few
    {0: "recall of 'cell' rests on 2 objects"}
    """

    counted: Counted = OBJECTS

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns: the classes, and "missed" for objects without a detection."""
        return (*self.class_names[:-1], text(MISSED))

    @property
    def accuracy(self) -> float:
        """Absent: AttributeError, with the names of a detector's figures."""
        raise AttributeError(
            "a confusion of objects has no accuracy: nothing there and not detected is not "
            "counted. Use map_50, map_50_95, ap or recall of the report"
        )

    @property
    def precision(self) -> Floats:
        """Precision of each class (K,): share of its detections that take an object of it."""
        return super().precision[:-1]

    @property
    def recall(self) -> Floats:
        """Recall of each class (K,): share of its objects that a detection of it takes."""
        return super().recall[:-1]

    @property
    def f1(self) -> Floats:
        """F1 score of each class (K,)."""
        return super().f1[:-1]

    @property
    def few(self) -> dict[int, str]:
        """Warnings about recalls computed from fewer than 10 objects, by class index."""
        return {index: note for index, note in super().few.items() if index < len(self.counts) - 1}


def count_confusion(
    found: Detections, true: TrueBoxes, classes: int, overlap: float, score: float
) -> Integers:
    """Count objects by true class (rows) and detected class (columns).

    Within an image, detections take turns by falling score. Each takes the free true box of any
    class that it overlaps most. Of equal true boxes with several classes, as many as possible get a
    detection of their own class. A detection that is left over and lies in a crowd, of any class,
    is not counted.

    Parameters
    ----------
    found, true
        Boxes of the same images.
    classes
        Number of classes, K.
    overlap
        Least intersection over union of a match, 0..1.
    score
        Least score of a detection that counts.

    Returns
    -------
    (K + 1, K + 1) counts. The last row holds detections of nothing, the last column objects that
    were missed.

    Examples
    --------
    An object of class 0 that is detected as class 1, and another that is missed:

    >>> boxes, zeros = np.array([[0.0, 0, 4, 4], [9.0, 9, 12, 12]]), np.zeros(2, int)
    >>> true = TrueBoxes(boxes, zeros, zeros, np.array([False, False]))
    >>> found = Detections(boxes[:1], np.array([0.9]), np.array([1]), zeros[:1])
    >>> count_confusion(found, true, 2, 0.5, 0.3).tolist()
    [[0, 1, 1], [0, 0, 0], [0, 0, 0]]
    """
    kept = _above(found, score)
    merged = replace(kept, classes=np.zeros_like(kept.classes))
    objects = replace(true, classes=np.zeros_like(true.classes))
    matches = match(merged, objects, np.array([overlap]))
    counted = ~matches.ignored[0]
    truth = _own_first(matches.truth[0], kept.classes, true)
    rows = np.append(true.classes, classes)[truth]  # truth is -1, the last, for nothing
    missed = ~true.crowd
    missed[truth[truth != NONE]] = False
    counts = np.zeros((classes + 1, classes + 1), np.int64)
    np.add.at(counts, (rows[counted], kept.classes[counted]), 1)
    counts[:classes, classes] = np.bincount(true.classes[missed], minlength=classes)
    return counts


def _own_first(truth: Integers, detected_as: Integers, true: TrueBoxes) -> Integers:
    """Exchange the matches of equal true boxes, so that own classes meet where they can."""
    truth, objects = truth.copy(), np.flatnonzero(~true.crowd)
    rows = np.column_stack([true.images, true.boxes])[objects]
    _, place, sizes = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    for equal in np.flatnonzero(sizes > 1):
        members = objects[place.ravel() == equal]
        free = members[np.argsort(true.classes[members], kind="stable")].tolist()
        others = []
        for one in np.flatnonzero(np.isin(truth, members)):
            own = [member for member in free if true.classes[member] == detected_as[one]]
            if own:
                truth[one] = own[0]
                free.remove(own[0])
            else:
                others.append(one)
        truth[others] = free[: len(others)]
    return truth


def found_objects(found: Detections, true: TrueBoxes, overlap: float, score: float) -> Booleans:
    """Find the true boxes that a detection of their class is matched to.

    Parameters
    ----------
    found, true
        Boxes of the same images.
    overlap, score
        Least intersection over union of a match and least score, 0..1.

    Returns
    -------
    (M,) one for each true box; False for a crowd.

    Examples
    --------
    >>> boxes, zeros = np.array([[0.0, 0, 4, 4], [9.0, 9, 12, 12]]), np.zeros(2, int)
    >>> true = TrueBoxes(boxes, zeros, zeros, np.array([False, False]))
    >>> found = Detections(boxes, np.array([0.9, 0.2]), zeros, zeros)
    >>> found_objects(found, true, 0.5, 0.3).tolist()
    [True, False]
    """
    matches = match(_above(found, score), true, np.array([overlap]))
    seen, truth = np.zeros(len(true.classes), bool), matches.truth[0]
    seen[truth[(truth != NONE) & ~matches.ignored[0]]] = True
    return seen


def found_by_area(seen: Booleans, true: TrueBoxes) -> tuple[float, float]:
    """Compute the shares of the smallest and of the largest third of the objects that are found.

    Parameters
    ----------
    seen
        (M,) true boxes that are found, as ``found_objects`` returns them.
    true
        True boxes. A crowd is no object; of equal areas, the first is the smaller one.

    Returns
    -------
    Share of the small and share of the large objects, 0..1; nan below three objects.

    Examples
    --------
    >>> sides, zeros = np.array([2.0, 9.0, 3.0, 5.0, 8.0, 2.5]), np.zeros(6, int)
    >>> boxes = np.stack([0 * sides, 0 * sides, sides, sides], 1)
    >>> true = TrueBoxes(boxes, zeros, np.arange(6), zeros > 0)
    >>> found_by_area(sides > 2.2, true)
    (0.5, 1.0)
    """
    thirds = thirds_by_area(true)
    if not thirds.any():
        return np.nan, np.nan
    return float(seen[thirds == SMALLEST].mean()), float(seen[thirds == LARGEST].mean())


def thirds_by_area(true: TrueBoxes) -> NDArray[np.uint8]:
    """Find the smallest and the largest third of the objects, (M,): 1, 2, and 0 for the others.

    Below three objects all are 0.

    Examples
    --------
    >>> sides, zeros = np.array([2.0, 9.0, 3.0]), np.zeros(3, int)
    >>> boxes = np.stack([0 * sides, 0 * sides, sides, sides], 1)
    >>> thirds_by_area(TrueBoxes(boxes, zeros, np.arange(3), zeros > 0)).tolist()
    [1, 2, 0]
    """
    objects = np.flatnonzero(~true.crowd)
    x0, y0, x1, y1 = true.boxes[objects].T
    rising = objects[np.argsort((x1 - x0) * (y1 - y0), kind="stable")]
    thirds, third = np.zeros(len(true.crowd), np.uint8), len(rising) // 3
    thirds[rising[:third]], thirds[rising[len(rising) - third :]] = SMALLEST, LARGEST
    return thirds


@dataclass(frozen=True, eq=False)
class Rates:
    """Precision, recall and F1 score of each class at one overlap and score, (K,) in 0..1.

    Attributes
    ----------
    precision
        Hits of the detections that count; nan for a class that was not detected.
    recall
        Hits of the true boxes; nan for a class without them.
    f1
        2 TP / (2 TP + FP + FN); nan for a class with neither.
    """

    precision: Floats
    recall: Floats
    f1: Floats


def rates(found: Detections, true: TrueBoxes, classes: int, overlap: float, score: float) -> Rates:
    """Compute precision, recall and F1 score of each class.

    Detections are matched to true boxes of their own class alone, as for the average precision. A
    detection in a crowd of its class counts neither as right nor as wrong.

    Examples
    --------
    One hit and one false alarm on 1 object of class 0, nothing of class 1:

    >>> boxes, zeros = np.array([[0.0, 0, 4, 4], [9.0, 9, 12, 12]]), np.zeros(2, int)
    >>> true = TrueBoxes(boxes[:1], zeros[:1], zeros[:1], np.array([False]))
    >>> both = rates(Detections(boxes, np.array([0.9, 0.8]), zeros, zeros), true, 2, 0.5, 0.3)
    >>> both.precision.tolist(), both.recall.tolist(), both.f1.round(3).tolist()
    ([0.5, nan], [1.0, nan], [0.667, nan])
    """
    of = outcomes(_above(found, score), true, np.array([overlap]))
    detected_as, hit = of.kept.classes, of.hits[0]
    hits, detected, objects = (
        np.bincount(each, minlength=classes)
        for each in (detected_as[hit], detected_as[~of.ignored[0]], true.classes[~true.crowd])
    )
    with np.errstate(invalid="ignore"):
        return Rates(hits / detected, hits / objects, 2 * hits / (detected + objects))


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """Precision of one class along its recall.

    Attributes
    ----------
    sampled
        (101,) interpolated precision at recalls 0, 0.01, ..., 1; its mean is the average precision.
        nan without true boxes.
    scores, recall, precision
        (P,) points of the curve at each score that occurs, falling: the detections of that score or
        a higher one. No points without true boxes.
    """

    sampled: Floats
    scores: Floats
    recall: Floats
    precision: Floats

    def at(self, score: float) -> tuple[float, float] | None:
        """Return recall and precision of the detections of at least this score; None without any.

        Examples
        --------
        >>> half = np.array([0.5])
        >>> PrecisionRecall(np.ones(101), half, half, half).at(0.3)
        (0.5, 0.5)
        """
        place = int(np.count_nonzero(self.scores >= score)) - 1
        return None if place < 0 else (float(self.recall[place]), float(self.precision[place]))


def precision_recall_curve(
    found: Detections, true: TrueBoxes, of_class: int, overlap: float
) -> PrecisionRecall:
    """Compute the precision-recall curve of one class at one overlap.

    The sampled precision is the mean over the orders of equal scores, as in `average_precisions`.

    Parameters
    ----------
    found, true
        Boxes of the same images, of any classes.
    of_class
        Index of the class.
    overlap
        Least intersection over union of a match, 0..1.

    Examples
    --------
    >>> boxes, zeros = np.array([[0.0, 0, 4, 4], [9.0, 9, 12, 12]]), np.zeros(2, int)
    >>> true = TrueBoxes(boxes[:1], zeros[:1], zeros[:1], np.array([False]))
    >>> found = Detections(boxes, np.array([0.8, 0.9]), zeros, zeros)
    >>> curve = precision_recall_curve(found, true, 0, 0.5)
    >>> curve.recall.tolist(), curve.precision.tolist(), curve.at(0.85)
    ([0.0, 1.0], [0.0, 0.5], (0.0, 0.0))
    """
    own = found.take(found.classes == of_class)
    own, true = own.take(order_of_found(own)), true.take(true.classes == of_class)
    objects = np.bincount(true.classes[~true.crowd], minlength=of_class + 1)
    if not objects[of_class]:
        return PrecisionRecall(np.full(len(RECALLS), np.nan), *np.empty((3, 0)))
    levels = np.array([overlap])
    sampled = mean_sampled(own, true, int(objects[of_class]), levels)[0]
    points = outcomes(own, true, levels)
    hits, false = points.hits[0].cumsum(), points.false[0].cumsum()
    last = np.diff(points.kept.scores, append=-np.inf) < 0
    last &= hits + false > 0  # a crowd took all detections so far
    return PrecisionRecall(
        sampled,
        points.kept.scores[last],
        hits[last] / objects[of_class],
        hits[last] / (hits + false)[last],
    )


def _above(found: Detections, score: float) -> Detections:
    """Pick detections of at least a score, at most 100 of an image and class, by falling score."""
    above = found.take(found.scores >= score)
    return strongest(above.take(order_of_found(above)))
