"""Average precision of a detector, as COCO computes it, without its dependence on listing order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from math import lgamma, log

import numpy as np

from optiwidgets.engine.evaluation.detection_matching import NONE, highest, match
from optiwidgets.engine.types.boxes import Detections, Floats, Integers, TrueBoxes

OVERLAPS = np.linspace(0.5, 0.95, 10)  # thresholds of mAP@[.5:.95]
RECALLS = np.linspace(0.0, 1.0, 101)
LISTED, DRAWN = 720, 32  # most orders of equal scores that are all taken; orders drawn of more


def interpolated_precision(hits: Floats, false: Floats, objects: int) -> Floats:
    """Compute the mean of a class's interpolated precision at COCO's 101 recalls.

    Parameters
    ----------
    hits, false
        (T, N) 1 where a detection is a hit, or a false alarm, by falling score. Both are 0 where
        it lies in a crowd.
    objects
        Number of true boxes, 1 or more.

    Returns
    -------
    (T,) means of the highest precision at each recall or a larger one, 0 at recalls not reached.

    Examples
    --------
    Hit, false alarm, hit, of 2 objects: precision 1 at 51 recalls up to 0.5, then 2/3 at 50.

    >>> hits, false = np.array([[1.0, 0, 1]]), np.array([[0.0, 1, 0]])
    >>> round(float(interpolated_precision(hits, false, 2)[0]), 4)  # (51 + 50 x 2/3) / 101
    0.835
    """
    found = hits.cumsum(-1)
    level, place = np.nonzero(hits)
    count = found[level, place]
    precision = np.zeros((len(hits), objects))  # at each hit: it can be highest there alone
    precision[level, count.astype(int) - 1] = count / (count + false.cumsum(-1)[level, place])
    best = np.maximum.accumulate(precision[:, ::-1], axis=-1)[:, ::-1]
    sampled: Floats = best[:, (np.arange(1, objects + 1) / objects).searchsorted(RECALLS)]
    return np.asarray(sampled.mean(-1))


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
    found, true = _canonical(found, true)
    objects = np.bincount(true.classes[~true.crowd], minlength=classes)
    precisions = _curves(found, true, objects, thresholds)
    for k in np.intersect1d(np.flatnonzero(objects), found.classes):
        own = found.take(found.classes == k)
        if len(np.unique(own.scores)) < len(own.scores):
            each = [_curves(own.take(o), true, objects, thresholds)[k] for o in _orders(own.scores)]
            precisions[k] = np.mean(each, axis=0)
    return precisions


def _canonical(found: Detections, true: TrueBoxes) -> tuple[Detections, TrueBoxes]:
    """Sort boxes so that nothing depends on the order in which they were listed."""
    order = np.argsort(-found.scores, kind="stable")
    if (np.diff(found.scores[order]) == 0).any():
        order = np.lexsort((*found.boxes.T, found.classes, found.images, -found.scores))
    place = np.lexsort((*true.boxes.T, true.classes, true.images))
    arranged = TrueBoxes(
        true.boxes[place], true.classes[place], true.images[place], true.crowd[place]
    )
    return found.take(order), arranged


def _curves(found: Detections, true: TrueBoxes, objects: Integers, thresholds: Floats) -> Floats:
    """Compute average precisions (K, T) of detections whose scores fall, in their order."""
    rank = highest(found)
    kept = found.take(rank)
    matches = match(kept, true, thresholds)
    hits = ((matches.truth != NONE) & ~matches.ignored).astype(float)
    false = (matches.truth == NONE).astype(float)
    precisions = np.full((len(objects), len(thresholds)), np.nan)
    precisions[objects > 0] = 0
    for k in np.intersect1d(np.flatnonzero(objects), kept.classes):
        mine = np.flatnonzero(kept.classes == k)
        mine = mine[np.argsort(rank[mine])]
        precisions[k] = interpolated_precision(hits[:, mine], false[:, mine], int(objects[k]))
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
