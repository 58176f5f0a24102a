"""Markdown of lessons and pages as HTML, with links between the pages of a site."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import quote

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

HEADING = re.compile(r"<h([1-6])[^>]*>(.*?)</h\1>", re.DOTALL)
ANCHOR = re.compile(r'<a class="anchor-link".*?</a>')
TAG = re.compile(r"<[^>]*>")
REFERENCE = re.compile(r'(<(?:a|img)\b[^>]*?\b(?:href|src)=")([^"]*)(")', re.IGNORECASE)
REMOTE_IMAGE = re.compile(r'<img\b[^>]*\bsrc="https?:[^"]*"[^>]*>', re.IGNORECASE)
ALT = re.compile(r'\balt="([^"]*)"')
TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
Follow = Callable[[str], str]


def markdown_html(source: str, follow: Follow) -> str:
    r"""Convert markdown to HTML that loads nothing from other sites.

    Parameters
    ----------
    source
        Markdown of a page, or of a cell.
    follow
        Gives the address on the site of a link or a picture of the source.

    Examples
    --------
    >>> markdown_html("## Two `bits`", str)
    '<h2 id="two-bits">Two <code>bits</code></h2>'
    >>> markdown_html("[next](b.ipynb)", lambda link: link + "?").strip()
    '<p><a href="b.ipynb?">next</a></p>'
    >>> '<pre tabindex="0">' in markdown_html("```\nx = 1\n```", str)
    True
    >>> markdown_html("![built](https://elsewhere.example/a.svg)", str).strip()
    '<p>built</p>'
    """
    html = MarkdownWithMath(renderer=IPythonRenderer(escape=False)).render(source)
    html = HEADING.sub(_heading, html)
    html = REMOTE_IMAGE.sub(_described, html)
    html = html.replace("<pre>", '<pre tabindex="0">')  # long lines scroll, by keyboard too
    html = TABLE.sub(r'<div class="ow-site-wide" role="region" tabindex="0">\g<0></div>', html)
    return REFERENCE.sub(lambda found: found[1] + follow(unescape(found[2])) + found[3], html)


def heading_id(heading: str) -> str:
    """Name a heading in links as code hosts do.

    Examples
    --------
    >>> heading_id("The sparse runtime, `small`")
    'the-sparse-runtime-small'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def title_of(source: str, spare: str) -> str:
    r"""Return the first heading of a page.

    Examples
    --------
    >>> title_of("text\n# The `cliff`", ""), title_of("text", "a page")
    ('The cliff', 'a page')
    """
    found = re.search(r"^# +(.+)$", source, re.MULTILINE)
    return found[1].replace("`", "").strip() if found else spare


def _heading(found: re.Match[str]) -> str:
    inner = ANCHOR.sub("", found[2]).strip()
    name = heading_id(unescape(TAG.sub("", inner)))
    return f'<h{found[1]} id="{quote(name)}">{inner}</h{found[1]}>'


def _described(found: re.Match[str]) -> str:
    alt = ALT.search(found[0])
    return alt[1] if alt else ""
