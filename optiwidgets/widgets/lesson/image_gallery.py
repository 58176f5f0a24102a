"""Gallery of the images behind the counts: lost, gained, and still wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from ipywidgets import HTML, Dropdown, Image, VBox

from optiwidgets.engine.types.measurements import Integers
from optiwidgets.engine.types.recipe import is_untouched
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.task import only_classifiers
from optiwidgets.session.background import Job
from optiwidgets.session.queries import exploration_pixels
from optiwidgets.texts import mark, plural, text
from optiwidgets.widgets.base.session_of import session_of
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.security.message_guard import guard

MOST = 24  # images to draw
KINDS = (mark("lost"), mark("gained"), mark("wrong before and after"))


class Inspect(Standalone, VBox):
    """Images whose prediction a recipe changed, with the scores before and after.

    Parameters
    ----------
    session
        A ``Session``, or a widget that has one. The pictures follow it as an idle job.

    Raises
    ------
    ValueError
        Its model is no classifier.

    Examples
    --------
    >>> from optiwidgets.session.session import Session
    >>> inspect = Inspect(Session())
    >>> [label for label, kind in inspect.kind.options]
    ['lost', 'gained', 'wrong before and after']
    """

    def __init__(self, session: Any) -> None:
        self.session = session_of(session)
        if refusal := self._refusal():
            raise ValueError(refusal)
        self.kind = Dropdown(
            options=[(text(kind), kind) for kind in KINDS], description=text("Images")
        )
        self.count, self.pictures = HTML(), Image(format="png")
        super().__init__([self.kind, self.count, self.pictures])
        self.add_class("ow-inspect")
        self.kind.observe(lambda _: self.session.settle(), "value")
        self.session.on_idle.insert(0, self._drawing)
        self.show(self.draw(self.session.report))
        guard(self, lambda reason: setattr(self.count, "value", reason))

    def _refusal(self) -> str:
        return only_classifiers("Inspect", self.session.experiment.task, mark("ow.Explorer"))

    def draw(self, report: Report) -> tuple[str, bytes]:
        """Draw the images, and describe them in a sentence; say why another case has none."""
        if refusal := self._refusal():
            return refusal, b""
        indices = chosen(self.session.baseline, report, self.kind.value)
        kind = text(self.kind.value)
        said = plural("{n} image {kind}", "{n} images {kind}", len(indices), kind=kind)
        if not len(indices) and is_untouched(report.recipe):
            said = text(
                "Nothing changed yet: move a control, and images {kind} are shown.", kind=kind
            )
        return said, self._picture(report, indices[:MOST])

    def show(self, drawn: tuple[str, bytes]) -> None:
        """Show the sentence and the drawing."""
        self.count.value, self.pictures.value = drawn
        self.pictures.layout.display = None if drawn[1] else "none"

    def _drawing(self, report: Report) -> Job:
        return lambda is_cancelled: self.draw(report), self.show

    def _picture(self, report: Report, indices: Integers) -> bytes:
        from optiwidgets.plotting import (
            draw_images,
            to_bytes,  # matplotlib, on first use
        )

        if not len(indices):
            return b""
        before, names = self.session.baseline, report.class_names
        titles = [
            text(
                "{truth}: {was} {before:.0%}\nthen {now} {after:.0%}",
                truth=names[report.labels[i]],
                was=names[before.predictions[i]],
                before=before.scores[i].max(),
                now=names[report.predictions[i]],
                after=report.scores[i].max(),
            )
            for i in indices
        ]
        pixels = exploration_pixels(self.session.experiment, indices.tolist())
        return to_bytes(draw_images(pixels, titles), "png")


def chosen(before: Report, after: Report, kind: str) -> Integers:
    """Return the indices of the images of a kind, largest change first."""
    was, now = before.predictions == before.labels, after.predictions == after.labels
    masks = dict(zip(KINDS, (was & ~now, ~was & now, ~was & ~now), strict=True))
    indices = np.flatnonzero(masks[kind])
    truth = after.labels[indices]
    moved = np.abs(after.scores[indices, truth] - before.scores[indices, truth])
    found: Integers = indices[np.argsort(-moved, kind="stable")]
    return found
