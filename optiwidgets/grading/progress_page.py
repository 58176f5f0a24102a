"""Page of a learner's progress to read and print: HTML without scripts, a table for each lesson."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from itertools import groupby
from typing import Any

from optiwidgets.grading.checks import Outcome
from optiwidgets.grading.progress import Record
from optiwidgets.texts import language, mark, text

SHOWN, PRINTED = 60, 400  # characters of an answer on a page of a lesson, and on paper
COLUMNS = (
    mark("Question"),
    mark("Outcome"),
    mark("Attempts"),
    mark("Answer"),
    mark("Time (UTC)"),
)
OWN = mark("Other questions")
STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:4px 8px;"
    "text-align:left}td:nth-child(1),td:nth-child(4){overflow-wrap:anywhere;width:30%}"
    "tr{break-inside:avoid}h2{break-after:avoid}code{overflow-wrap:anywhere}"
)
NOTE = mark(
    "The checksum of the saved file tells whether it was changed or cut by accident. It does not "
    "prove who answered."
)


def print_page(document: Mapping[str, Any], records: Mapping[str, Record]) -> str:
    """Make the page of a document of ``progress/1``.

    Examples
    --------
    >>> from optiwidgets.grading.progress import as_document
    >>> records = {"demo": Record(title="Half of 3", outcome=Outcome.CORRECT, attempts=2)}
    >>> page = print_page(as_document(records), records)
    >>> "1 of 1 questions answered correctly" in page, "<td>Half of 3</td>" in page
    (True, True)
    """
    saved = text(
        "Saved {time}, OptiWidgets {version}.", time=document["saved"], version=document["version"]
    )
    title, name = escape(text("Progress")), escape(text("Name: ____________________"))
    note, checksum = escape(text(NOTE)), escape(text("Checksum:"))
    return (
        f'<!DOCTYPE html>\n<html lang="{language()}"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1><p>{name}</p>"
        f"<p>{escape(f'{counted(records)}. {saved}')}</p>{tables(records, PRINTED)}"
        f"<p>{note} {checksum} <code>{escape(document['checksum'])}</code></p></body></html>\n"
    )


def counted(records: Mapping[str, Record]) -> str:
    """Count the right answers.

    Examples
    --------
    >>> counted({"a": Record()})
    '0 of 1 questions answered correctly'
    """
    done = sum(record.outcome is Outcome.CORRECT for record in records.values())
    return text("{done} of {all} questions answered correctly", done=done, all=len(records))


def tables(records: Mapping[str, Record], longest: int = SHOWN) -> str:
    """Make a table for each lesson, in the order of the lessons; long answers are shortened."""
    ordered = sorted(records.values(), key=_place)
    lessons = ((title, [*group]) for title, group in groupby(ordered, key=_heading))
    return "".join(
        f"<h2>{escape(title)}</h2>{_table(title, group, longest)}" for title, group in lessons
    )


def _place(record: Record) -> tuple[bool, str, str]:
    return not record.lesson, record.lesson, record.lesson_title


def _heading(record: Record) -> str:
    return text(record.lesson_title or OWN)


def _table(title: str, records: list[Record], longest: int) -> str:
    label = escape(text("Progress: {lesson}", lesson=title))
    head = "".join(f'<th scope="col">{escape(text(name))}</th>' for name in COLUMNS)
    return (
        f'<table aria-label="{label}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(_row(record, longest) for record in records)}</tbody></table>"
    )


def _row(record: Record, longest: int) -> str:
    time = (record.answered or "").replace("T", " ").removesuffix("Z")
    cells = (
        text(record.title),
        record.told,
        str(record.attempts),
        brief(record.answer, longest),
        time,
    )
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def brief(answer: Any, longest: int = SHOWN) -> str:
    """Summarize an answer in a few words.

    Examples
    --------
    >>> brief(("no", ["it rains"])), brief({"bits": 8, "score": "", "sparsity": 0.0})
    ('no; it rains', 'bits 8')
    """
    if answer is None:
        return ""
    if isinstance(answer, dict):  # the answer is a recipe
        words = ", ".join(f"{name} {value}" for name, value in answer.items() if value)
    elif isinstance(answer, tuple | list):  # the answer is a decision with its reasons
        words = "; ".join(brief(each, longest) for each in answer)
    else:
        words = text(str(answer))
    return words if len(words) <= longest else words[: longest - 3] + "..."
