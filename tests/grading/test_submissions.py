"""Submissions: the sealed images are opened once per recipe, and compared with exploration."""

from __future__ import annotations

import gc
import re
import reprlib
import weakref
from dataclasses import fields, replace

import pytest

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.tasks.class_outcome import ClassOutcome
from optiwidgets.engine.types.measurements import Drop
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.grading.submissions import submit


@pytest.fixture
def fresh(make_own, toy):
    """Experiment whose sealed images were never opened."""
    return Experiment(make_own(), toy)


def test_each_recipe_opens_the_sealed_images_once_and_is_numbered(fresh):
    first, second = Recipe(sparsity=0.5), Recipe(bits=4)
    numbers = [submit(fresh, fresh.run(recipe)).number for recipe in (first, second, first)]
    assert numbers == [1, 2, 1]
    assert fresh.openings == [Recipe(), first, second]


def test_an_opening_by_hand_counts(fresh):
    fresh.open_sealed(Recipe(bits=2))
    assert submit(fresh, fresh.run(Recipe(bits=4))).number == 2


def test_the_drops_are_those_of_the_two_sets(fresh):
    report = fresh.run(Recipe(sparsity=0.6))
    submission = submit(fresh, report)
    sealed = fresh.open_sealed(report.recipe).drop_from(fresh.open_sealed(Recipe()))
    assert submission.exploration_drop == report.drop_from(fresh.run(Recipe()))
    assert submission.sealed_drop == sealed
    assert submission.held_up == (sealed.low <= submission.exploration_drop.points <= sealed.high)


@pytest.mark.parametrize(("points", "held_up"), [(-1.1, False), (0.5, True), (4.1, False)])
def test_it_held_up_if_the_sealed_interval_contains_the_promise(
    points, held_up, fresh, monkeypatch
):
    report = fresh.run(Recipe(bits=4))

    class Promising(ClassOutcome):
        def drop_from(self, base):
            return Drop(points if self.count == report.count else 1.0, -1.0, 4.0, 0, 0, 1.0)

    def promising(one):
        held = {field.name: getattr(one.outcome, field.name) for field in fields(one.outcome)}
        return replace(one, outcome=Promising(**held))

    report, opened = promising(report), fresh.open_sealed
    monkeypatch.setattr(fresh, "open_sealed", lambda recipe: promising(opened(recipe)))
    submission = submit(fresh, report)
    assert submission.held_up is held_up
    assert ("Held up" if held_up else "Did not hold up") in str(submission)


def test_what_cannot_be_submitted_opens_nothing(fresh, digits):
    for report, words in (
        (fresh.run(Recipe()), "untouched model"),
        (digits.run(Recipe(bits=4)), "same images"),
        ("report", "not a str"),
        (None, "run of your own"),
    ):
        with pytest.raises(ValueError, match=words):
            submit(fresh, report)
    assert fresh.openings == []


def test_the_book_keeps_no_experiment_alive(make_own, toy):
    experiment = Experiment(make_own(), toy)
    submit(experiment, experiment.run(Recipe(bits=4)))
    gone = weakref.ref(experiment)
    del experiment
    gc.collect()
    assert gone() is None


def test_a_submission_to_no_experiment_names_the_value_and_the_type(digits):
    for value in ("k", None, digits.run(Recipe(bits=4))):
        said = "experiment is an Experiment, whose sealed images are opened, not "
        with pytest.raises(ValueError, match=said + re.escape(reprlib.repr(value))):
            submit(value, "abc")
