"""Paired loss of a detector's mAP@0.5, with an interval by bootstrap over images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import nan

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.evaluation.detection_counts import OVERLAP, SCORE, found_objects
from optiwidgets.engine.evaluation.detection_matching import order_of_found
from optiwidgets.engine.evaluation.detection_precision import (
    RECALLS,
    Outcomes,
    average_precisions,
    outcomes,
    tied_classes,
)
from optiwidgets.engine.evaluation.metrics import wilson_interval
from optiwidgets.engine.evaluation.paired_test import adjusted_wald
from optiwidgets.engine.types.boxes import Booleans, Detections, Floats, Integers, TrueBoxes
from optiwidgets.engine.types.measurements import Drop

RESAMPLES, SEED = 2000, 0
AT_ONCE = 250  # resamples that are computed together, and share one order of equal scores
INTERVAL = 2.5, 97.5  # percentiles

Weights = NDArray[np.int32]


def paired_drop(
    true: TrueBoxes, before: Detections, after: Detections, classes: int, images: int
) -> Drop:
    """Compute the mAP@0.5 lost between two detections of the same images, in points.

    The 95 % interval is that of the percentile bootstrap: 2,000 times, as many images as there are
    are drawn with replacement (seed 0), and the loss is computed anew from their boxes, the same
    images before and after. A class without true boxes among them is left out of that mean. Where
    few objects change, resamples cannot show a change that other images would have: the interval
    reaches at least the half width of the adjusted Wald interval of lost and gained objects to both
    sides of the loss, and stays within -100 and 100 points. In a simulation, 92 % of 300 intervals
    of 40 images and 98 % of 200 of 100 images hold the true loss.

    p is two-sided and from the same resamples: twice the share of those on the rarer side of 0, as
    2 (1 + min(#{loss <= 0}, #{loss >= 0})) / 2001 and at most 1. It is never 0.

    Source: B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13
    and 15; for the half width, see the drop of a classifier's accuracy.

    Parameters
    ----------
    true
        True boxes.
    before, after
        Detections in the same images.
    classes, images
        Number of classes, and of images, those without boxes included.

    Returns
    -------
    Drop in points of mAP@0.5, positive for a loss. ``lost`` and ``gained`` count objects: found
    before and not after, and the reverse, at overlap 0.5 and score 0.3. Points, interval and p are
    nan without true boxes.

    Examples
    --------
    >>> boxes, image, zeros = np.tile([[0.0, 0, 4, 4]], (6, 1)), np.arange(6), np.zeros(6, int)
    >>> true = TrueBoxes(boxes, zeros, image, zeros > 0)
    >>> found = Detections(boxes, np.linspace(0.9, 0.5, 6), zeros, image)
    >>> drop = paired_drop(true, found, found.take(image > 2), classes=1, images=6)
    >>> round(drop.points, 1), drop.lost, drop.gained, drop.low < drop.points < drop.high
    (49.5, 3, 0, True)
    >>> paired_drop(true, found, found, classes=1, images=6)
    Drop(points=0.0, low=-34.6..., high=34.6..., lost=0, gained=0, p=1.0)
    """
    return drop_between(*(resample(each, true, classes, images) for each in (before, after)))


@dataclass(frozen=True, eq=False)
class Resampled:
    """One detector's side of a paired drop, to be compared with others on the same images.

    Attributes
    ----------
    map_50
        mAP@0.5; nan without true boxes.
    maps
        (2000,) mAP@0.5 on each resample of the images; nan without true boxes in one.
    found
        (M,) true for each object that is found at overlap 0.5 and score 0.3.
    objects
        Number of true boxes that are no crowd.
    """

    map_50: float
    maps: Floats
    found: Booleans
    objects: int


def resample(found: Detections, true: TrueBoxes, classes: int, images: int) -> Resampled:
    """Compute one detector's side of a paired drop: a baseline's serves many comparisons.

    Examples
    --------
    >>> box, zero = np.array([[0.0, 0.0, 4.0, 4.0]]), np.zeros(1, int)
    >>> true = TrueBoxes(box, zero, zero, np.array([False]))
    >>> side = resample(Detections(box, np.array([0.9]), zero, zero), true, classes=1, images=1)
    >>> side.map_50, side.maps.shape, side.found.tolist()
    (1.0, (2000,), [True])
    """
    precisions = average_precisions(found, true, classes, np.array([OVERLAP]))
    known = precisions[~np.isnan(precisions)]
    return Resampled(
        float(known.mean()) if len(known) else nan,
        resampled_maps(found, true, classes, images),
        found_objects(found, true, OVERLAP, SCORE),
        int((~true.crowd).sum()),
    )


def drop_between(before: Resampled, after: Resampled) -> Drop:
    """Compute the drop of `paired_drop` from its two sides.

    Examples
    --------
    >>> maps = np.full(RESAMPLES, 0.75)
    >>> before = Resampled(0.75, maps, np.array([True, True]), 2)
    >>> drop_between(before, Resampled(0.5, maps - 0.25, np.array([True, False]), 2)).points
    25.0
    """
    lost, gained = (
        int((a & ~b).sum()) for a, b in pairwise([before.found, after.found, before.found])
    )
    losses = before.maps - after.maps
    losses = losses[~np.isnan(losses)]
    if not len(losses):
        return Drop(nan, nan, nan, lost, gained, nan)
    low, high = (100 * np.percentile(losses, INTERVAL)).tolist()
    points = 100 * (before.map_50 - after.map_50)
    half = 100 * adjusted_wald(lost, gained, before.objects)[1]
    low, high = max(-100.0, min(low, points - half)), min(100.0, max(high, points + half))
    rarer = min(int((losses <= 0).sum()), int((losses >= 0).sum()))
    p = min(1.0, 2 * (1 + rarer) / (1 + len(losses)))
    return Drop(points, low, high, lost, gained, p)


def map_interval(of: Resampled) -> tuple[float, float]:
    """Compute the 95 % interval of mAP@0.5, (low, high) in 0..1; nan without true boxes.

    It is that of the percentile bootstrap over images. Where hardly any object is missed, resamples
    cannot show a miss that other images would have: the interval holds at least Wilson's interval
    of a share of that height among as many objects. In a simulation with a detector of 0.97, 97 %
    of 60 intervals of 300 images, 98 % of 100 of 100 images and all of 100 of 40 images hold that
    value; the bootstrap alone holds it in 93 %, 80 % and 67 % of them.

    Examples
    --------
    >>> all_found = Resampled(1.0, np.ones(RESAMPLES), np.array([True] * 8), 8)
    >>> [round(edge, 3) for edge in map_interval(all_found)]
    [0.676, 1.0]
    """
    known = of.maps[~np.isnan(of.maps)]
    if not len(known):
        return nan, nan
    low, high = np.percentile(known, INTERVAL).tolist()
    least, most = wilson_interval(of.map_50 * of.objects, of.objects)
    return min(low, least), max(high, most)


def resampled_maps(found: Detections, true: TrueBoxes, classes: int, images: int) -> Floats:
    """Compute mAP@0.5 on 2,000 resamples of the images, (2000,); nan without true boxes in one.

    The resamples of two detectors are of the same images. Equal scores of one class take eight
    orders, each in 250 resamples.

    Examples
    --------
    A detector that finds the object of 1 of 2 images: both images may be the same.

    >>> box, one = np.array([[0.0, 0.0, 4.0, 4.0]]), np.array([1])
    >>> true = TrueBoxes(box.repeat(2, 0), np.zeros(2, int), np.arange(2), np.zeros(2, bool))
    >>> found = Detections(box, np.array([0.9]), one - 1, one)
    >>> np.unique(resampled_maps(found, true, classes=1, images=2).round(3)).tolist()
    [0.0, 0.505, 1.0]
    """
    weights = resample_weights(images)
    objects, orders = true.take(~true.crowd), _outcomes(found, true)
    precisions = np.full((classes, RESAMPLES), np.nan)
    for k in np.unique(objects.classes):
        totals = weights[objects.images[objects.classes == k]].sum(0)
        own = [_of_class(each, k) for each in orders]
        for turn, first in enumerate(range(0, RESAMPLES, AT_ONCE)):
            part = slice(first, first + AT_ONCE)
            precisions[k, part] = weighted_precision(
                *own[turn % len(own)], weights[:, part], totals[part]
            )
    known = ~np.isnan(precisions)
    sums, counts = np.where(known, precisions, 0).sum(0), known.sum(0)
    maps: Floats = np.divide(sums, counts, out=np.full(RESAMPLES, nan), where=counts > 0)
    return maps


@lru_cache(maxsize=4)
def resample_weights(images: int) -> Weights:
    """Draw how often each image stands in each resample, (images, 2000).

    Examples
    --------
    >>> weights = resample_weights(5)
    >>> weights.shape, set(weights.sum(0).tolist())
    ((5, 2000), {5})
    """
    drawn = np.random.default_rng(SEED).integers(images, size=(images, RESAMPLES))
    cells = drawn * RESAMPLES + np.arange(RESAMPLES)
    counts = np.bincount(cells.ravel(), minlength=images * RESAMPLES)
    weights: Weights = counts.reshape(images, RESAMPLES).astype(np.int32)
    weights.setflags(write=False)
    return weights


def weighted_precision(
    hits: Integers, false: Integers, before: Integers, weights: Weights, totals: Integers
) -> Floats:
    """Compute a class's average precision, each image counted as often as a resample has it.

    Parameters
    ----------
    hits, false
        Images of the hits, and of the false alarms, by falling score.
    before
        Number of false alarms with a higher score, for each hit.
    weights
        (images, R) how often each image is counted.
    totals
        (R,) true boxes in these images.

    Returns
    -------
    (R,) average precisions; nan without true boxes.

    Examples
    --------
    A hit in image 0, a false alarm and a hit in image 1: both images once, or image 1 twice.

    >>> weights, totals = np.array([[1, 0], [1, 2]]), np.array([2, 2])
    >>> args = np.array([0, 1]), np.array([1]), np.array([0, 1]), weights, totals
    >>> weighted_precision(*args).round(3).tolist()  # (51 + 50 x 2/3) / 101, and 1/2
    [0.835, 0.5]
    """
    found = weights[hits].cumsum(0, dtype=np.int32)
    alarms = np.zeros((len(false) + 1, len(totals)), np.int32)
    np.cumsum(weights[false], axis=0, out=alarms[1:])
    best = found / np.maximum(found + alarms[before], 1)
    np.maximum.accumulate(best[::-1], axis=0, out=best[::-1])
    reached = _recalls(totals, found)
    steps = np.diff(reached, axis=0, prepend=np.zeros((1, len(totals)), reached.dtype))
    mean = np.einsum("hr,hr->r", best, steps.astype(float)) / len(RECALLS)
    return np.where(totals > 0, mean, nan)


def _recalls(totals: Integers, found: Weights) -> NDArray[np.int16]:
    """Count the sampled recalls that so many hits (H, R) of so many objects (R,) reach."""
    kinds, row = np.unique(totals, return_inverse=True)
    columns = np.arange(kinds.max(initial=0) + 1)
    table = RECALLS.searchsorted(columns / np.maximum(kinds, 1)[:, None], side="right")
    return table.astype(np.int16).ravel().take(row * len(columns) + found)


def _of_class(of: Outcomes, k: int) -> tuple[Integers, Integers, Integers]:
    """List images of hits and of false alarms, and the false alarms before each hit."""
    mine = of.kept.classes == k
    images, hit, false = of.kept.images[mine], of.hits[0, mine], of.false[0, mine]
    before = false.cumsum()[hit]
    return images[hit], images[false][: before.max(initial=0)], before  # none after the last hit


def _outcomes(found: Detections, true: TrueBoxes) -> list[Outcomes]:
    """Match detections; where a class has equal scores, in one order for each part of resamples."""
    falling = found.take(order_of_found(found))
    orders = [falling]
    if len(tied_classes(falling)):
        random = np.random.default_rng(SEED)
        places = (random.random(len(falling.scores)) for _ in range(RESAMPLES // AT_ONCE))
        orders = [falling.take(np.lexsort((place, -falling.scores))) for place in places]
    return [outcomes(order, true, np.array([OVERLAP])) for order in orders]
