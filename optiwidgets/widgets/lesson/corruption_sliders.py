"""Corruption sliders: leading metric of baseline and optimized model on worse images."""

from __future__ import annotations

from html import escape
from typing import Any

from ipywidgets import HTML, FloatSlider, VBox

from optiwidgets.engine.types.report import Report
from optiwidgets.session.queries import corrupted_reports, fixed_dials
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.base.table import Table
from optiwidgets.widgets.lesson.file_figures import points_words
from optiwidgets.widgets.security.message_guard import guard

DIALS = {  # name -> neutral value, from, to, step, label
    "noise": (0.0, 0.0, 0.3, 0.01, mark("Noise, of 0 to 1")),
    "blur": (0.0, 0.0, 2.0, 0.1, mark("Blur, pixels")),
    "brightness": (1.0, 0.4, 1.6, 0.05, mark("Brightness, times")),
    "rotation": (0.0, -45.0, 45.0, 1.0, mark("Rotation, degrees")),
}


class NewData(Standalone, VBox):
    """Leading metric of both models on corrupted images; nothing is tuned on them.

    A slider whose change the targets could not follow, as boxes and masks do not turn with their
    images, is disabled, and its tooltip and a note say why.

    Parameters
    ----------
    session
        A ``Session``, or a widget that has one.

    Examples
    --------
    >>> from optiwidgets.session.session import Session
    >>> dial = NewData(Session())
    >>> dial.sliders["rotation"].value = 30.0
    >>> name, before, now, fell = dial.table.rows[0]
    >>> name, now < before
    ('baseline', True)
    """

    def __init__(self, session: Any) -> None:
        self.session = session_of(session)
        self.sliders = {name: _slider(*dial) for name, dial in DIALS.items()}
        self.table = Table("", ("", text("as they were"), text("changed"), text("fell by")))
        self.note = HTML()
        super().__init__([*self.sliders.values(), self.note, self.table])
        self.add_class("ow-newdata")
        for slider in self.sliders.values():
            slider.observe(lambda _: self._write(), "value")
        self.session.on_report(self._write)
        self._write()
        guard(self, lambda reason: setattr(self.table, "caption", reason))

    def _limit(self) -> None:
        """Disable the sliders that do not fit the targets of the open images."""
        reasons = fixed_dials(self.session.experiment)
        for name, slider in self.sliders.items():
            slider.disabled, slider.tooltip = name in reasons, reasons.get(name, "")
            if slider.disabled:
                slider.value = DIALS[name][0]
        said = escape(" ".join(reasons.values()))
        self.note.value = f'<p role="note">{said}</p>' if said else ""

    def _write(self) -> None:
        self._limit()
        dial = {name: slider.value for name, slider in self.sliders.items()}
        try:
            new = corrupted_reports(self.session.experiment, self.session.report.recipe, **dial)
        except ValueError as error:  # this dataset's images cannot be turned back into pixels
            self.table.rows, self.table.caption = [], str(error)
            return
        known = (self.session.baseline, self.session.report)
        rows = zip((text("baseline"), text("optimized")), known, new, strict=True)
        drop = new[1].drop_from(new[0])
        self.table.rows = [_row(*row) for row in rows]
        self.table.caption = text(
            "On the changed images the optimized model is {points:.1f} points below the baseline "
            "(95 %: {low:.1f} to {high:.1f}).",
            points=drop.points,
            low=drop.low,
            high=drop.high,
        )


def _row(name: str, before: Report, after: Report) -> list[str]:
    shares = [100 * report.metric for report in (before, after)]
    return [name, *(f"{share:.1f} %" for share in shares), points_words(shares[0] - shares[1])]


def _slider(value: float, low: float, high: float, step: float, title: str) -> FloatSlider:
    slider = FloatSlider(value=value, min=low, max=high, step=step, description=text(title))
    slider.style.description_width, slider.layout.width = "130px", "460px"
    return slider
