"""Greedy matching of detected boxes to true boxes, at several thresholds of overlap at once.

Source: COCO's evaluation (T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", ECCV
2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optiwidgets.engine.types.boxes import Booleans, Detections, Floats, Integers, TrueBoxes

MOST = 100  # detections of an image and class that count, highest scores first
NONE = -1  # index of a box that is not there


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
    x0, y0, x1, y1 = (detected[..., edge] for edge in range(4))
    u0, v0, u1, v1 = (true[..., edge] for edge in range(4))
    width = np.minimum(x1, u1) - np.maximum(x0, u0)
    height = np.minimum(y1, v1) - np.maximum(y0, v0)
    inner = np.maximum(width, 0) * np.maximum(height, 0)
    area, other = (x1 - x0) * (y1 - y0), (u1 - u0) * (v1 - v0)
    union = np.where(crowd, area, area + other - inner)
    shares: Floats = np.divide(inner, union, out=np.zeros_like(inner), where=union > 0)
    return shares


def strongest(found: Detections, most: int = MOST) -> Detections:
    """Keep the detections that count, of those whose scores fall: the first of an image and class.

    Examples
    --------
    >>> boxes, one = np.zeros((3, 4)), np.zeros(3, int)
    >>> strongest(Detections(boxes, np.array([0.9, 0.4, 0.2]), one, one), 2).scores.tolist()
    [0.9, 0.4]
    """
    pairs = np.sort(_pairs(found.images, found.classes, found.classes.max(initial=0) + 1))
    if (pairs[most:] != pairs[:-most]).all():
        return found
    return found.take(_ranks(_groups(found.images, found.classes)) < most)


def order_of_found(found: Detections) -> Integers:
    """Index detections by falling score; of equal ones, none stands first because of its listing.

    Examples
    --------
    >>> boxes, zeros = np.array([[5.0, 0, 9, 9], [1.0, 0, 9, 9], [1.0, 0, 9, 9]]), np.zeros(3, int)
    >>> order_of_found(Detections(boxes, np.array([0.5, 0.5, 0.9]), zeros, zeros)).tolist()
    [2, 1, 0]
    """
    order = np.argsort(-found.scores, kind="stable")
    equal = np.diff(found.scores[order]) == 0
    tied = np.append(equal, False) | np.append(False, equal)
    if tied.any():
        own = order[tied]
        each = found.take(own)
        order[tied] = own[np.lexsort((*each.boxes.T, each.classes, each.images, -each.scores))]
    return order


def match(found: Detections, true: TrueBoxes, thresholds: Floats) -> Matches:
    """Match each detection, in the order they stand, to the free true box that it overlaps most.

    Both are matched within their image and class. A box that is no crowd takes one detection, and
    is preferred to any crowd. The order in which true boxes are listed changes nothing.

    Parameters
    ----------
    found
        Detections; those of an image and class by falling score.
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
    least = np.minimum(thresholds, 1 - 1e-10)  # as COCO does
    matched = np.full((len(least), len(found.scores)), NONE)
    one, other, overlap = _candidates(found, true, least.min())
    alone = (np.bincount(one)[one] == 1) & (np.bincount(other)[other] == 1)
    near = overlap[alone] >= least[:, None]
    matched[:, one[alone]] = np.where(near, other[alone], NONE)
    if not alone.all():
        rivals, objects = np.unique(one[~alone]), np.unique(other[~alone])
        objects = objects[np.lexsort(true.boxes[objects].T)]  # of equal overlaps the last is taken
        truth = _match_rivals(found.take(rivals), true.take(objects), least)
        matched[:, rivals] = np.where(truth == NONE, NONE, objects[truth])
    ignored = (matched != NONE) & np.append(true.crowd, False)[matched]
    return Matches(matched, ignored)


def _candidates(
    found: Detections, true: TrueBoxes, least: float
) -> tuple[Integers, Integers, Floats]:
    """Pair detections with true boxes that they overlap enough: index, index, overlap."""
    order = np.argsort(true.images, kind="stable")
    images = 1 + max(found.images.max(initial=0), true.images.max(initial=0))
    objects = np.bincount(true.images, minlength=images)
    counts = objects[found.images]
    firsts = (objects.cumsum() - objects)[found.images]  # in order, of the image's true boxes
    one = np.repeat(np.arange(len(counts)), counts)
    other = order[np.arange(len(one)) + np.repeat(firsts - counts.cumsum() + counts, counts)]
    same = np.flatnonzero(found.classes[one] == true.classes[other])
    one, other = one[same], other[same]
    overlap = overlaps(found.boxes[one], true.boxes[other], true.crowd[other])
    near = overlap >= least
    return one[near], other[near], overlap[near]


def _match_rivals(found: Detections, true: TrueBoxes, least: Floats) -> Integers:
    """Match detections (N,) one after another at (T,) thresholds: index of a true box, (T, N)."""
    matched = np.full((len(least), len(found.scores)), NONE)
    rows, columns = _tables(found, true)
    crowds = true.crowd[columns] & (columns >= 0)
    overlap = overlaps(found.boxes[rows][:, :, None], true.boxes[columns][:, None], crowds[:, None])
    free = np.broadcast_to(columns >= 0, (len(least), *columns.shape)).copy()
    for rank, ends in enumerate((rows >= 0).sum(0)):  # the first `ends` groups have this rank
        usable = free[:, :ends] & (overlap[:ends, rank] >= least[:, None, None])
        plain = usable & ~crowds[:ends]
        usable = np.where(plain.any(2, keepdims=True), plain, usable)
        level, group = np.nonzero(usable.any(2))
        choices = np.where(usable[level, group], overlap[group, rank], -1.0)
        column = choices.shape[1] - 1 - choices[:, ::-1].argmax(1)  # the last of equal ones
        matched[level, rows[group, rank]] = columns[group, column]
        free[level, group, column] = crowds[group, column]
    return matched


def _tables(found: Detections, true: TrueBoxes) -> tuple[Integers, Integers]:
    """Arrange boxes by group, an image and class: detections (G, D), true boxes (G, M).

    Groups without one of both are left out; the others have falling numbers of detections.
    """
    images, classes = (
        np.concatenate([getattr(each, name) for each in (found, true)])
        for name in ("images", "classes")
    )
    group, cut = _groups(images, classes), len(found.images)
    groups = group.max() + 1
    counts = np.bincount(group[:cut], minlength=groups)
    both = np.flatnonzero((counts > 0) & (np.bincount(group[cut:], minlength=groups) > 0))
    order = both[np.argsort(-counts[both], kind="stable")]
    return _table(group[:cut], groups)[order], _table(group[cut:], groups)[order]


def _groups(images: Integers, classes: Integers) -> Integers:
    """Number the pairs of image and class that occur, from 0."""
    pairs = _pairs(images, classes, classes.max(initial=0) + 1)
    return np.unique(pairs, return_inverse=True)[1]


def _pairs(images: Integers, classes: Integers, count: int) -> Integers:
    """Number pairs of image and class, by image."""
    return images * count + classes


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
