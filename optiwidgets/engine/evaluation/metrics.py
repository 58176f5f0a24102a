"""Metrics: confusion counts, Wilson interval of accuracy, average precision."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.evaluation.paired_test import Z95
from optiwidgets.engine.types.measurements import Integers

MOST_SORTED = 2**20  # scores sorted at once, over several classes


def count_confusion(labels: Integers, predictions: Integers, classes: int) -> Integers:
    """Count (truth, prediction) pairs: labels (N,), predictions (N,) -> (K, K) int64.

    Examples
    --------
    >>> count_confusion(np.array([0, 0, 1, 2]), np.array([0, 2, 1, 2]), 3).tolist()
    [[1, 0, 1], [0, 1, 0], [0, 0, 1]]
    """
    pairs = labels * classes + predictions
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def wilson_interval(right: float, total: int) -> tuple[float, float]:
    """Compute the 95 % score interval of a proportion, (low, high) in 0..1.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927), 209-212.

    Examples
    --------
    >>> [round(x, 4) for x in wilson_interval(980, 1000)]
    [0.9693, 0.987]
    >>> wilson_interval(5, 5)[1]
    1.0
    """
    share, z2 = right / total, Z95**2 / total
    centre = (share + z2 / 2) / (1 + z2)
    half = Z95 * math.sqrt(share * (1 - share) / total + z2 / (4 * total)) / (1 + z2)
    return (centre - half if right else 0.0), (centre + half if right < total else 1.0)


def average_precision(relevant: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    """Compute the average precision of one class: sum over thresholds of recall gain x precision.

    ``relevant`` and ``scores`` are (N,); images of equal score share one threshold. The result is
    nan if no image is relevant or a score is not finite.

    Examples
    --------
    Ranked hit, miss, hit: (1/2) x 1 + (1/2) x (2/3).

    >>> round(average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.7])), 4)
    0.8333
    """
    return _average_precisions(relevant[None], scores[None])[0]


def mean_average_precision(labels: Integers, scores: NDArray[np.float32]) -> float:
    """Compute the mean of one-vs-rest average precisions over the classes that have images.

    Examples
    --------
    >>> mean_average_precision(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    1.0
    """
    present = np.unique(labels)
    step = max(1, MOST_SORTED // max(1, len(labels)))
    blocks = (present[first : first + step] for first in range(0, len(present), step))
    found = [_average_precisions(labels == k[:, None], scores.T[k]) for k in blocks]
    return float(np.mean([precision for block in found for precision in block]))


def _average_precisions(relevant: NDArray[np.bool_], scores: NDArray[np.float32]) -> list[float]:
    """Compute the average precision of every row (K, N).

    A float32 leaves the last bits of a float64 free. One of them stores whether an image is
    relevant, so sorting the scores sorts the flags too; the order within a tie does not matter.
    """
    ranked = np.negative(scores, dtype=np.float64)
    bits = ranked.view(np.int64)
    bits |= relevant
    ranked.sort(axis=1)
    hits = (bits & 1).cumsum(axis=1)
    bits &= -2
    ends = np.ones(ranked.shape, np.bool_)
    np.not_equal(ranked[:, 1:], ranked[:, :-1], out=ends[:, :-1])
    precision = hits / np.arange(1, ranked.shape[1] + 1)
    defined: NDArray[np.bool_] = np.logical_and(
        relevant.any(axis=1), np.isfinite(scores).all(axis=1)
    )
    rows = zip(defined, hits, precision, ends, strict=True)
    return [_average(h[e], p[e]) if known else math.nan for known, h, p, e in rows]


def _average(hits: Integers, precision: NDArray[np.float64]) -> float:
    """Compute the mean precision over the hits; arguments are the ends of runs of equal scores."""
    gained = hits.copy()
    gained[1:] -= hits[:-1]
    return float((gained * precision).sum() / hits[-1])
