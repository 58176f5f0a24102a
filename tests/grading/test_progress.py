"""Files of progress/1: one that was cut or changed is refused with a reason."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from optiwidgets.grading.checks import MultipleChoice, Outcome
from optiwidgets.grading.progress import Record, as_document, canonical, checksum, merged
from optiwidgets.grading.progress_files import (
    SCHEMA_FILE,
    ProgressFileError,
    as_text,
    read_progress,
    records_of,
    write_progress,
)
from optiwidgets.grading.progress_page import print_page
from optiwidgets.grading.question_files import MAKERS, kind_of
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.version import __version__

SCHEMA = json.loads(SCHEMA_FILE.read_text())
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
RIGHT = Record(
    kind="decision",
    lesson="90_self_check",
    lesson_title="Is this good for production?",
    title="Decision: good for production?",
    outcome=Outcome.CORRECT,
    attempts=2,
    answer=["usually no", ["the loss is too high"]],
    answered="2026-11-30T12:00:00Z",
    hint=True,
)
RECORDS = {"selfcheck.production": RIGHT, "mine.half": Record(title="Half of 3 \u00f6 \U0001f600")}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "progress.json"
    write_progress(path, RECORDS)
    assert read_progress(path) == RECORDS
    document = json.loads(path.read_text())
    assert document["schema"] == "progress/1"
    assert document["version"] == __version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["saved"])
    assert [each.name for each in tmp_path.iterdir()] == ["progress.json"]


def test_a_file_that_an_editor_saved_with_its_mark_is_read(tmp_path):
    path = tmp_path / "progress.json"
    write_progress(path, RECORDS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_progress(path) == RECORDS


def test_no_file_is_written_that_would_be_refused(tmp_path):
    path = tmp_path / "progress.json"
    for records in ({"k" * 81: Record()}, {"k": Record(title="t" * 401)}):
        with pytest.raises(ProgressFileError, match=r"characters is not allowed; allowed: a .* up"):
            write_progress(path, records)
    assert not path.exists()


def test_the_schema_and_the_records_have_the_same_fields():
    Draft202012Validator.check_schema(SCHEMA)
    answer = SCHEMA["$defs"]["answer"]
    assert list(answer["properties"]) == answer["required"] == [f.name for f in fields(Record)]
    assert answer["properties"]["kind"]["enum"] == [*MAKERS, "other"]
    assert answer["properties"]["outcome"]["enum"] == [str(each) for each in Outcome]
    Draft202012Validator(SCHEMA).validate(as_document(RECORDS))


def test_every_question_of_the_bank_has_a_record_with_titles():
    for question in QUESTIONS.values():
        record = Record.of(question)
        assert record.kind == kind_of(question) != "other"
        assert record.lesson
        assert record.lesson_title
        assert record.title == question.title
    own = MultipleChoice(
        key="start.goal", prompt="A?", options=("a", "b"), right=0, feedback=("", ""),
        hint="", solution="",
    )  # fmt: skip
    assert Record.of(own) == Record(kind="choice", title="A?")  # the bank's key, not its question


@pytest.mark.parametrize("cut", [0, 1, 40, 400, -3])
def test_a_file_that_was_cut_is_refused(tmp_path, cut):
    path = tmp_path / "progress.json"
    text = as_text(as_document(RECORDS))
    path.write_text(text[:cut])
    with pytest.raises(ProgressFileError, match=r"progress\.json: it is not JSON, perhaps .* cut"):
        read_progress(path)


CHANGED = [
    ('"attempts": 2', '"attempts": 1', "it was changed or cut after it was saved"),
    ('"answered": "2026-11-30T12', '"answered": "2026-11-29T12', "its checksum differs"),
    ("Half of 3", "Half of 4", "its checksum differs"),
    ('"attempts": 2', '"attempts": -2',
     r"answers\.selfcheck\.production\.attempts: -2 is not allowed; allowed: a whole number, 0 or"),
    ('"outcome": "correct"', '"outcome": "perfect"', '"perfect" is not allowed; allowed: corr'),
    ('"hint": true', '"hints": true', r"hints?: (there is no such field|it is missing)"),
    ('"hint": true', '"hint": NaN', "hint: NaN is not allowed"),
    ('"attempts": 2', '"attempts": 1e999', "attempts: Infinity is not allowed"),
    ('"progress/1"', '"progress/2"', "no progress file of progress/1, its schema is 'progress/2'"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "reason"), CHANGED)
def test_a_file_that_was_changed_is_refused_with_the_reason(tmp_path, old, new, reason):
    text = as_text(as_document(RECORDS, NOON))
    assert old in text
    path = tmp_path / "progress.json"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ProgressFileError, match=reason):
        read_progress(path)


@pytest.mark.parametrize("document", [[], 3, None, "x", {"a": 1}, {"schema": 1}, [{}]])
def test_other_json_is_no_progress(document):
    with pytest.raises(ProgressFileError, match="it is no progress file of progress/1"):
        records_of(document)


def test_order_and_spaces_do_not_change_the_checksum():
    document = as_document(RECORDS, NOON)
    turned = json.loads(json.dumps(dict(reversed(document.items()))))
    assert checksum(turned) == document["checksum"]
    assert records_of(turned) == RECORDS
    assert document["checksum"] == as_document(RECORDS, NOON)["checksum"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((1.0, "1"), (-0.0, "0"), (0.1, "0.1"), (1e20, "100000000000000000000"), (1e21, "1e+21")),
        *((1e-6, "0.000001"), (1.5e-5, "0.000015"), (1e-7, "1e-7"), (123456789.25, "123456789.25")),
        *((math.nan, "null"), (math.inf, "null"), (True, "true"), ("\u20ac\n", '"\u20ac\\n"')),
        ({"\ufb33": 1, "\U0001f600": 2, "b": []}, '{"b":[],"\U0001f600":2,"\ufb33":1}'),
    ],
)  # fmt: skip
def test_numbers_and_names_are_written_as_rfc_8785_says(value, text):
    assert canonical(value) == text


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-10**9, 10**9) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
))  # fmt: skip
def test_canonical_json_is_json_of_the_same_value(value):
    assert json.loads(canonical(value)) == value


def test_an_answer_that_is_no_unicode_is_still_kept(tmp_path):
    path = tmp_path / "progress.json"
    write_progress(path, {"a": Record(answer="x\ud800")})
    assert read_progress(path)["a"].answer == "x?"


OLDER = {
    "map.ill": {
        "outcome": "correct", "attempts": 2, "answer": "0.806", "hint": True, "solution": False,
        "submissions": [],
    },
    "mine": {
        "outcome": "incorrect", "attempts": 1, "answer": ["no", [1]], "hint": False,
        "solution": True, "submissions": ["Submission 1. Held up."],
    },
}  # fmt: skip


def test_a_file_from_before_progress_1_is_read_with_titles_of_the_bank(tmp_path):
    path = tmp_path / "old.json"
    path.write_text(json.dumps(OLDER))
    old = read_progress(path)
    assert old["map.ill"].title == "Average precision of ill"
    assert (old["map.ill"].attempts, old["map.ill"].answered) == (2, None)
    assert (old["mine"].kind, old["mine"].title) == ("other", "mine")
    assert old["mine"].submissions == ("Submission 1. Held up.",)
    broken = {**OLDER, "mine": {**OLDER["mine"], "attempts": "many"}}
    path.write_text(json.dumps(broken))
    with pytest.raises(ProgressFileError, match=r'mine\.attempts: "many" is not allowed'):
        read_progress(path)


def test_merging_prefers_the_right_then_the_newer_answer_and_counts_nothing_twice():
    wrong = Record(outcome=Outcome.INCORRECT, attempts=4, answered="2026-11-30T13:00:00Z", answer=1)
    newer = Record(outcome=Outcome.INCORRECT, attempts=1, answered="2026-11-30T14:00:00Z", answer=2)
    both = merged({"a": wrong}, {"a": newer})
    assert (both["a"].answer, both["a"].attempts) == (2, 4)
    assert merged(both, {"a": wrong}) == both
    assert merged({"a": newer}, {"a": RIGHT})["a"].outcome is Outcome.CORRECT
    assert merged({"a": RIGHT}, {"a": newer})["a"].answer == RIGHT.answer
    assert merged(RECORDS, RECORDS) == RECORDS


def test_the_page_to_print_has_a_table_a_lesson_and_escapes_answers():
    records = {**RECORDS, "x": Record(title="<i>", answer="<script>", attempts=1)}
    page = print_page(as_document(records, NOON), records)
    assert page.index("<h2>Is this good for production?</h2>") < page.index("<h2>Other questions")
    assert "<td>usually no; the loss is too high</td><td>2026-11-30 12:00:00</td>" in page
    assert "1 of 3 questions answered correctly. Saved 2026-11-30T12:00:00Z" in page
    assert "It does not prove who answered." in page
    assert "<script>" not in page
    assert "<i>" not in page
