"""Average precision of a detector, as COCO computes it, without its dependence on listing order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product
from math import lgamma, log

import numpy as np

from optiwidgets.engine.evaluation.detection_matching import (
    NONE,
    match,
    order_of_found,
    strongest,
)
from optiwidgets.engine.types.boxes import Booleans, Detections, Floats, Integers, TrueBoxes

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
    hits, ignored
        (T, N) true where a detection is a hit, or lies in a crowd.
    """

    kept: Detections
    hits: Booleans
    ignored: Booleans

    @property
    def false(self) -> Booleans:
        """(T, N) true where a detection is a false alarm: neither of both."""
        return ~(self.hits | self.ignored)


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
    ([[True, False]], [[False, True]])
    """
    kept = strongest(found)
    matches = match(kept, true, thresholds)
    return Outcomes(kept, (matches.truth != NONE) & ~matches.ignored, matches.ignored)


def sampled_precisions(of: Outcomes, objects: Integers) -> Floats:
    """Compute the interpolated precision of each class at COCO's 101 recalls.

    Parameters
    ----------
    of
        Outcomes of detections by falling score, at T thresholds.
    objects
        (K,) number of true boxes of each class.

    Returns
    -------
    (K, T, 101): the highest precision at each recall or a larger one, 0 at recalls not reached;
    nan for a class without true boxes.

    Examples
    --------
    Hit, false alarm, hit, of 2 objects: precision 1 at 51 recalls up to 0.5, then 2/3 at 50.

    >>> zeros, hits = np.zeros(3, int), np.array([[True, False, True]])
    >>> of = Outcomes(Detections(np.zeros((3, 4)), 1.0 - zeros, zeros, zeros), hits, hits & False)
    >>> sampled_precisions(of, np.array([2]))[0, 0, [0, 50, 51, 100]].round(3).tolist()
    [1.0, 1.0, 0.667, 0.667]
    """
    precision, slots = _precisions_at_hits(of, objects)
    present = np.flatnonzero(objects)
    for k in present:
        own = precision[:, slots[k] : slots[k] + objects[k] + 1][:, ::-1]
        np.maximum.accumulate(own, axis=1, out=own)
    sampled = np.full((len(objects), len(precision), len(RECALLS)), np.nan)
    if len(present):
        places = np.stack([slots[k] + _hits_needed(int(objects[k])) for k in present])
        sampled[present] = precision[:, places].swapaxes(0, 1)
    return sampled


def _precisions_at_hits(of: Outcomes, objects: Integers) -> tuple[Floats, Integers]:
    """Compute precision at each hit, where alone it can be highest.

    Returns (T, slots), by class and number of hits from 0, and the first slot of each class.
    """
    order = np.argsort(of.kept.classes, kind="stable")
    classes, hits = of.kept.classes[order], of.hits[:, order]
    place = np.flatnonzero(hits.any(0))
    k = classes[place]
    first = classes.searchsorted(np.arange(len(objects)))[k]
    count, counted = _marked(hits, first, place), place + 1 - first
    if of.ignored.any():
        counted = counted - _marked(of.ignored[:, order], first, place)
    slots = (objects + 1).cumsum() - objects - 1
    slot = slots[k] + count * hits[:, place]  # the first, which nothing reads, for those not hit
    precision = np.zeros((len(hits), int((objects + 1).sum())))
    precision[np.arange(len(hits))[:, None], slot] = count / np.maximum(counted, 1)
    return precision, slots


def _marked(marks: Booleans, first: Integers, last: Integers) -> Integers:
    """Count marks (T, N) from a first to a last place, both included."""
    sums = np.zeros((len(marks), marks.shape[1] + 1), np.int64)
    marks.cumsum(1, out=sums[:, 1:])
    return sums[:, last + 1] - sums[:, first]


@lru_cache(maxsize=1024)
def _hits_needed(objects: int) -> Integers:
    """Count the hits that reach each sampled recall, 1 or more."""
    return 1 + (np.arange(1, objects + 1) / objects).searchsorted(RECALLS)


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
    found = found.take(order_of_found(found))
    objects = np.bincount(true.classes[~true.crowd], minlength=classes)
    precisions = _means(found, true, objects, thresholds)
    for k in tied_classes(found):
        own = found.take(found.classes == k)
        each = [_means(one, true, objects, thresholds)[k] for one in listing_orders(own)]
        precisions[k] = np.mean(each, axis=0)
    return precisions


def _means(found: Detections, true: TrueBoxes, objects: Integers, thresholds: Floats) -> Floats:
    """Compute average precisions (K, T) of detections whose scores fall, in their order."""
    return np.asarray(sampled_precisions(outcomes(found, true, thresholds), objects).mean(-1))


def tied_classes(found: Detections) -> Integers:
    """Return the classes with equal scores, of detections whose scores fall.

    Examples
    --------
    >>> scores, classes = np.array([0.9, 0.9, 0.5, 0.5]), np.array([0, 1, 1, 1])
    >>> tied_classes(Detections(np.zeros((4, 4)), scores, classes, np.zeros(4, int))).tolist()
    [1]
    """
    if (np.diff(found.scores) != 0).all():
        return np.empty(0, np.int64)
    order = np.argsort(found.classes, kind="stable")
    classes, scores = found.classes[order], found.scores[order]
    equal = (classes[1:] == classes[:-1]) & (scores[1:] == scores[:-1])
    return np.unique(classes[1:][equal])


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
