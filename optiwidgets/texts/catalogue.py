"""Catalogues in gettext's .po format: choice, checks and lookup."""

from __future__ import annotations

import gettext
import io
import os
import string
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from polib import POEntry

SOURCE = "en"
VARIABLE = "OPTIWIDGETS_LANGUAGE"
QUERY, KEY = "QUERY_STRING", "lang"  # variable with the query of a Voila page, and its key
PACKAGE = Path(__file__).parent


@dataclass
class Catalogue:
    """Language in use: its name, its lookup, and its translations by English message."""

    language: str = SOURCE
    lookup: gettext.NullTranslations = field(default_factory=gettext.NullTranslations)
    messages: dict[str, str] = field(default_factory=dict)
    plurals: dict[str, list[str]] = field(default_factory=dict)


_chosen: list[Catalogue] = []


def use_language(language: str, folder: str | Path | None = None) -> None:
    """Show the texts of controls, panels and questions in a language.

    Widgets that were made before keep their texts. On a page of Voila the first language is that of
    ``?lang=`` in its address, if the package has it. Elsewhere the environment variable
    ``OPTIWIDGETS_LANGUAGE`` sets it: a name, or the path of a .po file.

    Parameters
    ----------
    language
        Name of the catalogue <language>.po without its ending; "en" is the source and needs none.
    folder
        Folder of your own with .po files; without it the package's.

    Raises
    ------
    ValueError
        If there is no such catalogue, it cannot be read, or a translation has other placeholders
        than its message.

    Examples
    --------
    >>> import optiwidgets as ow
    >>> ow.use_language("en")
    >>> ow.use_language("xx", "translations")
    Traceback (most recent call last):
    ...
    ValueError: language is 'xx'; the folder translations has no xx.po, it has en
    """
    if language == SOURCE and folder is None:
        _chosen[:] = [Catalogue()]
        return
    place = PACKAGE if folder is None else Path(folder)
    file = place / f"{language}.po"
    if not file.is_file():
        there = ", ".join(languages(place))
        raise ValueError(
            f"language is {language!r}; the folder {place} has no {language}.po, it has {there}"
        )
    _chosen[:] = [_read(file, file.stat().st_mtime_ns)]


def languages(folder: str | Path | None = None) -> list[str]:
    """List the languages that a folder has a catalogue of, by default the package's.

    >>> languages()
    ['de', 'en', 'es']
    """
    place = PACKAGE if folder is None else Path(folder)
    return sorted({SOURCE, *(path.stem for path in place.glob("*.po"))})


def asked_language(query: str) -> str:
    """Return the language that the query of an address asks for, "" if it asks for none.

    >>> asked_language("case=smear&lang=de"), asked_language("case=smear")
    ('de', '')
    """
    return dict(parse_qsl(query)).get(KEY, "")


def first_language() -> None:
    """Choose the language of this process anew, from its environment, when a text is next shown.

    A forked process calls it once its environment is that of its page.

    >>> first_language()
    >>> language()
    'en'
    """
    _chosen.clear()


def read_all() -> None:
    """Read the package's catalogues ahead, so that processes forked from this one share them.

    >>> read_all()
    >>> language()
    'en'
    """
    before = [*_chosen]
    for name in languages():
        use_language(name)
    _chosen[:] = before


def active() -> gettext.NullTranslations:
    """Return the lookup of the language in use, at first that of OPTIWIDGETS_LANGUAGE.

    >>> active().gettext("Reset")
    'Reset'
    """
    return _current().lookup


def messages() -> dict[str, str]:
    """Return the translations in use by their English messages; empty for English.

    >>> messages()
    {}
    """
    return _current().messages


def plurals() -> dict[str, list[str]]:
    """Return the forms of the translations in use by their English singular; empty for English.

    >>> plurals()
    {}
    """
    return _current().plurals


def plural_choice() -> str:
    """Return the index of the plural form of 0 to 199, a digit each, in the language in use.

    Larger numbers have the form of the number from 100 to 199 with the same last two digits.

    >>> plural_choice()[:4]
    '1011'
    """
    choose = getattr(_current().lookup, "plural", lambda n: int(n != 1))
    return "".join(str(int(choose(n))) for n in range(200))


def language() -> str:
    """Return the name of the language in use.

    >>> language()
    'en'
    """
    return _current().language


def placeholders(message: str) -> set[str]:
    """Return the names in braces that a message is filled with.

    >>> sorted(placeholders("{part:,} of {all} images"))
    ['all', 'part']
    """
    try:
        return {name for _, name, _, _ in string.Formatter().parse(message) if name is not None}
    except ValueError:  # a lone brace: such a message is never filled
        return set()


def _current() -> Catalogue:
    if not _chosen:
        asked = asked_language(os.environ.get(QUERY, ""))
        known = asked if asked in languages() else ""  # the page tells that it has no other
        wanted = known or os.environ.get(VARIABLE, "") or SOURCE
        path = Path(wanted)
        if path.suffix == ".po":  # a file of one's own
            use_language(path.stem, path.parent)
        else:
            use_language(wanted)
    return _chosen[0]


@cache
def _read(file: Path, changed_ns: int) -> Catalogue:
    """Read a catalogue, once until the file is changed."""
    import polib  # for other languages than the source alone

    try:
        entries = polib.pofile(str(file), encoding="utf-8")
        lookup = gettext.GNUTranslations(io.BytesIO(entries.to_binary()))
    except (OSError, ValueError) as error:  # of its bytes, its syntax or its plural forms
        raise ValueError(f"{file} cannot be read as a catalogue: {error}") from error
    translated = entries.translated_entries()
    for entry in translated:
        _check(entry, file)
    single = {entry.msgid: entry.msgstr for entry in translated if entry.msgstr}
    forms = {
        entry.msgid: [entry.msgstr_plural[index] for index in sorted(entry.msgstr_plural)]
        for entry in translated
        if entry.msgid_plural
    }
    return Catalogue(file.stem, lookup, single, forms)


def _check(entry: POEntry, file: Path) -> None:
    allowed = [placeholders(entry.msgid), placeholders(entry.msgid_plural or entry.msgid)]
    for form in [entry.msgstr] if entry.msgstr else entry.msgstr_plural.values():
        if placeholders(form) not in allowed:
            raise ValueError(
                f"{file}: the translation {form!r} of {entry.msgid!r} has the placeholders "
                f"{sorted(placeholders(form))}, it needs {sorted(allowed[-1])}"
            )
