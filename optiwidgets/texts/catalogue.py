"""Catalogues in gettext's .po format: choice, checks and lookup."""

from __future__ import annotations

import gettext
import io
import os
import string
from pathlib import Path

SOURCE = "en"
VARIABLE = "OPTIWIDGETS_LANGUAGE"
PACKAGE = Path(__file__).parent

_chosen: list[tuple[gettext.NullTranslations, dict[str, str]]] = []


def use(language: str, folder: str | Path | None = None) -> None:
    """Show all texts in a language: <language>.po of the package or of the given folder.

    Parameters
    ----------
    language
        Name of the catalogue without its ending; "en" needs no file.
    folder
        Folder of your own with .po files; without it the package's.

    Raises
    ------
    ValueError
        If there is no such catalogue, or a translation has other placeholders than its message.

    Examples
    --------
    >>> use("en")
    """
    if language == SOURCE and folder is None:
        _chosen[:] = [(gettext.NullTranslations(), {})]
        return
    place = PACKAGE if folder is None else Path(folder)
    file = place / f"{language}.po"
    if not file.is_file():
        there = ", ".join(sorted({SOURCE, *(path.stem for path in place.glob("*.po"))}))
        raise ValueError(f"language is {language!r}; {place} has {there}")
    _chosen[:] = [_read(file)]


def active() -> gettext.NullTranslations:
    """The catalogue in use; at first that of the environment variable OPTIWIDGETS_LANGUAGE."""
    return _current()[0]


def messages() -> dict[str, str]:
    """Translations of the catalogue in use by their English messages, empty for English.

    >>> messages()
    {}
    """
    return _current()[1]


def _current() -> tuple[gettext.NullTranslations, dict[str, str]]:
    if not _chosen:
        wanted = os.environ.get(VARIABLE, "") or SOURCE
        path = Path(wanted)
        if path.suffix == ".po":  # a file of the user's own
            use(path.stem, path.parent)
        else:
            use(wanted)
    return _chosen[0]


def _read(file: Path) -> tuple[gettext.NullTranslations, dict[str, str]]:
    import polib  # only pages in another language pay for it

    try:
        entries = polib.pofile(str(file))
    except OSError as error:
        raise ValueError(f"{file} cannot be read as a catalogue: {error}") from error
    for entry in entries.translated_entries():
        forms = [entry.msgstr] if entry.msgstr else list(entry.msgstr_plural.values())
        allowed = [placeholders(entry.msgid), placeholders(entry.msgid_plural or entry.msgid)]
        for form in forms:
            if placeholders(form) not in allowed:
                raise ValueError(
                    f"{file}: the message {entry.msgid!r} has placeholders "
                    f"{sorted(allowed[-1])}; its translation {form!r} has {sorted(placeholders(form))}"
                )
    single = {entry.msgid: entry.msgstr for entry in entries.translated_entries() if entry.msgstr}
    return gettext.GNUTranslations(io.BytesIO(entries.to_binary())), single


def placeholders(message: str) -> set[str]:
    """Names in braces that a message is filled with.

    >>> sorted(placeholders("{part:,} of {all} images"))
    ['all', 'part']
    """
    try:
        return {name for _, name, _, _ in string.Formatter().parse(message) if name is not None}
    except ValueError:  # a lone brace: the message is shown as it is and never filled
        return set()
