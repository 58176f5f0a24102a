"""Choices of the explorer's controls that a page without a kernel answers, and the others."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from optiwidgets.engine.types.recipe import CHOICES, Recipe
from optiwidgets.texts import text
from optiwidgets.widgets.controls.options import CHOICES_SHOWN, label

AXES = ("pruning", "score", "granularity", "scheme", "clip", "rounding", "recovery")


@dataclass(frozen=True)
class PageOffer:
    """Values that a page offers, by the field of the recipe; a field that is missing has one.

    Examples
    --------
    >>> SLIDERS.values_of("pruning"), GRIDS.values_of("pruning")
    (('global',), ('global', 'layer', 'channel'))
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    activation_bits: tuple[int, ...] = (32,)

    def values_of(self, name: str) -> tuple[str, ...]:
        """Return the values of a field, its default first or alone."""
        return self.values.get(name, (str(getattr(Recipe(), name)),))

    def needs_python(self, shown: Container[str] | None = None) -> dict[str, list[str]]:
        """List the values that the page does not offer: labels, by the control's label.

        ``shown`` are the fields whose controls are shown, None for all.

        Examples
        --------
        >>> GRIDS.needs_python()["Rounding"]
        ['GPTQ']
        """
        found = {}
        for choice in CHOICES_SHOWN:
            known = CHOICES["score"] if choice.field == "score" else choice.values
            offered = self.values_of(choice.field)
            missing = [label(value) for value in known if value not in offered]
            if missing and (shown is None or choice.field in shown):
                found[text(choice.question)] = missing
        return found


def _offer(recovery: tuple[str, ...], **values: tuple[str, ...]) -> PageOffer:
    return PageOffer({"recovery": recovery, **values}, activation_bits=(8, 32))


SLIDERS = PageOffer()
GRIDS = _offer(("none",), pruning=("global", "layer", "channel"), score=("magnitude", "random"))
FULL = _offer(
    ("none", "refit"),
    pruning=("global", "layer", "channel"),
    score=("magnitude", "random", "lamp"),
    granularity=("tensor", "channel"),
    scheme=("symmetric", "affine"),
)
DETECTOR = PageOffer({name: FULL.values_of(name) for name in AXES})  # no int8 grid
STORED = PageOffer()  # the two sliders, and all tabs
