"""Sheets of questions: every question with room to answer, the key apart, texts as text."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

import optiwidgets as ow
from optiwidgets.cli import main
from optiwidgets.grading.questions import QUESTIONS, bank_file

HOSTILE = "</script><img src=x onerror=a()> \"quoted\" '1' \u202eright"


class Tags(HTMLParser):
    """Tags of a page, and its visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def written(path: Path, *questions: dict[str, object], title: str = "Own") -> Path:
    path.write_text(
        yaml.safe_dump({"schema": "questions/1", "title": title, "questions": [*questions]})
    )
    return path


def choice(text: str) -> dict[str, object]:
    options = [
        {"text": f"{text} {n}", "reply": f"Reply {n}.", "right": n == 1} for n in range(1, 4)
    ]
    return {
        "key": "own.first",
        "kind": "choice",
        "title": "First",
        "prompt": f"Which? {text}",
        "options": [{k: v for k, v in option.items() if v is not False} for option in options],
        "hint": "Think.",
        "solution": "It is the first.",
    }


@pytest.mark.parametrize("lesson", sorted({each["lesson"] for each in ow.list_questions()}))
def test_every_question_of_every_lesson_is_on_its_sheet_and_its_solution_on_the_key(
    lesson: str,
) -> None:
    asked = [q for q in QUESTIONS.values() if bank_file(q.key.partition(".")[0]).lesson == lesson]
    sheet, key = ow.question_sheet(lesson), ow.question_sheet(f"{lesson}.ipynb", key=True)
    assert asked
    assert Tags(sheet).tags.count("ol") == 1
    assert Tags(key).tags.count("ol") == 2
    for question in asked:
        plain = Tags(question.prompt).text
        assert plain in Tags(sheet).text
        assert question.solution in Tags(key).text


def test_the_sheet_alone_tells_no_answer() -> None:
    sheet = Tags(ow.question_sheet("10_which_metric")).text
    for question in QUESTIONS.values():
        if question.key.startswith(("metrics.", "map.")):
            assert question.solution not in sheet
            assert question.hint not in sheet


def test_the_key_has_the_numbers_of_worked_examples_and_names_those_of_a_run() -> None:
    assert ">0.806<" in ow.question_sheet("10_which_metric", key=True)
    assert "The number of the learner&#x27;s own run." in ow.question_sheet("30_pruning", key=True)


def test_a_hostile_text_is_text(tmp_path: Path) -> None:
    file = written(tmp_path / "own.yaml", choice("&lt;img src=x&gt;"), title=HOSTILE)
    page = ow.question_sheet(file, key=True)
    assert HOSTILE in Tags(page).text
    assert "Which? <img src=x>" in Tags(page).text
    assert "&lt;img src=x&gt; 1" in Tags(page).text
    assert not {"img", "script"} & set(Tags(page).tags)


def test_a_file_that_breaks_the_rules_is_refused_with_its_line(tmp_path: Path) -> None:
    file = written(tmp_path / "own.yaml", choice("x") | {"kind": "riddle"})
    with pytest.raises(ValueError, match=r"own\.yaml:\d+.*riddle"):
        ow.question_sheet(file)


def test_an_unknown_lesson_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no lesson '31_pruning'.*30_pruning"):
        ow.question_sheet("31_pruning")


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sheet.html"
    assert main(["questions", "sheet", "30_pruning", str(out), "--key"]) == 0
    assert out.read_text("utf-8") == ow.question_sheet("30_pruning", key=True)
    assert main(["questions", "sheet", "none", str(out)]) == 2
    assert "no lesson 'none'" in capsys.readouterr().err
