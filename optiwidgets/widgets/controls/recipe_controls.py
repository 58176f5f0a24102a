"""Input widgets that define a Recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

from ipywidgets import (
    HTML,
    Button,
    DOMWidget,
    Dropdown,
    FloatProgress,
    HBox,
    IntSlider,
    SelectionSlider,
    VBox,
)

from optiwidgets.engine.types.recipe import BIT_WIDTHS, BY_TRAINING, N_OF_M, Recipe
from optiwidgets.texts import text
from optiwidgets.widgets.base.gated_button import IDLE, LOCKED, RUNS, GatedButton
from optiwidgets.widgets.controls.fold import GROUPS, make_folds, summaries
from optiwidgets.widgets.controls.options import (
    CHOICES_SHOWN,
    EXPLAINED,
    TRAIN,
    labelled,
    offer,
    reasons_for,
    rulings,
    scores_for,
    set_aside,
)
from optiwidgets.widgets.controls.recipe_words import bits_words

if TYPE_CHECKING:
    from optiwidgets.engine.execution.progress import Progress

ACTIVATION_BITS = (*range(2, 9), 32)


class Controls(VBox):
    """Sliders and buttons; ``recipe()`` reads their recipe, ``show(recipe)`` moves them to one.

    They stand in three groups that fold (``folds``, by name); the two sliders are always shown.

    Examples
    --------
    >>> controls = Controls()
    >>> controls.sparsity.value, controls.bits.value = 80, 4
    >>> controls.recipe() == Recipe(sparsity=0.8, bits=4)
    True
    """

    def __init__(self) -> None:
        self.sparsity = IntSlider(0, 0, 99, description=text("Sparsity"))
        self.sparsity.add_class("ow-slider").add_class("ow-percent")
        self.bits = SelectionSlider(
            options=[(bits_words(bits), bits) for bits in BIT_WIDTHS],
            value=32,
            description=text("Bit-width"),
        )
        self.bits.add_class("ow-slider")
        self.activation_bits = Dropdown(
            options=[(str(bits), bits) for bits in ACTIVATION_BITS],
            value=32,
            description=text("Activation bits"),
        )
        self.activation_bits.add_class("ow-pick").add_class("ow-line")
        self.choices = {choice.field: choice.widget() for choice in CHOICES_SHOWN}
        self.note = HTML().add_class("ow-note")
        self.reset = Button(description=text("Reset"), tooltip=text("Back to the untouched model"))
        self.reset.add_class("ow-reset")
        self.training = Dropdown(options=labelled(BY_TRAINING), description=text("Training"))
        self.training.add_class("ow-pick").add_class("ow-half")
        self.tune = GatedButton("", text("On the training images; pruned weights stay 0"))
        self.cancel = GatedButton(text("Cancel"), waits=text(IDLE)).add_class("ow-cancel")
        self.progress = FloatProgress(value=0.0, min=0.0, max=1.0).add_class("ow-progress")
        self.handles = (self.sparsity, self.bits, *self.choices.values(), self.activation_bits)
        self.folds = make_folds()
        self.rows = self._rows()
        self.impossible: Mapping[str, str] = {}
        self._unlocked = {*self.rows}
        self._free: int | None = None  # sparsity before a pattern replaced it
        self._trained_by = "none"  # training of the recipe that is asked for
        self.locked = False
        self.adjusting = False  # True while dependent handles are adjusted
        self._adjust()
        for handle in (*self.handles, self.training):
            handle.observe(self._adjust, "value")
        super().__init__(self._arranged())
        self.add_class("ow-controls")

    def _rows(self) -> dict[str, tuple[DOMWidget, ...]]:
        """Create the rows by name, in the order of the screen."""
        before = ("pruning", "score", "granularity", "scheme", "clip", "rounding")
        buttons = HBox([self.tune, self.cancel, self.progress]).add_class("ow-tune")
        return {
            "sparsity": (self.sparsity, _ticks("0", "33", "66", "99")),
            "bits": (self.bits, _ticks(*map(str, BIT_WIDTHS))),
            **{field: (self.choices[field],) for field in before},
            "activation_bits": (self.activation_bits,),
            "recovery": (self.choices["recovery"],),
            "training": (self.training,),
            "finetune": (buttons,),
        }

    def _arranged(self) -> list[DOMWidget]:
        """List headings and rows in the order of the screen; a class names the group of a row."""
        arranged: list[DOMWidget] = []
        for name, group in GROUPS.items():
            arranged.append(self.folds[name])
            for row in group.rows:
                for widget in self.rows.get(row, ()):
                    arranged.append(widget)
                    if row in group.folded_rows:
                        widget.add_class(f"ow-in-{name}")
        return [*arranged, self.note]

    def open_all(self, opened: bool = True) -> None:
        """Show the rows of all groups, or fold them.

        Examples
        --------
        >>> controls = Controls()
        >>> controls.open_all()
        >>> {fold.value for fold in controls.folds.values()}
        {True}
        """
        for fold in self.folds.values():
            fold.value = opened

    def unlock(self, names: Sequence[str]) -> None:
        """Show only the rows of these names, open, without headings, in their usual order."""
        unknown = [name for name in names if name not in self.rows]
        if unknown:
            raise ValueError(f"controls are {', '.join(self.rows)}, not {', '.join(unknown)}")
        self.layout.display = None if names else "none"
        for name, row in self.rows.items():
            for widget in row:
                widget.layout.display = None if name in names else "none"
        self._unlocked = {*names}
        self.open_all()
        for fold in self.folds.values():
            fold.layout.display = "none"
        self._adjust()

    @property
    def unlocked(self) -> frozenset[str]:
        """Names of the rows that are shown."""
        return frozenset(self._unlocked)

    def leave_out(self, names: Sequence[str]) -> None:
        """Hide the rows of these names, and say nothing about them; headings without rows go too.

        Examples
        --------
        >>> controls = Controls()
        >>> controls.leave_out(["recovery", "training", "finetune"])
        >>> controls.folds["recover"].layout.display
        'none'
        """
        self._unlocked -= {*names}
        for name in names:
            for widget in self.rows[name]:
                widget.layout.display = "none"
        for name, group in GROUPS.items():
            if self._unlocked.isdisjoint(group.folded_rows):
                self.folds[name].layout.display = "none"
        self._adjust()

    def add_row(self, name: str, widget: DOMWidget) -> None:
        """Add a row of a group; lessons show and hide it by its name."""
        self.rows[name] = (widget,)
        self._unlocked.add(name)
        self.children = self._arranged()

    def lock(self, locked: bool) -> None:
        """Disable all handles, or enable them again.

        Examples
        --------
        >>> controls = Controls()
        >>> controls.lock(True)
        >>> {handle.disabled for handle in controls.handles}
        {True}
        """
        self.locked = locked
        for handle in (self.bits, self.activation_bits):
            handle.disabled, handle.tooltip = locked, text(LOCKED) if locked else ""
        self._adjust()

    def limit(self, impossible: Mapping[str, str]) -> None:
        """Remove options of "pruning" or "score" that a model cannot have; show the reasons.

        An option with an empty reason is removed without a word.
        """
        self.impossible = impossible
        possible = tuple(v for v in CHOICES_SHOWN[0].values if v not in impossible)
        offer(self.choices["pruning"], labelled(possible))
        self._adjust()

    def recipe(self) -> Recipe:
        """Return the recipe of the current positions; every position has one."""
        bits, chosen = self.bits.value, self._chosen()
        return Recipe(
            sparsity=N_OF_M.get(chosen["pruning"], self.sparsity.value / 100),
            bits=bits,
            activation_bits=self.activation_bits.value,
            **chosen | set_aside(bits, chosen["scheme"]),
        )

    def trained(self) -> Recipe | None:
        """Return the controls' recipe with training; None if that is impossible.

        Examples
        --------
        >>> controls = Controls()
        >>> controls.trained() == Recipe(recovery="finetune")
        True
        >>> controls.training.value = "qat"
        >>> controls.trained() is None, controls.tune.disabled
        (True, True)
        """
        recipe, training = self.recipe(), self.training.value
        possible = recipe.quantizes or training != "qat"
        return replace(recipe, recovery=training) if possible else None

    def settings(self) -> list[int]:
        """Positions of all handles as the browser has them: a value, or an index of options."""
        return [
            getattr(handle, key) for handle, key in zip(self.handles, self.handle_keys, strict=True)
        ]

    @property
    def handle_keys(self) -> list[str]:
        """Name of the browser-side trait that holds each handle's position."""
        return ["value" if isinstance(handle, IntSlider) else "index" for handle in self.handles]

    def show(self, recipe: Recipe) -> None:
        """Move the handles to a recipe; round values that no position stands for, or leave them.

        For a recipe with training, the menu of trainings shows it; the handle of recovery, "none".
        Groups with positions that are not the default open.
        """
        if recipe.recovery in BY_TRAINING:
            self.training.value = recipe.recovery
            recipe = replace(recipe, recovery="none")
        self.bits.value = recipe.bits
        for field, handle in self.choices.items():
            value = getattr(recipe, field)
            if getattr(self.recipe(), field) != value in [own for _, own in handle.options]:
                handle.value = value
        self.sparsity.value = round(100 * recipe.sparsity)
        self.activation_bits.value = recipe.activation_bits
        for fold in self.folds.values():
            fold.value |= bool(fold.summary)

    def name_training(self, recipe: Recipe) -> None:
        """Name the training of the recipe that is asked for in the heading of its group."""
        self._trained_by = recipe.recovery
        self._summarize()

    def says(self, recipe: Recipe) -> bool:
        """Tell whether the handles stand for this recipe, training aside."""
        own = self.recipe()
        trained = recipe.recovery in BY_TRAINING
        return own == (replace(recipe, recovery=own.recovery) if trained else recipe)

    def show_progress(self, progress: Progress | None) -> None:
        """Show stage and remaining time of background work, and a Cancel button while it runs."""
        self.cancel.waits = text(IDLE) if progress is None else ""
        self.progress.value = progress.done if progress else 0.0
        self.progress.description = "" if progress is None else _told(progress)
        self._adjust()

    def _chosen(self) -> dict[str, Any]:
        return {field: handle.value for field, handle in self.choices.items()}

    def _adjust(self, change: Any = None) -> None:
        """Adjust handles that depend on others, and show the reasons."""
        if self.adjusting:
            return
        self.adjusting = True
        try:
            scores = scores_for(self.choices["pruning"].value, self.impossible)
            offer(self.choices["score"], scores)
            self._rule()
            self._summarize()
        finally:
            self.adjusting = False

    def _rule(self) -> None:
        """Disable handles that have no effect or are impossible."""
        ruled = rulings(self.bits.value, self._chosen(), self.training.value)
        idle = {field: ruling.reason for ruling in ruled if ruling.idle for field in ruling.fields}
        floats = self.bits.value >= 16  # the options of codes wait, and the note says for what
        for field, handle in self.choices.items():
            handle.disabled = field in idle and not floats
            handle.tooltip = idle.get(field, text(EXPLAINED.get(handle.value, "")))
        self.sparsity.disabled = "sparsity" in idle
        self.sparsity.tooltip = idle.get("sparsity", "")
        self._set_sparsity()
        self.tune.description = text(TRAIN[self.training.value])
        self.tune.waits = idle.get("finetune", "") or ("" if self.cancel.disabled else text(RUNS))
        if self.locked:
            self._lock_all()
        seen = [ruling for ruling in ruled if self._unlocked & {*ruling.fields}]
        self._say([_note(ruling.reason, ruling.fields if ruling.idle else ()) for ruling in seen])

    def _lock_all(self) -> None:
        """Disable all handles and the button of training, with the reason."""
        self.tune.waits = text(LOCKED)
        for handle in self.handles:
            handle.disabled, handle.tooltip = True, text(LOCKED)

    def _set_sparsity(self) -> None:
        """Show the sparsity that a pattern implies; without one, restore the slider's position."""
        if self.sparsity.disabled:
            if self._free is None:
                self._free = self.sparsity.value
            self.sparsity.value = round(100 * self.recipe().sparsity)
        elif self._free is not None:
            self.sparsity.value, self._free = self._free, None

    def _say(self, reasons: Sequence[str]) -> None:
        taken = reasons_for(self.choices["pruning"].value, self.impossible)
        seen = [(why, f) for f in taken if f in self._unlocked for why in taken[f] if why]
        missing = [_note(why, (f,)) for why, f in seen]
        said = " ".join([*reasons, *missing])
        self.note.value = f'<p role="note">{said}</p>' if said else ""

    def _summarize(self) -> None:
        """Show the positions that are not the default in the headings of their groups."""
        told = summaries(self._chosen(), self.activation_bits.value, self._trained_by)
        for name, fold in self.folds.items():
            fold.summary = told[name]


def _told(progress: Progress) -> str:
    if not progress.left_s >= 0:
        return text(progress.stage)
    stage, left_s = text(progress.stage), progress.left_s
    return text("{stage}, {seconds:.0f} s left", stage=stage, seconds=left_s)


def _note(reason: str, fields: Sequence[str]) -> str:
    """Format a note; one that is only about rows that fold is hidden with them."""
    for name, group in GROUPS.items():
        if fields and {*fields} <= {*group.folded_rows}:
            return f'<span class="ow-in-{name}">{escape(reason)}</span>'
    return f"<span>{escape(reason)}</span>"


def _ticks(*labels: str) -> HTML:
    last = len(labels) - 1
    spans = "".join(
        f'<span style="left: {100 * index / last:g}%">{label}</span>'
        for index, label in enumerate(labels)
    )
    return HTML(f'<div class="ow-ticks" aria-hidden="true">{spans}</div>')
