"""Language of a lesson's page, by ``?lang=`` of its address; its prose stays English."""

from __future__ import annotations

import re
from copy import deepcopy
from html import escape

from traitlets.config import Config

from optiwidgets.texts import SOURCE, asked_language, languages

PROSE = 'class="jp-Cell jp-MarkdownCell'
LINK = re.compile(r'(<a\b[^>]*\shref="\w[\w-]*\.ipynb)(\?[^"#]*)?(?=[#"])')
CELLS = re.compile(r'<div id="rendered_cells"[^>]*>\s*<div>')
LONGEST = 20  # characters of an unknown language that are repeated


def in_language(html: str, language: str) -> str:
    """Mark the language of a part of a page, and have its links to lessons ask for it too.

    A language without a catalogue is named above the first cell, and the page is English.

    Examples
    --------
    >>> in_language('<a href="30_pruning.ipynb#go">Next</a>', "de")
    '<a href="30_pruning.ipynb?lang=de#go">Next</a>'
    >>> in_language('<div id="rendered_cells"><div>', "xx")[:58]
    '<div id="rendered_cells"><div><p role="status">There is no'
    """
    if language == SOURCE or not language:
        return html
    if language not in languages():
        told = escape(unknown(language))
        return CELLS.sub(lambda found: f'{found[0]}<p role="status">{told}</p>', html, count=1)
    html = html.replace(PROSE, f'lang="en" {PROSE}')
    return LINK.sub(lambda found: f"{found[1]}{_joined(found[2])}lang={language}", html)


def _joined(query: str | None) -> str:
    return f"{query}&amp;" if query else "?"


def kept(query: str) -> str:
    """Return the query with which a link keeps the language of its page, if there is such a one.

    Examples
    --------
    >>> kept("case=smear&lang=de"), kept("lang=xx")
    ('?lang=de', '')
    """
    language = asked_language(query)
    return f"?lang={language}" if language in languages() else ""


def settings_in(settings: Config | None, query: str) -> Config | None:
    """Return the settings of a page in the language that its query asks for.

    Examples
    --------
    >>> settings_in(Config(), "lang=de").HTMLExporter.language_code
    'de'
    >>> settings_in(Config(), "lang=xx")
    {}
    """
    if not kept(query):
        return settings
    own = deepcopy(settings or Config())
    own.HTMLExporter.language_code = asked_language(query)
    return own


def unknown(language: str) -> str:
    """Say that there is no such language, and which there are.

    >>> unknown("xx")
    'There is no language "xx" here, so this page is in English. There are de, en, es.'
    """
    named = language if len(language) <= LONGEST else f"{language[:LONGEST]}..."
    there = ", ".join(languages())
    return f'There is no language "{named}" here, so this page is in English. There are {there}.'
