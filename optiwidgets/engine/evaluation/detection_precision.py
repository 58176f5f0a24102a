"""Average precision of a detector, as COCO computes it, without its dependence on listing order."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
LISTED, DRAWN = 120, 32  # most orders of equal scores that are all taken; orders drawn of more
AT_ONCE = 200_000  # detections of several orders that are counted together


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


def average_precisions(
    found: Detections, true: TrueBoxes, classes: int, thresholds: Floats = OVERLAPS
) -> Floats:
    """Compute the average precision of each class at each threshold of overlap.

    As COCO does: 101 recalls, all areas, at most 100 detections of an image and class. Unlike
    COCO's code, the result does not depend on the order in which detections of equal score are
    listed: it is the mean over their orders, see ``mean_sampled``.

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
    of = outcomes(found, true, thresholds)
    precisions: Floats = sampled_precisions(of, objects).mean(-1)
    for k in tied_classes(found):
        if objects[k]:
            own, boxes = found.take(found.classes == k), true.take(true.classes == k)
            precisions[k] = mean_sampled(own, boxes, int(objects[k]), thresholds).mean(-1)
    return precisions


def mean_sampled(found: Detections, true: TrueBoxes, objects: int, thresholds: Floats) -> Floats:
    """Compute the sampled precision of one class, as the mean over the orders of equal scores.

    Equal scores that are all hits in different images, all false alarms, or all in crowds keep
    their order, as it changes nothing. Of the others, all orders are taken where there are 120 or
    fewer, else 32 that a generator of fixed seed draws. Only images with several of them are
    matched anew.

    Parameters
    ----------
    found
        Detections of the class, in the order of ``order_of_found``.
    true
        True boxes of the class.
    objects
        Number of true boxes that are no crowd, 1 at least.
    thresholds
        (T,) least intersections over union.

    Returns
    -------
    (T, 101) precision at COCO's recalls.

    Examples
    --------
    A hit and a false alarm of the same score: precision 1 or 1/2.

    >>> box, zeros = np.array([[0.0, 0.0, 4.0, 4.0]]), np.zeros(2, int)
    >>> true = TrueBoxes(box, zeros[:1], zeros[:1], np.array([False]))
    >>> found = Detections(np.concatenate([box, box + 9]), np.ones(2), zeros, zeros)
    >>> round(float(mean_sampled(found, true, 1, np.array([0.5])).mean()), 6)
    0.75
    """
    of = outcomes(found, true, thresholds)
    if len(of.kept.scores) < len(found.scores):  # which of an image's equal scores count may change
        each = [outcomes(found.take(one), true, thresholds) for one in _orders(found.scores)]
        sampled = [sampled_precisions(_as_class(one, 0), np.array([objects]))[0] for one in each]
        return np.asarray(np.mean(sampled, axis=0))
    keys, again = _movable(of)
    if (np.diff(keys) != 0).all():
        return np.asarray(sampled_precisions(_as_class(of, 0), np.array([objects]))[0])
    orders, total = _orders(keys), np.zeros((len(thresholds), len(RECALLS)))
    for part in np.array_split(orders, -(-orders.size // AT_ONCE)):
        total += _sampled_sum(of, part, again, true, objects, thresholds)
    return np.asarray(total / len(orders))


def _as_class(of: Outcomes, k: int | Integers) -> Outcomes:
    """Return the outcomes as those of one class, or of these."""
    kept = replace(of.kept, classes=np.broadcast_to(k, of.kept.classes.shape))
    return replace(of, kept=kept)


def _movable(of: Outcomes) -> tuple[Floats, Booleans]:
    """Find the equal scores of one class whose order changes its precision.

    Returns a key of each detection, falling, equal for those; and true for the detections in images
    that have several of them, in which another order may match other boxes.
    """
    scores, images = of.kept.scores, of.kept.images
    keys, again = -np.arange(len(scores), dtype=float), np.zeros(len(scores), bool)
    for group in _equal_runs(scores):
        hits, ignored, own = of.hits[:, group], of.ignored[:, group], images[group]
        alike = (hits == hits[:, :1]).all() and (ignored == ignored[:, :1]).all()
        repeated = own[1:][own[1:] == own[:-1]]  # equal scores stand by image
        if alike and not (len(repeated) and hits.any()):
            continue
        keys[group] = keys[group[0]]
        again |= np.isin(images, repeated)
    return keys, again


def _sampled_sum(
    of: Outcomes,
    orders: Integers,
    again: Booleans,
    true: TrueBoxes,
    objects: int,
    thresholds: Floats,
) -> Floats:
    """Sum the sampled precisions (T, 101) of one class over orders (O, N) of its detections."""
    hits, ignored = of.hits[:, orders], of.ignored[:, orders]
    if again.any():
        anew = again[orders]
        number, _ = np.nonzero(anew)
        moved = of.kept.take(orders[anew])
        span = moved.images.max() + 1
        here = true.take(np.isin(true.images, moved.images))
        copies = here.take(np.tile(np.arange(len(here.images)), len(orders)))
        copy = np.repeat(np.arange(len(orders)), len(here.images))
        matches = match(
            replace(moved, images=moved.images + span * number),
            replace(copies, images=copies.images + span * copy),
            thresholds,
        )
        ignored[:, anew] = matches.ignored
        hits[:, anew] = (matches.truth != NONE) & ~matches.ignored
    flat = of.kept.take(orders.ravel())
    each = Outcomes(flat, hits.reshape(len(hits), -1), ignored.reshape(len(hits), -1))
    number = np.repeat(np.arange(len(orders)), orders.shape[1])
    sampled = sampled_precisions(_as_class(each, number), np.full(len(orders), objects))
    return np.asarray(sampled.sum(0))


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


def _orders(keys: Floats) -> Integers:
    """List orders (O, N) of keys that fall, in which equal ones change places: all, or 32 drawn.

    Examples
    --------
    >>> _orders(np.array([0.9, 0.5, 0.5])).tolist()
    [[0, 1, 2], [0, 2, 1]]
    """
    groups = _equal_runs(keys)
    if sum(lgamma(len(group) + 1) for group in groups) > log(LISTED + 0.5):
        random, tied = np.random.default_rng(0), np.concatenate(groups)
        places = [np.lexsort((random.random(len(tied)), -keys[tied])) for _ in range(DRAWN)]
        orders = np.tile(np.arange(len(keys)), (DRAWN, 1))
        orders[:, tied] = tied[np.stack(places)]
        return orders
    listed = list(product(*(permutations(group) for group in groups)))
    orders = np.tile(np.arange(len(keys)), (len(listed), 1))
    for group, order in zip(groups, zip(*listed, strict=True), strict=True):
        orders[:, group] = order
    return orders


def _equal_runs(falling: Floats) -> list[Integers]:
    """List the places of each number that stands several times, of numbers that fall."""
    firsts = np.flatnonzero(np.diff(falling, prepend=np.inf))
    ends = np.append(firsts[1:], len(falling))
    several = ends - firsts > 1
    return [np.arange(*run) for run in zip(firsts[several], ends[several], strict=True)]
