"""Losses and gains of accuracy in words, for sentences that learners read."""

from __future__ import annotations

from optiwidgets.engine.types.measurements import Drop
from optiwidgets.texts import text

SEEN = 0.05  # points that one decimal shows


def drop_words(points: float) -> str:
    """Say in words how many points of accuracy were lost or gained.

    Examples
    --------
    >>> drop_words(0.3), drop_words(-0.12), drop_words(-0.01)
    ('0.3 points lost', '0.1 points gained', '0.0 points lost')
    """
    if points <= -SEEN:
        return text("{points:.1f} points gained", points=-points)
    return text("{points:.1f} points lost", points=max(0.0, points))


def interval_words(drop: Drop) -> str:
    """Write the 95 % interval of a drop, in points; an end below 0 is a gain.

    Examples
    --------
    >>> from dataclasses import replace
    >>> drop = Drop(points=0.1, low=-0.25, high=0.44, lost=5, gained=4, p=1.0)
    >>> interval_words(drop), interval_words(replace(drop, low=0.02))
    ('0.2 gained to 0.4 lost', '0.0 to 0.4')
    >>> interval_words(replace(drop, high=-0.1))
    '0.1 to 0.2 gained'
    """
    low, high = drop.low, drop.high
    if high <= -SEEN:
        return text("{low:.1f} to {high:.1f} gained", low=-high, high=-low)
    if low <= -SEEN:
        return text("{low:.1f} gained to {high:.1f} lost", low=-low, high=max(0.0, high))
    return text("{low:.1f} to {high:.1f}", low=max(0.0, low), high=max(0.0, high))
