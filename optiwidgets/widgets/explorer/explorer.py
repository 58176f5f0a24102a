"""The explorer: controls on the left, live pictures on the right."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ipywidgets import HTML, Box, DOMWidget, Dropdown, HBox, Tab, VBox

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.recipe import BY_TRAINING, Recipe
from optiwidgets.session.session import Session
from optiwidgets.widgets.base.panel import Feed, Resting, View, when_looked_at
from optiwidgets.widgets.classroom.classroom import Classroom
from optiwidgets.widgets.controls.recipe_controls import Controls
from optiwidgets.widgets.explorer.connection import Connection
from optiwidgets.widgets.explorer.share_link import ShareLink, describe_link, restore
from optiwidgets.widgets.explorer.status_text import status_text
from optiwidgets.widgets.panels.cell_images import CellImages
from optiwidgets.widgets.panels.changes import ChangedImages
from optiwidgets.widgets.panels.downloads import Downloads, draw, render
from optiwidgets.widgets.panels.history import History
from optiwidgets.widgets.panels.layer_weights import Weights
from optiwidgets.widgets.panels.report_panels import (
    Bytes,
    Classes,
    Headline,
    Matrices,
    Speed,
    Waterfall,
)
from optiwidgets.widgets.panels.report_payload import describe, describe_bytes
from optiwidgets.widgets.security.comm_filter import served
from optiwidgets.widgets.security.message_guard import guard

PARTS = ("size", "speed", "verdict", "classes", "bytes", "tabs")
CASES = {"digits": "digits", "smear": "blood cells (synthetic)"}


class Explorer(VBox):
    """Sliders that really prune and quantize, and what comes of it, live.

    Parameters
    ----------
    experiment
        An ``Experiment``; without one, the shipped digits with both models to choose from.
    unlock
        For lessons: the controls to show, by the names of the recipe's fields and "finetune",
        "training" (which one), "play", "case", "model", "policy", "projector". All by default.
    show
        For lessons: the parts to show, of ``PARTS``; accuracy and matrices always are.
    first
        How many images a moving hand waits for, in stratified order; all are looked at once it
        rests. By default as many as fit a tenth of a second, which of the shipped ones all do.

    Raises
    ------
    ValueError
        An unknown control or part; the message lists those there are.

    Examples
    --------
    >>> explorer = Explorer()
    >>> explorer.controls.sparsity.value = 50
    >>> explorer.session.report.recipe
    Recipe(sparsity=0.5, pruning='global', ...)
    """

    def __init__(
        self,
        experiment: Any = None,
        *,
        unlock: Sequence[str] | None = None,
        show: Sequence[str] | None = None,
        first: int | None = None,
    ) -> None:
        self.session = Session(experiment, first=first)
        self.controls = Controls()
        self._quiet = False
        self.notice, self.linked = "", dict[str, Any]()  # what a link says
        self._choosers()
        self._settings = self._positions()
        self.feed = Feed(
            handles=[*self.controls.handles, self.model, self.case],
            handle_keys=[*self.controls.handle_keys, "index", "index"],
            rest=self.controls.settings(),
        ).add_class("ow-feed")
        self.waterfall = Waterfall()
        self.kept = Downloads()
        self.drawer = CellImages(self.session, feed=self.feed)
        self.changed = ChangedImages(self.drawer)
        self.history, self.weights = History(self.session), Weights(self.session)
        self.classroom = Classroom(self, self._paint)
        views = self._views()
        self.tabs = Tab([*views.values()], titles=[*views], selected_index=0)
        self._paint()
        above = [self.feed, Connection(feed=self.feed), self._header(), Headline(feed=self.feed)]
        super().__init__([*above, HBox([self.controls, self.tabs]).add_class("ow-body")])
        self.add_class("ow-explorer")
        self._listen()
        if unlock is not None:
            self._unlock(unlock)
        if show is not None:
            self._show_only(show)
        guard(self, self._refuse)
        if unlock is None and show is None:  # a lesson's explorer stands where the lesson wants it
            restore(self)
            self._paint()
        self.classroom.activities.arrange()

    def _choosers(self) -> None:
        """What is looked at, and by whose standards."""
        self.case = Dropdown(options=_cases(self.session), description="Case")
        self.case.layout.display = None if len(self.session.cases) > 1 else "none"
        self.model = Dropdown(options=list(self.session.models), description="Model")
        self.policy = Dropdown(
            options=[(p.name, p) for p in (Policy.MOBILE, Policy.MEDICAL)], description="Policy"
        )

    def __repr__(self) -> str:
        """Name the experiment and the recipe."""
        return f"<Explorer: {self.session.experiment!r}, {self.session.recipe}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Add the report's figure, for places where no kernel runs: not under Voila."""
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        if not served():
            bundle["image/png"] = base64.b64encode(draw(self.session.report)["png"]).decode()
        return bundle

    def _unlock(self, names: Sequence[str]) -> None:
        above = {"case": self.case, "model": self.model, "policy": self.policy}
        above |= {"projector": self.classroom.projector}
        self.controls.unlock([name for name in names if name not in above])
        for name, widget in above.items():
            widget.layout.display = None if name in names else "none"

    def _show_only(self, parts: Sequence[str]) -> None:
        unknown = [part for part in parts if part not in PARTS]
        if unknown:
            raise ValueError(f"parts are {', '.join(PARTS)}, not {', '.join(unknown)}")
        self.add_class("ow-lesson")
        if not {"speed", "verdict", "tabs"} & {*parts}:
            self.session.measures = False
        for part in PARTS:
            if part not in parts:
                self.add_class(f"ow-no-{part}")

    def _header(self) -> HBox:
        title = HTML("<h1>OptiWidgets</h1>")
        chosen = (
            self.case,
            self.model,
            self.policy,
            ShareLink(feed=self.feed),
            self.controls.reset,
        )
        return HBox([title, *chosen, self.classroom.projector]).add_class("ow-header")

    def _views(self) -> dict[str, DOMWidget]:
        """What the tabs hold, by title."""
        below = HBox([Classes(feed=self.feed), Bytes(feed=self.feed)]).add_class("ow-below")
        lower = Box([below, self.drawer]).add_class("ow-lower")
        return {
            "Confusion": VBox([Matrices(feed=self.feed, drawer=self.drawer), lower]),
            "What changed": self.changed,
            "Weights": self.weights,
            "Size and speed": HBox([self.waterfall, Speed(feed=self.feed)]).add_class("ow-why"),
            "History": self.history,
            **self.classroom.views,
            "Figure": self.kept,
        }

    def _open_view(self) -> None:
        """Tell the views which of them is looked at: a ``View`` that is not need not follow."""
        for place, view in enumerate(self.tabs.children):
            if isinstance(view, View):
                view.looked_at = place == self.tabs.selected_index

    def _open_cell(self, change: Any) -> None:
        """A mistake was chosen among what changed: show its images beside the matrices."""
        if change.new >= 0:
            self.drawer.cell, self.tabs.selected_index = change.new, 0
            change.owner.chosen = -1

    def _listen(self) -> None:
        for handle in self.controls.handles:
            handle.observe(self._hand_moved, "value")
        self.controls.reset.on_click(lambda _: self._move(Recipe()))
        self.model.observe(self._model_chosen, "value")
        self.case.observe(self._case_chosen, "value")
        self.policy.observe(lambda _: self._paint(), "value")
        self.drawer.observe(lambda _: self._paint(), ["cell", "image"])
        self.changed.observe(lambda _: self._paint(), "looked_at")
        self.changed.panel.observe(self._open_cell, "chosen")
        self.controls.tune.on_click(lambda _: self._train())
        self.controls.cancel.on_click(lambda _: self.session.cancel())
        self.tabs.observe(lambda _: self._open_view(), "selected_index")
        self.tabs.observe(lambda _: self.session.settle(), "selected_index")
        self.session.on_idle[:0] = [
            self.history.settled,
            self._on_idle("Size and speed", self.waterfall, describe_bytes, self._show_bytes),
            self._on_idle("Figure", self.kept.figure, render, self.kept.show),
            self.weights.on_idle,
        ]
        self.session.observe(lambda _: self._paint(), ["busy", "error"])
        self.session.observe(self._progressed, "progress")
        self.session.observe(lambda _: self._follow(), "recipe")
        self.session.observe(lambda _: self._limit(), "experiment")
        self._limit()

    def _limit(self) -> None:
        """Offer only what can be done to this model."""
        self.controls.limit(self.session.experiment.impossible)

    def _hand_moved(self, change: Any) -> None:
        if not self._quiet and not self.controls.following:
            self._ask()

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Meanwhile handles and recipe are brought together, and neither follows the other."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def _ask(self, fresh: bool = False) -> None:
        """Run what the handles say; where that is nothing new, say that the picture still holds.

        What was trained stays so while only its codes change, but for a ``fresh`` start.
        """
        self._settings, self.notice = self._positions(), ""
        spelled = self.controls.recipe()
        with self._quietly():
            recipe = spelled if fresh else self._as_trained(spelled)
            asked = self.session.ask(recipe, dragging=True)
        if not asked:
            self._paint()

    def _as_trained(self, spelled: Recipe) -> Recipe:
        """With the training of the moment, if these weights went through it before."""
        before = self.session.recipe.recovery
        possible = spelled.quantizes or before != "qat"
        if spelled.recovery != "none" or before not in BY_TRAINING or not possible:
            return spelled
        trained = replace(spelled, recovery=before)
        known = self.session.experiment.is_quick(replace(trained, rounding="nearest"))
        return trained if known else spelled

    def _train(self) -> None:
        recipe = self.controls.trained()
        if recipe is not None:
            self.session.ask(recipe)

    def _move(self, recipe: Recipe) -> None:
        """Move all handles at once, then run."""
        with self._quietly():
            self.controls.show(recipe)
        self._ask(fresh=True)

    def _follow(self) -> None:
        """Bring the handles along when code set the recipe."""
        if self._quiet:
            return
        with self._quietly():
            self.controls.show(self.session.recipe)
        self._settings, self.notice = self._positions(), ""
        self._paint()

    def _positions(self) -> list[int]:
        """Where everything stands that the picture depends on, as the browser knows it."""
        return [*self.controls.settings(), self.model.index, self.case.index]

    def _case_chosen(self, change: Any) -> None:
        models = list(self.session.cases[self.case.value])
        keep = self.model.value if self.model.value in models else models[0]
        with self._quietly():
            self.model.options, self.model.value = models, keep
        self._settings = self._positions()
        self.session.case = self.case.value

    def _model_chosen(self, change: Any) -> None:
        if not self._quiet:
            self._settings = self._positions()
            self.session.model = self.model.value

    def _paint(self) -> None:
        """Send what is known to the browser, in one message."""
        session = self.session
        if session.busy:
            if not session.dragging:  # a page whose handle moved knows, and waits for one message
                self.feed.state = "running"
            return
        with self.feed.hold_sync():
            pair = session.shown
            data = describe(*pair, self.policy.value)
            data |= describe_link(session, pair[1], self.policy.label, self.linked)
            data |= self.drawer.describe(*pair, session.places) | self.changed.describe(*pair)
            self.feed.data = self.classroom.cover(data) | {"settings": self._settings}
            self.feed.state = _state(session)
            alarm = session.error or self.notice
            self.feed.alarm = bool(alarm)
            self.feed.message = alarm or self.classroom.say(
                lambda: status_text(session, self.controls.says)
            )

    def _refuse(self, reason: str) -> None:
        self.feed.alarm, self.feed.message = True, reason

    def _progressed(self, change: Any) -> None:
        self.controls.show_progress(change.new)
        if None in (change.old, change.new):  # it begins, or it ended
            self._paint()

    def _on_idle(self, title: str, widget: DOMWidget, *steps: Callable[..., Any]) -> Resting:
        """Do the steps, work and show, once the hand rests and the tab of that title is open."""
        tab = self.tabs.titles.index(title)
        return when_looked_at(lambda: self.tabs.selected_index == tab, widget, *steps)

    def _show_bytes(self, account: dict[str, Any]) -> None:
        self.waterfall.data = account


def _state(session: Session) -> str:
    """What the page says of what it shows, once the fast lane is done."""
    if not session.stale:
        return "fresh"
    if session.error:
        return "error"
    return "running" if session.completing or session.progress else "stale"


def _cases(session: Session) -> list[tuple[str, str]]:
    return [(CASES.get(case, case or "own images"), case) for case in session.cases]
