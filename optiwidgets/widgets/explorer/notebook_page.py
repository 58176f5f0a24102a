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
    png
        The picture alone, in base64, for places that take no HTML, such as a printed page.

    Examples
    --------
    >>> shown = NotebookPage('<p title="4">4 bits</p>', "<p>picture</p>")._repr_html_()
    >>> "<p>picture</p>" in shown, 'srcdoc="&lt;p title=&quot;4&quot;&gt;' in shown
    (True, True)
    """

    page: str
    picture: str
    png: str | None = None

    def __repr__(self) -> str:
        """Name the page and its size."""
        return f"<page of an explorer, {len(self.page.encode()):,} bytes>"

    def _repr_html_(self) -> str:
        """Lay the page over the picture, which stays where frames are taken out."""
        style = "position: absolute; inset: 0; width: 100%; height: 100%; border: 0"
        frame = (
            f'<iframe title="{escape(frame_title())}" style="{style}; background: #f3f5f7" '
            f'srcdoc="{escape(self.page)}"></iframe>'
        )
        return (
            f'<div class="ow-notebook-page" style="position: relative; min-height: {HEIGHT}px">'
            f"<div>{self.picture}</div>{frame}</div>"
        )

    def _repr_png_(self) -> str | None:
        """Return the picture alone, if there is one."""
        return self.png


def frame_title() -> str:
    """Name the frame of a page, for people who do not see it.

    Examples
    --------
    >>> frame_title()
    'Explorer, without a kernel'
    """
    return text("Explorer, without a kernel")
