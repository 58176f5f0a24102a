"""Questions without a browser: answers, buttons, feedback; forged messages included."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import pytest
from ipywidgets import HTML, Button, Checkbox, IntSlider, RadioButtons, Text, VBox
from traitlets import TraitError

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.checks import Decision, MultipleChoice, Outcome, Prediction
from optiwidgets.grading.drop_words import drop_words
from optiwidgets.grading.progress_files import read_progress
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.session.session import Session
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.layers.layer_sliders import Layers
from optiwidgets.widgets.lesson import answer_log
from optiwidgets.widgets.lesson.live_text import figures
from optiwidgets.widgets.lesson.quiz import WAIT, ask, of_a_run
from optiwidgets.widgets.security.message_guard import guard

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def register(monkeypatch):
    """Empty register for one test."""
    register = answer_log.Register(now=lambda: NOW)
    monkeypatch.setattr(answer_log, "REGISTER", register)
    return register


@pytest.fixture
def session(digits):
    return Session(digits)


def said(quiz):
    return quiz.said.kind, quiz.said.label, quiz.said.text


def test_a_wrong_choice_then_the_right_one(register):
    quiz = ask("pruning.magnitude")
    assert quiz.check().outcome is Outcome.NOT_ATTEMPTED
    assert said(quiz) == ("open", "Not answered yet.", "Choose an answer first.")
    quiz.field.index = 3
    quiz.buttons["check"].click()
    assert said(quiz) == ("wrong", "Not yet.", quiz.question.feedback[3])
    assert quiz.said.outcome == "incorrect"
    quiz.answer = "Those closest to zero."
    assert quiz.field.index == 2
    assert quiz.check().outcome is Outcome.CORRECT
    assert said(quiz) == ("right", "Correct.", quiz.question.feedback[2])
    entry = register.entries["pruning.magnitude"]
    assert (entry.outcome, entry.attempts) == (Outcome.CORRECT, 2)


def test_a_prediction_is_compared_with_the_run_once_it_has_the_settings_in_question(session):
    quiz = ask("pruning.predict", session)
    quiz.answer = 1
    session.recipe = Recipe(sparsity=0.5)
    assert "The run says" not in quiz.said.text  # not predicted yet
    session.recipe = Recipe()
    quiz.check()
    session.recipe = Recipe(sparsity=0.3)
    assert said(quiz)[1:] == ("Noted.", f"You said: 2 to 10 points. {quiz.question.reveal}")
    session.recipe = Recipe(sparsity=0.5)
    lost = drop_words(session.report.drop_from(session.baseline).points)
    compared = f"You said: 2 to 10 points. The run says: {lost} at 50 % sparsity."
    assert said(quiz) == ("open", "Compare.", compared)
    session.recipe = Recipe(sparsity=0.9)
    assert said(quiz)[2] == compared


def test_a_prediction_of_the_speed_waits_until_it_is_measured(session):
    quiz = ask("metrics.predict", session)
    quiz.answer = 0
    quiz.check()
    session.recipe = Recipe(bits=8)
    assert "The run says" not in quiz.said.text
    session.adopt(replace(session.report, latency=Latency(0.9, 0.8, 1.1, 1, 1, 1)))
    assert "and a speed of 0.90 times (0.80 to 1.10)." in quiz.said.text


def test_each_prediction_of_a_run_fills_its_sentence_at_its_settings(session):
    asked = [q for q in QUESTIONS.values() if isinstance(q, Prediction) and q.run]
    assert len(asked) >= 9
    names = figures(session.baseline, session.report)
    for question in asked:
        assert "{" not in question.run.format(**names)
        Recipe(**question.at)


@pytest.mark.parametrize("key", sorted(QUESTIONS))
def test_every_question_can_be_asked_and_left_open(key, session):
    quiz = ask(key, session if of_a_run(QUESTIONS[key]) else None)
    assert quiz.check().outcome is Outcome.NOT_ATTEMPTED
    quiz.buttons["hint"].click()
    assert said(quiz) == ("open", "Hint.", quiz.question.hint)
    assert quiz.said.outcome == "not attempted"
    assert quiz.question.prompt in quiz.card.children[0].value
    assert quiz.said.question == key
    assert [button.icon for button in quiz.buttons.values()] == [""] * len(quiz.buttons)


def test_a_prediction_is_made_once_and_tells_its_solution_only_then(register):
    then = HTML("the picture")
    quiz = ask("pruning.predict", then=then)
    quiz.solution()
    assert quiz.question.solution not in quiz.said.text
    assert register.entries["pruning.predict"].solution is False
    quiz.check()
    assert then not in quiz.children
    quiz.answer = 1
    assert quiz.check().outcome is Outcome.CORRECT
    assert quiz.children == (quiz.card, then)
    assert quiz.said.label == "Noted."
    assert quiz.field.disabled
    assert quiz.buttons["check"].disabled
    quiz.answer = 2
    assert quiz.answer == "2 to 10 points"
    assert quiz.said.text == "A prediction is made once."
    quiz.field.set_state({"index": 3})  # a page may still send it
    assert "2 to 10 points" in quiz.check().message
    assert register.entries["pruning.predict"].answer == "2 to 10 points"
    quiz.buttons["solution"].click()
    assert said(quiz) == ("open", "Solution.", quiz.question.solution)


def test_what_comes_then_waits_for_an_answer_right_or_wrong():
    then = HTML("next")
    quiz = ask("start.goal", then=then)
    quiz.hint()
    quiz.solution()
    assert quiz.children == (quiz.card,)
    quiz.answer = 0
    quiz.check()
    quiz.check()
    assert quiz.children == (quiz.card, then)


def test_a_number_is_typed_and_never_breaks_anything(register):
    quiz = ask("confusion.precision_after")
    for text, outcome in (
        ("", "not attempted"),
        ("many", "not attempted"),
        ("9" * 60, "not attempted"),
        ("0.895", "incorrect"),
        ("0,85", "correct"),
    ):
        quiz.field.value = text
        quiz.buttons["check"].click()
        assert quiz.said.outcome == outcome
    assert register.entries[quiz.question.key].attempts == 2
    quiz.answer = 0.9
    assert "before pruning" in quiz.check().message
    quiz.answer = None
    assert quiz.answer == ""


def test_what_was_said_about_another_answer_is_taken_back(session):
    choice, number = ask("start.goal"), ask("map.ill")
    decision, challenge = ask("selfcheck.production"), ask("challenge.half", session)
    session.recipe = Recipe(bits=8)
    choice.answer, number.answer, decision.answer = 2, "0.806", (1, [1])
    quizzes = [choice, number, decision, challenge]
    assert [quiz.check().outcome for quiz in quizzes] == 4 * [Outcome.CORRECT]
    choice.field.index = 1
    number.field.value = "0.6"
    decision.field.boxes[0].value = True
    session.recipe = Recipe(bits=7)
    assert [said(quiz) for quiz in quizzes] == 4 * [("open", "", "")]
    assert [quiz.said.outcome for quiz in quizzes] == 4 * ["not attempted"]
    assert challenge.buttons["submit"].disabled


def test_a_hint_stays_while_the_answer_changes_and_a_measured_report_changes_nothing(session):
    quiz, challenge = ask("map.ill"), ask("challenge.half", session)
    quiz.hint()
    quiz.field.value = "0.6"
    assert quiz.said.text == quiz.question.hint
    session.recipe = Recipe(bits=8)
    challenge.check()
    session.adopt(replace(session.report, flip_rate=0.0))
    assert challenge.said.outcome == "correct"


def test_a_decision_is_ticked():
    quiz = ask("selfcheck.production")
    quiz.field.boxes[1].value = True
    assert quiz.check().outcome is Outcome.NOT_ATTEMPTED
    quiz.field.decision.index = 0
    assert quiz.check().outcome is Outcome.INCORRECT
    quiz.field.decision.index = 1
    assert quiz.check().outcome is Outcome.CORRECT
    quiz.answer = ("usually no", [0])
    assert [box.value for box in quiz.field.boxes] == [True] + 5 * [False]
    assert quiz.check().outcome is Outcome.INCORRECT
    quiz.answer = None
    assert quiz.answer == (None, ())
    quiz.field.disabled = True
    assert quiz.field.disabled
    assert all(box.disabled for box in quiz.field.boxes)


def test_a_challenge_is_judged_on_the_session_at_the_time_of_check(session, register):
    quiz = ask("challenge.half", session)
    assert "untouched model" in quiz.check().message
    session.recipe = Recipe(bits=3)
    assert quiz.check().outcome is Outcome.INCORRECT
    assert "7.2 points lost" in quiz.said.text
    session.recipe = Recipe(bits=8)
    assert quiz.check().outcome is Outcome.CORRECT
    assert register.entries["challenge.half"].answer["bits"] == 8
    with pytest.raises(ValueError, match="set its recipe instead"):
        quiz.answer = session.report


def test_numbers_that_do_not_answer_the_controls_are_not_judged(session, monkeypatch):
    quizzes = [ask(key, session) for key in ("challenge.half", "pruning.saved")]
    session.recipe = Recipe(bits=8)

    def broken(experiment, recipe):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(Experiment, "run", broken)
    session.recipe = Recipe(bits=4)
    assert session.stale
    for quiz in quizzes:
        assert quiz.check().outcome is Outcome.NOT_ATTEMPTED
        assert "do not answer the controls" in quiz.said.text


def test_a_number_of_the_learners_own_run(explorer):
    quiz = ask("pruning.saved", explorer)
    quiz.answer = "50"
    assert "untouched model" in quiz.check().message
    explorer.controls.sparsity.value = 60
    base, report = explorer.session.baseline, explorer.session.report
    saved = 100 * (1 - report.size.total_bytes / base.size.total_bytes)
    quiz.answer = f"{100 - saved:.1f} %"
    assert "how much is left" in quiz.check().message
    quiz.answer = f"{saved:.1f}"
    assert quiz.check().outcome is Outcome.CORRECT
    quiz.solution()
    assert f"{saved:,.3f}".rstrip("0") in quiz.said.text


def test_submitting_opens_the_sealed_images_only_for_what_met_the_challenge(
    make_own, toy, register
):
    own = Experiment(make_own(), toy)
    session = Session(own)
    quiz = ask("challenge.half", session)
    assert quiz.buttons["submit"].disabled
    assert quiz.submit() is None
    assert own.openings == []
    session.recipe = Recipe(bits=8)
    assert quiz.check().outcome is Outcome.CORRECT
    assert not quiz.buttons["submit"].disabled
    quiz.buttons["submit"].click()
    assert own.openings == [Recipe(), Recipe(bits=8)]
    assert quiz.said.label == "Sealed."
    assert quiz.said.text.startswith("Submission 1. ")
    assert register.entries["challenge.half"].submissions == (quiz.said.text,)
    quiz.submit()
    assert len(register.entries["challenge.half"].submissions) == 1
    session.recipe = Recipe(sparsity=0.01)
    quiz.check()
    assert quiz.buttons["submit"].disabled


def test_an_unknown_key_is_named_with_those_like_it():
    with pytest.raises(ValueError, match=r"no question 'pruning\.magnitud'; .*pruning\.magnitude"):
        ask("pruning.magnitud")
    with pytest.raises(ValueError, match=r"there are beliefs\.\w+, .*both\.beyond, "):
        ask("?")
    with pytest.raises(ValueError, match="a key of the bank or a Question, not int"):
        ask(3)


@pytest.mark.parametrize("key", ["challenge.half", "pruning.saved"])
def test_a_question_about_a_run_needs_a_session(key):
    with pytest.raises(ValueError, match="is about a run: ask"):
        ask(key)


def test_a_question_of_ones_own_can_be_asked():
    own = MultipleChoice(
        key="mine.one", prompt="<p>1 + 1?</p>", options=("2", "3"), right=0,
        feedback=("Yes.", "No."), hint="Count.", solution="2.",
    )  # fmt: skip
    quiz = ask(own)
    quiz.answer = "3"
    assert quiz.check().message == "No."
    assert repr(quiz) == "<Quiz mine.one: incorrect>"
    with pytest.raises(Exception, match="not found"):
        quiz.answer = "4"


BAD = [None, [], {}, "abc", float("nan"), 1e300, -1, 10**6, True, "x" * 10**6, {"a": 1}]


@pytest.mark.parametrize("bad", BAD, ids=lambda b: repr(b)[:10])
@pytest.mark.parametrize("key", ["pruning.magnitude", "map.ill", "selfcheck.production"])
def test_no_message_from_a_page_can_break_a_question(key, bad):
    quiz = ask(key)
    fields = [quiz.field, *getattr(quiz.field, "children", ()), *getattr(quiz.field, "boxes", ())]
    for widget in (quiz, quiz.card, quiz.said, quiz.buttons["check"], *fields):
        for trait in sorted(set(widget.keys) - {"_view_count"}):
            before = getattr(widget, trait)
            widget.set_state({trait: bad})
            after = getattr(widget, trait)
            allowed = isinstance(widget, Text) and trait == "value" and bad == "abc"
            allowed |= isinstance(widget, Checkbox) and trait == "value" and bad is True
            assert allowed or widget is quiz.said or after is before or after == before, trait
    assert 0 < len(quiz.said.text) < 400
    assert quiz.check().outcome in tuple(Outcome)


def guarded(widget):
    told = []
    guard(VBox([widget]), told.append)
    return told


def test_the_guard_lets_text_choices_and_ticks_through():
    text, radio, box = Text(), RadioButtons(options=["a", "b"], value=None), Checkbox()
    for widget, state, trait, value in (
        (text, {"value": "0.85"}, "value", "0.85"),
        (text, {"value": "x" * 200}, "value", "x" * 200),
        (radio, {"index": 1}, "value", "b"),
        (box, {"value": True}, "value", True),
    ):
        told = guarded(widget)
        widget.set_state(state)
        assert getattr(widget, trait) == value
        assert told == []


@pytest.mark.parametrize(
    ("widget", "state"),
    [
        (Text(), {"value": "x" * 201}),
        (Text(), {"value": 7}),
        (Text(), {"value": None}),
        (Text(), {"placeholder": "x"}),
        (HTML(), {"value": "<script>"}),
        (Checkbox(), {"value": 1}),
        (Checkbox(), {"value": "yes"}),
        (Checkbox(), {"disabled": True}),
        (RadioButtons(options=["a", "b"]), {"index": True}),
        (RadioButtons(options=["a", "b"]), {"index": 2}),
        (RadioButtons(options=["a", "b"]), {"value": "b"}),
        (IntSlider(max=9), {"value": 10}),
        (IntSlider(max=9), {"value": True}),
        (IntSlider(max=9), {"value": "3"}),
        (Button(), {"description": "x"}),
    ],
    ids=lambda x: type(x).__name__ if not isinstance(x, dict) else str(x)[:24],
)
def test_the_guard_refuses_what_no_hand_can_give(widget, state):
    told, trait = guarded(widget), next(iter(state))
    before = getattr(widget, trait)
    widget.set_state(state)
    assert getattr(widget, trait) == before
    assert type(getattr(widget, trait)) is type(before)
    assert len(told) == 1
    assert "refused" in told[0]


def test_style_and_module_are_complete_and_fetch_nothing():
    here = Path(answer_log.__file__).parent
    quiz = ask("start.goal")
    assert quiz.said._css.startswith((here / "quiz.css").read_text())
    assert "export default" in quiz.said._esm
    assert "http" not in quiz.said._css + quiz.said._esm.replace("http://www.w3.org", "")
    assert '"aria-live": "polite"' in quiz.said._esm


def test_progress_follows_shows_and_escapes(register):
    table = answer_log.progress()
    assert repr(table) == "<progress: 0 of 0 questions answered correctly>"
    quiz = ask("map.ill")
    quiz.answer = "<b>1</b>"
    quiz.check()
    assert table.as_dict()["answers"]["map.ill"]["attempts"] == 0
    quiz.answer = "0.6"
    quiz.check()
    quiz.hint()
    assert table.as_dict()["answers"] == {
        "map.ill": {
            "kind": "number",
            "lesson": "10_which_metric",
            "lesson_title": "Which metric matters?",
            "title": "Average precision of ill",
            "answered": "2026-11-30T12:00:00Z",
            "outcome": "incorrect",
            "attempts": 1,
            "answer": "0.6",
            "hint": True,
            "solution": False,
            "submissions": [],
        }
    }
    assert "<h2>Which metric matters?</h2>" in table.value
    row = "<td>Average precision of ill</td><td>incorrect</td><td>1</td><td>0.6</td>"
    assert f"{row}<td>2026-11-30 12:00:00</td>" in table.value
    register.checked("<i>", Outcome.INCORRECT, ("<script>", ["x" * 100]))
    assert "<script>" not in table.value
    assert "<i>" not in table.value
    assert "..." in table.value


def test_once_correct_stays_correct_and_asking_again_forgets_nothing(register):
    for answer in ("0.6", "0.806", "0.6"):
        quiz = ask("map.ill")
        quiz.answer = answer
        quiz.check()
    entry = register.entries["map.ill"]
    assert (entry.outcome, entry.attempts, entry.answer) == (Outcome.CORRECT, 2, "0.806")
    assert "1 of 1" in repr(answer_log.progress())


def test_export_and_link_hold_the_same_and_a_failure_leaves_the_old_file(
    tmp_path, session, register, monkeypatch
):
    def broken(path, target):
        raise OSError("disk full")

    session.recipe = Recipe(bits=8)
    ask("challenge.half", session).check()
    decision = ask("selfcheck.production")
    decision.answer = ("yes", [0])
    decision.check()
    table, path = answer_log.progress(), tmp_path / "progress.json"
    table.export(str(path))
    assert json.loads(path.read_text()) == table.as_dict()
    link = table.value.split('href="')[1].split('"')[0]
    assert link.startswith("data:application/json")
    assert json.loads(unquote(link.split(",", 1)[1])) == table.as_dict()
    assert table.as_dict()["answers"]["challenge.half"]["answer"] == json.loads(
        json.dumps(Recipe(bits=8).as_dict())
    )
    before = path.read_text()
    register.checked("new", Outcome.INCORRECT, 1)
    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        table.export(path)
    assert path.read_text() == before
    assert [each.name for each in tmp_path.iterdir()] == ["progress.json"]
    with pytest.raises(ValueError, match=r"ends in \.json, or \.html to print, not '\.txt'"):
        table.export(tmp_path / "progress.txt")


def test_a_page_to_print_is_the_second_link_and_the_file_of_that_name(tmp_path, register):
    quiz = ask("pruning.predict")
    quiz.answer = 1
    quiz.check()
    table = answer_log.progress()
    table.export(tmp_path / "progress.html")
    page = (tmp_path / "progress.html").read_text()
    assert unquote(table.value.split('href="')[2].split('"')[0].split(",", 1)[1]) == page
    assert "<td>Prediction: half of the weights</td><td>noted</td><td>1</td>" in page
    assert table.as_dict()["checksum"] in page
    assert "<script" not in page
    register.checked("mine", Outcome.INCORRECT, "x\ud800")  # no Unicode: a file has "?" for it
    assert "%3Ctd%3Ex%3F%3C/td%3E" in table.value


def answer(key, given):
    quiz = ask(key)
    quiz.answer = given
    return quiz.check()


def test_one_file_holds_the_answers_of_all_pages(tmp_path, register, monkeypatch):
    path = tmp_path / "path.json"
    answer("start.prune", 1)
    answer_log.progress(path)
    answer("start.goal", 0)
    other = answer_log.Register(path=str(path))  # the kernel of another page
    monkeypatch.setattr(answer_log, "REGISTER", other)
    answer("pruning.magnitude", 2)
    assert repr(answer_log.progress()) == "<progress: 2 of 3 questions answered correctly>"
    monkeypatch.setattr(answer_log, "REGISTER", register)
    answer("start.goal", 2)
    assert list(read_progress(path)) == ["start.prune", "start.goal", "pruning.magnitude"]
    assert [r.attempts for r in read_progress(path).values()] == [1, 2, 1]


def test_a_page_without_questions_shows_the_answers_of_the_file(tmp_path, register, monkeypatch):
    path = tmp_path / "path.json"
    answer_log.Register(path=str(path)).checked("demo", Outcome.CORRECT, 1)
    fresh = answer_log.Register(path=str(path))
    monkeypatch.setattr(answer_log, "REGISTER", fresh)
    assert repr(answer_log.progress()) == "<progress: 1 of 1 questions answered correctly>"
    path.write_text("{")
    assert "perhaps it was cut off" in answer_log.progress().value
    assert path.read_text() == "{"


def test_two_pages_that_write_at_once_lose_no_answer(tmp_path):
    path = tmp_path / "path.json"

    def page(name):
        register = answer_log.Register(path=str(path))
        for n in range(20):
            register.checked(f"{name}.q{n}", Outcome.CORRECT, n)

    pages = [Thread(target=page, args=(name,)) for name in "abc"]
    for thread in pages:
        thread.start()
    for thread in pages:
        thread.join()
    assert len(read_progress(path)) == 60
    assert [each.name for each in tmp_path.iterdir()] == ["path.json"]


def test_an_answer_that_no_file_can_hold_is_named_and_the_file_stays(tmp_path, register):
    path = tmp_path / "path.json"
    answer_log.progress(path)
    register.checked("demo", Outcome.CORRECT, 1)
    register.checked("k" * 81, Outcome.CORRECT, 1)
    assert "a key of up to 80 characters" in register.refused
    assert list(read_progress(path)) == ["demo"]


def test_a_file_that_cannot_be_written_once_has_all_answers_later(tmp_path, monkeypatch):
    folder = tmp_path / "usb"
    register = answer_log.Register(path=str(folder / "path.json"))
    monkeypatch.setattr(answer_log, "REGISTER", register)
    quiz = ask("start.goal")
    quiz.answer = 2
    quiz.check()
    assert "No such file" in register.refused
    assert quiz.said.text.endswith(register.refused)
    folder.mkdir()
    assert answer("start.prune", 1).outcome is not Outcome.NOT_ATTEMPTED
    assert set(read_progress(folder / "path.json")) == {"start.goal", "start.prune"}
    assert register.refused == ""


def test_a_relative_file_stays_where_it_is_if_the_kernel_changes_its_folder(
    tmp_path, register, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    register.keep_in("path.json")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    register.checked("demo", Outcome.CORRECT, 1)
    assert list(read_progress(tmp_path / "path.json")) == ["demo"]


def test_a_damaged_file_is_left_alone_and_named_while_questions_go_on(tmp_path, monkeypatch):
    path = tmp_path / "path.json"
    path.write_text("{")
    register = answer_log.Register(path=str(path))
    monkeypatch.setattr(answer_log, "REGISTER", register)
    assert answer("start.goal", 2).outcome is Outcome.CORRECT
    assert "no longer kept in the file: " in answer_log.progress().value
    assert "path.json: it is not JSON, perhaps it was cut off" in register.refused
    assert path.read_text() == "{"
    with pytest.raises(ValueError, match="perhaps it was cut off"):
        answer_log.progress(path)


def test_a_widget_says_itself_what_more_a_hand_may_give_it():
    class Drawn(Text):
        def check_user_input(self, trait, value):
            if trait != "value" or value != "x" * 300:
                raise TraitError("value is 300 times x")

    widget = Drawn()
    told = guarded(widget)
    widget.set_state({"value": "x" * 300})
    assert widget.value == "x" * 300
    assert told == []
    widget.set_state({"value": "y"})
    assert widget.value == "x" * 300
    assert "300 times x" in told[0]


def receive(widget, **data):
    """Handle a message of the page."""
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


def click(quiz, choice=None, reasons="", text=""):
    """Send the messages of a click on Check, the page's answer first."""
    shown = {"event": "answer", "choice": choice, "reasons": reasons, "text": text}
    receive(quiz.said, method="custom", content=shown)
    receive(quiz.buttons["check"], method="custom", content={"event": "click"})


def test_a_prediction_is_the_one_that_the_page_shows(register):
    quiz = ask("pruning.predict")
    receive(quiz.field, method="update", state={"index": 0}, buffer_paths=[])
    click(quiz, choice=2)  # the kernel was busy: this click overtakes the change to the third
    receive(quiz.field, method="update", state={"index": 2}, buffer_paths=[])
    third = quiz.question.options[2]
    assert quiz.answer == register.entries["pruning.predict"].answer == third
    assert third.rstrip(".") in quiz.said.text
    click(quiz, choice=1)
    assert quiz.answer == third


def test_a_late_change_to_the_graded_answer_keeps_its_feedback():
    choice, number = ask("pruning.magnitude"), ask("confusion.drop")
    click(choice, choice=choice.question.right)
    receive(choice.field, method="update", state={"index": 2}, buffer_paths=[])
    click(number, text="5")
    receive(number.field, method="update", state={"value": "5"}, buffer_paths=[])
    assert choice.said.outcome == number.said.outcome == "correct"


def test_a_decision_is_graded_with_the_reasons_that_the_page_shows():
    question = next(q for q in QUESTIONS.values() if isinstance(q, Decision))
    quiz = ask(question)
    good = [i for i, reason in enumerate(question.reasons) if reason in question.good_reasons]
    click(quiz, question.options.index(question.right), ",".join(map(str, good)))
    assert quiz.said.outcome == "correct"
    assert quiz.answer == (question.right, question.good_reasons)


@pytest.mark.parametrize(
    "content",
    [
        {"event": "answer"},
        {"event": "answer", "choice": 99, "reasons": "", "text": ""},
        {"event": "answer", "choice": "many", "reasons": "", "text": ""},
        {"event": "answer", "choice": None, "reasons": 3, "text": ""},
    ],
)
def test_an_answer_that_no_page_would_send_changes_nothing(content):
    quiz = ask("pruning.magnitude")
    quiz.answer = 1
    receive(quiz.said, method="custom", content=content)
    assert quiz.field.index == 1
    assert "no answer of this question" in quiz.said.text


def test_a_recipe_is_graded_only_if_it_is_the_one_that_the_page_shows(digits):
    explorer = Explorer(digits)
    quiz = ask("challenge.half", explorer)
    bits = explorer.controls.handles.index(explorer.controls.bits)
    explorer.session.recipe = Recipe(bits=8)  # meets the challenge
    positions = explorer.positions()
    positions[bits] -= 1

    def press(shown):
        said = json.dumps(shown, separators=(",", ":"))
        receive(quiz.said, method="custom", content={"event": "positions", "positions": said})
        click(quiz)

    press(positions)  # the click overtakes the slider's change
    assert (quiz.said.outcome, quiz.said.text) == ("not attempted", WAIT)
    explorer.session.recipe = Recipe(bits=7)  # the change itself: the reason stays
    assert quiz.said.text == WAIT
    explorer.session.recipe = Recipe(bits=8)
    press(explorer.positions())
    assert quiz.said.outcome == "correct"
    assert quiz.check().outcome is Outcome.CORRECT  # by code


def test_the_sealed_images_open_only_for_the_recipe_that_the_page_shows(make_own, toy, register):
    own = Experiment(make_own(), toy)
    explorer = Explorer(own)
    quiz = ask("challenge.half", explorer)
    explorer.session.recipe = Recipe(bits=8)  # meets the challenge
    quiz.check()

    def press(button, shown):
        said = json.dumps(shown, separators=(",", ":"))
        receive(quiz.said, method="custom", content={"event": "positions", "positions": said})
        receive(quiz.buttons[button], method="custom", content={"event": "click"})

    shown = explorer.positions()
    shown[explorer.controls.handles.index(explorer.controls.bits)] -= 1
    press("submit", shown)  # the click overtakes the slider's change
    assert (own.openings, register.entries["challenge.half"].submissions) == ([], ())
    assert (quiz.said.outcome, quiz.said.text) == ("not attempted", WAIT)
    assert quiz.buttons["submit"].disabled
    quiz.check()
    press("submit", explorer.positions())
    assert own.openings == [Recipe(), Recipe(bits=8)]


def test_a_click_on_solution_does_not_make_the_next_check_wait(digits):
    explorer = Explorer(digits)
    explorer.session.recipe = Recipe(bits=8)
    quiz = ask("challenge.half", explorer)
    receive(quiz.said, method="custom", content={"event": "positions", "positions": "[1]"})
    quiz.solution()
    assert quiz.check().outcome is Outcome.CORRECT


def test_a_click_that_overtakes_a_layers_slider_is_not_graded(own):
    layers = Layers(own)
    quiz = ask("fragile.find", layers)
    assert quiz.said.feed == f"IPY_MODEL_{layers.feed.model_id}"
    layers.sparsity["deep"].value = 60
    shown = layers.positions()
    assert layers.feed.data["settings"] == shown

    def press(positions):
        said = json.dumps(positions, separators=(",", ":"))
        receive(quiz.said, method="custom", content={"event": "positions", "positions": said})
        click(quiz)
        return quiz.said.outcome, quiz.said.text == WAIT

    on_its_way = [90 if position == 60 else position for position in shown]
    assert press(on_its_way) == ("not attempted", True)
    assert press(shown) == ("incorrect", False)
