"""Sheet of questions to print on A4: room to answer, and the key on pages of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import cast

from optiwidgets.grading.checks import Decision, MultipleChoice, Number, Prediction, Question
from optiwidgets.grading.question_checker import TAGS, check_questions
from optiwidgets.grading.question_files import QuestionFile, kind_of, read_question_file
from optiwidgets.grading.questions import QUESTIONS, bank_file
from optiwidgets.texts import language, mark, text

FILES = ".yaml", ".yml"
OWN_RUN = mark("The number of the learner's own run.")
ANY_RECIPE = mark("Any recipe that meets the goal.")
NOT_GRADED = mark("A prediction is noted, never right or wrong.")
ANSWER, BECAUSE, RECIPE = mark("Answer:"), mark("Because:"), mark("Recipe:")
STYLE = """
@page { size: A4; margin: 18mm 16mm; }
body { font: 11pt/1.45 system-ui, sans-serif; max-width: 178mm; margin: 8mm auto; padding: 0 4mm; }
h1 { font-size: 18pt; margin: 0 0 4mm; }
.person { margin: 0 0 8mm; }
ol.questions { padding-left: 9mm; }
ol.questions > li { break-inside: avoid; margin-bottom: 9mm; overflow-wrap: anywhere; }
ol.questions > li::marker { font-weight: 600; }
p { margin: 0 0 2mm; }
ul { list-style: none; margin: 1mm 0 0; padding: 0; }
ul li { margin: 1.5mm 0; padding-left: 8mm; text-indent: -8mm; }
ul li::before { content: ""; display: inline-block; box-sizing: border-box; width: 4mm; height: 4mm;
  border: 0.3mm solid; margin-right: 4mm; vertical-align: -0.5mm; }
.room { height: 22mm; border-bottom: 0.2mm solid; }
.key { break-before: page; }
.right { font-weight: 600; }
@media print { body { margin: 0; padding: 0; max-width: none; } }
"""


def question_sheet(source: str | Path, *, key: bool = False) -> str:
    """Write the questions of a lesson as an HTML page to print on A4.

    Parameters
    ----------
    source
        Name of a lesson, such as ``"30_pruning"``, or the path of a YAML file of questions.
    key
        If true, pages of their own follow, with the right answers and the reasons.

    Raises
    ------
    ValueError
        No lesson of this name has questions, or the file breaks the rules of question files; the
        message names the lessons, or the first finding.

    Examples
    --------
    >>> sheet = question_sheet("00_start")
    >>> "What does pruning do to a network?" in sheet, "Pruning removes weights" in sheet
    (True, False)
    >>> "Pruning removes weights" in question_sheet("00_start", key=True)
    True
    """
    title, questions = _questions(source)
    asked = "".join(f"<li>{_asked(question)}</li>" for question in questions)
    told = "".join(f"<li>{_told(question)}</li>" for question in questions) if key else ""
    heading, person = escape(title), escape(text("Name: ____________________"))
    answers = escape(text("Key: {lesson}", lesson=title))
    pages = f'<section class="key"><h1>{answers}</h1><ol class="questions">{told}</ol></section>'
    return (
        f'<!DOCTYPE html>\n<html lang="{language()}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{heading}</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{heading}</h1>"
        f'<p class="person">{person}</p><ol class="questions">{asked}</ol></main>'
        f"{pages if key else ''}</body></html>\n"
    )


def _bank_files() -> list[QuestionFile]:
    """Read the files of the bank that ask questions, in the order of the lessons."""
    return [*map(bank_file, dict.fromkeys(key.partition(".")[0] for key in QUESTIONS))]


def _questions(source: str | Path) -> tuple[str, list[Question]]:
    """Return the title and the questions of a lesson or file."""
    if Path(source).suffix in FILES:
        return _of_file(Path(source))
    name = str(source).removesuffix(".ipynb")
    lessons = {file.lesson: file.title for file in _bank_files()}
    if name not in lessons:
        known = ", ".join(lessons)
        raise ValueError(f"no lesson {name!r} asks questions; there are {known}, or name a file")
    files = [file for file in _bank_files() if file.lesson == name]
    return lessons[name], [question for file in files for question in file.questions]


def _of_file(path: Path) -> tuple[str, list[Question]]:
    if found := check_questions(path):
        raise ValueError(f"{found[0]} ({len(found)} findings: `optiwidgets questions check`)")
    file: QuestionFile = read_question_file(path)
    return file.title, [*file.questions]


def _asked(question: Question) -> str:
    """Write a prompt and the room for its answer."""
    return _prompt(question.prompt) + _ROOMS.get(kind_of(question), _lines)(question)


class _Prompt(HTMLParser):
    """Prompt as HTML that has no other tags than prompts may have, and no attributes."""

    def __init__(self, prompt: str) -> None:
        super().__init__()
        self.written = ""
        self.feed(prompt)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Keep an allowed tag."""
        self.written += f"<{tag}>" if tag in TAGS else ""

    def handle_endtag(self, tag: str) -> None:
        """Keep the end of an allowed tag."""
        self.written += f"</{tag}>" if tag in TAGS else ""

    def handle_data(self, data: str) -> None:
        """Keep text as text."""
        self.written += escape(data, quote=False)


def _prompt(prompt: str) -> str:
    shown = _Prompt(prompt).written
    return shown if shown.startswith("<p>") else f"<p>{shown}</p>"


def _boxes(options: tuple[str, ...]) -> str:
    return f"<ul>{''.join(f'<li>{escape(option)}</li>' for option in options)}</ul>"


def _options(question: Question) -> str:
    return _boxes(cast("MultipleChoice | Prediction", question).options)


def _decided(question: Question) -> str:
    asked = cast(Decision, question)
    return f"{_boxes(asked.options)}<p>{escape(text(BECAUSE))}</p>{_boxes(asked.reasons)}"


def _number(question: Question) -> str:
    unit = escape(cast(Number, question).unit)
    line = f"{escape(text(ANSWER))} ____________________ {unit}"
    return f'<div class="room"></div><p>{line}</p>'


def _recipe(question: Question) -> str:
    return f'<p>{escape(text(RECIPE))}</p><div class="room"></div>'


def _lines(question: Question) -> str:
    return '<div class="room"></div>'


_ROOMS: Mapping[str, Callable[[Question], str]] = {
    "choice": _options,
    "prediction": _options,
    "decision": _decided,
    "number": _number,
    "recipe": _recipe,
}


def _told(question: Question) -> str:
    """Write the right answer, and the reasons."""
    right, reasons = _key(question)
    said = f'<p class="right">{escape(right)}</p>' if right else ""
    return said + "".join(f"<p>{escape(reason)}</p>" for reason in (*reasons, question.solution))


def _key(question: Question) -> tuple[str, tuple[str, ...]]:
    """Return the right answer of a question, and the replies to it."""
    match question:
        case MultipleChoice():
            return question.options[question.right], (question.feedback[question.right],)
        case Decision():
            right = (question.right, *question.good_reasons)
            return "; ".join(right), tuple(question.feedback[each] for each in right)
        case Number():
            return (
                text(OWN_RUN) if callable(question.value) else question.shown(question.value)
            ), ()
        case Prediction():
            return text(NOT_GRADED), (question.reveal,)
        case _:
            return (text(ANY_RECIPE) if kind_of(question) == "recipe" else ""), ()
