"""Panel of changes: images that were lost, gained or flipped, and their new classes."""

from __future__ import annotations

from typing import Any

from traitlets import Instance, Int

from optiwidgets.engine.types.report import Report
from optiwidgets.widgets.base.assets import load_css, load_esm
from optiwidgets.widgets.base.panel import Panel, View
from optiwidgets.widgets.panels.cell_images import CellImages
from optiwidgets.widgets.panels.comparison_payload import changes_payload


class Changes(Panel):
    """Mistakes that grew, the worst class, and the significance of the drop.

    ``chosen`` is the cell, ``truth * K + prediction``, of the chosen mistake.
    """

    _esm, _css = load_esm(__file__, "changes"), load_css(__file__, "changes")
    chosen = Int(-1, help="cell of the mistake just chosen, or -1").tag(sync=True)
    cell_images = Instance(CellImages)
    min = -1  # lower bound of ``chosen``, read by the guard

    @property
    def max(self) -> int:
        """Index of the last cell."""
        return int(self.cell_images.session.baseline.scores.shape[1]) ** 2 - 1


class ChangedImages(View):
    """Tab "What changed"; its numbers are computed only while it is open.

    Examples
    --------
    >>> from optiwidgets.session.session import Session
    >>> from optiwidgets.widgets.base.panel import Feed
    >>> session = Session()
    >>> changed = ChangedImages(CellImages(session, feed=Feed()))
    >>> changed.payload(session.baseline, session.report)
    {}
    >>> changed.looked_at = True
    >>> changed.payload(session.baseline, session.report)["lamp"]["state"]
    'no sign of a drop'
    """

    def __init__(self, cell_images: CellImages) -> None:
        self.panel = Changes(feed=cell_images.feed, cell_images=cell_images)
        super().__init__([self.panel])

    def payload(self, baseline: Report, report: Report) -> dict[str, Any]:
        """Describe the changes for the feed; {} while the tab is closed."""
        return changes_payload(baseline, report) if self.looked_at else {}
