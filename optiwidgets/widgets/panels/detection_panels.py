"""Panels of a detector that draw from the feed: headline, precisions, curves."""

from __future__ import annotations

from ipywidgets import Widget, widget_serialization
from traitlets import Instance

from optiwidgets.widgets.base.assets import load_css, load_esm, verdict_css
from optiwidgets.widgets.base.panel import Panel
from optiwidgets.widgets.panels.thresholds import Thresholds


class DetectionHeadline(Panel):
    """Cards: mean average precision with its drop, size, speed, verdict."""

    _esm = load_esm(__file__, "detection_headline")
    _css = load_css(__file__, "headline") + verdict_css()


class ClassPrecision(Panel):
    """Average precision of every class, before and after."""

    _esm, _css = load_esm(__file__, "class_precision"), load_css(__file__, "class_metrics")


class ThresholdPanel(Panel):
    """Panel that draws boxes at the thresholds of overlap and score."""

    thresholds = Instance(Thresholds).tag(sync=True, **widget_serialization)


class PrecisionRecall(ThresholdPanel):
    """Precision at each recall, before and after, with the points of the score threshold."""

    _esm, _css = load_esm(__file__, "precision_recall"), load_css(__file__, "precision_recall")


class ObjectMatrices(ThresholdPanel):
    """Matrices of objects for baseline and optimized model, and their signed difference.

    The last row counts detections of nothing, the last column missed objects. A cell opens in
    ``scenes``.
    """

    _esm = load_esm(__file__, "object_matrices")
    _css = load_css(__file__, "confusion")
    scenes = Instance(Widget).tag(sync=True, **widget_serialization)
