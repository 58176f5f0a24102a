"""Policies of use: the limits on drop and recall that a verdict applies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar


@dataclass(frozen=True)
class Policy:
    """Limits on accuracy drop and recall drop for one use of a model.

    Parameters
    ----------
    name
        The use, in a word or two.
    limit_points
        The accuracy drop, in points, must surely be below this.
    recall_floor_points
        How far recall of the positive class (where there is none, of the class whose recall fell
        most) may fall, in points; None where any may.

    Raises
    ------
    ValueError
        A limit that is no number, or below 0.

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
    """Tell whether a value is a finite real number, and no bool."""
    return (
        isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)  # no nan
    )


Policy.MOBILE = Policy("mobile app", 2.0)
Policy.MEDICAL = Policy("medical image", 1.0, recall_floor_points=1.0)
