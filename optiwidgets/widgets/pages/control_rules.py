"""Rules between the explorer's controls, recorded for a page without a kernel.

The rules stay in Python: all positions of the offered choices are set once, and the traits that
depend on them are kept, each by the fewest choices that it depends on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.types.recipe import BIT_WIDTHS, CHOICES
from optiwidgets.widgets.controls.options import labelled, offer, scores_for
from optiwidgets.widgets.controls.recipe_controls import Controls
from optiwidgets.widgets.pages.page_offer import AXES, PageOffer

HIDDEN = ("training", "finetune")  # rows that need Python
Column = tuple[str, str]  # reference to a widget, and its trait


def restrict(controls: Controls, offered: PageOffer, impossible: Mapping[str, str]) -> None:
    """Offer only some choices, and hide the rows that have none left.

    Parameters
    ----------
    controls
        Controls of a page; they are not used live any more.
    offered
        Choices to keep.
    impossible
        Reasons for the options that the model cannot have.

    Examples
    --------
    >>> from optiwidgets.widgets.pages.page_offer import GRIDS
    >>> controls = Controls()
    >>> restrict(controls, GRIDS, {})
    >>> [value for _, value in controls.choices["pruning"].options]
    ['global', 'layer', 'channel']
    >>> controls.choices["rounding"].layout.display
    'none'
    """
    dropped = [v for f in ("pruning", "score") for v in CHOICES[f] if v not in offered.values_of(f)]
    controls.limit({**dict.fromkeys(dropped, ""), **impossible})
    for name in AXES[2:]:
        offer(controls.choices[name], labelled(offered.values_of(name)))
    acting = [(str(bits), bits) for bits in offered.activation_bits]
    controls.activation_bits.options, controls.activation_bits.value = acting, 32
    single = [name for name in AXES if len(controls.choices[name].options) == 1]
    if len(acting) == 1:
        single.append("activation_bits")
    controls.leave_out([*single, *HIDDEN])


def record_rules(controls: Controls) -> dict[str, Any]:
    """Describe recipes and dependent traits by the positions of the controls.

    The controls are back at their positions afterwards; each change notifies their observers.

    Returns
    -------
    dict
        "axes", the choices with their values, and "columns": traits with the axes that they depend
        on, their different values, and the index of the value for each position, last axis fastest.

    Examples
    --------
    >>> from optiwidgets.widgets.pages.page_offer import SLIDERS
    >>> controls = Controls()
    >>> restrict(controls, SLIDERS, {})
    >>> [axis["field"] for axis in record_rules(controls)["axes"]]
    ['pruning', 'score', 'granularity', ..., 'activation_bits', 'bits']
    """
    axes = _axes(controls)
    before, opened = controls.recipe(), {name: fold.value for name, fold in controls.folds.items()}
    seen: dict[Column, list[Any]] = {}
    for values in product(*axes.values()):
        _move(controls, dict(zip(axes, values, strict=True)))
        for column, value in _traits(controls):
            seen.setdefault(column, []).append(value)
    controls.show(before)
    for name, fold in controls.folds.items():
        fold.value = opened[name]
    shape = tuple(map(len, axes.values()))
    columns = [_column(*key, values, shape) for key, values in seen.items()]
    handles = {
        **controls.choices,
        "activation_bits": controls.activation_bits,
        "bits": controls.bits,
    }
    return {
        "axes": [
            {"field": name, "values": list(values), "handle": _reference(handles[name])}
            for name, values in axes.items()
        ],
        "columns": [one for one in columns if one["axes"] or not one["widget"]],
    }


def _axes(controls: Controls) -> dict[str, Sequence[Any]]:
    """List all values of each choice; scores are those of any kind of pruning."""
    axes = {name: [value for _, value in controls.choices[name].options] for name in AXES}
    kinds = [scores_for(pruning, controls.impossible) for pruning in axes["pruning"]]
    axes["score"] = list(dict.fromkeys(value for scores in kinds for _, value in scores))
    acting = [value for _, value in controls.activation_bits.options]
    return {**axes, "activation_bits": acting, "bits": list(BIT_WIDTHS)}


def _move(controls: Controls, chosen: Mapping[str, Any]) -> None:
    """Set all controls; pruning comes last, as a hand that changes it would leave the score."""
    choices = controls.choices
    if chosen["score"] not in [value for _, value in choices["score"].options]:
        choices["pruning"].value = next(
            pruning
            for _, pruning in choices["pruning"].options
            if chosen["score"] in [value for _, value in scores_for(pruning, controls.impossible)]
        )
    for name in reversed(AXES):
        choices[name].value = chosen[name]
    controls.activation_bits.value, controls.bits.value = chosen["activation_bits"], chosen["bits"]


def _traits(controls: Controls) -> Iterator[tuple[Column, Any]]:
    """Yield the traits that may depend on the positions, and the recipe's fields."""
    for name, handle in controls.choices.items():
        own = _reference(handle)
        yield (own, "_options_labels"), [label for label, _ in handle.options]
        yield (own, "index"), handle.index
        yield (own, "disabled"), handle.disabled
        yield (own, "tooltip"), handle.tooltip
        yield ("", f"values.{name}"), [value for _, value in handle.options]
    yield (_reference(controls.note), "value"), controls.note.value
    for fold in controls.folds.values():
        yield (_reference(fold), "summary"), fold.summary
    for name, value in controls.recipe().as_dict().items():
        if name != "sparsity":
            yield ("", f"recipe.{name}"), value


def _column(widget: str, trait: str, values: list[Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """Number the different values, and leave out the axes that they do not depend on."""
    distinct = {repr(value): value for value in values}
    number = {key: index for index, key in enumerate(distinct)}
    at: NDArray[np.int64] = np.array([number[repr(value)] for value in values]).reshape(shape)
    kept = list(range(len(shape)))
    for axis in reversed(range(len(shape))):
        first = at.take([0], axis)
        if (at == first).all():
            at = first.squeeze(axis)
            kept.remove(axis)
    told = {"axes": kept, "values": [*distinct.values()], "at": at.reshape(-1).tolist()}
    return {"widget": widget, "trait": trait, **told}


def _reference(widget: Any) -> str:
    return f"IPY_MODEL_{widget.model_id}"
