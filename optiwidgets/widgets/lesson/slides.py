"""Slides in large type, for a projector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ipywidgets import HTML, HBox, VBox, Widget

from optiwidgets.texts import text
from optiwidgets.widgets.base.gated_button import GatedButton
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.security.message_guard import guard


class Present(Standalone, VBox):
    """Slides, one at a time; Back and Next turn them.

    Parameters
    ----------
    slides
        Texts (HTML) or widgets, at least one.

    Raises
    ------
    ValueError
        There are no slides.

    Examples
    --------
    >>> talk = Present(["<h2>Pruning</h2>", "<h2>Quantization</h2>"])
    >>> talk.next.click()
    >>> talk.index, talk.counter.value
    (1, '2 of 2')
    """

    def __init__(self, slides: Sequence[Any]) -> None:
        if not slides:
            raise ValueError("a presentation has 1 slide or more, not 0")
        self.given = tuple(slide for slide in slides if isinstance(slide, Widget))
        self.slides = [s if isinstance(s, Widget) else HTML(_large(s)) for s in slides]
        self.back = GatedButton(text("Back"))
        self.next = GatedButton(text("Next"))
        self.counter = HTML()
        self.index = 0
        self.back.on_click(lambda _: self.turn(-1))
        self.next.on_click(lambda _: self.turn(1))
        bar = HBox([self.back, self.counter, self.next]).add_class("ow-turn")
        super().__init__([VBox(self.slides).add_class("ow-slide"), bar])
        self.add_class("ow-present")
        self.turn(0)
        guard(self, lambda _: self.turn(0))

    def others(self) -> tuple[Widget, ...]:
        """Return the slides that were given as widgets: they are not closed with these slides."""
        return self.given

    def turn(self, by: int) -> None:
        """Go ``by`` slides forward, up to the first or the last."""
        last = len(self.slides) - 1
        self.index = min(last, max(0, self.index + by))
        for index, slide in enumerate(self.slides):
            slide.layout.display = None if index == self.index else "none"
        self.back.waits = "" if self.index else text("This is the first one.")
        self.next.waits = "" if self.index < last else text("This is the last one.")
        self.counter.value = text("{n} of {all}", n=self.index + 1, all=len(self.slides))


def _large(markup: str) -> str:
    return f'<div style="font-size: 28px; line-height: 1.4; max-width: 32em">{markup}</div>'
