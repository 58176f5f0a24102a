"""Catalogues of the package: German and Spanish."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path

import polib
import pytest

import optiwidgets as ow
from optiwidgets.grading.checks import Decision, Outcome, Question
from optiwidgets.grading.progress import Record
from optiwidgets.grading.progress_page import tables
from optiwidgets.grading.questions import QUESTIONS, bank_file, in_english
from optiwidgets.texts import languages, plural, text
from optiwidgets.widgets.lesson import answer_log

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "optiwidgets" / "texts"
LANGUAGES = [name for name in languages() if name != "en"]
CORE = ("start", "metrics", "map", "confusion", "pruning", "quantization", "both", "winback")
CORE += ("fragile", "tradeoff", "pitfalls", "selfcheck")  # lessons 00 to 60, 70, 90
ROOMS = ("controls", "panels", "explorer", "base", "layers", "classroom", "lesson")
LEAST = 0.9  # share of a room that is translated; a new message is English until it is, too


def entries(language: str) -> polib.POFile:
    return polib.pofile(str(FOLDER / f"{language}.po"), encoding="utf-8")


def forms(entry: polib.POEntry) -> list[tuple[str, str]]:
    """Pairs of an English form and its translation."""
    if entry.msgid_plural:
        return [(entry.msgid, entry.msgstr_plural[0]), (entry.msgid_plural, entry.msgstr_plural[1])]
    return [(entry.msgid, entry.msgstr)]


def choices(question: Question) -> list[str]:
    reasons = question.reasons if isinstance(question, Decision) else ()
    return [*getattr(question, "options", ()), *reasons]


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    ow.use_language(request.param)
    yield request.param
    ow.use_language("en")


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_translation_has_the_placeholders_formats_and_markup_of_its_message(name: str) -> None:
    for entry in entries(name):
        for english, translated in forms(entry):
            for pattern in (r"\{[^}]*\}", r"<[^>]+>"):
                found, needed = (sorted(re.findall(pattern, one)) for one in (translated, english))
                may_miss = bool(entry.msgid_plural)  # "1 image" names no number
                assert found == needed or (may_miss and set(found) <= set(needed)), entry.msgid
            for pattern in (r"^\s*", r"\s*$"):
                assert re.findall(pattern, english)[0] == re.findall(pattern, translated)[0]
            assert english.count("\n") == translated.count("\n")


@pytest.fixture(scope="module")
def source() -> polib.POFile:
    return polib.pofile(str(FOLDER / "en.po"), encoding="utf-8")


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize(
    "place", [*(f"widgets/{room}/" for room in ROOMS), *(f"questions/{one}.yaml" for one in CORE)]
)
def test_controls_panels_and_core_questions_are_translated(
    source: polib.POFile, name: str, place: str
) -> None:
    there = {entry.msgid for entry in entries(name).translated_entries()}
    shown = {entry.msgid for entry in source if place in str(entry.occurrences)}
    assert len(shown & there) >= LEAST * len(shown) > 0, sorted(shown - there)


@pytest.mark.parametrize("name", LANGUAGES)
def test_labels_of_controls_are_about_as_long_as_in_english(
    source: polib.POFile, name: str
) -> None:
    translations = {entry.msgid: entry.msgstr for entry in entries(name)}
    for entry in source:
        short = len(entry.msgid) <= 24 and "{" not in entry.msgid
        if short and ("optiwidgets/widgets/controls/" in str(entry.occurrences)):
            shown = translations.get(entry.msgid, entry.msgid)
            assert len(shown) <= max(1.6 * len(entry.msgid), len(entry.msgid) + 8), shown


def test_plural_forms_follow_the_number(language: str) -> None:
    one, two = (plural("{n} image", "{n} images", n) for n in (1, 2))
    assert (one, two) == {"de": ("1 Bild", "2 Bilder"), "es": ("1 imagen", "2 imágenes")}[language]


def test_numbers_keep_their_decimal_point(language: str) -> None:
    shown = text("{points:.1f} points lost", points=1234.5)
    assert shown.startswith("1234.5 ")
    assert "1,500 " in text("{n:,} images", n=1500)


def test_answers_of_one_question_differ(language: str) -> None:
    for prefix in CORE:
        for question in bank_file(prefix).questions:
            assert len({*choices(question)}) == len(choices(question)), question.key


def test_a_question_is_answered_in_the_language_in_use(language: str) -> None:
    goal = QUESTIONS["start.goal"]
    right = {"de": "Es ist kleiner und schneller", "es": "Es más pequeño y rápido"}[language]
    assert any(option.startswith(right) for option in goal.options)
    assert goal.check(goal.options[goal.right]).outcome is Outcome.CORRECT


def test_a_record_of_an_answer_has_the_words_of_the_bank_in_every_language() -> None:
    english = {
        question.key: choices(question)
        for prefix in CORE
        for question in bank_file(prefix).questions
    }
    for name in LANGUAGES:
        ow.use_language(name)
        try:
            for key, words in english.items():
                shown = choices(QUESTIONS[key])
                assert [in_english(key, each) for each in shown] == words
                assert in_english(key, (shown[:1], 0.5, None)) == [words[:1], 0.5, None]
            assert Record.of(QUESTIONS["start.goal"]).title == "Goal of model optimization"
        finally:
            ow.use_language("en")


def test_an_answer_of_an_earlier_visit_is_shown_in_the_language_in_use(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records are English in every language; the field knows the shown words alone."""
    monkeypatch.setattr(answer_log, "REGISTER", answer_log.Register())
    quiz = ow.ask("pruning.magnitude")
    shown = choices(quiz.question)[0]
    answer = in_english(quiz.question.key, shown)
    assert answer != shown
    work = {"outcome": "incorrect", "attempts": 1, "answer": answer}
    quiz.restore(work | {"hint": False, "solution": False})
    assert (quiz.answer, quiz.said.record["answer"]) == (shown, answer)


def test_a_record_is_shown_in_the_language_in_use(language: str) -> None:
    goal = QUESTIONS["start.goal"]
    record = replace(Record.of(goal), answer=in_english(goal.key, goal.options[goal.right]))
    shown = tables({goal.key: record}, longest=1000)
    assert "Goal of" not in shown
    assert escape(goal.title) in shown
    assert escape(goal.options[goal.right]) in shown
