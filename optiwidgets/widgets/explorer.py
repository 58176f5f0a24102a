"""The explorer: controls on the left, live pictures on the right."""

from __future__ import annotations

import base64
from typing import Any

from ipywidgets import HTML, Dropdown, HBox, Image, Tab, VBox

from optiwidgets.engine.recipe import Recipe
from optiwidgets.engine.report import Report
from optiwidgets.session import Session
from optiwidgets.widgets.controls import Controls
from optiwidgets.widgets.guard import guard
from optiwidgets.widgets.panels import Bytes, Classes, Feed, Headline, Matrices, describe

REST_S = 0.3  # how long the hand must be still before the figure is drawn


class Explorer(VBox):
    """Sliders that really prune and quantize, and what comes of it, live.

    Parameters
    ----------
    experiment
        An ``Experiment``; without one, the shipped digits with both models to choose from.

    Examples
    --------
    >>> explorer = Explorer()
    >>> explorer.controls.sparsity.value = 50
    >>> explorer.session.report.recipe
    Recipe(sparsity=0.5, pruning='global', ...)
    """

    def __init__(self, experiment: Any = None) -> None:
        self.session = Session(experiment)
        self.controls = Controls()
        self._settings = self.controls.settings()
        self._by_hand = False
        self.model = Dropdown(options=list(self.session.models), description="Model")
        self.feed = Feed(handles=list(self.controls.handles), handle_keys=self.controls.handle_keys)
        self.figure = Image(format="png").add_class("ow-figure")
        self.downloads = HTML()
        self.tabs = self._tabs()
        self._paint()
        super().__init__([self.feed, self._header(), Headline(feed=self.feed), self._body()])
        self.add_class("ow-explorer")
        self._listen()
        guard(self, self._refuse)

    def __repr__(self) -> str:
        """Name the experiment and the recipe."""
        return f"<Explorer: {self.session.experiment!r}, {self.session.recipe}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Add the report's figure, for places where no kernel runs."""
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        png, _ = _render(self.session.report)
        return bundle | {"image/png": base64.b64encode(png).decode()}

    def _header(self) -> HBox:
        title = HTML("<h1>OptiWidgets</h1>")
        return HBox([title, self.model, self.controls.reset]).add_class("ow-header")

    def _tabs(self) -> Tab:
        below = HBox([Classes(feed=self.feed), Bytes(feed=self.feed)]).add_class("ow-below")
        live = VBox([Matrices(feed=self.feed), below])
        kept = VBox([self.downloads, self.figure])
        return Tab([live, kept], titles=("Confusion", "Figure"), selected_index=0)

    def _body(self) -> HBox:
        return HBox([self.controls, self.tabs]).add_class("ow-body")

    def _listen(self) -> None:
        for handle in self.controls.handles:
            handle.observe(self._hand_moved, "value")
        self.controls.reset.on_click(lambda _: self._move(Recipe()))
        self.model.observe(self._model_chosen, "value")
        self.tabs.observe(lambda _: self._redraw(), "selected_index")
        self.session.observe(lambda _: self._paint(), "busy")
        self.session.observe(lambda _: self._follow(), "recipe")

    def _hand_moved(self, change: Any) -> None:
        if not self._by_hand:
            self._ask()

    def _ask(self) -> None:
        """Run what the handles say; where that is nothing new, say that the picture still holds."""
        self._settings, recipe = self.controls.settings(), self.controls.recipe()
        if recipe == self.session.recipe:
            self._paint()
            return
        self._by_hand = True
        try:
            self.session.recipe = recipe
        finally:
            self._by_hand = False

    def _move(self, recipe: Recipe) -> None:
        """Move all handles at once, then run."""
        self._by_hand = True
        try:
            self.controls.show(recipe)
        finally:
            self._by_hand = False
        self._ask()

    def _follow(self) -> None:
        """Bring the handles along when code set the recipe."""
        if self._by_hand:
            return
        self._by_hand = True
        try:
            self.controls.show(self.session.recipe)
        finally:
            self._by_hand = False
        self._settings = self.controls.settings()
        self._paint()

    def _model_chosen(self, change: Any) -> None:
        self.session.model = self.model.value

    def _paint(self) -> None:
        """Send what is known to the browser, in one message."""
        session = self.session
        if session.busy:
            self.feed.state = "running"
            return
        with self.feed.hold_sync():
            data = describe(session.baseline, session.report)
            self.feed.data = data | {"settings": self._settings}
            self.feed.state = "error" if session.error else "stale" if session.stale else "fresh"
            self.feed.message = session.error or self._remark()
        self._redraw()

    def _remark(self) -> str:
        """What the learner asked for and what was done, where the two differ."""
        report, recipe = self.session.report, self.session.recipe
        remarks = []
        if not self.controls.says(recipe):
            remarks.append(f"Set by code: {recipe}.")
        removed, channels = report.removed_channels
        if recipe.pruning == "channel" and round(channels * recipe.sparsity) != removed:
            remarks.append(
                f"{recipe.sparsity:.0%} asked, {removed / channels:.1%} of channels removed "
                f"({removed} of {channels}): every layer keeps at least one."
            )
        return " ".join(remarks)

    def _refuse(self, reason: str) -> None:
        self.feed.message = reason

    def _redraw(self) -> None:
        """Draw the figure again, if somebody looks at it, when the hand rests."""
        if self.tabs.selected_index != 1:
            return
        self.figure.add_class("ow-stale")
        report = self.session.report
        self.session.slow.submit(lambda: _render(report), self._show_figure, REST_S)

    def _show_figure(self, pictures: tuple[bytes, bytes]) -> None:
        png, svg = pictures
        self.figure.value = png
        self.downloads.value = "".join(
            f'<a class="ow-download" download="optiwidgets.{kind}" '
            f'href="data:{mime};base64,{base64.b64encode(data).decode()}">{kind.upper()}</a>'
            for kind, mime, data in (("png", "image/png", png), ("svg", "image/svg+xml", svg))
        )
        self.figure.remove_class("ow-stale")


def _render(report: Report) -> tuple[bytes, bytes]:
    from optiwidgets.figures import to_bytes  # seaborn and matplotlib, on first use

    figure = report.figure()
    return to_bytes(figure, "png"), to_bytes(figure, "svg")
