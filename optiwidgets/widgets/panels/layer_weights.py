"""Histograms of the weights before and after, with the values that codes can stand for."""

from __future__ import annotations

from typing import Any

import anywidget
import numpy as np
from ipywidgets import Dropdown, HBox
from numpy.typing import NDArray
from traitlets import Dict

from optiwidgets.engine.types.measurements import LayerWeights
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.session.background import Job, no_work
from optiwidgets.session.session import Session
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.assets import load_css, load_esm
from optiwidgets.widgets.base.panel import View
from optiwidgets.widgets.panels.report_payload import plain

BINS = 96  # for weights without codes
ALL = mark("all")

Values = NDArray[np.float32]


class Histogram(anywidget.AnyWidget):
    """Histogram of one layer's weights before and after, and numbers of all layers."""

    _esm, _css = load_esm(__file__, "layer_weights"), load_css(__file__, "layer_weights")
    data = Dict().tag(sync=True)


class Weights(View):
    """Tab of weights; updates while it is open, slow recipes as an idle job.

    Parameters
    ----------
    session
        A ``Session``.

    Examples
    --------
    >>> weights = Weights(Session())
    >>> weights.looked_at = True
    >>> weights.layer.options
    ('features.0', 'features.4', 'features.8', 'hidden', 'head')
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.layer = Dropdown(description=text("Layer"))
        self.channel = Dropdown(description=text("Channel"), options=[(text(ALL), ALL)])
        self.chart = Histogram()
        self._layers: tuple[LayerWeights, ...] = ()
        line = HBox([self.layer, self.channel]).add_class("ow-weights-line")
        super().__init__([line, self.chart])
        session.on_report(self._update)
        self.observe(lambda _: self._update(), "looked_at")
        for handle in (self.layer, self.channel):
            handle.observe(lambda _: self._paint(), "value")

    def on_idle(self, report: Report) -> Job:
        """Create the idle job that computes weights of slow recipes."""
        waits = self.looked_at and not self._is_cheap(report.recipe)

        def done(layers: Any) -> None:
            if layers and report.recipe == self.session.report.recipe:
                self._take(layers)

        return (lambda is_cancelled: report.weights()) if waits else no_work, done

    def _is_cheap(self, recipe: Recipe) -> bool:
        """Tell whether the weights can be computed within a few milliseconds."""
        plain = (recipe.rounding, recipe.recovery) == ("nearest", "none")
        fast = plain and recipe.scheme != "codebook" and recipe.clip != "mse"
        return fast or self.session.experiment.knows_weights(recipe)

    def _update(self) -> None:
        if not self.looked_at:
            return
        if self._is_cheap(self.session.report.recipe):
            self._take(self.session.report.weights())
        else:
            self.chart.add_class("ow-stale")

    def _take(self, layers: tuple[LayerWeights, ...]) -> None:
        self._layers = ()  # nothing is painted meanwhile
        names = [layer.name for layer in layers]
        if [*self.layer.options] != names:
            self.layer.options = names
            self.layer.index = int(np.argmax([layer.before.size for layer in layers]))
        self._layers = layers
        self._paint()
        self.chart.remove_class("ow-stale")

    def _paint(self) -> None:
        if not self._layers:
            return
        layers, index = self._layers, self.layer.index
        self._layers = ()
        self._offer_channels(layers[index])
        self._layers = layers
        channel = None if self.channel.value == ALL else int(self.channel.value)
        self.chart.data = weights_payload(layers, index, channel)

    def _offer_channels(self, layer: LayerWeights) -> None:
        """Offer single channels if each has its own scale."""
        own = len(layer.values) > 1 and bool((layer.outputs >= 0).all())
        values = [ALL, *(str(output) for output in layer.outputs)] if own else [ALL]
        options = [(text(value), value) for value in values]
        if [*self.channel.options] != options:
            kept = self.channel.value if self.channel.value in values else ALL
            self.channel.options = options
            self.channel.value = kept
        self.channel.disabled = not own
        self.channel.tooltip = "" if own else text("All channels of this layer share one scale.")


def weights_payload(
    layers: tuple[LayerWeights, ...], index: int, channel: int | None
) -> dict[str, Any]:
    """Describe counts and edges as bytes; ``channel`` is an output of the untouched layer."""
    layer = layers[index]
    row = 0 if channel is None else int(np.flatnonzero(layer.outputs == channel)[0])
    before, after = _chosen(layer, channel, row)
    gridded = layer.values.size > 0 and (channel is not None or len(layer.values) == 1)
    values = layer.values[row] if gridded else np.empty(0, np.float32)
    low, high = _hull(before, after, values)
    edges = _cells(values, low, high) if gridded else np.linspace(low, high, BINS + 1)
    return {
        "layers": [_numbers(each) for each in layers],
        "index": index,
        "range": [low, high],
        "before": _count(before, low, high),
        "after": layer.used[row].astype("<i4").tobytes() if gridded else _count(after, low, high),
        "edges": edges.astype("<f4").tobytes(),
        "values": values.astype("<f4").tobytes(),
        "counts": [before.size, after.size],
        "grid": _about_grid(layer, channel),
    }


def _chosen(layer: LayerWeights, channel: int | None, row: int) -> tuple[Values, Values]:
    """Return the weights before and the remaining weights, of a layer or of one channel."""
    if channel is None:
        return layer.before.ravel(), layer.after[layer.kept]
    return layer.before[channel].ravel(), layer.after[row][layer.kept[row]]


def _hull(*arrays: Values) -> tuple[float, float]:
    """Return the range of all values; its width is never 0."""
    low = min(float(array.min()) for array in arrays if array.size)
    high = max(float(array.max()) for array in arrays if array.size)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _cells(values: Values, low: float, high: float) -> NDArray[np.float64]:
    """Compute the edges of bins halfway between the values.

    Examples
    --------
    >>> _cells(np.array([-1.0, 0.0, 1.0], np.float32), -1.0, 1.5).tolist()
    [-1.0, -0.5, 0.5, 1.5]
    """
    exact = values.astype(np.float64)
    return np.concatenate([[low], (exact[1:] + exact[:-1]) / 2, [high]])


def _count(numbers: Values, low: float, high: float) -> bytes:
    """Count numbers in each of ``BINS`` equal bins from low to high, int32.

    Examples
    --------
    >>> counts = np.frombuffer(_count(np.array([0.0, 0.5, 1.0], np.float32), 0.0, 1.0), "<i4")
    >>> len(counts), np.flatnonzero(counts).tolist()
    (96, [0, 48, 95])
    """
    bins = ((numbers - np.float32(low)) * np.float32(BINS / (high - low))).astype(np.int32)
    counts = np.bincount(bins.clip(0, BINS - 1), minlength=BINS)
    return counts.astype("<i4").tobytes()


def _numbers(layer: LayerWeights) -> dict[str, Any]:
    return {
        "name": layer.name,
        "weights": layer.before.size,
        "pruned": layer.pruned,
        "distinct": layer.distinct,
        "bits": layer.bits,
        "error": plain(layer.error),
    }


def _about_grid(layer: LayerWeights, channel: int | None) -> str:
    rows, count = layer.values.shape
    if not count:
        return text("{bits}-bit floats: no grid at this scale.", bits=layer.bits)
    if channel is not None:
        return text(
            "Channel {channel}: {count} values a code can stand for, marked between the two, "
            "taller where weights have them.",
            channel=channel,
            count=count,
        )
    if rows == 1:
        return text(
            "{count} values a code can stand for, marked between the two, taller where weights "
            "have them.",
            count=count,
        )
    spans = np.ptp(layer.values, axis=1)
    steps = spans / max(1, count - 1)
    return text(
        "Each of {rows} channels has a grid of its own, of {count} values "
        "{smallest:.2g} to {largest:.2g} apart: choose a channel to see it.",
        rows=rows,
        count=count,
        smallest=steps.min(),
        largest=steps.max(),
    )
