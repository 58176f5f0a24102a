"""Progress along the core path, as the browser keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anywidget
from traitlets import List, Unicode

from optiwidgets.texts import mark, text
from optiwidgets.version import __version__
from optiwidgets.widgets.base.assets import load_css, load_esm
from optiwidgets.widgets.base.standalone import Standalone
from optiwidgets.widgets.base.static_html import list_html
from optiwidgets.widgets.security.message_guard import guard

CORE = {
    "10_which_metric": mark("Which metric matters?"),
    "20_confusion_matrix": mark("The confusion matrix, before and after"),
    "30_pruning": mark("Pruning and its cliff"),
    "40_quantization": mark("Quantization and its cliff"),
    "50_both_smaller_faster": mark("Smaller, faster, both?"),
    "60_trade_off": mark("The trade-off"),
    "70_pitfalls": mark("Four pitfalls"),
    "90_self_check": mark("Is this good for production?"),
}


class CorePath(Standalone, anywidget.AnyWidget):
    """A dot for each lesson of a path: open, begun, or with all of its questions answered.

    Every page of a lesson has a kernel of its own, so outcomes are kept by the browser, under the
    name of the page's notebook. They are sent nowhere, and *Start over* forgets them.

    Parameters
    ----------
    lessons
        Names of notebooks, without their ending, and their titles; by default the core path.

    Examples
    --------
    >>> CorePath().lessons[0]
    ['10_which_metric', 'Which metric matters?']
    """

    _esm = load_esm(__file__, "core_path")
    _css = load_css(__file__, "core_path")
    lessons = List(List(Unicode())).tag(sync=True)

    def __init__(self, lessons: Mapping[str, str] = CORE) -> None:
        super().__init__(lessons=[[name, text(title)] for name, title in lessons.items()])
        guard(self, lambda _: self.send_state("lessons"))

    def page_role(self) -> dict[str, Any] | None:
        """Describe the path for a page without a kernel: outcomes are in the browser there too."""
        return {"role": "core_path", "version": __version__}

    def static_body(self) -> str:
        """List the titles of the lessons as HTML; outcomes are in the browser alone."""
        return list_html(title for _, title in self.lessons)
