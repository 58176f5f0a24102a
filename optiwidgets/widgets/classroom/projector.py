"""Projector mode: one part of the explorer at a time, in type of 24 px and more."""

from __future__ import annotations

from html import escape

from ipywidgets import HTML, Button, HBox

from optiwidgets.texts import mark, text
from optiwidgets.widgets.base.gated_button import GatedButton
from optiwidgets.widgets.classroom.activities import Activities
from optiwidgets.widgets.classroom.host import ActivityHost

TABS = {  # of each step; the numbers stand above all tabs
    "numbers": "",
    "scenes": mark("Scenes"),
    "confusion": mark("Confusion"),
    "change": mark("Confusion"),
}


class Projector(HBox):
    """Toggle in the header; while it is on, Back and Next go through the steps.

    The keys of a clicker (PageUp, PageDown) and, outside of controls, the arrow keys press Back and
    Next; Escape leaves projector mode.

    Parameters
    ----------
    host
        Page to enlarge.
    activities
        Activities of the page; their fields stay visible in the header.

    Examples
    --------
    >>> from optiwidgets.widgets.explorer.explorer import Explorer
    >>> projector = Explorer().classroom.projector
    >>> projector.toggle.click()
    >>> projector.next.click()
    >>> projector.step, projector.counter.value
    ('confusion', '2 of 3')
    """

    def __init__(self, host: ActivityHost, activities: Activities) -> None:
        self.host, self.activities = host, activities
        self.on, self.index = False, 0
        self._tab = 0
        self.toggle = Button(
            description=text("Projector"), tooltip=text("Large type, one thing at a time")
        )
        self.back = GatedButton(text("Back")).add_class("ow-back")
        self.next = GatedButton(text("Next")).add_class("ow-next")
        self.counter = HTML().add_class("ow-counter")
        self.case = HTML().add_class("ow-case-name")
        asked = (activities.accuracy, activities.commit, activities.uncover)
        self.asked = HBox(asked).add_class("ow-asked")  # shown in projector mode only
        turning = [self.back, self.counter, self.next]
        super().__init__([self.case, self.asked, *turning, self.toggle])
        self.add_class("ow-projecting")
        self.toggle.on_click(lambda _: self.leave() if self.on else self.start())
        self.back.on_click(lambda _: self.turn(-1))
        self.next.on_click(lambda _: self.turn(1))
        activities.session.observe(lambda _: self._name_case(), "experiment")
        self._name_case()
        self._show_keys()

    @property
    def steps(self) -> list[str]:
        """Names of the steps: those whose tab the page has."""
        titles = self.host.tabs.titles
        return [step for step, title in TABS.items() if not title or text(title) in titles]

    @property
    def step(self) -> str:
        """Name of the current step, one of ``steps``."""
        return self.steps[self.index]

    def start(self) -> None:
        """Enlarge the first step; refuse while a recipe is hidden (its matrices are elsewhere)."""
        if self.activities.hiding:
            self.host.refuse(text("Surprise me is played in the Class tab: Reveal or Stop first."))
            return
        self.on, self.index, self._tab = True, 0, self.host.tabs.selected_index
        self._dress()

    def leave(self) -> None:
        """Leave projector mode, and select the tab that was open before."""
        if not self.on:
            return
        self.on = False
        self.host.tabs.selected_index = self._tab
        self._dress()

    def turn(self, by: int) -> None:
        """Go ``by`` steps forward, up to the first or the last."""
        if self.on:
            self.index = min(len(self.steps) - 1, max(0, self.index + by))
            self._dress()

    def _dress(self) -> None:
        self.host.mark("ow-projector", self.on)
        for step in TABS:
            self.host.mark(f"ow-step-{step}", self.on and step == self.step)
        titled = [TABS[step] for step in self.steps[self.index :] if TABS[step]]
        if self.on and titled:  # the numbers already select the tab of the next step
            self.host.tabs.selected_index = self.host.tabs.titles.index(text(titled[0]))
        self._show_keys()

    def _name_case(self) -> None:
        """Name the case and the model, which have no menu in projector mode."""
        session = self.activities.session
        self.case.value = escape(" · ".join(filter(None, [session.case, session.model])))

    def _show_keys(self) -> None:
        for widget in (self.case, self.back, self.counter, self.next):
            widget.layout.display = None if self.on else "none"
        self.back.waits = "" if self.index else text("This is the first one.")
        self.next.waits = "" if self.index < len(self.steps) - 1 else text("This is the last one.")
        self.counter.value = text("{n} of {all}", n=self.index + 1, all=len(self.steps))
        self.toggle.description = text("Leave") if self.on else text("Projector")
        (self.toggle.add_class if self.on else self.toggle.remove_class)("ow-leave")
