"""Estimates with 95 % intervals, from a paired drop, a latency, a share or a sum of drops."""

from __future__ import annotations

import numpy as np

from optiwidgets.engine.evaluation.metrics import wilson_interval
from optiwidgets.engine.types.belief import Estimate
from optiwidgets.engine.types.measurements import Drop, Integers, Latency

RESAMPLES = 2000


def of_drop(drop: Drop) -> Estimate:
    """Make the estimate of a paired drop, in points.

    Examples
    --------
    >>> of_drop(Drop(points=1.0, low=0.5, high=1.5, lost=9, gained=3, p=0.1)).low
    0.5
    """
    return Estimate(drop.points, drop.low, drop.high)


def of_latency(latency: Latency) -> Estimate:
    """Make the estimate of a speed, as a multiple of the untouched model's.

    Examples
    --------
    >>> of_latency(Latency(1.5, 1.4, 1.6, baseline_ms=3.0, optimized_ms=2.0, threads=1)).value
    1.5
    """
    return Estimate(latency.ratio, latency.low, latency.high)


def of_share(count: int, total: int) -> Estimate:
    """Compute a share in percent, with Wilson's interval.

    Examples
    --------
    >>> [round(end, 1) for end in of_share(980, 1000)]
    [98.0, 96.9, 98.7]
    """
    low, high = wilson_interval(count, total)
    return Estimate(100 * count / total, 100 * low, 100 * high)


def of_exact(value: float) -> Estimate:
    """Make the estimate of a number without uncertainty, such as the length of a file.

    Examples
    --------
    >>> of_exact(8.4)
    Estimate(value=8.4, low=8.4, high=8.4)
    """
    return Estimate(value, value, value)


def of_paired_mean(values: Integers) -> Estimate:
    """Compute the mean of one number per image, in points, with a bootstrap over images.

    Percentile interval of 2,000 resamples with a fixed seed. One image lost and one gained are
    added for the interval, as in ``paired_drop``: images that all agree do not prove a loss of 0.
    Source: A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application", 1997,
    section 5.3.

    Parameters
    ----------
    values
        (N,) small whole numbers, such as images lost (1) and gained (-1).

    Examples
    --------
    >>> value, low, high = of_paired_mean(np.zeros(20, int))
    >>> value, low < -5, high > 5
    (0.0, True, True)
    """
    distinct, counts = np.unique([*values.tolist(), 1, -1], return_counts=True)
    n = len(values) + 2
    drawn = np.random.default_rng(0).multinomial(n, counts / n, size=RESAMPLES)
    means = 100 * drawn @ distinct / n
    low, high = np.percentile(means, [2.5, 97.5]).tolist()
    return Estimate(100 * float(values.mean()), low, high)
