"""Check of question files: findings name file, line, question, field, value and allowed ones."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import yaml

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.question_files import (
    LIVE_FIGURES,
    ONCE_MOVED,
    Document,
    parse,
    question_of,
    value_of,
)
from optiwidgets.grading.schema_problems import Place, Problem, problems_of, shown

BANK = Path(__file__).parent / "questions"
SCHEMA = BANK / "question.schema.json"
UNFINISHED = re.compile("<[a-zA-Z/!?]")  # at the end of a text: the page would finish the tag
TAGS = "p", "em", "b", "code", "sub", "sup", "br"


@dataclass(frozen=True)
class Finding:
    """One thing in a question file that is not allowed."""

    file: str
    line: int
    question: str
    field: str
    problem: str
    allowed: str

    def __str__(self) -> str:
        """Describe the finding in one line."""
        place = ": ".join(filter(None, (f"{self.file}:{self.line}", self.question, self.field)))
        return f"{place}: {self.problem}" + (f"; allowed: {self.allowed}" if self.allowed else "")


def check_questions(*files: str | os.PathLike[str]) -> list[Finding]:
    """Check YAML files of questions against the schema and the rules that it cannot express.

    Parameters
    ----------
    files
        Paths. A key may be in one of them only. Of a folder, all files: they stand beside lessons,
        so each is named by the first word of its keys, which no file of the bank has.

    Returns
    -------
    list
        Findings in the order of the files; empty if every question can be asked. ``str(finding)``
        names file, line, question, field, the value and what is allowed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> text = '''
    ... schema: questions/1
    ... title: My lesson
    ... questions:
    ...   - {key: my.half, kind: number, title: A half, prompt: Half of 3?, value: 1.5,
    ...      tolerance: -1, hint: Divide by 2., solution: 3 / 2 = 1.5}
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "my.yaml")
    ...     size = file.write_text(text)
    ...     [finding] = check_questions(file)
    >>> finding.question, finding.field, finding.problem, finding.allowed
    ('my.half', 'tolerance', '-1 is not allowed', 'a number, 0 or more')
    """
    found: list[Finding] = []
    seen: dict[str, str] = {}
    for file in [path for each in files for path in _files_of(os.fspath(each))]:
        try:
            text = Path(file).read_text(encoding="utf-8")
            document = parse(text)
        except OSError as error:
            found.append(_unreadable(file, 1, error.strerror or str(error)))
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            found.append(_unreadable(file, line, "it is not UTF-8"))
        except yaml.YAMLError as error:
            found.append(_no_yaml(file, text, error))
        else:
            found += _findings(file, document, seen)
            if not any(os.fspath(each) == file for each in files):
                found += _place_findings(Path(file), document)
    return found


def _files_of(path: str) -> list[str]:
    """List the question files of a folder, or the path of a file itself."""
    if not Path(path).is_dir():
        return [path]
    return [str(file) for file in sorted(Path(path).iterdir()) if file.suffix in (".yaml", ".yml")]


def _place_findings(path: Path, document: Document) -> list[Finding]:
    """List the problems of a file in a folder beside lessons: its name, its keys, its lesson."""
    file, stem = str(path), path.stem
    if path.suffix != ".yaml":
        return [Finding(file, 1, "", "", f"{shown(path.name)} is not found by its keys", "*.yaml")]
    if (BANK / path.name).exists():
        problem = f"{shown(path.name)} is a file of the bank already"
        return [Finding(file, 1, "", "", problem, "a name of its own")]
    found = [
        _finding(file, document, (*place, "key"), f"{shown(entry['key'])} is not found", allowed)
        for place, entry in _entries(document.data)
        if isinstance(entry, dict) and isinstance(entry.get("key"), str)
        if entry["key"].partition(".")[0] != stem
        and (allowed := f"{stem}.name, by the file's name")
    ]
    lesson = document.data.get("lesson", "") if isinstance(document.data, dict) else ""
    if lesson and isinstance(lesson, str) and not (path.parents[1] / f"{lesson}.ipynb").is_file():
        problem = f"{shown(lesson)} is no notebook of the folder above"
        found.insert(0, _finding(file, document, ("lesson",), problem, "its name without .ipynb"))
    return found


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema


def _unreadable(file: str, line: int, reason: str) -> Finding:
    return Finding(file, line, "", "", f"the file cannot be read: {reason}", "")


def _no_yaml(file: str, text: str, error: yaml.YAMLError) -> Finding:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    line = 1 if mark is None else mark.line + 1
    if isinstance(error, yaml.reader.ReaderError):  # a control character, without a mark
        line, problem = text.count("\n", 0, int(error.position)) + 1, error.reason
    return Finding(file, line, "", "", f"this is no YAML: {problem or error}", "")


def _findings(file: str, document: Document, seen: dict[str, str]) -> list[Finding]:
    """Check one file; its keys are added to ``seen``."""
    raw = problems_of(document.data, _schema())
    broken = {place[:2] for place, _, _ in raw}
    for place, entry in _entries(document.data):
        if place not in broken:
            problems = [*_repeated(file, entry["key"], seen)]
            problems += _rules(entry) if place[0] == "questions" else _text_rules(entry)
            raw += [((*place, *field), problem, allowed) for field, problem, allowed in problems]
    found = dict.fromkeys(_finding(file, document, *each) for each in raw)
    return sorted(found, key=lambda finding: finding.line)


def _finding(file: str, document: Document, path: Place, problem: str, allowed: str) -> Finding:
    data, question, field = document.data, "", path
    if len(path) >= 2 and isinstance(path[1], int):
        entry = data[path[0]][path[1]]
        key = entry.get("key") if isinstance(entry, dict) else None
        question = key if isinstance(key, str) else f"{path[0]} {path[1] + 1}"
        field = path[2:]
    name = "".join(f" {step + 1}" if isinstance(step, int) else f".{step}" for step in field)
    return Finding(file, document.line(path), question, name.strip(" ."), problem, allowed)


def _entries(data: Any) -> Iterator[tuple[Place, Any]]:
    """Yield questions and live texts with their places."""
    for group in ("questions", "texts"):
        entries = data.get(group) if isinstance(data, dict) else None
        for at, entry in enumerate(entries if isinstance(entries, list) else ()):
            yield (group, at), entry


def _repeated(file: str, key: str, seen: dict[str, str]) -> Iterator[Problem]:
    if key in seen:
        yield ("key",), f"{shown(key)} is a key in {seen[key]} already", "a key of its own"
    seen.setdefault(key, file)


def _rules(entry: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems of a question that the schema cannot express."""
    found = [*_field_rules(entry)]
    yield from found
    if not found:
        try:
            question_of(entry)
        except ValueError as error:
            yield (), str(error), ""


def _field_rules(entry: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems of single fields of a question."""
    yield from _not_finite(entry)
    yield from _tags("prompt", entry["prompt"])
    texts: set[str] = set()
    for group in ("options", "reasons"):
        for at, each in enumerate(entry.get(group, ())):
            text = each["text"] if isinstance(each, dict) else each
            if text in texts:
                yield (group, at), f"{shown(text)} is repeated", "different texts"
            texts.add(text)
    if entry["kind"] == "number":
        yield from _number_rules(entry)
    if entry["kind"] == "prediction":
        yield from _run_rules(entry)


def _text_rules(entry: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems of a live text: its tags, its braces and the figures in them."""
    yield from _tags("text", entry["text"])
    yield from _figure_rules("text", entry["text"], (*LIVE_FIGURES, ONCE_MOVED))


def _figure_rules(field: str, text: str, known: tuple[str, ...]) -> Iterator[Problem]:
    """Yield the problems of the braces of a text, and of the figures in them."""
    try:
        parts = [*Formatter().parse(text)]
    except ValueError as error:
        yield (field,), f"its braces cannot be read: {error}", "{name}, and {{ for a brace"
        return
    for _, name, form, conversion in parts:
        if name is not None and (name not in known or form or conversion):
            yield (field,), f"{shown(name)} is no figure", ", ".join(known)


def _run_rules(entry: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems of what a run says about a prediction, and of its settings."""
    yield from _figure_rules("run", entry.get("run", ""), LIVE_FIGURES)
    settings = [each.name for each in fields(Recipe)]
    for name in entry.get("at", ()):
        if name not in settings:
            yield ("at",), f"{shown(name)} is no setting of a recipe", ", ".join(settings)


def _number_rules(entry: Mapping[str, Any]) -> Iterator[Problem]:
    value = value_of(entry["value"])
    yield from _overflow(("value",), entry["value"])
    for at, slip in enumerate(entry.get("slips", ())):
        yield from _overflow(("slips", at, "value"), slip["value"])
    if callable(value) or not math.isfinite(value):
        return
    if entry.get("share") and not 0 <= value <= 1:
        yield ("value",), f"{shown(entry['value'])} is no share", "a number from 0 to 1"
    for at, slip in enumerate(entry.get("slips", ())):
        wrong = value_of(slip["value"])
        if not callable(wrong) and abs(wrong - value) <= entry["tolerance"]:
            problem = f"{shown(slip['value'])} is graded as right"
            yield ("slips", at, "value"), problem, "a number outside the tolerance"


def _overflow(place: Place, written: float | str) -> Iterator[Problem]:
    """Yield a fraction of numbers that are too large."""
    value = value_of(written)
    if isinstance(written, str) and not callable(value) and not math.isfinite(value):
        yield place, f"{shown(written)} is not allowed", "a finite number"


def _not_finite(value: Any, place: Place = ()) -> Iterator[Problem]:
    """Yield the numbers that are infinite or no number."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place, f"{value} is not allowed", "a finite number"
    elif isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for step, each in pairs:
            yield from _not_finite(each, (*place, step))


class _Tags(HTMLParser):
    """Parser that records the tags, comments and declarations that a prompt may not have."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Record a tag that is not allowed, or has attributes."""
        if tag not in TAGS or attrs:
            self.refused.append(self.get_starttag_text() or tag)

    def handle_endtag(self, tag: str) -> None:
        """Record the end of a tag that is not allowed."""
        if tag not in TAGS:
            self.refused.append(f"</{tag}>")

    def handle_comment(self, data: str) -> None:
        """Record a comment."""
        self.refused.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        """Record a declaration."""
        self.refused.append(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        """Record a processing instruction."""
        self.refused.append(f"<?{data}>")


def _tags(field: str, text: str) -> Iterator[Problem]:
    parser = _Tags()
    parser.feed(text)
    unfinished = [parser.rawdata] if UNFINISHED.match(parser.rawdata) else []
    for tag in (*parser.refused, *unfinished):
        yield (field,), f"{shown(tag)} is not allowed", f"{', '.join(TAGS)} without attributes"
