"""Panels of a detector in the explorer: headline, scenes, precisions, curves, matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ipywidgets import Box, DOMWidget, HBox, VBox

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.types.report import Report
from optiwidgets.session.session import Session
from optiwidgets.texts import mark
from optiwidgets.widgets.base.panel import Feed
from optiwidgets.widgets.panels.detection_panels import (
    ClassPrecision,
    DetectionHeadline,
    ObjectMatrices,
    PrecisionRecall,
)
from optiwidgets.widgets.panels.detection_payload import detection_payload, steady_payload
from optiwidgets.widgets.panels.report_panels import Bytes
from optiwidgets.widgets.panels.scenes import Scenes
from optiwidgets.widgets.panels.thresholds import Thresholds

SCENES = mark("Scenes")


class DetectionPanels:
    """Headline of the mean average precision, scenes, precisions by class, curves, matrices.

    ``thresholds`` are shown above the scenes and above the matrices, which draw at them.
    """

    fits_classroom = False

    def __init__(self, session: Session, feed: Feed) -> None:
        self.session, self.feed = session, feed
        self._steady_of: Report | None = None  # baseline whose boxes were sent
        self.headline = DetectionHeadline(feed=feed)
        self.thresholds = Thresholds()
        shared: dict[str, Any] = {"feed": feed, "thresholds": self.thresholds}
        self.scenes = Scenes(session, **shared)
        self.matrices = ObjectMatrices(scenes=self.scenes, **shared)
        beside = VBox([ClassPrecision(feed=feed), PrecisionRecall(**shared)])
        scenes = Box([self.scenes, beside]).add_class("ow-objects")
        below = HBox([Bytes(feed=feed)]).add_class("ow-below")
        matrices = VBox([self.thresholds, self.matrices, below])
        self.views: dict[str, DOMWidget] = {
            SCENES: VBox([self.thresholds, scenes]),
            mark("Confusion"): matrices.add_class("ow-object-matrices"),
        }

    def payload(self, policy: Policy) -> dict[str, Any]:
        """Describe the shown reports: numbers, and the boxes of the optimized model.

        The boxes of truth and baseline are set as the feed's ``steady``, once for each baseline.
        """
        self.scenes.update()
        if self._steady_of is not self.session.baseline:
            self._steady_of = self.session.baseline
            self.feed.steady = steady_payload(self._steady_of)
        session = self.session
        return detection_payload(*session.shown, policy, session.indices, moving=session.dragging)

    def listen(self, repaint: Callable[[], None], select: Callable[[str], None]) -> None:
        """Open the tab of the scenes when a cell of the matrices is opened."""

        def open_scenes(change: Any) -> None:
            if change.new >= 0:
                select(SCENES)

        self.scenes.observe(open_scenes, "cell")
