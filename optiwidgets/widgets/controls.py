"""The hand: stock ipywidgets that spell out a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ipywidgets import HTML, Button, IntSlider, SelectionSlider, ToggleButtons, VBox

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
    Choice("scheme", "Codes", ("symmetric", "affine")),
    Choice("clip", "Range", ("min-max", "99.9 %", "MSE")),
)
CODE_FIELDS = ("grain", "scheme", "clip")


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
        self.choices = {choice.field: _buttons(choice) for choice in CHOICES_SHOWN}
        self.note = HTML().add_class("ow-note")
        self.reset = Button(description="Reset", tooltip="Back to the untouched model")
        self.handles = (self.sparsity, self.bits, *self.choices.values())
        self._follow_bits()
        self.bits.observe(self._follow_bits, "value")
        super().__init__(
            [
                self.sparsity,
                _ticks("0", "25", "50", "75", "99 %"),
                self.bits,
                _ticks(*map(str, BIT_WIDTHS)),
                *self.choices.values(),
                self.note,
            ]
        )
        self.add_class("ow-controls")

    def recipe(self) -> Recipe:
        """The recipe that the controls spell; every position has one."""
        fields = {field: buttons.value for field, buttons in self.choices.items()}
        if self.bits.value == 1:
            fields["scheme"] = "symmetric"
        return Recipe(sparsity=self.sparsity.value / 100, bits=self.bits.value, **fields)

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
        for field, buttons in self.choices.items():
            if not (field == "scheme" and recipe.bits == 1):
                buttons.value = getattr(recipe, field)

    def says(self, recipe: Recipe) -> bool:
        """Tell whether the handles can spell this very recipe, and do."""
        return self.recipe() == recipe

    def _follow_bits(self, change: Any = None) -> None:
        """Disable what has nothing to act on, and say why."""
        reason = _nothing_to_act_on(self.bits.value)
        dead = CODE_FIELDS if self.bits.value >= 16 else ("scheme", "clip") if reason else ()
        for field in CODE_FIELDS:
            self.choices[field].disabled = field in dead
            self.choices[field].tooltip = reason if field in dead else ""
        self.note.value = f'<p role="note">{reason}</p>' if reason else ""


def _nothing_to_act_on(bits: int) -> str:
    if bits >= 16:
        return f"{bits} bits hold floats: scale, codes and range have nothing to act on."
    if bits == 1:
        return "1 bit is a sign times a scale: always symmetric, and no range to choose."
    return ""


def _buttons(choice: Choice) -> ToggleButtons:
    options = list(zip(choice.labels, CHOICES[choice.field], strict=True))
    buttons = ToggleButtons(options=options, description=choice.question)
    return buttons.add_class("ow-choice")


def _ticks(*labels: str) -> HTML:
    spans = "".join(f"<span>{label}</span>" for label in labels)
    return HTML(f'<div class="ow-ticks" aria-hidden="true">{spans}</div>')
