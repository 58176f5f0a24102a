"""Panel of changes: which images were lost, gained or flipped, and where to."""

from __future__ import annotations

from typing import Any

from traitlets import Instance, Int

from optiwidgets.engine.types.report import Report
from optiwidgets.widgets.base.assets import load_css, load_esm
from optiwidgets.widgets.base.panel import Panel, View
from optiwidgets.widgets.panels.cell_images import CellImages
from optiwidgets.widgets.panels.comparison import describe_changes


class Changes(Panel):
    """Which mistakes grew, the worst class, and whether the drop is real.

    ``chosen`` is the cell, ``truth * K + prediction``, of a mistake that a hand chose.
    """

    _esm, _css = load_esm(__file__, "changes"), load_css(__file__, "changes")
    chosen = Int(-1, help="cell of the mistake just chosen, or -1").tag(sync=True)
    drawer = Instance(CellImages)
    min = -1  # of chosen, for the guard

    @property
    def max(self) -> int:
        """The last cell there is."""
        return int(self.drawer.session.baseline.scores.shape[1]) ** 2 - 1


class ChangedImages(View):
    """The tab "What changed"; its numbers are worked out only while it is looked at.

    Examples
    --------
    >>> from optiwidgets.session.session import Session
    >>> from optiwidgets.widgets.base.panel import Feed
    >>> session = Session()
    >>> changed = ChangedImages(CellImages(session, feed=Feed()))
    >>> changed.describe(session.baseline, session.report)
    {}
    >>> changed.looked_at = True
    >>> changed.describe(session.baseline, session.report)["lamp"]["state"]
    'no sign of a drop'
    """

    def __init__(self, drawer: CellImages) -> None:
        self.panel = Changes(feed=drawer.feed, drawer=drawer)
        super().__init__([self.panel])

    def describe(self, baseline: Report, report: Report) -> dict[str, Any]:
        """What is drawn, for the feed; {} while nobody looks."""
        return describe_changes(baseline, report) if self.looked_at else {}
