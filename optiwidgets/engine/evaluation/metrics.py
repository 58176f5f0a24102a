"""From predictions to counts, intervals and tests. Each formula with its source."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.types.measurements import Drop, Integers

Z95 = 1.959963984540054  # two-sided 95 % quantile of the standard normal


def count_confusion(labels: Integers, predictions: Integers, classes: int) -> Integers:
    """Count (truth, prediction) pairs: labels (N,), predictions (N,) -> (K, K) int64.

    Examples
    --------
    >>> count_confusion(np.array([0, 0, 1, 2]), np.array([0, 2, 1, 2]), 3).tolist()
    [[1, 0, 1], [0, 1, 0], [0, 0, 1]]
    """
    pairs = labels * classes + predictions
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """95 % score interval of a proportion, (low, high) in 0..1.

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


def mcnemar_p(lost: int, gained: int) -> float:
    """Exact two-sided p that as many images were lost as gained but for chance.

    Source: Q. McNemar, Psychometrika 12 (1947), 153-157, in its exact binomial form.

    Examples
    --------
    >>> mcnemar_p(5, 0), mcnemar_p(3, 3)
    (0.0625, 1.0)
    """
    from scipy.special import bdtr

    fewer, changed = min(lost, gained), lost + gained
    return min(1.0, 2 * float(bdtr(fewer, changed, 0.5)))  # both tails are alike at one half


def paired_drop(labels: Integers, before: Integers, after: Integers) -> Drop:
    """Accuracy lost from one set of predictions to another on the same (N,) images, in points.

    The 95 % interval is the adjusted Wald one: with p12 = (lost + 1) / (N + 2) and
    p21 = (gained + 1) / (N + 2), p12 - p21 +- z sqrt((p12 + p21 - (p12 - p21)^2) / (N + 2)).
    Source: D. G. Bonett and R. M. Price, "Adjusted Wald confidence interval for a difference of
    binomial proportions based on paired data", J. Educ. Behav. Stat. 37 (2012), 479-488.

    Examples
    --------
    >>> d = paired_drop(np.zeros(4, int), np.array([0, 0, 0, 1]), np.array([0, 1, 1, 0]))
    >>> d.points, d.lost, d.gained, d.p
    (25.0, 2, 1, 1.0)
    """
    was, now = before == labels, after == labels
    lost, gained = int((was & ~now).sum()), int((now & ~was).sum())
    n = len(labels)
    p12, p21 = (lost + 1) / (n + 2), (gained + 1) / (n + 2)
    half = Z95 * math.sqrt((p12 + p21 - (p12 - p21) ** 2) / (n + 2))
    return Drop(
        points=100 * (lost - gained) / n,
        low=100 * (p12 - p21 - half),
        high=100 * (p12 - p21 + half),
        lost=lost,
        gained=gained,
        p=mcnemar_p(lost, gained),
    )


def average_precision(relevant: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    """Average precision of one class: sum over thresholds of (recall gained) x precision.

    ``relevant`` and ``scores`` are (N,); images of equal score enter together. nan where nothing
    is relevant or a score is not finite.

    Examples
    --------
    Ranked hit, miss, hit: (1/2) x 1 + (1/2) x (2/3).

    >>> round(average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.7])), 4)
    0.8333
    """
    if not relevant.any() or not np.isfinite(scores).all():
        return math.nan
    order = np.argsort(-scores, kind="stable")
    hits, ranked = np.cumsum(relevant[order]), scores[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    precision = hits[ends] / (ends + 1)
    return float((np.diff(hits[ends], prepend=0) * precision).sum() / hits[-1])


def mean_average_precision(labels: Integers, scores: NDArray[np.float32]) -> float:
    """Macro mean of the one-vs-rest average precisions; classes without images are left out.

    Examples
    --------
    >>> mean_average_precision(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    1.0
    """
    present = np.unique(labels)
    return float(np.mean([average_precision(labels == k, scores[:, k]) for k in present]))
