"""Collect the texts of controls, panels and questions: ``make texts``.

Writes ``optiwidgets/texts/en.po``, every message with the files that show it. Messages are the
first arguments of ``text``, ``mark``, ``plural`` and ``mark_plural`` in Python and JavaScript, and
the shown fields of the question bank. The other catalogues beside it keep the translations of
these messages alone, in the same order. With ``--check`` nothing is written; the exit status tells
whether the files are current.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polib
from babel.messages.extract import extract

from optiwidgets.grading.question_files import parse
from optiwidgets.grading.question_texts import messages_of
from optiwidgets.texts import placeholders

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "optiwidgets"
SOURCE = PACKAGE / "texts" / "en.po"
KEYWORDS = {"text": None, "mark": None, "plural": (1, 2), "mark_plural": (1, 2)}
CALL = re.compile(r"(?<![\w.$])(?:text|mark|plural)\(\s*(?=[\"'])")  # with a literal, in JavaScript
Message = tuple[str, str]  # singular, and plural or ""


class UncollectedError(ValueError):
    """A text that would be missing from the catalogue; the message names its file."""


def in_python(path: Path) -> Iterator[Message]:
    """Find the messages of a Python file, also inside of f-strings."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id not in KEYWORDS or not node.args:
            continue
        wanted = node.args[: 2 if KEYWORDS[node.func.id] else 1]
        if any(isinstance(each, ast.JoinedStr) for each in wanted):
            raise UncollectedError(
                f"{_name(path)}:{node.lineno}: an f-string cannot be looked up; give its values "
                "as arguments"
            )
        texts = [str(each.value) for each in wanted if isinstance(each, ast.Constant)]
        if len(texts) == len(wanted) and texts[0]:
            yield texts[0], "".join(texts[1:])


def in_javascript(path: Path) -> Iterator[Message]:
    """Find the messages of a JavaScript file with Babel's extractor."""
    options = {"parse_template_string": True}
    found = 0
    with path.open("rb") as file:
        for _, message, _, _ in extract("javascript", file, keywords=KEYWORDS, options=options):
            found += 1
            one, many = message if isinstance(message, tuple) else (message, "")
            yield str(one), str(many)
    calls = len(CALL.findall(path.read_text(encoding="utf-8")))
    if found < calls:
        raise UncollectedError(
            f"{_name(path)}: {calls} texts, of which {found} can be collected; a text inside the "
            "arguments of another one is not found: give it a name before"
        )


def in_questions(path: Path) -> Iterator[Message]:
    """Find the shown texts of a file of questions."""
    for message in messages_of(parse(path.read_text(encoding="utf-8")).data):
        yield message, ""


def collect() -> polib.POFile:
    """Collect the messages of the package, sorted, each with its files."""
    places: dict[Message, set[str]] = {}
    for pattern, messages in (
        ("**/*.py", in_python),
        ("**/*.js", in_javascript),
        ("grading/questions/*.yaml", in_questions),
    ):
        for path in sorted(PACKAGE.glob(pattern)):
            for message in messages(path):
                places.setdefault(message, set()).add(_name(path))
    catalogue = polib.POFile(wrapwidth=100)
    catalogue.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Language": "en",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    for (one, many), files in sorted(places.items()):
        catalogue.append(_entry(one, many, sorted(files)))
    return catalogue


def translated(path: Path, source: polib.POFile) -> str:
    """Write a catalogue with its translations of the source's messages; it loses all others."""
    catalogue = polib.pofile(str(path), wrapwidth=100)
    known = {(entry.msgid, entry.msgid_plural): entry for entry in catalogue.translated_entries()}
    catalogue.clear()
    for entry in source:
        found = known.get((entry.msgid, entry.msgid_plural))
        if found:
            found.occurrences, found.flags = [], entry.flags
            catalogue.append(found)
    return f"{catalogue}\n"


def files() -> dict[Path, str]:
    """Compose all catalogues, by their paths."""
    source = collect()
    others = [path for path in sorted(SOURCE.parent.glob("*.po")) if path != SOURCE]
    return {SOURCE: f"{source}\n"} | {path: translated(path, source) for path in others}


def _entry(one: str, many: str, files: list[str]) -> polib.POEntry:
    filled = placeholders(one) | placeholders(many)
    return polib.POEntry(
        msgid=one,
        msgid_plural=many,
        msgstr_plural={0: "", 1: ""} if many else {},
        occurrences=[(file, "") for file in files],
        flags=["python-brace-format"] if filled else [],
    )


def _differs(path: Path, content: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != content


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def main(arguments: list[str] | None = None) -> int:
    """Write the catalogue, or check it; return the exit status."""
    parser = argparse.ArgumentParser(description="Collect all texts into optiwidgets/texts/en.po.")
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(arguments).check
    composed = files()
    if not check:
        for path, content in composed.items():
            path.write_text(content, encoding="utf-8")
        return 0
    late = [path for path, content in composed.items() if _differs(path, content)]
    for path in late:
        print(f"{_name(path)} is not current: run make texts", file=sys.stderr)
    return 1 if late else 0


if __name__ == "__main__":
    raise SystemExit(main())
