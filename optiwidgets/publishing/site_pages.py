"""HTML of a site's pages: head, navigation, cells of a lesson."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Any

from nbformat import NotebookNode
from PIL import Image

from optiwidgets.publishing.markdown_html import markdown_html
from optiwidgets.publishing.static_cells import StaticCell
from optiwidgets.version import __version__
from optiwidgets.widgets.pages.page_file import safe_json, troubles
from optiwidgets.widgets.pages.python_places import lesson_places, lines_html, places_html

FIGURE = "Figure drawn by the code of this cell"
STILL = "Confusion matrices of these numbers"
AS_IT_WAS = "Needs Python: this is shown as it was when the page was made."
LARGE_PICTURE = 100_000  # bytes
AddPicture = Callable[[str, bytes], str]


@dataclass(frozen=True)
class Shared:
    """Files that all pages of a site share, by their addresses.

    ``bundle_hash`` is the hash of the JavaScript that is started from ``bundle``.
    """

    style: str
    colours: str
    starter: str
    bundle: str = ""
    widgets_style: str = ""
    bundle_hash: str = ""


@dataclass(frozen=True)
class SitePage:
    """A page: its file, title, group ("start", "lesson" or "text"), content, widgets, path."""

    file: str
    title: str
    group: str
    body: str
    data: str = ""  # address of the widgets' state; "" without widgets
    head: str = ""  # HTML of the path above the content


def page_html(page: SitePage, shared: Shared, top: Sequence[tuple[str, str]]) -> str:
    """Write a page; ``top`` lists title and file of the pages that each page leads to."""
    entries = "".join(
        f'<li><a href="{escape(file)}"{_current(file, page.file)}>{escape(title)}</a></li>'
        for title, file in top
    )
    started = "" if page.group == "text" else _start(page, shared)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy(shared)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{shared.style}">
<title>{escape(page.title)}</title>
</head>
<body data-voila="static">
<script src="{shared.colours}"></script>
<a class="ow-site-skip" href="#main">To the content</a>
<header class="ow-site-top"><nav aria-label="Site"><ul>{entries}</ul></nav>{page.head}</header>
<main id="main" class="ow-site-{page.group}">
{page.body}
</main>
{started}</body>
</html>
"""


def policy(shared: Shared) -> str:
    """Write the content security policy of a site's pages: files of this site alone.

    Examples
    --------
    >>> "unsafe-eval" in policy(Shared("a.css", "b.js", "c.js")).replace("wasm-unsafe-eval", "")
    False
    """
    bundle = f" 'sha256-{shared.bundle_hash}'" if shared.bundle_hash else ""
    rules = {
        "default-src": "'none'",
        "script-src": f"'self'{bundle} 'wasm-unsafe-eval'",
        "worker-src": "blob:",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def lesson_body(
    lesson: str,
    book: NotebookNode,
    outputs: Mapping[str, Sequence[Mapping[str, str]]],
    listed: Mapping[str, StaticCell],
    *,
    follow: Callable[[str], str],
    add_picture: AddPicture,
) -> str:
    """Write the cells of a lesson, with the outputs of its run and links that open it."""
    parts = []
    for cell in book.cells:
        if cell.cell_type == "markdown":
            html = markdown_html(cell.source, follow)
            parts.append(f'<div class="ow-site-text">{html}</div>')
        elif cell.cell_type == "code" and cell.source.strip():
            shown = outputs.get(cell.id, ())
            parts.append(code_html(lesson, cell, shown, listed.get(cell.id), add_picture))
    notebook = ("download the notebook", f"notebooks/{lesson}.ipynb")
    return "\n".join([*parts, places_html(lesson_places(lesson), [notebook])])


def code_html(
    lesson: str,
    cell: NotebookNode,
    outputs: Iterable[Mapping[str, str]],
    listed: StaticCell | None,
    add_picture: AddPicture,
) -> str:
    """Write a code cell: its code, folded, and its outputs."""
    as_was = listed is not None and listed.needs_python
    shown = [
        output_html(output, as_was, lambda png: add_picture(f"{lesson}-{cell.id}.png", png))
        for output in outputs
    ]
    note = needs_python_html(listed.reason, lesson) if as_was and listed and shown else ""
    code = f"<pre><code>{escape(cell.source)}</code></pre>"
    way = f' data-ow-by="{listed.by}"' if listed else ""
    return (
        f'<section class="ow-site-cell" data-ow-cell="{escape(cell.id)}"{way}>\n'
        f"{note}{''.join(shown)}"
        f'<details class="ow-site-code"><summary>Code</summary>{code}</details></section>'
    )


def output_html(
    output: Mapping[str, str], as_was: bool, add_picture: Callable[[bytes], str]
) -> str:
    """Write one output: the place of a widget, a picture, HTML or text."""
    kind = output["kind"]
    if kind == "widget":
        still = f'<div class="ow-site-still" tabindex="0">{output["html"]}</div>'
        if as_was:
            return still + (_picture(output["png"], STILL, add_picture) if output["png"] else "")
        return f'<div class="ow-page-place" data-ow-widget="{output["widget"]}">{still}</div>\n'
    if kind == "png":
        return _picture(output["png"], FIGURE, add_picture)
    if kind == "html":
        return f'<div class="ow-site-wide" role="region" tabindex="0">{output["html"]}</div>\n'
    return f'<pre class="ow-site-output">{escape(output["text"])}</pre>\n'


def _picture(png: str, words: str, add_picture: Callable[[bytes], str]) -> str:
    data = base64.b64decode(png)
    width, height = Image.open(BytesIO(data)).size
    return (
        f'<img class="ow-site-figure" loading="lazy" src="{add_picture(data)}" alt="{words}" '
        f'width="{width}" height="{height}">\n'
    )


def smaller_picture(name: str, png: bytes) -> tuple[str, bytes]:
    """Write a large picture as WebP; photographs and noise take a small part of their bytes.

    Examples
    --------
    >>> smaller_picture("figure.png", b"a small one")
    ('figure.png', b'a small one')
    """
    if len(png) <= LARGE_PICTURE:
        return name, png
    stream = BytesIO()
    Image.open(BytesIO(png)).save(stream, format="WEBP", quality=85)
    return f"{name.removesuffix('.png')}.webp", stream.getvalue()


def needs_python_html(reason: str, lesson: str) -> str:
    """Write the note of a cell that needs Python: why, and the places that open it."""
    places = lesson_places(lesson)
    links = " ".join(
        f'<a href="{escape(address)}">{escape(words)}</a>' for words, address in places.links
    )
    return (
        f'<p class="ow-needs-python" role="note">{escape(AS_IT_WAS)} {escape(reason)} '
        f"Open it with Python: {links}, or {lines_html(places)}</p>\n"
    )


def _current(file: str, here: str) -> str:
    return ' aria-current="page"' if file == here else ""


def _start(page: SitePage, shared: Shared) -> str:
    told: dict[str, Any] = {
        "bundle": shared.bundle,
        "style": shared.widgets_style,
        "data": page.data,
        "version": __version__,
        "troubles": troubles(),
    }
    return (
        '<p class="ow-page-trouble" role="alert" hidden></p>\n'
        "<noscript><p>Questions, sliders and progress need JavaScript, which is switched "
        "off.</p></noscript>\n"
        f'<script type="application/json" id="ow-site">{safe_json(told)}</script>\n'
        f'<script defer src="{shared.starter}"></script>\n'
    )
