"""The explorer: controls on the left, live pictures on the right."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipywidgets import HTML, DOMWidget, Dropdown, HBox, Image, Tab, VBox

from optiwidgets.engine.recipe import Recipe
from optiwidgets.engine.report import Report
from optiwidgets.engine.verdict import Policy
from optiwidgets.session import Job, Session
from optiwidgets.widgets.controls import Controls
from optiwidgets.widgets.guard import guard
from optiwidgets.widgets.panels import (
    Bytes,
    Classes,
    Feed,
    Headline,
    Matrices,
    Speed,
    Waterfall,
    describe,
    describe_bytes,
)

NAMES = {"png": "PNG", "svg": "SVG", "owz": "packed file", "onnx": "ONNX"}
MIME = {"png": "image/png", "svg": "image/svg+xml"} | dict.fromkeys(
    ("owz", "onnx"), "application/octet-stream"
)


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
        self._by_hand = False
        self.model = Dropdown(options=list(self.session.models), description="Model")
        self.policy = Dropdown(
            options=[(p.name, p) for p in (Policy.MOBILE, Policy.MEDICAL)], description="Policy"
        )
        self._settings = self._positions()
        self.feed = Feed(
            handles=[*self.controls.handles, self.model],
            handle_keys=[*self.controls.handle_keys, "index"],
            rest=self.controls.settings(),
        )
        self.waterfall = Waterfall()
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
        png = _draw(self.session.report)["png"]
        return bundle | {"image/png": base64.b64encode(png).decode()}

    def _header(self) -> HBox:
        title = HTML("<h1>OptiWidgets</h1>")
        return HBox([title, self.model, self.policy, self.controls.reset]).add_class("ow-header")

    def _tabs(self) -> Tab:
        below = HBox([Classes(feed=self.feed), Bytes(feed=self.feed)]).add_class("ow-below")
        live = VBox([Matrices(feed=self.feed), below])
        kept = VBox([self.downloads, self.figure])
        why = HBox([self.waterfall, Speed(feed=self.feed)]).add_class("ow-why")
        titles = ("Confusion", "Size and speed", "Figure")
        return Tab([live, why, kept], titles=titles, selected_index=0)

    def _body(self) -> HBox:
        return HBox([self.controls, self.tabs]).add_class("ow-body")

    def _listen(self) -> None:
        for handle in self.controls.handles:
            handle.observe(self._hand_moved, "value")
        self.controls.reset.on_click(lambda _: self._move(Recipe()))
        self.model.observe(self._model_chosen, "value")
        self.policy.observe(lambda _: self._paint(), "value")
        self.controls.tune.on_click(lambda _: self.session.finetune())
        self.controls.cancel.on_click(lambda _: self.session.cancel())
        self.tabs.observe(lambda _: self.session.settle(), "selected_index")
        self.session.at_rest[:0] = [
            self._looked_at("Size and speed", self.waterfall, describe_bytes, self._show_bytes),
            self._looked_at("Figure", self.figure, _render, self._show_figure),
        ]
        self.session.observe(lambda _: self._paint(), ["busy", "error"])
        self.session.observe(lambda _: self._show_progress(), "progress")
        self.session.observe(lambda _: self._follow(), "recipe")

    def _hand_moved(self, change: Any) -> None:
        if not self._by_hand:
            self._ask()

    def _ask(self) -> None:
        """Run what the handles say; where that is nothing new, say that the picture still holds."""
        self._settings, recipe = self._positions(), self.controls.recipe()
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
        self._settings = self._positions()
        self._paint()

    def _positions(self) -> list[int]:
        """Where everything stands that the picture depends on, as the browser knows it."""
        return [*self.controls.settings(), self.model.index]

    def _model_chosen(self, change: Any) -> None:
        self._settings = self._positions()
        self.session.model = self.model.value

    def _paint(self) -> None:
        """Send what is known to the browser, in one message."""
        session = self.session
        if session.busy:
            self.feed.state = "running"
            return
        with self.feed.hold_sync():
            data = describe(session.baseline, session.report, self.policy.value)
            self.feed.data = data | {"settings": self._settings}
            wrong = "error" if session.error else "stale"
            self.feed.state = wrong if session.stale else "fresh"
            self.feed.message = session.error or self._remark()

    def _remark(self) -> str:
        """What the learner asked for and what was done, where the two differ."""
        report, recipe = self.session.report, self.session.recipe
        remarks = []
        if not self.controls.says(recipe):
            remarks.append(f"Set by code: {recipe}.")
        if recipe.recovery == "finetune":
            remarks.append("Fine-tuned on the training images; pruned weights stayed 0.")
        if report.simulated is not None:
            remarks.append(
                "These are the int8 runtime's own predictions; the float simulation is right on "
                f"{100 * report.simulated.accuracy:.1f} %."
            )
        removed, channels = report.removed_channels
        if recipe.pruning == "channel" and round(channels * recipe.sparsity) != removed:
            remarks.append(
                f"{recipe.sparsity:.0%} asked, {removed / channels:.1%} of channels removed "
                f"({removed} of {channels}): every layer keeps at least one."
            )
        return " ".join(remarks)

    def _refuse(self, reason: str) -> None:
        self.feed.message = reason

    def _show_progress(self) -> None:
        """Epoch, loss and time left of what runs in the slow lane; Cancel while it does."""
        progress, bar = self.session.progress, self.controls.progress
        self.controls.cancel.disabled = progress is None
        self.controls.tune.disabled = progress is not None
        bar.value = progress.done if progress else 0.0
        bar.description = (
            f"epoch {progress.epoch} of {progress.epochs}, loss {progress.loss:.2f}, "
            f"{progress.left_s:.0f} s left"
            if progress
            else ""
        )

    def _looked_at(
        self,
        title: str,
        widget: DOMWidget,
        work: Callable[[Report], Any],
        show: Callable[..., None],
    ) -> Callable[[Report], Job]:
        """Once the hand rests and the tab is open: do the work, then show what came of it."""
        tab = self.tabs.titles.index(title)

        def job(report: Report) -> Job:
            looking = self.tabs.selected_index == tab
            if looking:
                widget.add_class("ow-stale")

            def done(result: Any) -> None:
                if looking:
                    show(result)
                    widget.remove_class("ow-stale")

            return lambda void: work(report) if looking else None, done

        return job

    def _show_bytes(self, account: dict[str, Any]) -> None:
        self.waterfall.data = account

    def _show_figure(self, files: dict[str, bytes]) -> None:
        self.figure.value = files["png"]
        self.downloads.value = "".join(
            f'<a class="ow-download" download="optiwidgets.{kind}" '
            f'href="data:{MIME[kind]};base64,{base64.b64encode(data).decode()}">{NAMES[kind]}</a>'
            for kind, data in files.items()
        )


def _render(report: Report) -> dict[str, bytes]:
    """What there is to keep of a report, as files' bytes."""
    with tempfile.TemporaryDirectory() as folder:
        packed, graph = Path(folder, "m.owz"), Path(folder, "m.onnx")
        report.save(packed)
        report.export(graph)
        return _draw(report) | {"owz": packed.read_bytes(), "onnx": graph.read_bytes()}


def _draw(report: Report) -> dict[str, bytes]:
    from optiwidgets.figures import to_bytes  # seaborn and matplotlib, on first use

    figure = report.figure()
    return {kind: to_bytes(figure, kind) for kind in ("png", "svg")}
