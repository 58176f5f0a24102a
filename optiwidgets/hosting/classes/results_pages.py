"""Page of a class's results for the teacher, and its files: CSV for spreadsheets, and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

import tornado.web
from tornado.web import HTTPError

from optiwidgets import list_questions
from optiwidgets.hosting.classes.answer_messages import AnswerDesk
from optiwidgets.hosting.classes.class_pages import TeachersPage, head_of
from optiwidgets.hosting.classes.csv_cells import Cell, csv_text
from optiwidgets.hosting.classes.results import Results, results_of
from optiwidgets.hosting.notice_pages import notice

FILES = "questions.csv", "students.csv", "results.json"
QUESTION = ("Lesson", "Question", "Answered", "Right", "First wrong answers", "Hints", "Solutions")
TRUST = (
    "Pages send these answers, and are trusted as a file of progress is: a student could forge "
    "their own."
)


def results_now(handler: Any) -> Results:
    """Compute the results of the class; teachers' own answers are left out."""
    desk: AnswerDesk = handler.settings["class_answers"]
    teachers = handler.settings["class_room"].store.teachers()
    numbers = {who: number for who, number in desk.names.numbers().items() if who not in teachers}
    return results_of(desk.answers.all(), numbers, desk.names.all(), list_questions())


class ResultsPage(TeachersPage):
    """Results of the class, renewed while the page is open."""

    @tornado.web.authenticated
    def get(self) -> None:
        """Send the page, or with ``?tables`` its tables alone, which the page renews."""
        self.prepare_teacher()
        tables = tables_of(results_now(self))
        if self.get_query_arguments("tables"):
            self.finish(tables)
            return
        links = " ".join(f'<a href="/class/results/{name}" download>{name}</a>' for name in FILES)
        inside = (
            f'<p class="ow-results-files">{links} <button type="button" id="print">Print</button>'
            f'</p><p id="names"></p><p role="status" id="status"></p>'
            f'<div id="tables">{tables}</div><p>{TRUST}</p>'
        )
        page = notice("Results of the class", "", inside=inside)
        self.finish(page.replace("</head>", f"{head_of('results_page')}</head>", 1))


class ResultsFile(TeachersPage):
    """Results of the class as a file."""

    @tornado.web.authenticated
    def get(self, name: str) -> None:
        """Send a table as CSV, or all results as JSON."""
        self.prepare_teacher()
        if name not in FILES:
            raise HTTPError(404)
        results = results_now(self)
        if name.endswith(".json"):
            saved = {"saved": datetime.now(UTC).isoformat(timespec="seconds")}
            text = json.dumps(results.as_dict() | saved, indent=2, ensure_ascii=False)
        else:
            text = csv_text(*(of_questions if name == FILES[0] else of_students)(results))
        kind = "application/json" if name.endswith(".json") else "text/csv"
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        self.set_header("Cache-Control", "no-store")
        self.finish(text)


Table = tuple[Sequence[str], list[list[Cell]]]


def of_questions(results: Results) -> Table:
    """Make the table of questions: its header and rows."""
    rows: list[list[Cell]] = [
        [
            *(each.lesson, each.title, each.answered, each.right),
            "; ".join(f"{answer} ({count})" for answer, count in each.first_wrong),
            *(each.hints, each.solutions),
        ]
        for each in results.questions
    ]
    return QUESTION, rows


def of_students(results: Results) -> Table:
    """Make the table of students: right answers of all questions of each lesson."""
    named = any(each.name for each in results.students)
    header = ["Number", *(["Name"] if named else []), *results.asked, "All right", "All answered"]
    rows: list[list[Cell]] = []
    for each in results.students:
        pairs = each.lessons.values()
        rows.append(
            [
                each.number,
                *([each.name] if named else []),
                *(
                    each.lessons[lesson][0] if lesson in each.lessons else None
                    for lesson in results.asked
                ),
                sum(right for right, _ in pairs),
                sum(answered for _, answered in pairs),
            ]
        )
    return header, rows


def tables_of(results: Results) -> str:
    """Write both tables as HTML; texts of students are text, in their own direction."""
    more = (
        f"<p>{results.left_out} more questions have keys that no file knows; they are left out.</p>"
        if results.left_out
        else ""
    )
    header, rows = of_students(results)
    asked = [
        f"{lesson} (of {count})" if count else lesson for lesson, count in results.asked.items()
    ]
    places = dict(zip(results.asked, asked, strict=True))
    return (
        f"<h2>Questions</h2>{_table('Questions', *of_questions(results))}{more}"
        "<h2>Students: right answers</h2><p>Predictions are not counted.</p>"
        f"{_table('Students', [places.get(name, name) for name in header], rows)}"
    )


def _table(label: str, header: Iterable[str], rows: Iterable[Sequence[Cell]]) -> str:
    head = "".join(
        f'<th scope="col"><button type="button"><bdi>{escape(name)}</bdi></button></th>'
        for name in header
    )
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    if not body:
        return "<p>Nothing yet.</p>"
    return (
        f'<div class="ow-results-scroll"><table aria-label="{label}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(value: Cell) -> str:
    kind = "" if isinstance(value, str) else ' class="ow-results-number"'
    shown = "" if value is None else escape(str(value))
    return f"<td{kind}><bdi>{shown}</bdi></td>"
