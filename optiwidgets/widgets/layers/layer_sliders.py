"""Sliders of sparsity and bits for every layer, or a fit to a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from html import escape
from typing import Any

from ipywidgets import (
    HTML,
    BoundedFloatText,
    BoundedIntText,
    Button,
    Checkbox,
    Dropdown,
    HBox,
    IntSlider,
    SelectionSlider,
    VBox,
)
from traitlets import Int

from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.assets import KERNEL_CSS, load_css, load_esm
from optiwidgets.widgets.base.gated_button import IDLE, RUNS, GatedButton
from optiwidgets.widgets.base.panel import BaseFeed, Panel
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.layers.progress_bar import ProgressBar
from optiwidgets.widgets.security.message_guard import guard

REFITTED = Recipe(score="obs", clip="mse", recovery="sequential")  # base of fitted recipes
BYTES, POINTS = mark("bytes, at most"), mark("points lost, at most")


class LayerFeed(BaseFeed):
    """Feed of the sliders; draws accuracy, drop and bytes."""

    _esm, _css = (
        load_esm(__file__, "layer_sliders"),
        load_css(__file__, "layer_sliders") + KERNEL_CSS,
    )


class LayerBar(Panel):
    """Bar of one layer's bytes before and now, to the scale of the largest layer."""

    _esm = load_esm(__file__, "layer_bar")
    index = Int().tag(sync=True)


class Layers(Standalone, VBox):
    """Sliders for every layer of a model, and a budget that sets all of them.

    Parameters
    ----------
    session
        An ``Experiment``, a ``Session``, or a widget that has one; by default, the shipped digits.

    Examples
    --------
    >>> layers = Layers()
    >>> layers.sparsity["hidden"].value, layers.bits["head"].value = 80, 4
    >>> layers.session.report.recipe.layers
    (('hidden', 0.8, None), ('head', None, 4))
    """

    def __init__(self, session: Any = None) -> None:
        self.session = session_of(session)
        self.owns_session = self.session is not getattr(session, "session", session)
        self._names = list(self.session.experiment.layers)
        self._syncing = False
        self.sparsity = {name: _sparsity_slider() for name in self._names}
        self.bits = {name: _bits_slider() for name in self._names}
        self.refit = Checkbox(description=text("Refit what is left (slower)"), indent=False)
        self.reset = Button(description=text("Reset"), tooltip=text("Back to the untouched model"))
        self.unit = Dropdown(
            options=[(text(unit), unit) for unit in (BYTES, POINTS)],
            description=text("Fit to budget"),
        )
        self.most = BoundedIntText(value=1600, min=1, max=10**9, description=text("Bytes"))
        self.points = BoundedFloatText(value=1.0, min=0, max=100, step=0.5)
        self.points.description = text("Points")
        self.fit = GatedButton(text("Fit"), text("Bits and sparsity for every layer"))
        self.cancel = GatedButton(text("Cancel"), waits=text(IDLE))
        self.progress = ProgressBar()
        self.told = HTML()
        self._stand_at(self.session.recipe)
        self.handles = [*self.sparsity.values(), *self.bits.values(), self.refit]
        keys = ["value"] * len(self._names) + ["index"] * len(self._names) + ["value"]
        self.feed = LayerFeed(handles=self.handles, handle_keys=keys)
        super().__init__([self.feed, *self._rows(), self._budget()])
        self.add_class("ow-perlayer")
        self._choose_unit()
        self._listen()
        self._paint()
        guard(self, self._refuse)

    def recipe(self) -> Recipe:
        """Return the sliders' recipe; layers with the settings of the whole model have no entry."""
        plain = REFITTED if self.refit.value else Recipe()
        own = [(n, self.sparsity[n].value / 100, self.bits[n].value) for n in self._names]
        layers = tuple((n, s or None, b if b < 32 else None) for n, s, b in own if s or b < 32)
        return replace(plain, layers=layers) if layers else Recipe()

    def positions(self) -> list[int]:
        """Collect the positions of all sliders, in the form that the page uses."""
        keys = self.feed.handle_keys
        return [getattr(h, k) for h, k in zip(self.handles, keys, strict=True)]

    def fit_budget(self) -> None:
        """Search in the background for the best settings within the chosen budget."""
        experiment = self.session.experiment
        asked = (
            {"bytes": self.most.value} if self.unit.value == BYTES else {"drop": self.points.value}
        )

        def work(on_progress: Any) -> Any:
            try:
                return experiment.fit_budget(**asked, on_progress=on_progress)
            except ValueError as error:  # an impossible budget: a message, not a broken page
                return error

        self.told.value = ""
        self.session.in_background(work, self._take)

    def _take(self, found: Any) -> None:
        """Show the fitted settings: sliders, bars, numbers."""
        if isinstance(found, ValueError):
            self.told.value = f"<p role='alert'>{escape(str(found))}</p>"
            return
        self.session.recipe = found.recipe
        said = text(
            "Fitted with {runs} recipes: {bytes:,} bytes, {drop:.1f} points lost. Chosen on these "
            "images, so a little flattered; the sealed ones are closed.",
            runs=found.runs,
            bytes=found.bytes,
            drop=found.drop,
        )
        self.told.value = f"<p>{escape(said)}</p>"

    def _rows(self) -> list[HBox]:
        names = text("layer"), text("sparsity, %"), text("bits"), text("bytes")
        heads = [HTML(f"<b>{escape(name)}</b>") for name in names]
        rows = [HBox(heads).add_class("ow-layer-row").add_class("ow-layer-heads")]
        weights = self.session.experiment.layers
        for index, name in enumerate(self._names):
            count = text("{weights:,} weights", weights=weights[name])
            title = HTML(f"{name} <small>{escape(count)}</small>")
            bar = LayerBar(feed=self.feed, index=index)
            row = HBox([title, self.sparsity[name], self.bits[name], bar])
            rows.append(row.add_class("ow-layer-row"))
        return rows

    def _budget(self) -> VBox:
        box = [self.unit, self.most, self.points, self.fit, self.cancel, self.progress]
        rows = [HBox([self.refit, self.reset]), HBox(box), self.told]
        return VBox([row.add_class("ow-layer-line") for row in rows]).add_class("ow-layer-budget")

    def _listen(self) -> None:
        for handle in self.handles:
            handle.observe(self._hand_moved, "value")
        self.reset.on_click(lambda _: self._move(Recipe()))
        self.unit.observe(lambda _: self._choose_unit(), "value")
        self.fit.on_click(lambda _: self.fit_budget())
        self.cancel.on_click(lambda _: self.session.cancel())
        self.session.observe(lambda _: self._show_recipe(), "recipe")
        self.session.observe(lambda _: self._show_running(), "busy")
        self.session.on_report(self._paint, previews=True)
        self.session.observe(lambda _: self._show_progress(), "progress")

    def _hand_moved(self, change: Any) -> None:
        if not self._syncing:
            self.told.value = ""  # the text was about another recipe
            self._as_one(self._ask)

    def _ask(self) -> None:
        self.session.recipe = self.recipe()
        self._paint()

    def _move(self, recipe: Recipe) -> None:
        self.told.value = ""
        self._as_one(partial(self._stand_at, recipe))
        self._as_one(self._ask)

    def _show_recipe(self) -> None:
        """Move the sliders to a recipe that was set elsewhere."""
        if not self._syncing:
            self._as_one(partial(self._stand_at, self.session.recipe))
            self._paint()

    def _as_one(self, act: Callable[[], None]) -> None:
        """Suspend the observers while several sliders or the recipe are changed."""
        self._syncing = True
        try:
            act()
        finally:
            self._syncing = False

    def _stand_at(self, recipe: Recipe) -> None:
        for name in self._names:
            own = recipe.for_layer(name)
            self.sparsity[name].value, self.bits[name].value = round(100 * own.sparsity), own.bits
        self.refit.value = recipe.recovery == REFITTED.recovery

    def _choose_unit(self) -> None:
        in_bytes = self.unit.value == BYTES
        self.most.layout.display = None if in_bytes else "none"
        self.points.layout.display = "none" if in_bytes else None

    def _paint(self) -> None:
        """Send the current numbers to the browser, in one message."""
        session = self.session
        if session.busy:
            return
        with self.feed.hold_sync():
            data = layer_payload(session.baseline, session.report)
            self.feed.data = data | {"settings": self.positions()}
            state = "stale" if session.stale else "fresh"
            self.feed.state = "error" if session.error else state
            by_code = text("Set by code: {recipe}.", recipe=session.recipe)
            self.feed.message = session.error or ("" if self._says(session.recipe) else by_code)

    def _show_running(self) -> None:
        if self.session.busy:
            self.feed.state = "running"

    def _says(self, recipe: Recipe) -> bool:
        """Tell whether the sliders stand for the settings of every layer in this recipe."""
        asked, own = (
            self.recipe(),
            {name for name, sparsity, _ in recipe.layers if sparsity is not None},
        )
        together = recipe.sparsity > 0 and own != {*self._names}
        return not together and all(recipe.for_layer(n) == asked.for_layer(n) for n in self._names)

    def _show_progress(self) -> None:
        progress = self.session.progress
        self.cancel.waits = text(IDLE) if progress is None else ""
        self.fit.waits = "" if progress is None else text(RUNS)
        self.progress.show(progress)

    def _refuse(self, reason: str) -> None:
        self.feed.message = reason


def layer_payload(baseline: Report, report: Report) -> dict[str, Any]:
    """Describe a report layer by layer, as JSON."""
    before, after = baseline.size.layers, report.size.layers
    return {
        "recipe": report.recipe.as_dict() | {"layers": list(report.recipe.layers)},
        "images": report.count,
        "metric": [report.outcome.metric, *report.metric_names],
        "value": report.metric,
        "interval": list(report.outcome.interval),
        "drop": asdict(report.drop_from(baseline)),
        "bytes": report.size.total_bytes,
        "ratio": report.size.ratio,
        "estimated": report.size.estimated,
        "layers": [{"name": n, "bytes": after[n], "baseline": before[n]} for n in before],
        "apart": report.size.total_bytes - sum(after.values()),
    }


def _sparsity_slider() -> IntSlider:
    return IntSlider(0, 0, 99).add_class("ow-layer-slider").add_class("ow-layer-sparsity")


def _bits_slider() -> SelectionSlider:
    slider = SelectionSlider(options=[(str(bits), bits) for bits in BIT_WIDTHS], value=32)
    return slider.add_class("ow-layer-slider").add_class("ow-layer-bits")
