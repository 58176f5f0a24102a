"""Texts of controls, panels and questions, looked up in one catalogue by their English words.

English is the source: without a translation a message is shown as it stands in the code. Messages
are looked up when they are shown; a constant of a module is marked with `mark` and given to `text`
where it is shown. `make texts` writes all messages into `en.po` beside this file.
"""

from __future__ import annotations

from optiwidgets.texts.catalogue import (
    SOURCE,
    active,
    asked_language,
    first_language,
    language,
    languages,
    messages,
    placeholders,
    plural_choice,
    plurals,
    read_all,
)
from optiwidgets.texts.catalogue import use_language as use

__all__ = [
    "SOURCE",
    "active",
    "asked_language",
    "first_language",
    "language",
    "languages",
    "mark",
    "mark_plural",
    "messages",
    "placeholders",
    "plural",
    "plural_choice",
    "plurals",
    "read_all",
    "text",
    "use",
]


def mark(message: str) -> str:
    """Mark a message for the catalogue and return it unchanged, for constants of a module.

    >>> mark("Reset")
    'Reset'
    """
    return message


def mark_plural(one: str, many: str) -> tuple[str, str]:
    """Mark both forms of a message for the catalogue, for `plural` where it is shown.

    >>> plural(*mark_plural("{n:,} image", "{n:,} images"), 1)
    '1 image'
    """
    return one, many


def text(message: str, **values: object) -> str:
    """Look a message up in the active catalogue and fill it with values, as str.format does.

    >>> text("{part:,} of {all:,} images", part=100, all=1500)
    '100 of 1,500 images'
    """
    found = active().gettext(message) if message else ""
    return found.format(**values) if values else found


def plural(one: str, many: str, n: int, **values: object) -> str:
    """Look up the form of a message that the number needs, and fill it with n and other values.

    >>> plural("1 image", "{n:,} images", 1), plural("1 image", "{n:,} images", 1500)
    ('1 image', '1,500 images')
    """
    return active().ngettext(one, many, n).format(n=n, **values)
