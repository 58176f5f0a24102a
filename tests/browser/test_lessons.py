"""Lessons as Voila pages: from the menu along the links, wrong answers first, then right ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from explorer_page import ExplorerPage
from playwright.sync_api import Locator, Page, expect
from witness import Witness

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.checks import (
    Decision,
    FindRecipe,
    MultipleChoice,
    Number,
    Prediction,
    Question,
)
from optiwidgets.grading.questions import QUESTIONS

pytestmark = pytest.mark.browser

LESSONS = sorted(p.stem for p in (Path(__file__).parents[2] / "lessons").glob("[1-9]*.ipynb"))
FIRST, LAST = "10_which_metric", "90_self_check"
FOUND = {  # challenge -> its lesson, index of its explorer, positions that meet it
    "pruning.find": ("30_pruning", 0, {"Sparsity": 60}),
    "quantization.find": ("40_quantization", 0, {"Bit-width": 4}),
    "winback.find": (
        *("55_win_it_back", 3),
        {"Who goes first": "LAMP", "Win back": "sequential refit", "Sparsity": 85, "Bit-width": 3},
    ),
    "pitfalls.sealed": ("70_pitfalls", 0, {"Sparsity": 65}),
    "challenge.half": ("85_challenge", 0, {"Bit-width": 7}),
    "selfcheck.recipe": (LAST, 0, {"Sparsity": 78, "Bit-width": 3}),
}
# of these no lesson asks the first, the last is solved in tests/grading, and no test measures speed
UNFOUND = {"both.find", "ship.find", "challenge.medical", "both.skipped", "fragile.find"}
OPENED = {  # number of a run -> model and recipe at the opening of its lesson
    "tradeoff.worst": (
        "wide",
        Recipe(sparsity=0.5, pruning="channel", bits=8, recovery="finetune"),
    ),
}
READY = "() => document.querySelectorAll('.ow-quiz [role=status]').length > 0"


@pytest.fixture
def visit(new_page: Callable[[], Page], voila: str) -> Callable[[str], Page]:
    """Open a lesson and wait until its questions are there."""

    def open_lesson(name: str) -> Page:
        page = new_page()
        # lesson 75 trains a network before it is there, which takes minutes beside other work
        page.goto(f"{voila}voila/render/{name}.ipynb", timeout=300_000)
        page.wait_for_function(READY)
        return page

    return open_lesson


def outcome(card: Locator, *expected: str) -> None:
    card.get_by_role("button", name="Check").click()
    pattern = "|".join(f"^{each}$" for each in expected)

    expect(card).to_have_attribute("data-ow-outcome", re.compile(pattern))


def answer_wrong(card: Locator, question: Question) -> None:
    if isinstance(question, MultipleChoice):
        wrong = (question.right + 1) % len(question.options)
        card.get_by_role("radio").nth(wrong).check()
    elif isinstance(question, Number):
        card.get_by_role("textbox").fill("-99999")
    elif isinstance(question, Decision):
        wrong = next(i for i, o in enumerate(question.options) if o != question.right)
        card.get_by_role("radio").nth(wrong).check()
    elif isinstance(question, FindRecipe):
        return  # the initial recipe may meet it already
    outcome(card, "incorrect", "not attempted")


def answer_right(card: Locator, question: Question) -> bool:
    """Give the right answer; return False if controls have to be moved first."""
    if isinstance(question, MultipleChoice):
        card.get_by_role("radio").nth(question.right).check()
    elif isinstance(question, Number) and (not callable(question.value) or question.key in OPENED):
        card.get_by_role("textbox").fill(f"{value_of(question):.6g}")
    elif isinstance(question, Decision):
        card.get_by_role("radio").nth(question.options.index(question.right)).check()
        for place, reason in enumerate(question.reasons):
            card.get_by_role("checkbox").nth(place).set_checked(reason in question.good_reasons)
    else:
        return False
    outcome(card, "correct")
    return True


def value_of(question: Number) -> float:
    """Compute the right number; for a run, from the same run here."""
    if not callable(question.value):
        return question.value
    model, recipe = OPENED[question.key]
    experiment = Experiment.load("digits", model=model)
    return question.value(experiment.run(Recipe()), experiment.run(recipe))


def find(page: Page, key: str) -> None:
    """Move the controls of a challenge's explorer to positions that meet it, and hand them in."""
    _, place, positions = FOUND[key]
    explorer = ExplorerPage(page, Witness(page), place)
    for name, position in positions.items():
        if isinstance(position, str):
            explorer.choose(name, position)
        else:
            explorer.set(name, position)
    expect(explorer.root).to_have_attribute("data-ow-state", "fresh")
    outcome(page.locator(f'.ow-quiz[data-ow-question="{key}"]'), "correct")


def keys_on(page: Page) -> list[str]:
    expect(page.locator(".ow-quiz:not([data-ow-question])")).to_have_count(0)  # all are drawn
    keys: list[str] = page.locator(".ow-quiz").evaluate_all(
        "(nodes) => nodes.map((node) => node.dataset.owQuestion)"
    )
    return keys


def test_all_other_challenges_are_found_in_their_lessons() -> None:
    challenges = {key for key, question in QUESTIONS.items() if isinstance(question, FindRecipe)}
    assert challenges - FOUND.keys() == UNFOUND


QUICK = {LAST}  # the slow tests visit the others
WALKS = [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in LESSONS]


@pytest.mark.parametrize("name", WALKS)
def test_every_question_of_a_lesson_takes_wrong_and_right_answers(
    visit: Callable[[str], Page], name: str
) -> None:
    page = visit(name)
    keys = keys_on(page)
    assert keys
    right = 0
    for key in keys:
        card, question = page.locator(f'.ow-quiz[data-ow-question="{key}"]'), QUESTIONS[key]
        if not card.is_visible():
            continue  # a slide that is not displayed
        if isinstance(question, Prediction):
            card.get_by_role("radio").first.check()
            outcome(card, "correct")
            continue
        answer_wrong(card, question)
        right += answer_right(card, question)
    for key, (lesson, *_) in FOUND.items():
        if lesson == name:
            find(page, key)
    assert right or name.startswith(("85", "87"))
    assert page.get_by_text("Traceback").count() == 0
    assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    if name != LAST:
        link = page.get_by_role("link", name="Next").last.get_attribute("href")
        following = LESSONS[LESSONS.index(name) + 1 :]
        assert (link or "").rsplit("/", 1)[-1].removesuffix(".ipynb") in following


@pytest.mark.slow
def test_links_lead_from_the_menu_to_the_first_lesson_and_on(visit: Callable[[str], Page]) -> None:
    page = visit("00_start")
    page.get_by_role("link", name="Which metric").first.click()
    page.wait_for_url(f"**/{FIRST}.ipynb")
    page.wait_for_function(READY)
    page.get_by_role("link", name="Next").last.click()
    page.wait_for_url(f"**/{LESSONS[1]}.ipynb")
