"""Questions of a teacher: files in the folder beside the notebooks, checked and asked by key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optiwidgets.grading.progress import Record
from optiwidgets.grading.question_checker import check_questions
from optiwidgets.grading.questions import QUESTIONS, TEXTS

MINE = """\
schema: questions/1
title: Our own
questions:
  - key: mine.half
    kind: number
    title: A half
    prompt: Half of 1?
    value: 1/2
    tolerance: 0.01
    hint: Divide by 2.
    solution: 1 / 2 = 0.5.
texts:
  - {key: mine.told, text: "At {sparsity}."}
"""


@pytest.fixture
def questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of questions beside the place where a kernel starts."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "questions"
    folder.mkdir()
    (folder / "mine.yaml").write_text(MINE)
    return folder


def findings(folder: Path) -> list[str]:
    return [str(found).replace(f"{folder.parent}/", "") for found in check_questions(folder)]


def test_own_questions_and_texts_are_found_by_their_keys(questions: Path) -> None:
    assert check_questions(questions) == []
    assert QUESTIONS["mine.half"].check("0.5").outcome == "correct"
    assert TEXTS["mine.told"] == "At {sparsity}."
    assert "mine.half" in QUESTIONS
    assert "mine.other" not in QUESTIONS
    assert [*QUESTIONS][-1] == "mine.half"
    record = Record.of(QUESTIONS["mine.half"])
    assert (record.lesson_title, record.title) == ("Our own", "A half")


def test_elsewhere_they_are_unknown(
    questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(questions)
    assert "mine.half" not in QUESTIONS


@pytest.mark.parametrize("key", ["../mine.half", "/etc/passwd", "Mine.half", "mine", "", "mine."])
def test_a_key_leads_to_no_other_file(questions: Path, key: str) -> None:
    (questions.parent / "mine.yaml").write_text(MINE)
    (questions / "Mine.yaml").write_text(MINE)
    assert key not in QUESTIONS


def test_a_changed_file_is_read_again(questions: Path) -> None:
    path = questions / "mine.yaml"
    assert QUESTIONS["mine.half"].title == "A half"
    path.write_text(MINE.replace("A half", "Some half"))
    os.utime(path, ns=(1, 1))
    assert QUESTIONS["mine.half"].title == "Some half"


def test_a_broken_file_names_its_line_and_leaves_the_bank_alone(questions: Path) -> None:
    (questions / "mine.yaml").write_text(MINE.replace("0.01", "-1"))
    with pytest.raises(ValueError, match=r"mine\.yaml:9: mine\.half: tolerance: -1 is not allowed"):
        QUESTIONS["mine.half"]
    assert QUESTIONS["start.goal"].right == 2


def test_a_file_of_the_bank_is_not_replaced(questions: Path) -> None:
    (questions / "start.yaml").write_text(MINE.replace("mine", "start"))
    assert "start.half" not in QUESTIONS
    assert findings(questions) == [
        'questions/start.yaml:1: "start.yaml" is a file of the bank already; '
        "allowed: a name of its own"
    ]


def test_a_folder_is_checked_for_what_keys_could_not_find(questions: Path) -> None:
    (questions / "mine.yaml").write_text(
        MINE.replace("mine.half", "ours.half").replace(
            "title: Our", "lesson: 99_none\ntitle: Our", 1
        )
    )
    (questions / "more.yml").write_text(MINE.replace("mine", "more"))
    (questions / "notes.txt").write_text("no questions")
    assert findings(questions) == [
        'questions/mine.yaml:2: lesson: "99_none" is no notebook of the folder above; '
        "allowed: its name without .ipynb",
        'questions/mine.yaml:5: ours.half: key: "ours.half" is not found; '
        "allowed: mine.name, by the file's name",
        'questions/more.yml:1: "more.yml" is not found by its keys; allowed: *.yaml',
    ]
    (questions.parent / "99_none.ipynb").touch()
    assert len(findings(questions)) == 2


@pytest.mark.parametrize("text", ["", "a list", "- 1", "questions: 3", "{", "schema: questions/1"])
def test_a_folder_with_any_text_has_findings_and_no_error(questions: Path, text: str) -> None:
    (questions / "mine.yaml").write_text(text)
    assert findings(questions)
