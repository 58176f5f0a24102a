"""Explorer that stays alive in a saved notebook: its page without a kernel, over its picture."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from optiwidgets.texts import text

HEIGHT = 900  # pixels; the page scrolls inside


@dataclass(frozen=True)
class NotebookPage:
    """Output of a cell that needs no kernel.

    Places that run scripts show the page: nbconvert's HTML, nbviewer, JupyterLab in trusted
    notebooks. Places that take scripts and frames out of a notebook, such as code hosts, show the
    picture.

    Parameters
    ----------
    page
        HTML of the page, which needs no other file.
    picture
        Safe HTML of the picture.

    Examples
    --------
    >>> shown = NotebookPage('<p title="4">4 bits</p>', "<p>picture</p>")._repr_html_()
    >>> "<p>picture</p>" in shown, 'srcdoc="&lt;p title=&quot;4&quot;&gt;' in shown
    (True, True)
    """

    page: str
    picture: str

    def __repr__(self) -> str:
        """Name the page and its size."""
        return f"<page of an explorer, {len(self.page.encode()):,} bytes>"

    def _repr_html_(self) -> str:
        """Lay the page over the picture, which stays where frames are taken out."""
        title = escape(text("Explorer, without a kernel"))
        frame = (
            f'<iframe title="{title}" style="position: absolute; inset: 0; width: 100%; '
            f'height: 100%; border: 0; background: #f3f5f7" srcdoc="{escape(self.page)}"></iframe>'
        )
        return (
            f'<div class="ow-notebook-page" style="position: relative; min-height: {HEIGHT}px">'
            f"<div>{self.picture}</div>{frame}</div>"
        )
