"""Lessons on a page without a kernel: live figures, files of progress, roles of widgets."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from node_answers import answers  # tests/widgets
from page_runs import page_seen  # tests/widgets

import optiwidgets as ow
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, SPARSE_RUNTIME
from optiwidgets.grading.checks import Outcome
from optiwidgets.grading.progress import Record, as_document, merged
from optiwidgets.grading.progress_files import read_progress, records_of
from optiwidgets.grading.progress_page import brief, print_page
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.version import __version__
from optiwidgets.widgets.lesson.answer_log import ProgressTable, Register
from optiwidgets.widgets.lesson.live_text import figures
from optiwidgets.widgets.pages.page_file import page_parts
from optiwidgets.widgets.pages.page_questions import lesson_questions

RECIPES = (
    Recipe(),
    Recipe(pruning="layer", score="random"),
    Recipe(sparsity=0.9, bits=4),
    Recipe(sparsity=0.3, pruning="layer", score="random"),
    Recipe(sparsity=0.5, pruning="channel"),
    Recipe(bits=2, granularity="channel"),
    Recipe(bits=4, layers=(("head", 0.5, 8),)),
    Recipe(sparsity=0.005),
)
ODD = "</script>\u202e=cmd() \u00f6 \U0001f600 '\"&"
ANSWERS = (
    None, "", "yes", 3, 0.1, -1.5, True, ["no", ["it rains", "late"]], [None, []],
    {"sparsity": 0.0, "bits": 8, "score": "", "recovery": "none"}, "x" * 70, ODD,
)  # fmt: skip


@pytest.fixture
def records():
    """Make records of several lessons, with answers of all kinds."""
    made = {}
    for index, answer in enumerate(ANSWERS):
        key = list(QUESTIONS)[3 * index] if index % 3 else f"mine.{index}"
        known = Record.of(QUESTIONS[key]) if index % 3 else Record(title=ODD)
        outcome = list(Outcome)[index % 3]
        made[key] = replace(
            known,
            outcome=outcome,
            attempts=index,
            answer=answer,
            answered=f"2026-11-30T12:00:{index:02}Z",
            hint=index % 2 == 0,
        )
    return made


def plain(records):
    return as_document(records)["answers"]


def test_live_figures_are_those_of_the_live_page(digits):
    base = digits.run(Recipe())
    dense = Latency(1.234, 1.1, 1.355, 1.0, 0.8, 1)
    timed = {"latency": dense, "latencies": {ONNX_RUNTIME: dense, SPARSE_RUNTIME: dense}}
    reports = [digits.run(recipe) for recipe in RECIPES]
    reports += [
        replace(reports[2], **timed, flip_rate=0.0125, baseline_flip_rate=0.0),
        replace(reports[3], latency_reasons={SPARSE_RUNTIME: ODD}),
    ]
    found = answers(
        "pages/live_figures.js", [["figureWords", page_seen(base, each)] for each in reports]
    )
    for report, told in zip(reports, found, strict=True):
        assert told == figures(base, report), report.recipe


def test_a_document_of_the_page_is_read_by_python_and_the_reverse(records, tmp_path):
    (document,) = answers(
        "pages/progress_document.js", [["progressDocument", plain(records), "1.2.3", 1.78e12]]
    )
    assert document["saved"] == "2026-05-28T20:26:40Z"
    path = tmp_path / "progress.json"
    path.write_text(json.dumps(document))
    assert read_progress(path) == records_of(as_document(records))
    written = as_document(records)
    (found,) = answers("pages/progress_document.js", [["readProgress", json.dumps(written)]])
    assert found == written["answers"]


def test_records_are_merged_as_in_python(records):
    keys = list(records)
    other = {
        key: replace(records[keys[-1 - i]], title=records[key].title, submissions=("a", f"{i}"))
        for i, key in enumerate(keys[2:])
    }
    (found,) = answers(
        "pages/progress_document.js", [["mergedRecords", plain(records), plain(other)]]
    )
    assert found == plain(merged(records, other))


def test_the_printed_page_is_that_of_python(records):
    document = as_document(records)
    (page,) = answers("pages/progress_print.js", [["printedPage", document]])
    assert page == print_page(document, records_of(document))
    found = answers("pages/progress_print.js", [["briefAnswer", each, 60] for each in ANSWERS])
    assert found == [brief(each) for each in ANSWERS]


def test_a_file_of_a_lesson_has_its_questions_and_live_texts():
    found = lesson_questions("30_pruning")
    assert found["title"] == "Pruning and its cliff"
    assert list(found["questions"]) == [key for key in QUESTIONS if key.startswith("pruning.")]
    assert found["questions"]["pruning.saved"]["value"] == "percent_saved"
    assert "pruning.half" in found["texts"]
    assert json.loads(json.dumps(found)) == found
    assert {"map.ill", "metrics.goal"} & set(lesson_questions("10_which_metric")["questions"])
    with pytest.raises(ValueError, match="no questions of '31_nothing'"):
        lesson_questions("31_nothing")


def test_roles_name_the_widgets_of_a_question(explorer):
    told = ow.ask("pruning.find", explorer)
    role = told.page_role()
    assert role["owner"] == explorer.model_id
    assert set(role["buttons"]) == {"check", "hint", "solution", "submit"}
    assert role["question"]["constraints"] == {"max_drop": 2, "min_size_cut": 0.5}
    assert json.loads(json.dumps(role)) == role
    guess = ow.ask("pruning.predict", explorer, then=explorer).page_role()
    assert guess["then"] == f"IPY_MODEL_{explorer.model_id}"
    assert len(ow.ask("selfcheck.production").page_role()["inputs"]) > 2
    told.close()
    assert explorer.comm is not None


def test_a_question_alone_refers_to_no_explorer_that_is_not_on_its_page(explorer):
    asked = ow.ask("pruning.saved", explorer)
    assert asked.said.feed
    data = page_parts([asked]).data
    assert data["models"][asked.said.model_id]["state"]["feed"] == ""
    role = data["roles"][asked.model_id]
    references = [role["root"], role["why"], *role["inputs"], *role["buttons"].values()]
    assert {each.removeprefix("IPY_MODEL_") for each in references} <= set(data["models"])


def test_a_live_text_names_the_widget_whose_session_it_follows(explorer):
    role = ow.live("pruning.half", explorer).page_role()
    assert (role["role"], role["owner"]) == ("live", explorer.model_id)
    assert ow.live("pruning.half", explorer.session).page_role() is None


def test_the_path_and_the_table_of_answers_have_roles():
    assert ow.CorePath().page_role() == {"role": "core_path", "version": __version__}
    assert ProgressTable(Register()).page_role()["role"] == "progress"
