"""The explorer: controls on the left, live panels on the right."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ipywidgets import HTML, DOMWidget, HBox, VBox

from optiwidgets.engine.types.recipe import BY_TRAINING, Recipe
from optiwidgets.session.session import Session
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.gated_button import LOCKED
from optiwidgets.widgets.base.panel import Feed, Resting, when_looked_at
from optiwidgets.widgets.classroom.classroom import Classroom
from optiwidgets.widgets.controls.recipe_controls import Controls
from optiwidgets.widgets.explorer import layout, share_link, snapshot
from optiwidgets.widgets.explorer.connection import Connection
from optiwidgets.widgets.explorer.page_export import PageExport
from optiwidgets.widgets.explorer.status_text import state_of, status_text
from optiwidgets.widgets.panels.downloads import Downloads, render
from optiwidgets.widgets.panels.history import History
from optiwidgets.widgets.panels.layer_weights import Weights
from optiwidgets.widgets.panels.report_panels import Speed, Waterfall
from optiwidgets.widgets.panels.report_payload import size_payload
from optiwidgets.widgets.panels.task_panels import make_panels, task_name
from optiwidgets.widgets.security.message_guard import guard
from optiwidgets.widgets.security.widget_tree import widgets_below


class Explorer(snapshot.Still, PageExport, VBox):
    """Explorer page: controls that prune and quantize the model, and panels that show the report.

    Parameters
    ----------
    experiment
        An ``Experiment``; by default, the shipped digits with a choice of both models.
    unlock
        For lessons: the controls to show, by the names of the recipe's fields and "finetune",
        "training" (its method), "play", "case", "model", "policy", "projector". All by default.
    show
        For lessons: the parts to show, of ``PARTS``; accuracy and matrices are always shown.
    controls
        "few" shows the two sliders and folds the other controls under three headings; "all" opens
        all of them. The controls that ``unlock`` names are always open.
    first
        Number of images to run while a slider is dragged, in stratified order; all are run once it
        rests. By default as many as take a tenth of a second: all images of the shipped cases.

    Raises
    ------
    ValueError
        An unknown control, part or value of ``controls``; the message lists the known ones.

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
        controls: str = "few",
        first: int | None = None,
    ) -> None:
        self.session = Session(experiment, first=first)
        self.arguments = {"unlock": unlock, "show": show, "controls": controls}
        self.controls = Controls()
        self.notice, self.linked = "", dict[str, Any]()  # from a share link
        self.case, self.model, self.policy = layout.make_choosers(self.session)
        self._settings = self.positions()
        self.feed = Feed(
            handles=[*self.controls.handles, self.model, self.case],
            handle_keys=[*self.controls.handle_keys, "index", "index"],
            rest=self.controls.settings(),
        ).add_class("ow-feed")
        self.waterfall, self.downloads = Waterfall(), Downloads()
        self.task = self.feed.task = task_name(self.session)
        self.panels = make_panels(self.task, self.session, self.feed)
        self.history, self.weights = History(self.session, self.policy), Weights(self.session)
        self.tabs, self.left_out = layout.make_tabs(), HTML().add_class("ow-left-out")
        self.classroom = Classroom(self, self.session, self.controls, self.feed, self.policy)
        layout.fill_tabs(self.tabs, self._views())
        self.repaint()
        super().__init__(self._rows())
        self.add_class("ow-explorer")
        self._listen_to_page()
        self._listen_to_session()
        self._arrange(unlock, show, controls)
        guard(self, self.refuse)
        if self.links:  # a lesson's explorer ignores the query of the page
            self._open_link()
            self.repaint()
        self.classroom.activities.arrange()

    def __repr__(self) -> str:
        """Name the experiment and the recipe."""
        return f"<Explorer: {self.session.experiment!r}, {self.session.recipe}>"

    def repaint(self) -> None:
        """Send numbers and state to the page, in one message; send nothing during a run."""
        session = self.session
        if session.busy:
            return
        with self.feed.hold_sync():
            self._fit_panels()
            shown, policy = session.shown[1], self.policy.value
            data = self.panels.payload(policy)
            data |= share_link.link_payload(session, shown, policy.name, self.linked)
            rest = {"settings": self._settings, "task": self.task}
            self.feed.data = self.classroom.activities.cover(data) | rest
            self.feed.state = state_of(session)
            alarm = session.error or self.notice
            self.feed.alarm = bool(alarm)
            self.feed.message = alarm or self.classroom.say(
                lambda: status_text(session, self.controls.says)
            )

    def _fit_panels(self) -> None:
        """Replace the panels by those of another task, when a case of one was opened."""
        if (name := task_name(self.session)) == self.task:
            return
        guarded = [self, *widgets_below(self)]
        self.task = self.feed.task = name
        self.panels = make_panels(name, self.session, self.feed)
        layout.fill_tabs(self.tabs, self._views())
        self.children = self._rows()
        self.panels.listen(self.repaint, self._select)
        for view in (self.panels.headline, *self.panels.views.values()):
            guard(view, self.refuse, guarded)

    def _select(self, title: str) -> None:
        """Open the tab of this title in English."""
        self.tabs.selected_index = self.tabs.titles.index(text(title))

    def refuse(self, reason: str) -> None:
        """Show the reason for a refused request, visible from every tab until a handle moves."""
        self.feed.alarm, self.feed.message, self.notice = True, reason, reason

    def mark(self, name: str, on: bool) -> None:
        """Add a CSS class to the root element, or remove it."""
        (self.add_class if on else self.remove_class)(name)

    def lock(self, locked: bool) -> None:
        """Disable controls, case, model and undo, and stop autoplay; or enable them again."""
        self.classroom.lock(locked)
        self.controls.lock(locked)
        self.history.lock(locked)
        for menu in (self.case, self.model):
            menu.disabled, menu.tooltip = locked, text(LOCKED) if locked else ""

    def _rows(self) -> list[DOMWidget]:
        """Arrange feed and connection, header, headline, and below them controls and tabs."""
        link = share_link.ShareLink(feed=self.feed)
        chosen = (self.case, self.model, self.policy, link, self.controls.reset)
        header = layout.make_header([*chosen, self.classroom.projector])
        body = layout.make_body(self.feed, self.controls, self.tabs)
        above = [self.feed, Connection(feed=self.feed), header, self.panels.headline]
        return [*above, self.left_out, body]

    def _views(self) -> dict[str, DOMWidget]:
        """Collect the tabs' views, by title in English."""
        return {
            **self.panels.views,
            mark("Weights"): self.weights,
            mark("Size and speed"): HBox([self.waterfall, Speed(feed=self.feed)]).add_class(
                "ow-why"
            ),
            mark("History"): self.history,
            **(self.classroom.views if self.panels.fits_classroom else {}),
            mark("Figure"): self.downloads,
        }

    def _arrange(self, unlock: layout.Names, show: layout.Names, controls: str) -> None:
        """Hide the controls and parts that a lesson leaves out, and fold or open the groups."""
        layout.open_groups(self.controls, controls)
        if unlock is not None:
            others = {"case": self.case, "model": self.model, "policy": self.policy}
            others |= {"projector": self.classroom.projector}
            layout.unlock(self.controls, others, unlock)
        if show is not None:
            layout.show_only(self, show)
            self.session.measures = not {"speed", "verdict", "tabs"}.isdisjoint(show)

    def _listen_to_page(self) -> None:
        controls = self.controls
        for handle in controls.handles:
            handle.observe(lambda _: self._handle_moved(), "value")
        controls.reset.on_click(lambda _: self._reset())
        controls.tune.on_click(lambda _: self._train())
        controls.cancel.on_click(lambda _: self.session.cancel())
        self.model.observe(lambda _: self._model_chosen(), "value")
        self.case.observe(lambda _: self._case_chosen(), "value")
        self.policy.observe(lambda _: self.repaint(), "value")
        self.feed.observe(lambda change: self.session.hold(change.new), "held")
        self.panels.listen(self.repaint, self._select)
        self.tabs.observe(lambda _: self.session.settle(), "selected_index")

    def _listen_to_session(self) -> None:
        session = self.session
        session.on_idle[:0] = [
            self.history.settled,
            self._on_idle("Size and speed", self.waterfall, size_payload, self.waterfall.show),
            self._on_idle("Figure", self.downloads.figure, render, self.downloads.show),
            self.weights.on_idle,
        ]
        session.on_report(self.repaint, previews=True)
        session.observe(lambda _: self._show_running(), "busy")
        session.observe(self._show_progress, "progress")
        session.observe(lambda _: self._show_recipe(), "recipe")
        session.observe(lambda _: self._limit_controls(), "experiment")
        self._limit_controls()

    def _limit_controls(self) -> None:
        """Offer only what this model supports, and list weights that are not counted."""
        self.controls.limit(self.session.experiment.impossible)
        layout.show_left_out(self.left_out, self.session.experiment.check().left_out)

    @contextmanager
    def _sync(self) -> Iterator[None]:
        """Suspend two-way sync while controls and recipe are updated together."""
        before, self._syncing = self._syncing, True
        try:
            yield
        finally:
            self._syncing = before

    def _handle_moved(self) -> None:
        if not self._syncing and not self.controls.adjusting:
            self._ask()

    def _ask(self, fresh: bool = False) -> None:
        """Request the controls' recipe; if it is displayed already, only repaint.

        The training of the current recipe is kept while only the codes change, unless ``fresh``.
        """
        self._settings, self.notice = self.positions(), ""
        recipe = self.controls.recipe()
        with self._sync():
            recipe = recipe if fresh else self._as_trained(recipe)
            requested = self.session.ask(recipe, dragging=True)
        if not requested:
            self.repaint()

    def _as_trained(self, recipe: Recipe) -> Recipe:
        """Add the current training if the experiment has these weights trained already."""
        before = self.session.recipe.recovery
        possible = recipe.quantizes or before != "qat"
        if recipe.recovery != "none" or before not in BY_TRAINING or not possible:
            return recipe
        trained = replace(recipe, recovery=before)
        known = self.session.experiment.is_quick(replace(trained, rounding="nearest"))
        return trained if known else recipe

    def _train(self) -> None:
        if recipe := self.controls.trained():
            self.session.ask(recipe)

    def _reset(self) -> None:
        """Reset all handles in one update, then run."""
        with self._sync():
            self.controls.show(Recipe())
        self._ask(fresh=True)

    def _show_recipe(self) -> None:
        """Move the handles to a recipe that was set by code."""
        self.controls.name_training(self.session.recipe)
        if self._syncing:
            return
        with self._sync():
            self.controls.show(self.session.recipe)
        self._settings, self.notice = self.positions(), ""
        self.repaint()

    def positions(self) -> list[int]:
        """Collect the positions of all controls, in the form that the page uses."""
        return [*self.controls.settings(), self.model.index, self.case.index]

    def _case_chosen(self) -> None:
        models = list(self.session.cases[self.case.value])
        keep = self.model.value if self.model.value in models else models[0]
        with self._sync():
            self.model.options, self.model.value = models, keep
        self._settings = self.positions()
        self.session.case = self.case.value

    def _model_chosen(self) -> None:
        if not self._syncing:
            self._settings = self.positions()
            self.session.model = self.model.value

    def _open_link(self, query: str | None = None) -> None:
        """Apply the query of a link, by default the page's; show a notice if it is invalid."""
        query = os.environ.get("QUERY_STRING", "") if query is None else query  # set by Voila
        policies = {policy.name: policy for _, policy in self.policy.options}
        try:
            link = share_link.read(query)
            share_link.check(self.session, policies, link)
        except ValueError as error:
            self.notice = text("Link not opened: {error}.", error=error)
            return
        self.case.value = link.get("case", self.case.value)
        self.model.value = link.get("model", self.model.value)
        self.policy.value = policies[link.get("policy", self.policy.value.name)]
        self.linked = {key: link[key] for key in link.keys() - share_link.OWN}
        if "surprise" in link:
            self.classroom.activities.start_surprise(link["surprise"])
        else:
            self.session.ask(link["recipe"])

    def _show_running(self) -> None:
        """Mark the page as running, except during a drag: the page then knows it already."""
        if self.session.busy and not self.session.dragging:
            self.feed.state = "running"

    def _show_progress(self, change: Any) -> None:
        self.controls.show_progress(change.new)
        if None in (change.old, change.new):  # background work started or ended
            self.repaint()

    def _on_idle(self, title: str, widget: DOMWidget, *steps: Callable[..., Any]) -> Resting:
        """Create an idle job that runs only while the tab of this title is open."""
        tabs = self.tabs

        def is_open() -> bool:
            at = tabs.selected_index  # a page leaves tabs out
            return at is not None and at < len(tabs.titles) and tabs.titles[at] == text(title)

        return when_looked_at(is_open, widget, *steps)
