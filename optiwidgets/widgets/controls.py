"""The hand: stock ipywidgets that spell out a recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import chain
from typing import Any

from ipywidgets import (
    HTML,
    Button,
    DOMWidget,
    Dropdown,
    FloatProgress,
    HBox,
    IntSlider,
    SelectionSlider,
    ToggleButtons,
    VBox,
)

from optiwidgets.engine.recipe import BIT_WIDTHS, CHOICES, Recipe


@dataclass(frozen=True)
class Choice:
    """One row of buttons: the recipe's field, its question, what the buttons say and stand for."""

    field: str
    question: str
    labels: tuple[str, ...]
    values: tuple[str, ...]


CHOICES_SHOWN = (
    Choice(
        "pruning",
        "Where the cut is made",
        ("global", "layer", "channel"),
        ("global", "layer", "channel"),
    ),
    Choice("score", "Who goes first", ("magnitude", "random"), ("magnitude", "random")),
    Choice("grain", "One scale per", ("tensor", "channel"), ("tensor", "channel")),
    Choice(
        "scheme", "Codes", ("symmetric", "affine", "codebook"), ("symmetric", "affine", "codebook")
    ),
    Choice("clip", "Range", ("min-max", "99.9 %", "MSE"), CHOICES["clip"]),
)
CODE_FIELDS = ("grain", "scheme", "clip")
ACTIVATION_BITS = (*range(2, 9), 32)


class Controls(VBox):
    """Sliders and buttons; ``recipe()`` is what they say, ``show(recipe)`` makes them say it.

    Examples
    --------
    >>> controls = Controls()
    >>> controls.sparsity.value, controls.bits.value = 80, 4
    >>> controls.recipe() == Recipe(sparsity=0.8, bits=4)
    True
    """

    def __init__(self) -> None:
        self.sparsity = IntSlider(0, 0, 99, description="Sparsity")
        self.sparsity.add_class("ow-slider").add_class("ow-percent")
        self.bits = SelectionSlider(
            options=[(f"{bits} bit{'s' * (bits > 1)}", bits) for bits in BIT_WIDTHS],
            value=32,
            description="Bit-width",
        )
        self.bits.add_class("ow-slider")
        self.activation_bits = Dropdown(
            options=[(str(bits), bits) for bits in ACTIVATION_BITS],
            value=32,
            description="Activation bits",
        ).add_class("ow-row")
        self.choices = {choice.field: _buttons(choice) for choice in CHOICES_SHOWN}
        self.limits = ""
        self.note = HTML().add_class("ow-note")
        self.reset = Button(description="Reset", tooltip="Back to the untouched model")
        self.reset.add_class("ow-reset")
        self.tune = Button(
            description="Fine-tune", tooltip="Five more epochs; pruned weights stay 0"
        )
        self.cancel = Button(description="Cancel", disabled=True)
        self.progress = FloatProgress(value=0.0, min=0.0, max=1.0).add_class("ow-progress")
        self.handles = (self.sparsity, self.bits, *self.choices.values(), self.activation_bits)
        self.rows: dict[str, tuple[DOMWidget, ...]] = {
            "sparsity": (self.sparsity, _ticks("0", "33", "66", "99")),
            "bits": (self.bits, _ticks(*map(str, BIT_WIDTHS))),
            **{field: (buttons,) for field, buttons in self.choices.items()},
            "activation_bits": (self.activation_bits,),
            "finetune": (HBox([self.tune, self.cancel, self.progress]).add_class("ow-tune"),),
        }
        self._follow_bits()
        self.bits.observe(self._follow_bits, "value")
        self.choices["scheme"].observe(self._follow_bits, "value")
        super().__init__([*chain(*self.rows.values()), self.note])
        self.add_class("ow-controls")

    def unlock(self, names: Sequence[str]) -> None:
        """Show only the controls of these names, in their usual order."""
        unknown = [name for name in names if name not in self.rows]
        if unknown:
            raise ValueError(f"controls are {', '.join(self.rows)}, not {', '.join(unknown)}")
        self.layout.display = None if names else "none"
        for name, row in self.rows.items():
            for widget in row:
                widget.layout.display = None if name in names else "none"
        self.note.layout.display = None if {*names} & {*CODE_FIELDS} else "none"

    def limit(self, impossible: Mapping[str, str]) -> None:
        """Take away what cannot be done to a model, by value of "pruning", and say why."""
        options = [o for o in _options(CHOICES_SHOWN[0]) if o[1] not in impossible]
        buttons = self.choices["pruning"]
        if options != [*buttons.options]:
            kept = buttons.value if buttons.value not in impossible else options[0][1]
            with buttons.hold_trait_notifications():
                buttons.options, buttons.value = options, kept
        self.limits = " ".join(impossible.values())
        self._follow_bits()

    def recipe(self) -> Recipe:
        """The recipe that the controls spell; every position has one."""
        fields = {field: buttons.value for field, buttons in self.choices.items()}
        if self.bits.value == 1:
            fields["scheme"] = "symmetric"
        return Recipe(
            sparsity=self.sparsity.value / 100,
            bits=self.bits.value,
            activation_bits=self.activation_bits.value,
            **fields,
        )

    def settings(self) -> list[int]:
        """Where every handle stands, as the browser knows it: a value, or an index of options."""
        return [
            getattr(handle, key) for handle, key in zip(self.handles, self.handle_keys, strict=True)
        ]

    @property
    def handle_keys(self) -> list[str]:
        """Name of the browser-side trait that holds each handle's position."""
        return ["value" if isinstance(handle, IntSlider) else "index" for handle in self.handles]

    def show(self, recipe: Recipe) -> None:
        """Move the handles to a recipe; what they cannot say is rounded or left as it is."""
        self.sparsity.value = round(100 * recipe.sparsity)
        self.bits.value = recipe.bits
        self.activation_bits.value = recipe.activation_bits
        for field, buttons in self.choices.items():
            if not (field == "scheme" and recipe.bits == 1):
                buttons.value = getattr(recipe, field)

    def says(self, recipe: Recipe) -> bool:
        """Tell whether the handles spell this very recipe, what won it back aside."""
        return self.recipe() == replace(recipe, recovery="none")

    def _follow_bits(self, change: Any = None) -> None:
        """Disable what has nothing to act on, and say why."""
        reason, idle = _idle(self.bits.value, self.choices["scheme"].value)
        for field in CODE_FIELDS:
            self.choices[field].disabled = field in idle
            self.choices[field].tooltip = reason if field in idle else ""
        notes = "".join(f'<p role="note">{escape(n)}</p>' for n in (reason, self.limits) if n)
        self.note.value = notes


def _idle(bits: int, scheme: str) -> tuple[str, tuple[str, ...]]:
    """Why fields have nothing to act on, and which."""
    if bits >= 16:
        return (
            f"{bits} bits are floats: no scale, codes or range.",
            CODE_FIELDS,
        )
    if bits == 1:
        reason = "1 bit is sign times scale: always symmetric."
        return reason, ("scheme", "clip")
    if scheme == "codebook":
        reason = "A codebook lists each layer's values: no scale."
        return reason, ("grain", "clip")
    return "", ()


def _buttons(choice: Choice) -> ToggleButtons:
    buttons = ToggleButtons(options=_options(choice), description=choice.question)
    return buttons.add_class("ow-choice")


def _options(choice: Choice) -> list[tuple[str, str]]:
    return list(zip(choice.labels, choice.values, strict=True))


def _ticks(*labels: str) -> HTML:
    last = len(labels) - 1
    spans = "".join(
        f'<span style="left: {100 * place / last:g}%">{label}</span>'
        for place, label in enumerate(labels)
    )
    return HTML(f'<div class="ow-ticks" aria-hidden="true">{spans}</div>')
