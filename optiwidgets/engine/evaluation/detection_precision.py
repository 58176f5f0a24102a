"""Average precision of a detector, as COCO computes it, without its dependence on listing order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product
from math import lgamma, log

import numpy as np

from optiwidgets.engine.evaluation.detection_matching import (
    NONE,
    highest,
    match,
    order_of_found,
    order_of_true,
)
from optiwidgets.engine.types.boxes import Detections, Floats, Integers, TrueBoxes

OVERLAPS = np.linspace(0.5, 0.95, 10)  # thresholds of mAP@[.5:.95]
RECALLS = np.linspace(0.0, 1.0, 101)
LISTED, DRAWN = 720, 32  # most orders of equal scores that are all taken; orders drawn of more


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Outcomes of detections at T thresholds of overlap, by falling score.

    Attributes
    ----------
    kept
        The N detections that count: at most 100 of an image and class.
    hits, false
        (T, N) 1 where a detection is a hit, or a false alarm. Both are 0 where it lies in a crowd.
    """

    kept: Detections
    hits: Floats
    false: Floats


def outcomes(found: Detections, true: TrueBoxes, thresholds: Floats) -> Outcomes:
    """Match detections whose scores fall, and sort them into hits and false alarms.

    Of equal scores, those that stand first are matched first.

    Examples
    --------
    >>> box, zero = np.array([[0.0, 0.0, 4.0, 4.0]]), np.zeros(1, int)
    >>> true = TrueBoxes(box, zero, zero, np.array([False]))
    >>> found = Detections(box.repeat(2, 0), np.array([0.9, 0.8]), zero.repeat(2), zero.repeat(2))
    >>> both = outcomes(found, true, np.array([0.5]))
    >>> both.hits.tolist(), both.false.tolist()
    ([[1.0, 0.0]], [[0.0, 1.0]])
    """
    rank = highest(found)
    kept = found.take(rank)
    matches = match(kept, true, thresholds)
    order = np.argsort(rank)
    hits = (matches.truth != NONE) & ~matches.ignored
    return Outcomes(
        kept.take(order),
        hits[:, order].astype(float),
        (matches.truth == NONE)[:, order].astype(float),
    )


def sampled_precisions(hits: Floats, false: Floats, objects: int) -> Floats:
    """Compute a class's interpolated precision at COCO's 101 recalls.

    Parameters
    ----------
    hits, false
        (T, N) 1 where a detection is a hit, or a false alarm, by falling score. Both are 0 where
        it lies in a crowd.
    objects
        Number of true boxes, 1 or more.

    Returns
    -------
    (T, 101): the highest precision at each recall or a larger one, 0 at recalls not reached.

    Examples
    --------
    Hit, false alarm, hit, of 2 objects: precision 1 at 51 recalls up to 0.5, then 2/3 at 50.

    >>> hits, false = np.array([[1.0, 0, 1]]), np.array([[0.0, 1, 0]])
    >>> sampled_precisions(hits, false, 2)[0, [0, 50, 51, 100]].round(3).tolist()
    [1.0, 1.0, 0.667, 0.667]
    """
    found = hits.cumsum(-1)
    level, place = np.nonzero(hits)
    count = found[level, place]
    precision = np.zeros((len(hits), objects))  # at each hit: it can be highest there alone
    precision[level, count.astype(int) - 1] = count / (count + false.cumsum(-1)[level, place])
    best = np.maximum.accumulate(precision[:, ::-1], axis=-1)[:, ::-1]
    sampled: Floats = best[:, (np.arange(1, objects + 1) / objects).searchsorted(RECALLS)]
    return sampled


def listing_orders(found: Detections) -> Iterator[Detections]:
    """Yield detections of one class, whose scores fall, in the orders that equal scores allow.

    All orders where there are 720 or fewer, else 32 that a generator of fixed seed draws.

    Examples
    --------
    >>> boxes, zeros = np.zeros((3, 4)), np.zeros(3, int)
    >>> found = Detections(boxes, np.array([0.9, 0.5, 0.5]), zeros, np.arange(3))
    >>> [each.images.tolist() for each in listing_orders(found)]
    [[0, 1, 2], [0, 2, 1]]
    """
    return (found.take(order) for order in _orders(found.scores))


def average_precisions(
    found: Detections, true: TrueBoxes, classes: int, thresholds: Floats = OVERLAPS
) -> Floats:
    """Compute the average precision of each class at each threshold of overlap.

    As COCO does: 101 recalls, all areas, at most 100 detections of an image and class. Unlike
    COCO's code, the result does not depend on the order in which detections of equal score are
    listed: it is the mean over their orders. All orders of a class are taken where there are 720 or
    fewer, else 32 that a generator of fixed seed draws.

    Parameters
    ----------
    found, true
        Boxes of the same images.
    classes
        Number of classes, K.
    thresholds
        (T,) least intersections over union.

    Returns
    -------
    (K, T) in 0..1; nan for a class without true boxes.

    Examples
    --------
    >>> box, zero = np.array([[0.0, 0.0, 4.0, 4.0]]), np.zeros(1, int)
    >>> true = TrueBoxes(box, zero, zero, np.array([False]))
    >>> found = Detections(box + 1, np.ones(1), zero, zero)  # an overlap of 9 / 23
    >>> average_precisions(found, true, 2, np.array([0.3, 0.5])).tolist()
    [[1.0, 0.0], [nan, nan]]
    """
    found, true = found.take(order_of_found(found)), true.take(order_of_true(true))
    objects = np.bincount(true.classes[~true.crowd], minlength=classes)
    precisions = _curves(found, true, objects, thresholds)
    for k in np.intersect1d(np.flatnonzero(objects), found.classes):
        own = found.take(found.classes == k)
        if len(np.unique(own.scores)) < len(own.scores):
            each = [_curves(one, true, objects, thresholds)[k] for one in listing_orders(own)]
            precisions[k] = np.mean(each, axis=0)
    return precisions


def _curves(found: Detections, true: TrueBoxes, objects: Integers, thresholds: Floats) -> Floats:
    """Compute average precisions (K, T) of detections whose scores fall, in their order."""
    of = outcomes(found, true, thresholds)
    precisions = np.full((len(objects), len(thresholds)), np.nan)
    precisions[objects > 0] = 0
    for k in np.intersect1d(np.flatnonzero(objects), of.kept.classes):
        mine = np.flatnonzero(of.kept.classes == k)
        sampled = sampled_precisions(of.hits[:, mine], of.false[:, mine], int(objects[k]))
        precisions[k] = sampled.mean(-1)
    return precisions


def _orders(scores: Floats) -> Iterator[Integers]:
    """Yield orders of scores that fall, in which equal ones change places: all, or some of many."""
    firsts = np.flatnonzero(np.diff(scores, prepend=np.inf))
    groups = np.split(np.arange(len(scores)), firsts[1:]) if len(scores) else []
    if sum(lgamma(len(group) + 1) for group in groups) < log(LISTED + 0.5):
        for places in product(*(permutations(group) for group in groups)):
            yield np.array([at for place in places for at in place], dtype=np.int64)
        return
    random = np.random.default_rng(0)
    for _ in range(DRAWN):
        yield np.lexsort((random.random(len(scores)), -scores))
