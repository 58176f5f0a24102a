"""Headings that fold the rows of controls below them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anywidget
from traitlets import Bool, TraitError, Unicode

from optiwidgets.engine.types.recipe import BY_TRAINING, Recipe
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.assets import STOCK_CSS, load_css, load_esm
from optiwidgets.widgets.controls.options import label
from optiwidgets.widgets.controls.recipe_words import activation_words


@dataclass(frozen=True)
class Group:
    """Group of controls: title, rows that are always shown, and rows that fold."""

    title: str
    open_rows: tuple[str, ...]
    folded_rows: tuple[str, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        """All rows, in the order of the screen."""
        return (*self.open_rows, *self.folded_rows)


CODE_ROWS = ("granularity", "scheme", "clip", "rounding", "activation_bits")
GROUPS = {
    "remove": Group(mark("Remove weights"), ("sparsity",), ("pruning", "score", "play")),
    "bits": Group(mark("Fewer bits"), ("bits",), CODE_ROWS),
    "recover": Group(mark("Win it back"), (), ("recovery", "training", "finetune")),
}


class Fold(anywidget.AnyWidget):
    """Heading with a button that folds the rows of its group, or shows them.

    ``value`` is True while the rows are shown. ``summary`` lists the positions in the group that
    are not the default; it stands in the heading, folded or not.
    """

    _esm = load_esm(__file__, "fold")
    _css = load_css(__file__, "fold") + STOCK_CSS
    title = Unicode().tag(sync=True)
    summary = Unicode().tag(sync=True)
    value = Bool(False).tag(sync=True)

    def check_user_input(self, trait: str, value: Any) -> None:
        """Accept true or false for ``value``.

        Raises
        ------
        TraitError
            Another trait or value.
        """
        if trait != "value":
            raise TraitError(f"{trait} cannot be set from a page")
        if type(value) is not bool:
            raise TraitError("value is true or false")


def make_folds() -> dict[str, Fold]:
    """Create the headings of all groups, by the name of the group, folded.

    Examples
    --------
    >>> [fold.title for fold in make_folds().values()]
    ['Remove weights', 'Fewer bits', 'Win it back']
    """
    return {
        name: Fold(title=text(group.title)).add_class("ow-fold").add_class(f"ow-fold-{name}")
        for name, group in GROUPS.items()
    }


def summaries(chosen: Mapping[str, str], activation_bits: int, trained: str) -> dict[str, str]:
    """List the positions that are not the default, by the name of the group.

    Parameters
    ----------
    chosen
        Positions of the menus and buttons, by the field of the recipe.
    activation_bits
        Bits per activation.
    trained
        Training of the recipe that is asked for, or "none".

    Examples
    --------
    >>> summaries({"pruning": "channel", "score": "l2", "recovery": "none"}, 8, "none")
    {'remove': 'channel, L2 norm', 'bits': '8-bit activations', 'recover': ''}
    >>> summaries({"granularity": "channel", "recovery": "none"}, 32, "finetune")
    {'remove': '', 'bits': 'scale per channel', 'recover': 'fine-tune'}
    """
    told = {field: _told(field, value) for field, value in chosen.items()}
    if activation_bits != Recipe().activation_bits:
        told["activation_bits"] = activation_words(activation_bits)
    if trained in BY_TRAINING:
        told["training"] = label(trained)
    return {name: _joined(group.rows, told) for name, group in GROUPS.items()}


def _told(field: str, value: str) -> str:
    if value == getattr(Recipe(), field):
        return ""
    named = label(value)
    return text("scale per {part}", part=named) if field == "granularity" else named


def _joined(rows: Sequence[str], told: Mapping[str, str]) -> str:
    return ", ".join(told[row] for row in rows if told.get(row))
