"""HTML of widgets for places without a kernel: saved notebooks, exports, code hosts."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from html.parser import HTMLParser
from typing import Any

from ipywidgets import HTML, Box, Button, Checkbox, Dropdown, Image, RadioButtons, Text, Widget

from optiwidgets.texts import text
from optiwidgets.widgets.base.table import Table

KEPT = frozenset(  # tags without their attributes; all other markup is dropped
    (
        *("p", "div", "br", "b", "strong", "i", "em", "code", "pre", "sub", "sup", "small"),
        *("ul", "ol", "li", "table", "caption", "thead", "tbody", "tr", "th", "td"),
        *("h1", "h2", "h3", "h4"),
    )
)
SILENT = ("script", "style", "svg", "details")  # left out with all that they contain
MOST_IMAGE_BYTES = 72_000  # 96 KB in a notebook


class _Plain(HTMLParser):
    """Parser that keeps text, escaped, and the tags of KEPT without attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        if tag in KEPT and not self._silent:
            self.parts.append(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in KEPT and tag != "br" and not self._silent:
            self.parts.append(f"</{tag}>")
        self._silent -= tag in SILENT and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(escape(data))


def plain_html(markup: str) -> str:
    """Reduce HTML to text and tags without attributes: it runs nothing and loads nothing.

    Examples
    --------
    >>> plain_html('<p onclick="x()">1 &lt; 2 <b>bits</b></p><img src=x><script>y()</script>')
    '<p>1 &lt; 2 <b>bits</b></p>'
    """
    parser = _Plain()
    parser.feed(markup)
    parser.close()
    return "".join(parser.parts)


def static_html(widget: Widget) -> str:
    """Describe a widget and the widgets in it as HTML: texts, choices, tables and pictures.

    Hidden widgets, buttons and anywidget panels are left out. All text is escaped.

    Examples
    --------
    >>> from ipywidgets import IntSlider, VBox
    >>> static_html(VBox([HTML("<b>Bits</b>"), RadioButtons(options=["4", "< 4"])]))
    '<div><b>Bits</b></div><ul><li>4</li><li>&lt; 4</li></ul>'
    >>> static_html(IntSlider(3, description="Bits")), static_html(IntSlider(3))
    ('<p>Bits: 3</p>', '')
    """
    if widget.layout.display == "none" or isinstance(widget, Button):
        return ""
    if isinstance(widget, Table):
        return _table(widget.caption, widget.heads, widget.rows)
    if isinstance(widget, HTML):
        return f"<div>{plain_html(widget.value)}</div>" if widget.value else ""
    if isinstance(widget, RadioButtons):
        return list_html(widget.options)
    if isinstance(widget, Checkbox):
        return list_html([widget.description])
    if isinstance(widget, Text):
        return (
            f"<p>{escape(widget.description or text('Answer'))}: {escape(widget.placeholder)}</p>"
        )
    if isinstance(widget, Image):
        return (
            image_html(bytes(widget.value), text("Picture of this widget")) if widget.value else ""
        )
    if isinstance(widget, Box):
        return "".join(map(_inside, widget.children))
    if isinstance(widget, Dropdown) or (widget.has_trait("min") and widget.description):
        shown = widget.label if isinstance(widget, Dropdown) else widget.value
        return f"<p>{escape(widget.description)}: {escape(str(shown))}</p>"
    return ""


def _inside(widget: Widget) -> str:
    """Describe a widget in another one, which may know better how."""
    told = getattr(widget, "static_body", None)
    return str(told()) if told and widget.layout.display != "none" else static_html(widget)


def image_html(png: bytes, about: str) -> str:
    """Embed a picture with its text alternative; a large one is left out and only described."""
    if len(png) > MOST_IMAGE_BYTES:
        return f"<p>({escape(text('{about}: left out, it is large.', about=about))})</p>"
    data = base64.b64encode(png).decode()
    return f'<img alt="{escape(about)}" src="data:image/png;base64,{data}">'


def list_html(items: Iterable[Any]) -> str:
    """List the texts of some values, escaped.

    Examples
    --------
    >>> list_html(["4 bits", "< 4"])
    '<ul><li>4 bits</li><li>&lt; 4</li></ul>'
    """
    return "<ul>" + "".join(f"<li>{escape(str(item))}</li>" for item in items) + "</ul>"


def _table(caption: str, heads: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    name = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{name}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
