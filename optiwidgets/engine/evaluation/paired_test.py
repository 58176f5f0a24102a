"""Paired tests of two models on the same images: McNemar's exact p, interval of the drop."""

from __future__ import annotations

import math

from optiwidgets.engine.types.measurements import Drop, Integers

Z95 = 1.959963984540054  # two-sided 95 % quantile of the standard normal


def mcnemar_p(lost: int, gained: int) -> float:
    """Compute the exact two-sided p of McNemar's test: lost and gained are equally likely.

    Source: Q. McNemar, Psychometrika 12 (1947), 153-157, in its exact binomial form.

    Examples
    --------
    >>> mcnemar_p(5, 0), mcnemar_p(3, 3)
    (0.0625, 1.0)
    """
    from scipy.special import bdtr

    fewer, changed = min(lost, gained), lost + gained
    return min(1.0, 2 * float(bdtr(fewer, changed, 0.5)))  # both tails are equal at p = 0.5


def adjusted_wald(lost: int, gained: int, n: int) -> tuple[float, float]:
    """Compute middle and half width of the adjusted Wald interval of `paired_drop`, as shares.

    Examples
    --------
    >>> round(adjusted_wald(0, 0, 6)[1], 3)
    0.346
    """
    p12, p21 = (lost + 1) / (n + 2), (gained + 1) / (n + 2)
    return p12 - p21, Z95 * math.sqrt((p12 + p21 - (p12 - p21) ** 2) / (n + 2))


def paired_drop(labels: Integers, before: Integers, after: Integers) -> Drop:
    """Compute the accuracy lost between two predictions of the same (N,) images, in points.

    The 95 % interval is the adjusted Wald one: with p12 = (lost + 1) / (N + 2) and
    p21 = (gained + 1) / (N + 2), p12 - p21 +- z sqrt((p12 + p21 - (p12 - p21)^2) / (N + 2)).
    Source: D. G. Bonett and R. M. Price, "Adjusted Wald confidence interval for a difference of
    binomial proportions based on paired data", J. Educ. Behav. Stat. 37 (2012), 479-488.

    Examples
    --------
    >>> import numpy as np
    >>> d = paired_drop(np.zeros(4, int), np.array([0, 0, 0, 1]), np.array([0, 1, 1, 0]))
    >>> d.points, d.lost, d.gained, d.p
    (25.0, 2, 1, 1.0)
    """
    right_before, right_after = before == labels, after == labels
    lost = int((right_before & ~right_after).sum())
    gained = int((right_after & ~right_before).sum())
    n = len(labels)
    middle, half = adjusted_wald(lost, gained, n)
    return Drop(
        points=100 * (lost - gained) / n,
        low=100 * (middle - half),
        high=100 * (middle + half),
        lost=lost,
        gained=gained,
        p=mcnemar_p(lost, gained),
    )
