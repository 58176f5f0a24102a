"""The session: what is asked, what is known, and whether the two agree."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from optiwidgets import Experiment, Recipe, Session
from optiwidgets.session import SlowLane


@pytest.fixture
def session(digits):
    return Session(digits)


def test_a_new_recipe_is_answered_when_the_assignment_returns(session, digits):
    session.recipe = Recipe(sparsity=0.6, bits=5)
    assert session.report.recipe == Recipe(sparsity=0.6, bits=5)
    assert session.report.confusion.counts.tolist() == (
        digits.run(Recipe(sparsity=0.6, bits=5)).confusion.counts.tolist()
    )
    assert (session.stale, session.busy, session.error) == (False, False, "")


def test_the_baseline_is_the_untouched_model_whatever_is_asked(session):
    session.recipe = Recipe(bits=2)
    assert session.baseline.recipe == Recipe()
    assert session.baseline.size.ratio == 1.0


def test_an_equal_recipe_does_not_run_again(session):
    seen = []
    session.observe(seen.append, "busy")
    session.recipe = Recipe(sparsity=0.3)
    assert len(seen) == 2  # busy, and done
    session.recipe = Recipe(sparsity=30 / 100)
    assert len(seen) == 2


def test_a_run_that_fails_keeps_the_old_picture_marked_stale_and_says_why(session, monkeypatch):
    session.recipe = good = Recipe(sparsity=0.5)

    def broken(self, recipe):
        raise ValueError("the sky fell")

    monkeypatch.setattr(Experiment, "run", broken)
    session.recipe = Recipe(sparsity=0.7)
    assert "the sky fell" in session.error
    assert session.stale
    assert session.report.recipe == good
    monkeypatch.undo()
    session.recipe = Recipe(sparsity=0.8)
    assert (session.stale, session.error) == (False, "")


def test_observers_see_report_and_staleness_agree_once_it_is_no_longer_busy(session):
    seen = []
    session.observe(lambda c: seen.append((c.new, session.stale, session.report.recipe)), "busy")
    session.recipe = Recipe(bits=8)
    assert seen == [(True, True, Recipe()), (False, False, Recipe(bits=8))]


def test_another_model_brings_its_own_baseline_and_keeps_the_recipe():
    session = Session()
    session.recipe = Recipe(bits=3)
    small = session.baseline.prunable_weights
    session.model = "wide"
    assert session.baseline.prunable_weights > 3 * small
    assert session.report.recipe == Recipe(bits=3)
    assert session.report.prunable_weights == session.baseline.prunable_weights


def test_newer_work_makes_older_work_void():
    seen, failures, started, release = [], [], Event(), Event()
    lane = SlowLane(failures.append)

    def old():
        started.set()
        release.wait(10)
        return "old"

    first = lane.submit(old, seen.append)
    assert started.wait(10)
    second = lane.submit(lambda: "new", seen.append)
    release.set()
    first.result(10)
    second.result(10)
    assert (seen, failures) == (["new"], [])


def test_cancelled_work_is_not_delivered_nor_begun():
    seen, begun = [], []
    lane = SlowLane(seen.append)
    waiting = lane.submit(lambda: begun.append(1), seen.append, rest_s=60)
    lane.cancel()
    waiting.result(10)
    assert (seen, begun) == ([], [])


def test_work_that_raises_is_reported_not_swallowed():
    failures = []
    SlowLane(failures.append).submit(lambda: 1 / 0, failures.append).result(10)
    assert [type(error) for error in failures] == [ZeroDivisionError]


class Inline(ThreadPoolExecutor):
    """Runs at once in the calling thread."""

    def submit(self, work, /, *args, **kwargs):
        done = Future()
        done.set_result(work(*args, **kwargs))
        return done


def test_the_executor_can_be_given():
    seen = []
    SlowLane(seen.append, executor=Inline()).submit(lambda: 3, seen.append)
    assert seen == [3]


def test_a_failure_in_the_slow_lane_is_on_the_session_as_its_error(session):
    session.slow.submit(lambda: 1 / 0, print).result(10)
    assert "division by zero" in session.error
