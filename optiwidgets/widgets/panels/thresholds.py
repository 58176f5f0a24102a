"""Thresholds at which a detector's panels draw its boxes."""

from __future__ import annotations

from typing import Any

import anywidget
from traitlets import Float, List, TraitError, validate

from optiwidgets.widgets.base.assets import load_css, load_esm

RANGES = {"overlap": [0.1, 0.95], "score": [0.05, 0.95]}


class Thresholds(anywidget.AnyWidget):
    """Sliders for the least overlap of a found object, and for the least score of a detection.

    They need no new evaluation: the page matches the boxes that it has.

    Examples
    --------
    >>> thresholds = Thresholds()
    >>> thresholds.overlap, thresholds.score
    (0.5, 0.3)
    >>> thresholds.score = 2.0
    Traceback (most recent call last):
    ...
    traitlets.traitlets.TraitError: score is 0.05 to 0.95, not 2.0
    """

    _esm, _css = load_esm(__file__, "thresholds"), load_css(__file__, "thresholds")
    overlap = Float(0.5, help="least intersection over union of a found object").tag(sync=True)
    score = Float(0.3, help="least score of a detection").tag(sync=True)
    overlap_range = List(Float(), RANGES["overlap"]).tag(sync=True)
    score_range = List(Float(), RANGES["score"]).tag(sync=True)

    def check_user_input(self, trait: str, value: Any) -> None:
        """Raise TraitError unless the value is a threshold in its range."""
        if trait not in RANGES:
            raise TraitError(f"{trait} cannot be set from a page")
        _check(trait, value)

    @validate("overlap", "score")
    def _check_trait(self, proposal: Any) -> float:
        _check(proposal["trait"].name, proposal["value"])
        return float(proposal["value"])


def _check(trait: str, value: Any) -> None:
    low, high = RANGES[trait]
    if type(value) not in (int, float) or not low <= value <= high:
        raise TraitError(f"{trait} is {low} to {high}, not {value!r}")
