"""Ways to a lesson for a class: its short address ``/CODE``, and a picture of it for phones."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import segno
import tornado.web
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from optiwidgets.hosting.classes.lesson_codes import LENGTH, LETTERS, lesson_codes
from optiwidgets.hosting.handlers import LOOPBACK, NOTEBOOK, Plain
from optiwidgets.hosting.notice_pages import notice

SHORT = rf"/([A-Za-z]{{{LENGTH}}})"  # route of all codes
NO_CODE = "No lesson has the code {}. Codes have four of the letters {}."
HERE_ALONE = (
    "Students cannot follow this address: it leads to their own machine. Open this page by the "
    "name or number of this machine in the network."
)
MODULE_PX = 8  # edge of a QR picture's smallest square


def codes_in(folder: str | Path) -> Mapping[str, str]:
    """Find the codes of a folder's notebooks."""
    names = (path.name for path in Path(folder).glob("*.ipynb"))
    return lesson_codes(name for name in names if NOTEBOOK.fullmatch(name))


def qr_picture(address: str) -> str:
    """Draw an address as a QR code: an SVG picture to put into a page.

    Examples
    --------
    >>> qr_picture("http://10.0.0.7:8866/DHJK").startswith("<svg")
    True
    """
    code = segno.make_qr(address, error="m")
    drawn = code.svg_inline(
        scale=MODULE_PX, border=4, dark="#000", light="#fff", omitsize=True, svgclass="ow-qr"
    )
    return drawn.replace("<svg", f'<svg role="img" aria-label="{escape(address)}"', 1)


def lesson_key(site: str, folder: str | Path, name: str) -> str:
    """Write the key of a lesson as HTML: its short address in large type, and its picture.

    Parameters
    ----------
    site
        Address of the server as students reach it, such as ``"http://10.0.0.7:8866"``.
    folder
        Folder of the notebooks.
    name
        File name of a notebook in it.

    Raises
    ------
    KeyError
        There is no such notebook.
    """
    codes = {notebook: code for code, notebook in codes_in(folder).items()}
    address = f"{site}/{codes[name]}"
    shown = escape(address.partition("://")[2])
    host = urlsplit(site).hostname or ""
    warning = f'<p class="ow-key-warning">{escape(HERE_ALONE)}</p>' if host in LOOPBACK else ""
    return (
        f'<section class="ow-key" aria-label="Key of {escape(name.removesuffix(".ipynb"))}">'
        f"{qr_picture(address)}<p>{shown}</p>{warning}</section>"
    )


def shown_key(handler: Any) -> str:
    """Write the key of the lesson that a request names (``?lesson=``); empty if it names none.

    Raises
    ------
    HTTPError
        404: there is no such lesson.
    """
    lesson = handler.get_query_argument("lesson", "")
    if not lesson:
        return ""
    site = f"{handler.request.protocol}://{handler.request.host}"
    try:
        return lesson_key(site, handler.contents_manager.root_dir, f"{lesson}.ipynb")
    except KeyError as error:
        raise HTTPError(404) from error


class ShortAddress(Plain, JupyterHandler):
    """Short address of a lesson; upper and lower case are the same."""

    @tornado.web.authenticated
    def get(self, code: str) -> None:
        """Lead to the lesson's page, or say that no lesson has this code."""
        name = codes_in(self.contents_manager.root_dir).get(code.upper())
        if name is None:
            self.set_status(404)
            said = NO_CODE.format(code.upper(), " ".join(LETTERS))
            self.finish(notice("No such lesson", said, inside='<p><a href="/lessons">Lessons</a>'))
            return
        self.redirect(f"/voila/render/{name}")
