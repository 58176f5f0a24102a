"""Texts of a lesson in reading order: prose, live texts, and questions of its cells."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat

from optiwidgets.grading.checks import Question
from optiwidgets.grading.questions import QUESTIONS, TEXTS

LESSONS = Path(__file__).parents[2] / "lessons"
CORE = re.compile(r"\*\d+ minutes, on the core path\.\*")


@dataclass(frozen=True)
class Part:
    """Paragraph, live text or question; ``name`` is "prose", or the called function of ``ow``."""

    name: str
    text: str
    question: Question | None = None


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(LESSONS / f"{name}.ipynb", as_version=4)


def path() -> list[str]:
    """List the lessons as they are taken: the menu, the core path, and the others."""
    names = sorted(file.stem for file in LESSONS.glob("[0-9]*.ipynb"))
    core = [name for name in names if CORE.search(read(name).cells[0].source)]
    return [names[0], *core, *(name for name in names[1:] if name not in core)]


def parts(book: nbformat.NotebookNode) -> Iterator[Part]:
    """Yield the parts of a page from top to bottom."""
    for cell in book.cells:
        if cell.cell_type == "markdown":
            yield from (Part("prose", text) for text in cell.source.split("\n\n"))
        else:
            yield from _called(cell.source)


def _called(source: str) -> Iterator[Part]:
    """Yield the parts that a code cell makes; a prediction is read before the text it opens."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    made = [_part(call) for call in calls if ast.unparse(call.func).startswith("ow.")]
    yield from sorted(made, key=lambda part: part.name != "ask")


def _part(call: ast.Call) -> Part:
    name = ast.unparse(call.func).removeprefix("ow.")
    first = call.args[0] if call.args else None
    key = str(first.value) if isinstance(first, ast.Constant) else ""
    if name == "Live":
        return Part("live", key)
    if name == "live":
        return Part(name, TEXTS[key])
    if name == "ask":
        return Part(name, _asked(QUESTIONS[key]), QUESTIONS[key])
    return Part(name, "")


def _asked(question: Question) -> str:
    """Join prompt, options and reasons."""
    options = (*getattr(question, "options", ()), *getattr(question, "reasons", ()))
    return "\n".join((question.prompt, *options))
