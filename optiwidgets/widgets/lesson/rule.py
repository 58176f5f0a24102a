"""A learner's own formula for the drop, drawn on the measured curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from numbers import Real
from typing import Any, NamedTuple

import anywidget
from ipywidgets import HTML, Dropdown, HBox, Text, VBox
from traitlets import Dict

from optiwidgets.engine.execution.progress import Progress
from optiwidgets.engine.types.recipe import MAX_SPARSITY, Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.assets import load_css, load_esm
from optiwidgets.widgets.base.gated_button import IDLE, RUNS, GatedButton
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.controls.recipe_words import bits_words
from optiwidgets.widgets.layers.progress_bar import ProgressBar
from optiwidgets.widgets.layers.sensitivity import levels_offered
from optiwidgets.widgets.lesson.formula import Formula
from optiwidgets.widgets.security.message_guard import guard

LEVELS: dict[str, tuple[float, ...]] = {
    "sparsity": (*(percent / 100 for percent in range(0, 99, 2)), MAX_SPARSITY),
    "bits": (8, 7, 6, 5, 4, 3, 2, 1),
}
VARIABLES = {"sparsity": "s", "bits": "b"}
LARGEST = 1e6  # points
RuleFunction = Callable[[float], float]


class Point(NamedTuple):
    """Measured drop in points at one level, with its 95 % interval."""

    level: float
    drop: float
    low: float
    high: float


class RuleChart(anywidget.AnyWidget):
    """Chart of the measured drop, and a dashed line of the rule; ``data`` is a payload."""

    _esm, _css = load_esm(__file__, "rule"), load_css(__file__, "rule")
    data = Dict().tag(sync=True)


class Rule(Standalone, VBox):
    """A formula for the drop as a dashed line on the measured curve, and the distance of both.

    The measurement runs in the background and draws each point. If the rule fails or gives
    something else than a number, a message says so and the last good line stays.

    Parameters
    ----------
    session
        An ``Experiment``, a ``Session``, or a widget that has one; by default, the shipped digits.
    rule
        Function of the level that returns the drop in points, or its formula as text, such as
        "0.1 if s <= 0.5 else exp(2*s)". Sparsity ``s`` is a share 0..1, ``b`` a number of bits.
    by
        Field that changes: "sparsity" or "bits".
    ground
        Recipe of all other fields; by default the untouched model.

    Raises
    ------
    ValueError
        ``by`` has another value, or ``ground`` excludes one of the levels.

    Examples
    --------
    >>> rule = Rule(rule=lambda s: 100 * s)
    >>> rule.chart.data["rule"][:2]
    [[0.0, 0.0], [0.02, 2.0]]
    >>> rule.formula.value = "s / 0"
    >>> rule.note.value.partition(": ")[0], rule.note.value.partition(". ")[2]
    ('At 0 % the rule fails', 'The last line stays.')
    """

    def __init__(
        self,
        session: Any = None,
        rule: RuleFunction | str | None = None,
        *,
        by: str = "sparsity",
        ground: Recipe | None = None,
    ) -> None:
        if by not in LEVELS:
            raise ValueError(f"by is 'sparsity' or 'bits', not {by!r}")
        self.session, self.ground = session_of(session), ground or Recipe()
        self.owns_session = self.session is not getattr(session, "session", session)
        self.points: list[Point] = []
        self.line: dict[float, float] = {}
        self.by = Dropdown(options=levels_offered(), value=by, description=text("Change"))
        self.formula = Text(description=text("Rule"), continuous_update=False)
        self.measure = GatedButton(text("Measure"), text("Runs every level"))
        self.cancel = GatedButton(text("Cancel"), waits=text(IDLE))
        self.progress, self.note, self.chart = ProgressBar(), HTML(), RuleChart()
        first = HBox([self.formula]).add_class("ow-layer-line")
        controls = HBox([self.by, self.measure, self.cancel, self.progress])
        super().__init__([first, controls.add_class("ow-layer-line"), self.note, self.chart])
        self.add_class("ow-rule")
        self._begin()
        self._listen()
        if isinstance(rule, str):
            self.formula.value = rule
        elif rule is not None:
            self.draw(rule)
        guard(self, lambda reason: setattr(self.note, "value", escape(reason)))

    def static_body(self) -> str:
        """Describe the formula and its distance from the run as HTML."""
        written = self.formula.value
        formula = f"<code>{escape(written)}</code>" if written else escape(text("none yet"))
        said = escape(self.chart.data["words"])
        return f"<p>{escape(text('Rule'))}: {formula}</p><p>{said}</p>"

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels that are measured."""
        return LEVELS[self.by.value]

    def draw(self, rule: RuleFunction) -> bool:
        """Draw another rule; return False, with a message, if it cannot be evaluated."""
        try:
            self.line = evaluate_rule(rule, self.levels, self.by.value)
        except ValueError as error:
            self.note.value = self._refused(error)
            return False
        self.note.value = ""
        self._write()
        return True

    def _refused(self, error: ValueError) -> str:
        """Format the reason why a rule is not drawn, as HTML."""
        stays = text("The last line stays.")
        return escape(f"{error}. {stays}" if self.line else f"{error}.")

    def start(self) -> Any:
        """Measure every level in the background, and draw each point."""
        experiment, recipes, base = self.session.experiment, self._recipes(), Recipe()
        points: list[Point] = []  # this measurement's own: a cancelled one still ends a run
        self.points = points

        def work(on_progress: Any) -> None:
            before = experiment.run(base, on_progress=on_progress)
            for level, recipe in recipes.items():
                done, total = len(points), len(recipes)
                stage = text("level {n} of {all}", n=done + 1, all=total)
                on_progress(Progress(done / total, stage))
                report = experiment.run(recipe, on_progress=on_progress)
                points.append(_point(level, report, before))
                if self.points is points:
                    self._write()

        self.note.value = ""
        return self.session.in_background(work, lambda _: None)

    def close(self) -> None:
        """Close all widgets, which then follow the progress of the session no more."""
        if self.comm is not None:
            self.session.unobserve(self._show_progress, "progress")
        super().close()

    def _listen(self) -> None:
        self.formula.observe(lambda _: self._read(), "value")
        self.by.observe(lambda _: self._change_field(), "value")
        self.measure.on_click(lambda _: self.start())
        self.cancel.on_click(lambda _: self._give_up())
        self.session.observe(self._show_progress, "progress")

    def _begin(self) -> None:
        """Clear points and line for the chosen field."""
        self._recipes()
        self.points, self.line = [], {}
        variable = VARIABLES[self.by.value]
        examples = {"s": "0.1 if s <= 0.5 else e^(2s)", "b": "e^(6 - 2b)"}
        wanted = mark("points lost, such as {formula}")
        self.formula.placeholder = text(wanted, formula=examples[variable])
        self._write()

    def _recipes(self) -> dict[float, Recipe]:
        if self.by.value == "bits":
            return {level: replace(self.ground, bits=int(level)) for level in self.levels}
        return {level: replace(self.ground, sparsity=level) for level in self.levels}

    def _change_field(self) -> None:
        self.session.cancel()
        self._begin()
        self._read()

    def _read(self) -> None:
        """Draw the formula in the text field."""
        if not self.formula.value.strip():
            self.note.value = ""
            return
        try:
            formula = Formula(self.formula.value, VARIABLES[self.by.value])
        except ValueError as error:
            self.note.value = self._refused(error)
        else:
            self.draw(formula)

    def _give_up(self) -> None:
        self.session.cancel()
        self.note.value = text("Cancelled: measured points stay.")

    def _show_progress(self, change: Any) -> None:
        progress = self.session.progress
        self.cancel.waits = text(IDLE) if progress is None else ""
        self.measure.waits = "" if progress is None else text(RUNS)
        self.progress.show(progress)
        if self.session.error:
            self.note.value = escape(self.session.error)

    def _write(self) -> None:
        self.chart.data = rule_payload(self.by.value, self.levels, self.points, self.line)


def evaluate_rule(rule: RuleFunction, levels: Sequence[float], by: str) -> dict[float, float]:
    """Evaluate a rule at every level; return the points by level.

    Raises
    ------
    ValueError
        The rule raises, or gives something else than a finite number; the message has the level.

    Examples
    --------
    >>> evaluate_rule(lambda bits: 8 - bits, (8, 4), "bits")
    {8: 0.0, 4: 4.0}
    >>> evaluate_rule(lambda bits: "much", (8, 4), "bits")
    Traceback (most recent call last):
    ...
    ValueError: At 8 bits the rule gives 'much', not a number of points
    """
    line: dict[float, float] = {}
    for level in levels:
        at = level_text(level, by)
        try:
            value = rule(level)
        except Exception as error:  # the learner's own code may raise anything
            reason = str(error.args[-1]) if error.args else type(error).__name__
            fails = mark("At {level} the rule fails: {reason}")
            raise ValueError(text(fails, level=at, reason=reason)) from error
        if isinstance(value, bool) or not isinstance(value, Real):
            gives = mark("At {level} the rule gives {value}, not a number of points")
            raise ValueError(text(gives, level=at, value=_short(value)))
        if not _is_drawable(value):
            gives = mark(
                "At {level} the rule gives {value}, not a number of points from {low} to {high}"
            )
            low, high = f"{-LARGEST:,.0f}", f"{LARGEST:,.0f}"
            raise ValueError(text(gives, level=at, value=_short(value), low=low, high=high))
        line[level] = float(value)
    return line


def _is_drawable(value: Real) -> bool:
    try:
        number = float(value)
    except OverflowError:
        return False
    return math.isfinite(number) and abs(number) <= LARGEST


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."


def level_text(level: float, by: str) -> str:
    """Name a level with its unit.

    Examples
    --------
    >>> level_text(0.58, "sparsity"), level_text(1, "bits")
    ('58 %', '1 bit')
    """
    if by == "sparsity":
        return f"{100 * level:.0f} %"
    return bits_words(int(level))


def distances(points: Sequence[Point], rule: Mapping[float, float]) -> dict[float, float]:
    """Compute by level the distance of the rule from the measured drop, in points.

    Examples
    --------
    >>> distances([Point(0.5, 2.0, 1.0, 3.0)], {0.0: 0.0, 0.5: 5.0})
    {0.5: 3.0}
    """
    return {p.level: abs(rule[p.level] - p.drop) for p in points if p.level in rule}


def rule_payload(
    by: str,
    levels: Sequence[float],
    points: Sequence[Point],
    rule: Mapping[float, float],
) -> dict[str, Any]:
    """Describe curve, rule and their distance, as JSON."""
    apart = distances(points, rule)
    return {
        "by": by,
        "levels": list(levels),
        "points": [list(point) for point in points],
        "rule": [list(pair) for pair in rule.items()],
        "farthest": max(apart, key=lambda level: apart[level]) if apart else None,
        "words": _words(by, levels, points, rule, apart),
    }


def _words(
    by: str,
    levels: Sequence[float],
    points: Sequence[Point],
    rule: Mapping[float, float],
    apart: Mapping[float, float],
) -> str:
    """Describe the largest and the mean distance in two sentences."""
    if not points:
        return text("Write your rule first, then press Measure.")
    if not apart:
        no_rule = mark("{done} of {all} levels are measured; there is no rule yet.")
        return text(no_rule, done=len(points), all=len(levels))
    known = [point for point in points if point.level in apart]
    worst = max(known, key=lambda point: apart[point.level])
    inside = sum(p.low <= rule[p.level] <= p.high for p in known)
    return text(
        "Largest distance {largest:.1f} points, at {level}: the rule says {said:.1f}, the run "
        "lost {lost:.1f}. Mean distance {mean:.1f} points over {done} of {all} levels; the rule "
        "is inside the 95 % interval at {inside}.",
        largest=apart[worst.level],
        level=level_text(worst.level, by),
        said=rule[worst.level],
        lost=worst.drop,
        mean=sum(apart.values()) / len(apart),
        done=len(apart),
        all=len(levels),
        inside=inside,
    )


def _point(level: float, report: Report, base: Report) -> Point:
    drop = report.drop_from(base)
    return Point(level, drop.points, drop.low, drop.high)
