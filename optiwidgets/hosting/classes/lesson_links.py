"""Keys and sheets of the lessons on the teacher's page."""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

from optiwidgets import list_questions
from optiwidgets.hosting.classes.lesson_key import codes_in


def lesson_links(folder: str | Path) -> str:
    """List the lessons with their codes, and with links to key and sheets, as a table in HTML."""
    asking = {each["lesson"] for each in list_questions()}
    codes = sorted(codes_in(folder).items(), key=lambda pair: pair[1])
    rows = "".join(_row(code, name.removesuffix(".ipynb"), asking) for code, name in codes)
    return (
        "<h2>Lessons</h2>"
        f'<p><a href="/class/results">Results of the class</a></p><table>{rows}</table>'
    )


def _row(code: str, lesson: str, asking: set[str]) -> str:
    address = quote(lesson)
    sheets = (
        f'<a href="/class/sheet?lesson={address}">Sheet</a> '
        f'<a href="/class/sheet?lesson={address}&amp;key=1">with key</a>'
    )
    return (
        f'<tr><th scope="row">{escape(lesson)}</th><td><code>{code}</code></td>'
        f'<td><a href="/class/show?lesson={address}">Show its key</a></td>'
        f"<td>{sheets if lesson in asking else ''}</td></tr>"
    )
