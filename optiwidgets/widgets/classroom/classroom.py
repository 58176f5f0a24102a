"""What an explorer has for a class: drawing, Play, activities and the projector, hooked up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ipywidgets import DOMWidget

from optiwidgets.widgets.classroom.activities import Activities
from optiwidgets.widgets.classroom.autoplay import Autoplay
from optiwidgets.widgets.classroom.page_events import PageEvents
from optiwidgets.widgets.classroom.projector import Projector
from optiwidgets.widgets.panels.digit_canvas import DigitCanvas

if TYPE_CHECKING:
    from optiwidgets.widgets.explorer.explorer import Explorer


class Classroom:
    """The modes of an explorer; Reset leaves them all.

    Parameters
    ----------
    explorer
        Its session, controls, feed, tabs and policy are there already.
    repaint
        Sends what is known to the page anew.

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

    def __init__(self, explorer: Explorer, repaint: Callable[[], None]) -> None:
        self.explorer, self.repaint = explorer, repaint
        self.stage = PageEvents().add_class("ow-stage")
        self.player = Autoplay(
            explorer.session, explorer.controls, self.stage, lambda: explorer.policy.value
        )
        self.player.on_progress = repaint
        self.draw = DigitCanvas(explorer.session)
        self.activities: Activities = Activities(explorer.session, explorer.feed, self)
        explorer.policy.observe(lambda _: self.activities.other_policy(), "value")
        self.projector = Projector(self)
        self.projector.children = (*self.projector.children, self.stage)
        explorer.controls.add_row("play", self.player)
        explorer.policy.observe(lambda _: self.player.stop(), "value")
        explorer.controls.reset.on_click(lambda _: self.end())

    @property
    def views(self) -> dict[str, DOMWidget]:
        """Tabs by title."""
        return {"Draw": self.draw, "Class": self.activities}

    def say(self, status_text: Callable[[], str]) -> str:
        """What Play has to say, or else the remark: nothing that is covered is told."""
        activities = self.activities
        if activities.covers:
            return self.player.safe or ("" if activities.covers_picture else status_text())
        return self.player.said or status_text()

    def cover(self, data: dict[str, Any]) -> dict[str, Any]:
        """What of the numbers may be sent to the page."""
        return self.activities.cover(data)

    def end(self) -> None:
        """Leave every mode."""
        self.player.stop()
        self.activities.end()
        self.projector.leave()

    def refuse(self, reason: str) -> None:
        """Say what cannot be done, where it is seen from every tab."""
        self.explorer.feed.alarm, self.explorer.feed.message = True, reason

    def mark(self, name: str, on: bool) -> None:
        """Put a class of CSS on the explorer's root, or take it away."""
        act = self.explorer.add_class if on else self.explorer.remove_class
        act(name)

    def lock(self, locked: bool) -> None:
        """Let the handles and the way back stand still; Play ends."""
        explorer = self.explorer
        if locked:
            self.player.stop()
            self.projector.leave()
        explorer.controls.lock(locked)
        explorer.history.lock(locked)
        for widget in (explorer.case, explorer.model, self.player.play, self.player.cliff):
            widget.disabled = locked
