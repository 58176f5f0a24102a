"""Pages of a class: the teacher's, the projector's, and the scripts and styles of all pages."""

from __future__ import annotations

from importlib import resources

import tornado.web
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError

from optiwidgets.hosting.classes.lesson_key import shown_key
from optiwidgets.hosting.classes.lesson_links import lesson_links
from optiwidgets.hosting.handlers import Plain, facts, log_out_button
from optiwidgets.hosting.notice_pages import notice, table

SCRIPTS = resources.files("optiwidgets.hosting.classes") / "scripts"
KINDS = {".js": "text/javascript", ".css": "text/css"}
FILES = {  # name in an address -> type and text; nothing else can be requested
    entry.name: (KINDS[ending], entry.read_text(encoding="utf-8"))
    for entry in SCRIPTS.iterdir()
    for ending in KINDS
    if entry.name.endswith(ending)
}
PREFIX = "/class/files"


def head_of(page: str) -> str:
    """Format the tags that load a page's script and style, for the end of its head.

    Examples
    --------
    >>> "class_page.css" in head_of("class_page")
    True
    """
    return (
        f'<link rel="stylesheet" href="{PREFIX}/{page}.css">'
        f'<script type="module">import {{ start }} from "{PREFIX}/{page}.js"; start();</script>'
    )


class ClassFiles(Plain, JupyterHandler):
    """Scripts and styles of the class's pages."""

    @tornado.web.authenticated
    def get(self, name: str) -> None:
        """Send one of the package's own files."""
        if name not in FILES:
            raise HTTPError(404)
        kind, text = FILES[name]
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self.finish(text)


class TeachersPage(Plain, JupyterHandler):
    """Base of pages for the teacher alone."""

    def prepare_teacher(self) -> None:
        """Answer 403 to others."""
        if not self.settings["identity_provider"].is_teacher(self):
            raise HTTPError(403)


class ClassPage(TeachersPage):
    """Page of the teacher: numbers of the class, and its votes."""

    @tornado.web.authenticated
    async def get(self) -> None:
        """Send the page, or with ``?numbers`` its table alone, which the page renews."""
        self.prepare_teacher()
        found = await facts(self.kernel_manager)
        rows = table(
            [
                ("Users", f"{found['users']} of {found['max_users'] or 'any number'}"),
                ("Kernels", str(found["kernels"])),
                ("Memory of the kernels' own", f"{found['memory_mb']:,.0f} MB"),
                ("Widget updates a second", f"{found['updates_per_s']:.0f}"),
            ]
        )
        if self.get_query_arguments("numbers"):
            self.finish(rows)
            return
        inside = f'<div id="vote"></div><section id="numbers">{rows}</section>'
        inside += lesson_links(self.contents_manager.root_dir) + log_out_button(self)
        self.finish(_page("The class", "teacher_page", inside))


class ShowPage(TeachersPage):
    """Page of the projector: the vote in large type; it names nobody."""

    @tornado.web.authenticated
    def get(self) -> None:
        """Send the page."""
        self.prepare_teacher()
        key = shown_key(self)
        self.finish(_page("The class", "show_page", f'{key}<div id="show"></div>'))


def _page(title: str, script: str, inside: str) -> str:
    """Format a page of a class around its script."""
    whole = notice(title, "", inside=inside)
    return whole.replace("</head>", f"{head_of(script)}</head>", 1)
