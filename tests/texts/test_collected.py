"""The catalogue en.po is current, and the question bank is shown in the language in use."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import polib
import pytest

import optiwidgets as ow
from optiwidgets.grading.checks import Decision, MultipleChoice, Number, Outcome, Prediction
from optiwidgets.grading.questions import QUESTIONS, TEXTS, bank_file

tool = import_module("texts")  # tools/texts.py


@pytest.fixture
def pseudo(tmp_path: Path) -> Iterator[None]:
    """Put every message into brackets."""
    catalogue = tool.collect()
    for entry in catalogue:
        if entry.msgid_plural:
            entry.msgstr_plural = {0: f"⟦{entry.msgid}⟧", 1: f"⟦{entry.msgid_plural}⟧"}
        else:
            entry.msgstr = f"⟦{entry.msgid}⟧"
    catalogue.save(str(tmp_path / "xx.po"))
    ow.use_language("xx", tmp_path)
    yield
    ow.use_language("en")


def bracketed(*shown: str) -> bool:
    return all(each.startswith("⟦") and each.endswith("⟧") for each in shown if each)


def test_the_file_is_what_make_texts_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main(["--check"]) == 0, capsys.readouterr().err


def test_a_file_that_is_not_current_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tool, "SOURCE", tmp_path / "en.po")
    assert tool.main(["--check"]) == 1
    assert "run make texts" in capsys.readouterr().err
    assert tool.main([]) == tool.main(["--check"]) == 0


def test_the_catalogue_holds_python_javascript_and_questions() -> None:
    places = {
        entry.msgid: [file for file, _ in entry.occurrences]
        for entry in polib.pofile(str(tool.SOURCE))
    }
    assert places["{number} is right."] == [
        "optiwidgets/grading/checks.py",
        "optiwidgets/widgets/pages/page_checks.js",
    ]
    assert "optiwidgets/widgets/panels/history.js" in places["Recipes tried"]
    assert places["Goal of model optimization"] == ["optiwidgets/grading/questions/start.yaml"]


def test_python_is_collected_in_fstrings_and_nested(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text(
        'a = f"{text(\'in one\')}: {1}"\nb = text("out {x}", x=text("in"))\n'
        'c = plural("1 bit", "{n} bits", n)\nd = text(a)\ne = ax.text(1, 2, "no")\n'
        'f = text("long "\n  "one")\n'
    )
    assert set(tool.in_python(file)) == {
        *(("in one", ""), ("out {x}", ""), ("in", ""), ("1 bit", "{n} bits"), ("long one", "")),
    }


def test_an_fstring_as_a_message_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text('a = text(f"{n} images")\n')
    with pytest.raises(tool.UncollectedError, match=r"x\.py:1: an f-string cannot be looked up"):
        list(tool.in_python(tmp_path / "x.py"))


def test_javascript_is_collected_in_templates_and_joined(tmp_path: Path) -> None:
    file = tmp_path / "x.js"
    file.write_text(
        'const a = `${text("one")} ${b ? text("two") : ""}`;\nconst c = text("long " +\n  "one");\n'
        'const d = mark("three");\nelement("text", {}, name);\ne.text("no");\n'
    )
    assert {one for one, _ in tool.in_javascript(file)} >= {"one", "two", "long one", "three"}


def test_a_text_that_javascript_would_hide_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.js").write_text('text("a {b}", { b: text("c") });\n')
    with pytest.raises(tool.UncollectedError, match=r"x\.js: 2 texts, of which 1 can be collected"):
        list(tool.in_javascript(tmp_path / "x.js"))


def test_every_question_is_shown_in_the_language_in_use(pseudo: None) -> None:
    for key, question in QUESTIONS.items():
        assert "⟦" not in key
        told = [question.title, question.prompt, question.hint, question.solution]
        if isinstance(question, MultipleChoice):
            told += [*question.options, *question.feedback]
        elif isinstance(question, Prediction):
            told += [*question.options, question.reveal]
        elif isinstance(question, Decision):
            told += [*question.options, *question.reasons, *question.feedback.values()]
        elif isinstance(question, Number):
            told += [*question.slips.values(), question.unit]
        assert bracketed(*told), key
        assert bracketed(bank_file(key.partition(".")[0]).title)
    assert bracketed(*TEXTS.values())


def test_answers_are_graded_and_answered_in_the_language_in_use(pseudo: None) -> None:
    goal, rain = QUESTIONS["start.goal"], QUESTIONS["pruning.find"]
    assert isinstance(goal, MultipleChoice)
    assert goal.check(goal.options[goal.right]).outcome is Outcome.CORRECT
    assert bracketed(goal.check("").message, goal.check(0).message, rain.check(None).message)


def test_questions_are_english_again_afterwards() -> None:
    assert QUESTIONS["start.goal"].title == "Goal of model optimization"
