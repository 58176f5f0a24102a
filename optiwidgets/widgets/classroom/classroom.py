"""Classroom modes of an explorer: drawing, autoplay, activities and the projector."""

from __future__ import annotations

from collections.abc import Callable

from ipywidgets import DOMWidget, Dropdown

from optiwidgets.session.session import Session
from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.gated_button import LOCKED
from optiwidgets.widgets.base.panel import Feed
from optiwidgets.widgets.classroom.activities import Activities
from optiwidgets.widgets.classroom.autoplay import Autoplay
from optiwidgets.widgets.classroom.host import ActivityHost
from optiwidgets.widgets.classroom.page_events import PageEvents
from optiwidgets.widgets.classroom.projector import Projector
from optiwidgets.widgets.controls.recipe_controls import Controls
from optiwidgets.widgets.panels.digit_canvas import DigitCanvas


class Classroom:
    """Classroom modes of an explorer; Reset ends all of them.

    Parameters
    ----------
    host
        Page that runs the modes.
    session, controls, feed, policy
        Those of the host; autoplay is added to the controls as a row.

    Examples
    --------
    >>> from optiwidgets.widgets.explorer.explorer import Explorer
    >>> explorer = Explorer()
    >>> explorer.classroom.activities.start("blind")
    >>> explorer.feed.data["verdict"]["grade"]
    'covered'
    >>> explorer.controls.reset.click()
    >>> explorer.feed.data["verdict"]["grade"]
    'borderline'
    """

    def __init__(
        self,
        host: ActivityHost,
        session: Session,
        controls: Controls,
        feed: Feed,
        policy: Dropdown,
    ) -> None:
        self.stage = PageEvents(feed=f"IPY_MODEL_{feed.model_id}").add_class("ow-stage")
        self.player = Autoplay(session, controls, self.stage, lambda: policy.value)
        self.player.on_progress = lambda: self._played(host)
        self.draw = DigitCanvas(session)
        self.activities = Activities(session, feed, host)
        self.stage.on_msg(self.activities.adopt)
        policy.observe(lambda _: self.activities.other_policy(), "value")
        self.projector = Projector(host, self.activities)
        self.projector.children = (*self.projector.children, self.stage)
        controls.add_row("play", self.player)
        policy.observe(lambda _: self.player.stop(), "value")
        controls.reset.on_click(lambda _: self.end())

    @property
    def views(self) -> dict[str, DOMWidget]:
        """Tabs by title in English."""
        return {mark("Draw"): self.draw, mark("Class"): self.activities}

    def say(self, status_text: Callable[[], str]) -> str:
        """Return autoplay's message, or else the status text, without covered numbers."""
        activities = self.activities
        if activities.covers:
            return self.player.safe or ("" if activities.covers_picture else status_text())
        return self.player.said or status_text()

    def _played(self, host: ActivityHost) -> None:
        """Show autoplay's message, the end of a search in type for the back row."""
        host.mark("ow-cliff", self.player.found and not self.activities.covers)
        host.repaint()

    def lock(self, locked: bool) -> None:
        """Disable autoplay and leave the projector, or enable autoplay again."""
        if locked:
            self.player.stop()
            self.projector.leave()
        for button in (self.player.play, self.player.cliff):
            button.waits = text(LOCKED) if locked else ""

    def end(self) -> None:
        """End every mode."""
        self.player.stop()
        self.activities.end()
        self.projector.leave()
