"""First page of a site: the lessons in the order of the course."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from nbformat import NotebookNode

from optiwidgets.publishing.site_links import Addresses

CORE = re.compile(r"\*\d+ minutes, on the core path\.\*")
MINUTES = re.compile(r"\*(\d+) minutes")
INTRODUCTION = (
    "<h1>OptiWidgets</h1>\n"
    "<p>Prune and quantize a real neural network, and see what it costs. These pages run in the "
    "browser: nothing is installed, and nothing leaves this machine. Cells that need Python "
    "say so, with links that open them.</p>\n"
)


def start_body(
    books: Mapping[Path, NotebookNode], titles: Mapping[Path, str], addresses: Addresses
) -> str:
    """Write the lists of lessons: the core path, the others, and the other pages."""
    lessons = [path for path in books if path.stem[:1].isdigit()]
    menu = [path for path in lessons if path.stem.startswith("00_")]
    core = [path for path in lessons if CORE.search(_first(books[path]))]
    more = [path for path in lessons if path not in (*menu, *core)]
    tools = [path for path in books if path not in lessons]
    beside = [path for path in titles if path not in books]
    homes = {path.parent for path in books}
    about = [path for path in beside if path.parent not in homes]
    pages = [*tools, *(path for path in beside if path not in about)]

    def listed(paths: Iterable[Path]) -> str:
        return "".join(
            f'<li><a href="{addresses.pages[path]}">{escape(titles[path])}</a>'
            f"{_minutes(books.get(path))}</li>"
            for path in paths
        )

    groups = (
        ("The core path", [*menu, *core]),
        ("More lessons", more),
        ("Pages", pages),
        ("About the package", about),
    )
    shown = [f"<h2>{heading}</h2>\n<ul>{listed(paths)}</ul>" for heading, paths in groups if paths]
    return INTRODUCTION + "\n".join(shown)


def _first(book: NotebookNode) -> str:
    return str(book.cells[0].source) if book.cells else ""


def _minutes(book: NotebookNode | None) -> str:
    found = MINUTES.search(_first(book)) if book is not None else None
    return f" {found[1]} minutes" if found else ""
