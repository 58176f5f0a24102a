"""Words for losses, gains and verdicts: no negative drop, no verdict on an untouched model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optiwidgets.engine.types.measurements import Drop
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.constraints import Constraints
from optiwidgets.grading.drop_words import drop_words
from optiwidgets.grading.submissions import Submission
from optiwidgets.session.session import Session
from optiwidgets.widgets.lesson.live_text import Live, figures


@pytest.fixture
def session(digits):
    return Session(digits)


def test_an_untouched_model_has_no_verdict_yet(session):
    session.recipe = Recipe(granularity="channel", clip="mse")  # of no effect on 32 bits
    said = figures(session.baseline, session.report)
    assert said["mobile"] == said["medical"] == "nothing changed yet"
    session.recipe = Recipe(sparsity=0.9)
    assert figures(session.baseline, session.report)["medical"] == "bad"


def test_a_gain_is_said_in_words_and_not_as_a_negative_drop(digits):
    base = digits.run(Recipe())
    report = digits.run(Recipe(bits=8))
    outcome = replace(report.outcome, predictions=base.labels)
    report = replace(report, outcome=outcome)
    drop, said = report.drop_from(base), figures(base, report)
    assert drop.high < 0
    assert said["drop_words"] == f"{-drop.points:.1f} points gained"
    assert next(Constraints().reached(base, report)) == said["drop_words"]
    assert said["drop_interval"] == f"{-drop.high:.1f} to {-drop.low:.1f} gained"


def test_a_submission_says_a_gain_in_words():
    gained = Drop(points=-0.3, low=-0.9, high=0.2, lost=1, gained=5, p=0.2)
    said = str(Submission(1, True, gained, gained))
    assert said == (
        "Submission 1. Held up: 0.3 points gained on the exploration images, 0.3 points gained on "
        "the sealed ones (95 % interval 0.9 gained to 0.2 lost)."
    )


@pytest.mark.parametrize("points", [0.049, 0.0, -0.0, -0.049])
def test_a_change_that_no_decimal_shows_has_no_sign(points):
    assert drop_words(points) == "0.0 points lost"


def test_the_class_that_fell_most_is_named_only_if_one_fell(digits):
    base, pruned = digits.run(Recipe()), digits.run(Recipe(sparsity=0.85))
    assert figures(base, base)["worst"] == "no class lost recall"
    said = figures(base, pruned)
    assert said["worst"] == f"recall of {said['worst_class']} fell most, by {said['worst_fall']}"


def test_live_text_leaves_out_the_numbers_of_a_run_that_is_not_complete(session, monkeypatch):
    monkeypatch.setattr(Session, "is_whole", property(lambda _: False))
    live = Live("{accuracy} right", session)
    assert "follow once they are complete" in live.value
    monkeypatch.undo()
    session.recipe = Recipe(sparsity=0.9)
    assert f"{100 * session.report.confusion.accuracy:.1f} %</b> right" in live.value
    shown = live.value
    monkeypatch.setattr(Session, "is_whole", property(lambda _: False))
    session.recipe = Recipe(sparsity=0.5)
    assert live.value == shown
