"""Panels that draw from the feed: headline, confusion, classes, size, speed, bytes."""

from __future__ import annotations

from typing import Any

import anywidget
from ipywidgets import Widget, widget_serialization
from traitlets import Dict, Instance

from optiwidgets.widgets.base.assets import load_css, load_esm, verdict_css
from optiwidgets.widgets.base.panel import Panel


class Headline(Panel):
    """Cards: accuracy, drop, size, each one large number with its uncertainty or its reason."""

    _esm, _css = load_esm(__file__, "headline"), load_css(__file__, "headline") + verdict_css()


class Matrices(Panel):
    """Baseline and optimized confusion matrix on one colour scale, and their signed difference.

    A cell opens in ``cell_images``, if there is one.
    """

    _esm = load_esm(__file__, "confusion")
    _css = load_css(__file__, "confusion")
    cell_images = Instance(Widget, allow_none=True).tag(sync=True, **widget_serialization)


class Classes(Panel):
    """Recall and precision of every class, before and after."""

    _esm, _css = load_esm(__file__, "class_metrics"), load_css(__file__, "class_metrics")


class Waterfall(anywidget.AnyWidget):
    """Waterfall from four bytes a parameter to the file; ``data`` is ``size_payload(report)``."""

    _esm, _css = load_esm(__file__, "size_waterfall"), load_css(__file__, "size_waterfall")
    data = Dict().tag(sync=True)

    def show(self, data: dict[str, Any]) -> None:
        """Draw the bytes of another report."""
        self.data = data


class Speed(Panel):
    """Measured speed, its noise, and reasons for no speed-up."""

    _esm, _css = load_esm(__file__, "speed"), load_css(__file__, "speed")


class Bytes(Panel):
    """Bytes of the packed file by part, to the scale of the baseline."""

    _esm, _css = load_esm(__file__, "file_bytes"), load_css(__file__, "file_bytes")
