"""The lessons of a site in the order of the course, and the path at the head of each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

CORE = re.compile(r"\*\d+ minutes, on the core path\.\*")
MINUTES = re.compile(r"\*(\d+) minutes")
GOAL = re.compile(r"^- (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class SiteLesson:
    """Lesson of a site.

    Parameters
    ----------
    name, file, title
        Name of its notebook, name of its page, and its title.
    minutes
        Minutes that it takes; 0 where it does not say.
    is_core
        Whether it is on the core path.
    goals
        Sentences that a learner can say afterwards.
    questions
        Keys of the questions that its page grades.
    has_path
        Whether its page shows the path by itself.
    """

    name: str
    file: str
    title: str
    minutes: int = 0
    is_core: bool = False
    goals: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    has_path: bool = False


def site_lessons(
    books: Mapping[Path, NotebookNode],
    titles: Mapping[Path, str],
    pages: Mapping[Path, str],
    outputs: Mapping[str, Mapping[str, Any]],
) -> list[SiteLesson]:
    """List the lessons: notebooks whose name begins with a digit, in their order.

    Parameters
    ----------
    books, titles, pages
        Notebooks, titles and names of pages, by the notebooks' files.
    outputs
        Outputs of their runs, by name.
    """
    return [
        _lesson(path, book, titles[path], pages[path], outputs.get(path.stem, {}))
        for path, book in books.items()
        if path.stem[:1].isdigit()
    ]


def _lesson(
    path: Path, book: NotebookNode, title: str, page: str, outputs: Mapping[str, Any]
) -> SiteLesson:
    first = str(book.cells[0].source) if book.cells else ""
    minutes = MINUTES.search(first)
    return SiteLesson(
        path.stem,
        page,
        title,
        minutes=int(minutes[1]) if minutes else 0,
        is_core=bool(CORE.search(first)),
        goals=tuple(GOAL.findall(first)),
        questions=questions_of(outputs),
        has_path=any(role["role"] == "core_path" for role in _roles(outputs)),
    )


def _roles(outputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the roles of a lesson's page."""
    roles = outputs.get("page", {}).get("data", {}).get("roles", {})
    return [role for role in roles.values() if role]


def questions_of(outputs: Mapping[str, Any]) -> tuple[str, ...]:
    """List the keys of the questions that a lesson's page grades, each once.

    Examples
    --------
    >>> asked = {"role": "quiz", "question": {"key": "pruning.magnitude"}}
    >>> questions_of({"page": {"data": {"roles": {"a": asked, "b": None, "c": asked}}}})
    ('pruning.magnitude',)
    """
    keys = [role["question"]["key"] for role in _roles(outputs) if role["role"] == "quiz"]
    return tuple(dict.fromkeys(keys))


def followed(lesson: SiteLesson) -> str:
    """Write the attributes of a lesson's element, for the script that shows its progress.

    Examples
    --------
    >>> followed(SiteLesson("30_pruning", "30_pruning.html", "Cuts", questions=("a.b", "a.c")))
    ' data-ow-lesson="30_pruning" data-ow-asked="a.b a.c"'
    """
    asked = escape(" ".join(lesson.questions))
    return f' data-ow-lesson="{escape(lesson.name)}" data-ow-asked="{asked}"'


def path_html(lessons: Iterable[SiteLesson], here: SiteLesson) -> str:
    """Write the path at the head of a lesson: a dot for each lesson of the core path.

    Empty where no lesson is on the path, or the page shows the path by itself.
    """
    core = [lesson for lesson in lessons if lesson.is_core]
    if not core or here.has_path:
        return ""
    dots = "".join(_dot(lesson, place, here) for place, lesson in enumerate(core, 1))
    return (
        '<nav class="ow-path ow-site-path" aria-label="The core path">'
        f'<ol>{dots}</ol><p role="status"{followed(here)}></p></nav>'
    )


def _dot(lesson: SiteLesson, place: int, here: SiteLesson) -> str:
    current = ' aria-current="page"' if lesson == here else ""
    title = escape(lesson.title)
    return (
        f'<li data-state="open"{followed(lesson)}><a href="{escape(lesson.file)}" title="{title}" '
        f'aria-label="{place}. {title}"{current}><span>{place}</span></a></li>'
    )


def total_minutes(lessons: Sequence[SiteLesson]) -> int:
    """Add up the minutes of some lessons.

    >>> total_minutes([SiteLesson("a", "a.html", "A", 7), SiteLesson("b", "b.html", "B", 8)])
    15
    """
    return sum(lesson.minutes for lesson in lessons)
