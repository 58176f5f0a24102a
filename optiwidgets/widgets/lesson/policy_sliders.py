"""Three sliders graded under two policies."""

from __future__ import annotations

from numbers import Real
from typing import Any

from ipywidgets import FloatSlider, IntSlider, VBox

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import Verdict, grade
from optiwidgets.texts import text
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.security.message_guard import guard

UNITS = {
    "accuracy_before": "percent",
    "accuracy": "percent",
    "size_cut": "percent of the bytes saved",
    "speedup": "times faster",
}
POLICIES = (Policy.MOBILE, Policy.MEDICAL)


class Decide(Standalone, VBox):
    """Grades of plain numbers under both policies: the rule of ``grade``, without a measurement.

    Parameters
    ----------
    accuracy_before
        In percent, 0 to 100.
    accuracy, size_cut, speedup
        Initial positions: accuracy after, in percent, percent of the bytes saved, times faster.

    Raises
    ------
    ValueError
        A value is no number, or out of its range: it grades plain numbers, not an experiment.

    Examples
    --------
    >>> decide = Decide(accuracy_before=95, accuracy=85, size_cut=60, speedup=3.0)
    >>> [verdict.grade for verdict in decide.verdicts()]
    ['bad', 'bad']
    """

    def __init__(
        self,
        accuracy_before: int = 95,
        accuracy: float = 85,
        size_cut: int = 60,
        speedup: float = 3.0,
    ) -> None:
        _check("accuracy_before", accuracy_before, 0, 100)
        _check("accuracy", accuracy, 0, 100)
        _check("size_cut", size_cut, 0, 99)
        _check("speedup", speedup, 0.5, 5)
        self.accuracy_before = accuracy_before
        self.size_cut = IntSlider(size_cut, 0, 99, description=text("Smaller by, %"))
        self.speedup = FloatSlider(
            value=speedup, min=0.5, max=20.0, step=0.1, description=text("Times faster")
        )
        self.accuracy = FloatSlider(
            value=accuracy, min=0, max=100, step=0.5, description=text("Accuracy, %")
        )
        self.speedup.readout_format = self.accuracy.readout_format = ".1f"
        self.sliders = (self.size_cut, self.speedup, self.accuracy)
        self.shown = Table("", (text("use"), text("verdict"), text("because")))
        for slider in self.sliders:
            slider.style.description_width, slider.layout.width = "140px", "460px"
            slider.observe(lambda _: self._write(), "value")
        self._write()
        super().__init__([*self.sliders, self.shown])
        self.add_class("ow-decide")
        guard(self, lambda reason: setattr(self.shown, "caption", reason))

    def verdicts(self) -> list[Verdict]:
        """Grade the sliders' numbers under each policy, MOBILE first."""
        drop = float(self.accuracy_before - self.accuracy.value)
        cut, speedup = self.size_cut.value / 100, self.speedup.value
        return [grade(drop, cut, speedup, policy) for policy in POLICIES]

    def _write(self) -> None:
        self.shown.caption = text(
            "From {before} % right to {after:g} %, {cut} % smaller, {speed:.1f} times as fast:",
            before=self.accuracy_before,
            after=self.accuracy.value,
            cut=self.size_cut.value,
            speed=self.speedup.value,
        )
        self.shown.rows = [
            [text(policy.name), text(verdict.grade), verdict.reasons[0]]
            for policy, verdict in zip(POLICIES, self.verdicts(), strict=True)
        ]


def _check(name: str, value: Any, low: float, high: float) -> None:
    """Refuse a value that is no number in its range."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        raise ValueError(
            f"{name} is a number from {low} to {high} ({UNITS[name]}), not {_named(value)}; "
            "Decide grades plain numbers, such as Decide(accuracy_before=95, accuracy=85)"
        )


def _named(value: Any) -> str:
    return str(value) if isinstance(value, int | float | str) else repr(value)
