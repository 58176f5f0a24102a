"""Sensitivity of each layer to pruning or quantization, measured live."""

from __future__ import annotations

from typing import Any

import anywidget
from ipywidgets import HTML, Dropdown, HBox, IntSlider, VBox
from traitlets import Dict, Float

from optiwidgets.texts import text
from optiwidgets.widgets.base.assets import KERNEL_CSS, load_css, load_esm
from optiwidgets.widgets.base.gated_button import IDLE, RUNS, GatedButton
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.layers.progress_bar import ProgressBar
from optiwidgets.widgets.panels.metric_words import spoken_metric
from optiwidgets.widgets.security.message_guard import guard


class Curves(anywidget.AnyWidget):
    """Chart of the leading metric against sparsity or bits, a curve a layer; draws ``data``."""

    _esm, _css = load_esm(__file__, "sensitivity"), load_css(__file__, "layer_sliders") + KERNEL_CSS
    data = Dict().tag(sync=True)
    threshold = Float(2.0).tag(sync=True)


def levels_offered() -> list[tuple[str, str]]:
    """List what a measurement can change, with its name in the menu.

    Examples
    --------
    >>> levels_offered()
    [('sparsity', 'sparsity'), ('bits', 'bits')]
    """
    return [(text("sparsity"), "sparsity"), (text("bits"), "bits")]


class Fragility(Standalone, VBox):
    """Sensitivity measurement: changes one layer at a time and draws each point as it is measured.

    Parameters
    ----------
    session
        An ``Experiment``, a ``Session``, or a widget that has one; by default, the shipped digits.

    Examples
    --------
    >>> fragility = Fragility()
    >>> fragility.by.value, fragility.threshold.value
    ('sparsity', 2)
    """

    def __init__(self, session: Any = None) -> None:
        self.session = session_of(session)
        self.owns_session = self.session is not getattr(session, "session", session)
        self.by = Dropdown(options=levels_offered(), description=text("Change"))
        self.threshold = IntSlider(2, 1, 20, description=text("Points lost"))
        self.measure = GatedButton(text("Measure"), text("One layer at a time"))
        self.cancel = GatedButton(text("Cancel"), waits=text(IDLE))
        self.progress = ProgressBar()
        self.note = HTML()
        self.curves = Curves()
        controls = [self.by, self.threshold, self.measure, self.cancel, self.progress]
        super().__init__([HBox(controls).add_class("ow-layer-line"), self.curves, self.note])
        self.add_class("ow-fragility")
        self._listen()
        guard(self, lambda reason: setattr(self.note, "value", reason))

    def start(self) -> None:
        """Measure in the background, and draw every point once it is measured."""
        experiment, by = self.session.experiment, self.by.value

        def work(on_progress: Any) -> None:
            for found in experiment.grow_sensitivity(by):
                on_progress(found.progress)
                self.curves.data = sensitivity_payload(found, spoken_metric(self.session.baseline))

        self.note.value = ""
        self.session.in_background(work, lambda _: None)

    def close(self) -> None:
        """Close all widgets, which then follow the progress of the session no more."""
        if self.comm is not None:
            self.session.unobserve(self._show_progress, "progress")
        super().close()

    def _listen(self) -> None:
        self.measure.on_click(lambda _: self.start())
        self.cancel.on_click(lambda _: self._give_up())
        self.threshold.observe(self._move_line, "value")
        self.session.observe(self._show_progress, "progress")

    def _give_up(self) -> None:
        self.session.cancel()
        self.note.value = text("Cancelled: what was measured stays, and is known the next time.")

    def _move_line(self, change: Any) -> None:
        self.curves.threshold = float(self.threshold.value)

    def _show_progress(self, change: Any) -> None:
        progress = self.session.progress
        self.cancel.waits = text(IDLE) if progress is None else ""
        self.measure.waits = "" if progress is None else text(RUNS)
        self.progress.show(progress)


def sensitivity_payload(found: Any, metric: str) -> dict[str, Any]:
    """Describe a ``Sensitivity``, as JSON; ``metric`` is that of ``spoken_metric``."""
    return {
        "by": found.by,
        "levels": list(found.levels),
        "metric": metric,
        "value": found.value,
        "curves": [{"name": n, "points": [list(p) for p in c]} for n, c in found.curves.items()],
        "unchanged": [{"name": n, "reason": reason} for n, reason in found.unchanged.items()],
        "done": sum(map(len, found.curves.values())),
        "total": found.total,
    }
