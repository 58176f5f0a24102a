"""Chart of a sweep: bytes against accuracy, with the pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anywidget
from traitlets import Dict, Int, List, TraitError, Unicode, validate

from optiwidgets.engine.types.sweep import Sweep, Trial
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.assets import KERNEL_CSS, load_css, load_esm, verdict_css
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.controls.recipe_words import in_words
from optiwidgets.widgets.panels.metric_words import in_sentence, metric_of_sweep, spoken_metric
from optiwidgets.widgets.security.message_guard import guard

LOADS = mark(
    "A click on a point loads its recipe into the explorer; so does Enter, and arrow keys walk "
    "(up and down along the line)."
)
MARKS = mark(
    "A click on a point marks it; so does Enter, and arrow keys walk (up and down along the line)."
)


class Frontier(Standalone, anywidget.AnyWidget):
    """Chart of a sweep: each recipe is a labelled point, and a line joins the pareto front.

    Parameters
    ----------
    sweep
        Result of ``Experiment.sweep``.
    size
        Width and height of the chart; at this width, text has its nominal size.
    explorer
        An ``Explorer``, or a ``Session``: choosing a point loads its recipe there, and the point of
        its current recipe is the chosen one.
    grades
        Verdict of each row, drawn as its mark; by default none.

    Raises
    ------
    ValueError
        ``sweep`` is not a ``Sweep``.

    Examples
    --------
    >>> from optiwidgets.session.session import Session
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> session = Session(exp)
    >>> chart = Frontier(exp.sweep([Recipe(bits=8), Recipe(bits=4)], progress=False), session)
    >>> chart.chosen = 1
    >>> session.recipe.bits
    4
    """

    _esm = load_esm(__file__, "pareto")
    _css = load_css(__file__, "pareto") + KERNEL_CSS + verdict_css()
    trials = List(Dict(), help="a row a recipe, in the sweep's order").tag(sync=True)
    chosen = Int(-1, help="index of the chosen row, -1 for none").tag(sync=True)
    about = Unicode(help="what is shown, and measured on what").tag(sync=True)
    metric = Unicode(help="leading metric in a sentence; empty if accuracy").tag(sync=True)
    message = Unicode(help="what went wrong").tag(sync=True)
    size = List(Int(), [720, 360], help="of the picture, in its own units").tag(sync=True)
    min = -1  # lower bound of ``chosen``, read by the guard
    locked = False  # True: points load nothing

    def __init__(
        self,
        sweep: Sweep,
        explorer: Any = None,
        *,
        size: tuple[int, int] = (720, 360),
        grades: Sequence[str] = (),
    ) -> None:
        self.session = None if explorer is None else session_of(explorer)
        super().__init__(size=[*size])
        self.show(sweep, grades)
        if self.session is not None:
            self.session.observe(lambda _: self._mark(), ["recipe", "experiment"])
            self.observe(lambda _: self._load(), "chosen")
        guard(self, self._refuse)

    @property
    def max(self) -> int:
        """Index of the last row."""
        return len(self.sweep) - 1

    @validate("chosen")
    def _check_chosen(self, proposal: Any) -> int:
        index: int = proposal["value"]
        if not self.min <= index <= self.max:
            raise TraitError(f"chosen is {self.min} (none) to {self.max}, not {index}")
        return index

    def show(self, sweep: Sweep, grades: Sequence[str] = ()) -> None:
        """Show another sweep, or more rows of the same; ``grades`` are of its rows, in order."""
        if not isinstance(sweep, Sweep):
            raise ValueError(f"sweep is what Experiment.sweep() gives, not {type(sweep).__name__}")
        self.sweep = sweep
        self._indices = {trial.recipe: index for index, trial in enumerate(sweep)}
        front = {*sweep.frontier_indices}
        with self.hold_sync():
            graded = zip(sweep, grades or len(sweep) * [""], strict=True)
            self.trials = [_trial_payload(t, g, i in front) for i, (t, g) in enumerate(graded)]
            self.metric = self._metric()
            self.about = _about(sweep, self.metric, self.session is not None)
            if self.session is None:
                self.chosen = -1
            else:
                self._mark()

    def _metric(self) -> str:
        """Return the leading metric's name, in words if the explorer shows the same metric."""
        name = metric_of_sweep(self.sweep)
        if self.session is None or self.session.baseline.outcome.metric != name:
            return name
        return spoken_metric(self.session.baseline)

    def _load(self) -> None:
        """Load the chosen recipe into the explorer."""
        assert self.session is not None
        if self.locked:
            self._mark()
        elif self.chosen >= 0:
            self.session.recipe = self.sweep[self.chosen].recipe

    def _mark(self) -> None:
        """Mark the point of the explorer's recipe; show a message if it shows another model."""
        assert self.session is not None
        self.chosen = self._indices.get(self.session.recipe, -1)
        shown = self.session.experiment
        there = (shown.name, shown.dataset.name or "own images")
        own = (self.sweep.model, self.sweep.dataset)
        self.message = "" if there == own else _about_others(own, there)

    def _refuse(self, reason: str) -> None:
        self.message = reason


def _trial_payload(trial: Trial, grade: str, front: bool) -> dict[str, Any]:
    """Describe a row; accuracy and bytes are None if it could not be run."""
    return {
        "recipe": str(trial.recipe),
        "words": in_words(trial.recipe),
        "grade": grade,
        "value": trial.accuracy if trial.value is None else trial.value,
        "interval": [trial.value_low, trial.value_high]
        if trial.accuracy_low is None
        else [trial.accuracy_low, trial.accuracy_high],
        "bytes": trial.total_bytes,
        "front": front,
    }


def _about(sweep: Sweep, metric: str, loads: bool) -> str:
    said = [
        text(
            "{recipes} recipes, {model} on {dataset}; {metric} on {images:,} exploration images.",
            recipes=len(sweep) - len(sweep.failed),
            model=sweep.model,
            dataset=sweep.dataset,
            images=sweep.images,
            metric=in_sentence(metric),
        )
    ]
    if sweep.failed:
        said.append(text("{failed} more could not be run.", failed=len(sweep.failed)))
    said.append(text("The line joins those that no other beats in both."))
    return " ".join([*said, text(LOADS if loads else MARKS)])


def _about_others(own: tuple[str, str], there: tuple[str, str]) -> str:
    """Explain that the explorer shows another model than the chart."""
    return text(
        "These recipes were run with {model} on {dataset}; the explorer shows {other} on "
        "{other_dataset}, so its numbers are others.",
        model=own[0],
        dataset=own[1],
        other=there[0],
        other_dataset=there[1],
    )
