"""Small table of text and numbers that update live."""

from __future__ import annotations

from typing import Any

import anywidget
from traitlets import List, Unicode

from optiwidgets.widgets.base.assets import KERNEL_CSS, STOCK_CSS, load_css, load_esm, verdict_css


class Table(anywidget.AnyWidget):
    """Rows of text below a caption; each row's first cell names it.

    Parameters
    ----------
    caption
        Title of the table, announced by screen readers.
    heads
        Names of the columns; the first column holds the names of the rows.
    """

    _esm = load_esm(__file__, "table")
    _css = load_css(__file__, "table") + STOCK_CSS + KERNEL_CSS + verdict_css()
    caption = Unicode().tag(sync=True)
    heads = List(Unicode()).tag(sync=True)
    rows = List(List(Unicode())).tag(sync=True)

    def __init__(self, caption: str, heads: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(caption=caption, heads=list(heads), **kwargs)
