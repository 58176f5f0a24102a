"""Numbers of worked examples, computed by the engine, by their names in YAML files of questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

import numpy as np

from optiwidgets.engine.evaluation.detection_counts import precision_recall_curve
from optiwidgets.engine.evaluation.detection_matching import overlaps
from optiwidgets.engine.types.boxes import Detections, TrueBoxes

TRUE_BOX, FOUND_BOX = (1.0, 1.0, 7.0, 5.0), (3.0, 2.0, 9.0, 6.0)  # x0, y0, x1, y1
HITS, OBJECTS = (False, True, True, False, False), 3  # five boxes by falling score
HALF = 0.5  # least overlap of a hit


@cache
def overlap_of_two_boxes() -> float:
    """Compute the intersection over union of ``TRUE_BOX`` and ``FOUND_BOX``.

    Examples
    --------
    >>> round(overlap_of_two_boxes(), 3)
    0.333
    """
    return float(overlaps(np.array(FOUND_BOX), np.array(TRUE_BOX), np.array(False)))


@cache
def precision_of_five_boxes() -> float:
    """Compute the average precision of five boxes, two of them on two of three objects.

    Examples
    --------
    >>> round(precision_of_five_boxes(), 3)
    0.444
    """
    return average_precision(HITS, OBJECTS)


def average_precision(hits: tuple[bool, ...], objects: int) -> float:
    """Compute the average precision of boxes by falling score: hits, or false alarms.

    It is the mean over all objects, as one works it out by hand; COCO's is that at 101 recalls.

    Parameters
    ----------
    hits
        For each box whether it is on an object that no box before it is on.
    objects
        Number of objects, at least that of hits.

    Examples
    --------
    >>> average_precision((True, False), 2)
    0.5
    """
    edges = 10.0 * np.arange(objects)
    boxes = np.stack([edges, np.zeros(objects), edges + 4, np.full(objects, 4.0)], 1)
    zeros = np.zeros(objects, np.int64)
    true = TrueBoxes(boxes, zeros, zeros, np.zeros(objects, bool))
    elsewhere = np.array([0.0, 90.0, 4.0, 94.0])
    taken = np.cumsum(hits) - 1
    detected = np.where(np.array(hits)[:, None], boxes[taken], elsewhere)
    none = np.zeros(len(hits), np.int64)
    found = Detections(detected, np.linspace(0.9, 0.1, len(hits)), none, none)
    curve = precision_recall_curve(found, true, 0, HALF)
    best = np.maximum.accumulate(curve.precision[::-1])[::-1]  # at this recall or a larger one
    return float(best @ np.diff(curve.recall, prepend=0.0))


WORKED: Mapping[str, Callable[[], float]] = MappingProxyType(
    {made.__name__: made for made in (overlap_of_two_boxes, precision_of_five_boxes)}
)
