"""The hand: stock ipywidgets that spell out a recipe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ipywidgets import (
    HTML,
    Button,
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
    """One row of buttons: the recipe's field, its question, and what the buttons say."""

    field: str
    question: str
    labels: tuple[str, ...]


CHOICES_SHOWN = (
    Choice("pruning", "Where the cut is made", ("global", "layer", "channel")),
    Choice("score", "Who goes first", ("magnitude", "random")),
    Choice("grain", "One scale per", ("tensor", "channel")),
    Choice("scheme", "Codes", ("symmetric", "affine", "codebook")),
    Choice("clip", "Range", ("min-max", "99.9 %", "MSE")),
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
        self.note = HTML().add_class("ow-note")
        self.reset = Button(description="Reset", tooltip="Back to the untouched model")
        self.reset.add_class("ow-reset")
        self.tune = Button(
            description="Fine-tune", tooltip="Five more epochs; pruned weights stay 0"
        )
        self.cancel = Button(description="Cancel", disabled=True)
        self.progress = FloatProgress(value=0.0, min=0.0, max=1.0).add_class("ow-progress")
        self.handles = (self.sparsity, self.bits, *self.choices.values(), self.activation_bits)
        self._follow_bits()
        self.bits.observe(self._follow_bits, "value")
        self.choices["scheme"].observe(self._follow_bits, "value")
        super().__init__(
            [
                self.sparsity,
                _ticks("0", "25", "50", "75", "99 %"),
                self.bits,
                _ticks(*map(str, BIT_WIDTHS)),
                *self.choices.values(),
                self.activation_bits,
                HBox([self.tune, self.cancel, self.progress]).add_class("ow-tune"),
                self.note,
            ]
        )
        self.add_class("ow-controls")

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
        self.note.value = f'<p role="note">{reason}</p>' if reason else ""


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
    options = list(zip(choice.labels, CHOICES[choice.field], strict=True))
    buttons = ToggleButtons(options=options, description=choice.question)
    return buttons.add_class("ow-choice")


def _ticks(*labels: str) -> HTML:
    spans = "".join(f"<span>{label}</span>" for label in labels)
    return HTML(f'<div class="ow-ticks" aria-hidden="true">{spans}</div>')
