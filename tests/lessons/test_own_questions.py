"""Examples of TEACHING.md: the file has no findings, and its questions are asked and graded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import optiwidgets as ow

PAGE = Path(__file__).parents[2] / "lessons" / "TEACHING.md"
SECTION = (
    PAGE.read_text(encoding="utf-8").partition("## Questions of your own")[2].partition("\n## ")[0]
)
(FILE,) = re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)
CELLS = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
TRIED = {  # key -> wrong answer, words of its reply, right answer
    "mine.camera": (2, "its pictures are not", 0),
    "mine.bytes": ("4800", "A byte has 8", "600"),
    "mine.half": (ow.Recipe(sparsity=0.1), "smaller", ow.Recipe(bits=8)),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "mine.yaml").write_text(FILE, encoding="utf-8")
    return tmp_path / "questions"


def test_the_page_has_a_choice_a_number_and_a_challenge(folder: Path) -> None:
    assert ow.check_questions(folder) == []
    assert re.findall(r"^    kind: (\w+)", FILE, re.MULTILINE) == ["choice", "number", "recipe"]
    assert re.findall(r"^  - key: (\S+)", FILE, re.MULTILINE) == list(TRIED)


def test_its_cells_ask_each_question_and_grade_wrong_and_right_answers(folder: Path) -> None:
    names: dict[str, object] = {}
    asked = []
    for cell in CELLS:
        *before, last = cell.strip().splitlines()
        exec("\n".join(before), names)
        asked.append(eval(last, names))
    assert [quiz.question.key for quiz in asked] == list(TRIED)
    for quiz, (wrong, words, right) in zip(asked, TRIED.values(), strict=True):
        for answer, outcome in ((wrong, "incorrect"), (right, "correct")):
            if isinstance(answer, ow.Recipe):
                names["explorer"].session.ask(answer)
            else:
                quiz.answer = answer
            result = quiz.check()
            assert result.outcome == outcome
            assert outcome == "correct" or words in result.message
