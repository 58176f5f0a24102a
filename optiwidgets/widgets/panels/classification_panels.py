"""Panels of a classifier in the explorer: headline, matrices with their images, changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipywidgets import Box, DOMWidget, HBox, VBox

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.session.session import Session
from optiwidgets.texts import mark
from optiwidgets.widgets.base.panel import Feed
from optiwidgets.widgets.panels.cell_images import CellImages
from optiwidgets.widgets.panels.changes import ChangedImages
from optiwidgets.widgets.panels.report_panels import Bytes, Classes, Headline, Matrices
from optiwidgets.widgets.panels.report_payload import report_payload

CONFUSION = mark("Confusion")


class ClassificationPanels:
    """Headline of the accuracy, matrices with the images of a cell, and the changes.

    Examples
    --------
    >>> session = Session()
    >>> panels = ClassificationPanels(session, Feed())
    >>> panels.payload(Policy.MOBILE)["images"]
    1500
    """

    fits_classroom = True

    def __init__(self, session: Session, feed: Feed) -> None:
        self.session = session
        self.headline = Headline(feed=feed)
        self.cell_images = CellImages(session, feed=feed)
        self.changed = ChangedImages(self.cell_images)
        self.views: dict[str, DOMWidget] = {
            CONFUSION: _confusion_view(feed, self.cell_images),
            mark("What changed"): self.changed,
        }

    def payload(self, policy: Policy) -> dict[str, Any]:
        """Describe the shown reports, and what is open of cell, image and changes."""
        pair = self.session.shown
        data = report_payload(*pair, policy)
        data |= self.cell_images.update(*pair, self.session.indices)
        return data | self.changed.payload(*pair)

    def listen(self, repaint: Callable[[], None], select: Callable[[str], None]) -> None:
        """Repaint for an opened cell, image or tab; a chosen mistake opens its cell."""

        def open_cell(change: Any) -> None:
            if change.new >= 0:
                self.cell_images.cell = change.new
                select(CONFUSION)
                change.owner.chosen = -1

        self.cell_images.observe(lambda _: repaint(), ["cell", "image"])
        self.changed.observe(lambda _: repaint(), "looked_at")
        self.changed.panel.observe(open_cell, "chosen")


def _confusion_view(feed: Feed, cell_images: CellImages) -> VBox:
    """Stack matrices, class metrics, bytes, and the images of the open cell."""
    below = HBox([Classes(feed=feed), Bytes(feed=feed)]).add_class("ow-below")
    lower = Box([below, cell_images]).add_class("ow-lower")
    return VBox([Matrices(feed=feed, cell_images=cell_images), lower])
