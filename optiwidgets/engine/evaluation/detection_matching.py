"""Greedy matching of detected boxes to true boxes, at several thresholds of overlap at once.

Source: COCO's evaluation (T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
MOST = 100  # detections of an image and class that count, highest scores first
NONE = -1  # index of a box that is not there


@dataclass(frozen=True, eq=False)
class TrueBoxes:
    """True boxes of a set of images.

    Attributes
    ----------
    boxes
        (M, 4) as x0, y0, x1, y1 in pixels.
    classes, images
        (M,) integers from 0.
    crowd
        (M,) true for a region of many objects. Detections inside it count neither as right nor as
        wrong, and it cannot be missed.
    """

    boxes: Floats
    classes: Integers
    images: Integers
    crowd: Booleans


@dataclass(frozen=True, eq=False)
class Detections:
    """Detected boxes of a set of images: boxes (N, 4) in pixels, scores, classes and images (N,)."""

    boxes: Floats
    scores: Floats
    classes: Integers
    images: Integers

    def take(self, order: Integers | Booleans) -> Detections:
        """Pick detections by index or mask."""
        return Detections(
            self.boxes[order], self.scores[order], self.classes[order], self.images[order]
        )


@dataclass(frozen=True, eq=False)
class Matches:
    """Matches of detections at T thresholds.

    Attributes
    ----------
    truth
        (T, N) index of the true box that a detection is matched to, -1 for none.
    ignored
        (T, N) true where that box is a crowd.
    """

    truth: Integers
    ignored: Booleans


def overlaps(detected: Floats, true: Floats, crowd: Booleans) -> Floats:
    """Compute the intersection over union of boxes (..., 4) and (..., 4) in x0, y0, x1, y1.

    For a crowd it is the intersection over the detected area. Boxes without area overlap nothing.

    Examples
    --------
    >>> box = np.array([0.0, 0.0, 2.0, 2.0])
    >>> float(overlaps(box, np.array([1.0, 0.0, 3.0, 2.0]), np.array(False)))
    0.3333333333333333
    >>> float(overlaps(box, np.array([1.0, 0.0, 9.0, 9.0]), np.array(True)))
    0.5
    """
    low = np.maximum(detected[..., :2], true[..., :2])
    high = np.minimum(detected[..., 2:], true[..., 2:])
    inner = np.prod(np.clip(high - low, 0, None), axis=-1)
    area, other = (np.prod(each[..., 2:] - each[..., :2], axis=-1) for each in (detected, true))
    union = np.where(crowd, area, area + other - inner)
    return np.divide(inner, union, out=np.zeros_like(inner), where=union > 0)


def highest(found: Detections, most: int = MOST) -> Integers:
    """Index the highest scores of each image and class, by image, class and falling score.

    Of equal scores, those that stand first are first.

    Examples
    --------
    >>> boxes, one = np.zeros((3, 4)), np.zeros(3, int)
    >>> highest(Detections(boxes, np.array([0.2, 0.9, 0.4]), one, one), 2).tolist()
    [1, 2]
    """
    order = np.lexsort((-found.scores, found.classes, found.images))
    group = _groups(found.images[order], found.classes[order])
    return order[_ranks(group) < most]


def match(found: Detections, true: TrueBoxes, thresholds: Floats) -> Matches:
    """Match each detection, in the order they stand, to the free true box that it overlaps most.

    Both are matched within their image and class. A box that is no crowd takes one detection, and is
    preferred to any crowd.

    Parameters
    ----------
    found
        Detections in the order of `highest`.
    true
        True boxes.
    thresholds
        (T,) least intersections over union of a match, 0..1.

    Examples
    --------
    Two boxes on one object: the first is matched, the second is a false alarm.

    >>> box, zero = np.array([[0.0, 0.0, 4.0, 4.0]]), np.zeros(1, int)
    >>> true = TrueBoxes(box, zero, zero, np.array([False]))
    >>> found = Detections(box.repeat(2, 0), np.array([0.9, 0.8]), zero.repeat(2), zero.repeat(2))
    >>> match(found, true, np.array([0.5])).truth.tolist()
    [[0, -1]]
    """
    count, levels = len(found.scores), len(thresholds)
    matched = np.full((levels, count), NONE)
    ignored = np.zeros((levels, count), bool)
    if not count or not len(true.images):
        return Matches(matched, ignored)
    rows, columns, crowds = _tables(found, true)
    free = np.broadcast_to(columns >= 0, (levels, *columns.shape)).copy()
    least = np.minimum(thresholds, 1 - 1e-10)[:, None, None]
    for rank in range(rows.shape[1]):
        at = np.flatnonzero(rows[:, rank] >= 0)  # groups with a detection of this rank
        detection, boxes = rows[at, rank], columns[at]
        overlap = overlaps(found.boxes[detection][:, None], true.boxes[boxes], crowds[at])
        usable = free[:, at] & (overlap >= least)
        plain = usable & ~crowds[at]
        usable = np.where(plain.any(2, keepdims=True), plain, usable)
        # among equal overlaps the later box, as in COCO's code
        best = usable.shape[2] - 1 - np.where(usable, overlap, -1.0)[:, :, ::-1].argmax(2)
        hit = usable.any(2)
        level, group = np.nonzero(hit)
        column = best[level, group]
        matched[level, detection[group]] = boxes[group, column]
        is_crowd = crowds[at][group, column]
        ignored[level, detection[group]] = is_crowd
        free[level, at[group], column] = is_crowd
    return Matches(matched, ignored)


def _tables(found: Detections, true: TrueBoxes) -> tuple[Integers, Integers, Booleans]:
    """Arrange boxes by group, an image and class: detections (G, D), true boxes (G, M), crowds."""
    images, classes = (
        np.concatenate([getattr(each, name) for each in (found, true)])
        for name in ("images", "classes")
    )
    group = _groups(images, classes)
    rows = _table(group[: len(found.images)], group.max() + 1)
    columns = _table(group[len(found.images) :], group.max() + 1)
    both = (rows[:, 0] >= 0) & (columns[:, 0] >= 0)
    rows, columns = rows[both], columns[both]
    return rows, columns, np.where(columns >= 0, true.crowd[columns], False)


def _groups(images: Integers, classes: Integers) -> Integers:
    """Number the pairs of image and class that occur, from 0."""
    pairs = images * (classes.max(initial=0) + 1) + classes
    return np.unique(pairs, return_inverse=True)[1]


def _ranks(group: Integers) -> Integers:
    """Count, for each item, the items of its group before it."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    ranks = np.empty_like(group)
    ranks[order] = np.arange(len(group)) - np.repeat(first, np.diff(first, append=len(group)))
    return ranks


def _table(group: Integers, groups: int) -> Integers:
    """Lay out items by group, (groups, most of one group), -1 where there is none."""
    ranks = _ranks(group)
    table = np.full((groups, ranks.max(initial=0) + 1), NONE)
    table[group, ranks] = np.arange(len(group))
    return table
