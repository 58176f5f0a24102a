"""Every control that is disabled says why, to the mouse and to assistive technology."""

from __future__ import annotations

import pytest
from ipywidgets import Button, Dropdown
from shown_texts import lesson_widgets, visible  # tests/widgets

from optiwidgets.engine.execution.progress import Progress
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.checks import FindRecipe, Prediction
from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.session.session import Session
from optiwidgets.widgets.base.gated_button import IDLE, LOCKED, RUNS, GatedButton
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.lesson.quiz import SEALED, UNMET, UNSAID, ask, of_a_run
from optiwidgets.widgets.security.widget_tree import widgets_below


def disabled(root):
    """Return the controls below a widget that are disabled, each with its reason."""
    return {
        (type(each).__name__, each.description): each.tooltip or ""
        for each in (root, *widgets_below(root))
        if each.has_trait("disabled") and each.disabled and hasattr(each, "description")
    }


def named(found):
    return {description for _, description in found}


@pytest.fixture
def page(digits):
    made = Explorer(digits)
    made.session.measures = False
    yield made
    made.close()


def test_every_control_of_the_explorer_that_is_disabled_at_first_says_why(page):
    for index in range(len(page.tabs.titles)):
        page.tabs.selected_index = index
    found = disabled(page)
    assert {"Cancel", "Stop", "Reveal", "Commit", "Uncover", "Undo", "Redo", "Back"} < named(found)
    assert {key: why for key, why in found.items() if not why} == {}


@pytest.mark.parametrize("name", ["digits", "smear-200"])
def test_every_control_of_a_lesson_widget_that_is_disabled_at_first_says_why(name):
    found = {}
    for widget in lesson_widgets(Experiment.load(name), Recipe()):
        found |= disabled(widget)
    assert {"Cancel", "Back"} <= named(found)
    assert {key: why for key, why in found.items() if not why} == {}


def test_every_button_of_a_question_that_is_disabled_at_first_says_why(digits):
    seen = set()
    for key, question in QUESTIONS.items():
        quiz = ask(key, Session(digits) if of_a_run(question) else None)
        found = disabled(quiz)
        seen |= named(found)
        shown = [said for _, said in visible(quiz)]
        assert all(why and why in shown for why in found.values()), key
        assert bool(found) == isinstance(question, FindRecipe | Prediction), key
        quiz.close()
    assert seen == {"Submit", "Solution"}


def test_only_gated_buttons_are_ever_disabled(page):
    """A stock button has no reason to give, so none is disabled: here, while all is locked."""
    page.classroom.activities.start_surprise(7)
    found = disabled(page)
    stock = [each for each in widgets_below(page) if type(each) is Button and each.disabled]
    assert not stock
    assert {key: why for key, why in found.items() if not why} == {}
    assert found["IntSlider", "Sparsity"] == found["GatedButton", "Fine-tune"] == LOCKED
    assert found["Dropdown", "Model"] == found["GatedButton", "Find my cliff"] == LOCKED
    page.classroom.activities.stop.click()
    assert page.controls.sparsity.tooltip == page.model.tooltip == page.controls.bits.tooltip == ""
    assert page.controls.tune.tooltip.startswith("On the training images")


def test_submit_says_when_it_opens_and_then_what_it_does(digits):
    key = next(key for key, each in QUESTIONS.items() if isinstance(each, FindRecipe))
    session = Session(digits)
    quiz = ask(key, session)
    submit = quiz.buttons["submit"]
    assert UNMET in quiz.why.value
    assert "ow-opens" in submit._dom_classes
    solved = next(
        recipe
        for recipe in (Recipe(bits=8), Recipe(0.5, bits=8), Recipe(0.7, bits=4, recovery="refit"))
        if quiz.question.check(digits.run(recipe), session.baseline).outcome == "correct"
    )
    session.recipe = solved
    assert submit.disabled
    quiz.check()
    assert (submit.disabled, submit.tooltip) == (False, SEALED)
    assert SEALED in quiz.why.value
    session.recipe = Recipe()
    assert (submit.disabled, submit.tooltip) == (True, UNMET)
    assert UNMET in quiz.why.value


def test_the_solution_of_a_prediction_says_when_it_opens(digits):
    key, question = next((k, q) for k, q in QUESTIONS.items() if isinstance(q, Prediction))
    quiz = ask(key, Session(digits) if of_a_run(question) else None)
    assert UNSAID in quiz.why.value
    quiz.answer = question.options[0]
    quiz.check()
    assert not quiz.buttons["solution"].disabled
    assert (quiz.why.value, quiz.why.layout.display) == ("", "none")
    assert quiz.buttons["check"].tooltip == "A prediction is made once."


def test_buttons_of_background_work_say_that_it_runs_or_does_not(page):
    controls = page.controls
    controls.show_progress(Progress(0.5, "epoch 1 of 2"))
    assert (controls.tune.waits, controls.cancel.waits) == (RUNS, "")
    controls.show_progress(None)
    assert (controls.tune.waits, controls.cancel.waits) == ("", IDLE)
    controls.training.value = "qat"
    assert "training and codes take 1 to 8 bits" in controls.tune.tooltip


def test_a_dropdown_of_channels_says_why_it_has_one_entry(page):
    page.tabs.selected_index = page.tabs.titles.index("Weights")
    assert isinstance(page.weights.channel, Dropdown)
    assert "share one scale" in page.weights.channel.tooltip
    page.session.recipe = Recipe(bits=4, granularity="channel")
    assert (page.weights.channel.disabled, page.weights.channel.tooltip) == (False, "")


def test_a_gated_button_keeps_its_own_tooltip():
    button = GatedButton("Go", waits="Not yet.")
    assert (button.disabled, button.tooltip) == (True, "Not yet.")
    button.waits = ""
    assert (button.disabled, button.tooltip) == (False, None)
