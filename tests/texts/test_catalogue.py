"""Lookup of texts: English without a catalogue, translations of a .po file, refused files."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import optiwidgets as ow
from optiwidgets import texts
from optiwidgets.texts import catalogue, mark, plural, text
from optiwidgets.widgets.base.assets import ServedModule, load_esm
from optiwidgets.widgets.panels.report_panels import Bytes, Matrices

HEADER = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Language: de\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""
GERMAN = (
    HEADER
    + """msgid "{part:,} of {all:,} images"
msgstr "{part:,} von {all:,} Bildern"

msgid "Reset"
msgstr "Zurücksetzen"

msgid "Baseline"
msgstr "Ausgangsmodell"

msgid "Undo"
msgstr ""

msgid "1 image"
msgid_plural "{n:,} images"
msgstr[0] "1 Bild"
msgstr[1] "{n:,} Bilder"
"""
)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    ow.use_language("en")


@pytest.fixture
def german(tmp_path: Path) -> Path:
    (tmp_path / "de.po").write_text(GERMAN, encoding="utf-8")
    ow.use_language("de", tmp_path)
    return tmp_path


def test_english_is_shown_as_it_stands_in_the_code() -> None:
    assert text("{part:,} of {all:,} images", part=100, all=1500) == "100 of 1,500 images"
    assert (plural("1 image", "{n:,} images", 1), plural("1 image", "{n:,} images", 2)) == (
        "1 image",
        "2 images",
    )
    assert (mark("Reset"), text(""), text("50 % {of}")) == ("Reset", "", "50 % {of}")


def test_a_translation_is_looked_up_and_filled(german: Path) -> None:
    assert text("{part:,} of {all:,} images", part=100, all=1500) == "100 von 1,500 Bildern"
    assert [plural("1 image", "{n:,} images", n) for n in (1, 1500)] == ["1 Bild", "1,500 Bilder"]
    assert texts.language() == "de"
    assert mark("Reset") == "Reset"


def test_a_message_without_a_translation_stays_english(german: Path) -> None:
    assert (text("Undo"), text("Redo"), text("")) == ("Undo", "Redo", "")


def test_english_is_back_after_another_language(german: Path) -> None:
    ow.use_language("en")
    assert (text("Reset"), texts.messages(), texts.language()) == ("Reset", {}, "en")


def test_a_language_that_is_not_there_is_refused_with_those_that_are(german: Path) -> None:
    told = re.escape(f"language is 'fr'; the folder {german} has no fr.po, it has de, en")
    with pytest.raises(ValueError, match=told):
        ow.use_language("fr", german)
    assert text("Reset") == "Zurücksetzen"  # the last good one


@pytest.mark.parametrize("shown", ["{teil} von {all}", "{part}", "von {part} {all} {n}", "{part:"])
def test_a_translation_with_other_placeholders_is_refused(tmp_path: Path, shown: str) -> None:
    file = tmp_path / "de.po"
    file.write_text(f'{HEADER}msgid "{{part}} of {{all}}"\nmsgstr "{shown}"\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"de\.po: the translation .*'all', 'part'"):
        ow.use_language("de", tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"no catalogue\n",
        HEADER.encode() + b'msgid "a"\nmsgstr "\xff"\n',
        GERMAN.replace("(n != 1)", "(n ? )").encode(),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "de.po").write_bytes(content)
    with pytest.raises(ValueError, match=r"de\.po cannot be read as a catalogue"):
        ow.use_language("de", tmp_path)


def first(language: str) -> str:
    """Text of a process that begins with a language in its environment."""
    code = "from optiwidgets.texts import text; print(text('Reset'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={catalogue.VARIABLE: language, "PYTHONPATH": ":".join(sys.path), "PYTHONUTF8": "1"},
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_the_environment_sets_the_first_language(german: Path) -> None:
    assert first(str(german / "de.po")) == "Zurücksetzen"
    assert first("") == first("en") == "Reset"
    assert first("fr").startswith("ValueError: language is 'fr'; the folder ")


def test_a_widget_made_in_another_language_brings_the_messages_of_its_module(german: Path) -> None:
    module = Matrices._esm
    line, rest = module.split("\n", 1)
    assert line == f"const OW_MESSAGES = {json.dumps({'Baseline': 'Ausgangsmodell'})};"
    ow.use_language("en")
    assert Matrices._esm == rest


def test_in_english_nothing_is_sent_beside_the_module() -> None:
    assert "OW_MESSAGES = " not in Matrices._esm
    assert Matrices._esm == load_esm(
        str(Path(sys.modules[Matrices.__module__].__file__ or "")), "confusion"
    )


def test_a_module_without_translated_messages_is_sent_alone(german: Path) -> None:
    assert "OW_MESSAGES = " not in Bytes._esm


def test_messages_with_quotes_are_found_in_a_module() -> None:
    class Widget:
        module = ServedModule("text('It says \"no\"');")

    assert Widget.module == "text('It says \"no\"');"
