"""Answers of an earlier visit: shown again, graded anew, and refused in words if they are none."""

import json
from typing import Any

import pytest

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.checks import Decision, Outcome
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.session.session import Session
from optiwidgets.widgets.lesson import answer_log
from optiwidgets.widgets.lesson.answer_log import Register
from optiwidgets.widgets.lesson.quiz import ask

KEY = "confusion.precision_before"  # 0.9
WORK = {"outcome": "correct", "attempts": 3, "answer": "0.9", "hint": True, "solution": False}


@pytest.fixture(autouse=True)
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    fresh = Register()
    monkeypatch.setattr(answer_log, "REGISTER", fresh)
    return fresh


def sent(quiz: Any, work: object) -> None:
    """Send work as the page does, through the guard of messages."""
    content = {"event": "restore", "work": json.dumps(work)}
    data = {"method": "custom", "content": content}
    quiz.said.comm.handle_msg({"content": {"data": data}, "buffers": []})


def test_every_check_and_every_hint_is_told_to_the_page() -> None:
    quiz = ask(KEY)
    assert quiz.said.record == {}
    quiz.answer = "1"
    quiz.check()
    quiz.hint()
    told = {"outcome": "incorrect", "attempts": 1, "answer": "1", "hint": True, "solution": False}
    assert quiz.said.record == told
    quiz.answer = "0.9"
    quiz.check()
    assert quiz.said.record == told | {"outcome": "correct", "attempts": 2, "answer": "0.9"}


def test_an_answer_comes_back_on_a_later_visit(register: Register) -> None:
    quiz = ask(KEY)
    sent(quiz, WORK)
    assert (quiz.answer, quiz.said.outcome, quiz.said.kind) == ("0.9", "correct", "right")
    assert quiz.said.record == WORK
    assert register.entries[KEY].attempts == 3


def test_the_answer_decides_and_not_the_outcome_that_a_page_claims(register: Register) -> None:
    quiz = ask(KEY)
    sent(quiz, WORK | {"answer": "0.5"})
    assert (quiz.said.outcome, register.entries[KEY].outcome) == ("incorrect", Outcome.INCORRECT)


def test_work_of_this_visit_is_kept(register: Register) -> None:
    quiz = ask(KEY)
    quiz.answer = "0.7"
    quiz.check()
    sent(quiz, WORK | {"answer": "0.5", "outcome": "incorrect"})
    assert quiz.answer == "0.7"
    assert register.entries[KEY].attempts == 3


def test_a_prediction_stays_committed_and_opens_the_result() -> None:
    quiz = ask("metrics.predict")
    option = QUESTIONS["metrics.predict"].options[1]
    sent(quiz, WORK | {"answer": option, "hint": False})
    assert (quiz.answer, quiz.field.disabled, quiz.said.label) == (option, True, "Noted.")
    assert not quiz.buttons["solution"].disabled


def test_a_decision_comes_back_with_its_reasons() -> None:
    decisions = [key for key, question in QUESTIONS.items() if isinstance(question, Decision)]
    quiz = ask(decisions[0])
    options, reasons = quiz.question.options, quiz.question.reasons
    sent(quiz, WORK | {"answer": [options[0], [reasons[1]]]})
    assert quiz.answer == (options[0], (reasons[1],))


def test_a_challenge_says_that_it_was_met_and_submit_stays_closed(
    digits: Experiment,
) -> None:
    quiz = ask("pruning.find", Session(digits))
    sent(quiz, WORK | {"answer": Recipe(sparsity=0.6).as_dict()})
    assert (quiz.said.outcome, quiz.said.text) == (
        "correct",
        "This was answered on an earlier visit.",
    )
    assert quiz.buttons["submit"].disabled


@pytest.mark.parametrize(
    "work",
    [
        *(None, 3, [], "x", {}),
        WORK | {"attempts": -1},
        WORK | {"attempts": True},
        WORK | {"outcome": "splendid"},
        WORK | {"hint": "yes"},
        {name: value for name, value in WORK.items() if name != "answer"},
    ],
)
def test_other_data_is_refused_in_words(work: object, register: Register) -> None:
    quiz = ask(KEY)
    sent(quiz, work)
    assert quiz.said.text.startswith("The page sent no answer of this question: ")
    assert register.entries[KEY].outcome is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize("answer", ["no option", 99, {"a": 1}, ["x", None], 1e300])
def test_an_answer_that_is_no_option_is_refused(answer: object) -> None:
    quiz = ask("metrics.three")
    sent(quiz, WORK | {"answer": answer})
    assert quiz.said.text.startswith("The page sent no answer of this question: ")
    assert (quiz.answer, quiz.said.outcome) == (None, "not attempted")
