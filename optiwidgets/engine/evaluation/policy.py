"""Policies: limits on drop and recall that a verdict applies to one use of a model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

from optiwidgets.texts import mark


@dataclass(frozen=True)
class Policy:
    """Limits on accuracy drop and recall drop for one use of a model.

    Parameters
    ----------
    name
        Name of the use, one or two words, in English: links hold it. It is shown as ``text(name)``.
    limit_points
        Limit on the accuracy drop, in points; the whole 95 % interval must be below it.
    recall_floor_points
        Largest fall, in points, of the positive class's recall; without a positive class, of the
        recall that fell most. None for no limit.

    Raises
    ------
    ValueError
        A limit is no number, or below 0.

    Examples
    --------
    >>> Policy.MOBILE.limit_points, Policy.MEDICAL.recall_floor_points
    (2.0, 1.0)
    """

    name: str
    limit_points: float
    recall_floor_points: float | None = None

    MOBILE: ClassVar[Policy]
    MEDICAL: ClassVar[Policy]

    def __post_init__(self) -> None:
        limits = {"limit_points": self.limit_points}
        if self.recall_floor_points is not None:
            limits["recall_floor_points"] = self.recall_floor_points
        for name, value in limits.items():
            if not is_number(value) or value < 0:
                raise ValueError(f"{name} is a number of points, 0 or more, not {value!r}")


def is_number(value: object) -> bool:
    """Return whether a value is a finite real number other than a bool."""
    return (
        isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)  # no nan
    )


Policy.MOBILE = Policy(mark("mobile app"), 2.0)
Policy.MEDICAL = Policy(mark("medical image"), 1.0, recall_floor_points=1.0)
