"""The session: what is asked, what is known, and whether the two agree."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from optiwidgets import Experiment, Recipe, Session
from optiwidgets.engine.recover import Cancelled
from optiwidgets.session import SlowLane

SETTLE = Session.settle  # before tests put it to rest


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

    def old(void):
        started.set()
        release.wait(10)
        return "old"

    first = lane.submit((old, seen.append))
    assert started.wait(10)
    second = lane.submit((lambda void: "new", seen.append))
    release.set()
    first.result(10)
    second.result(10)
    assert (seen, failures) == (["new"], [])


def test_jobs_run_in_order_and_stop_where_something_newer_comes():
    seen = []
    lane = SlowLane(seen.append)

    def interrupt(void):
        lane.cancel()
        return "interrupted"

    jobs = [(lambda void: 1, seen.append), (interrupt, seen.append), (lambda void: 3, seen.append)]
    lane.submit(*jobs).result(10)
    assert seen == [1]


def test_cancelled_work_is_not_delivered_nor_begun():
    seen, begun = [], []
    lane = SlowLane(seen.append)
    waiting = lane.submit((lambda void: begun.append(1), seen.append), rest_s=60)
    lane.cancel()
    waiting.result(10)
    assert (seen, begun) == ([], [])


def test_work_that_raises_is_reported_not_swallowed():
    failures = []
    SlowLane(failures.append).submit((lambda void: 1 / 0, failures.append)).result(10)
    assert [type(error) for error in failures] == [ZeroDivisionError]


def test_work_that_gives_up_says_nothing():
    seen = []

    def give_up(void):
        raise Cancelled

    SlowLane(seen.append).submit((give_up, seen.append)).result(10)
    assert seen == []


class Inline(ThreadPoolExecutor):
    """Runs at once in the calling thread."""

    def submit(self, work, /, *args, **kwargs):
        done = Future()
        done.set_result(work(*args, **kwargs))
        return done


def test_the_executor_can_be_given():
    seen = []
    SlowLane(seen.append, executor=Inline()).submit((lambda void: 3, seen.append))
    assert seen == [3]


def test_a_failure_in_the_slow_lane_is_on_the_session_as_its_error(session):
    session.slow.submit((lambda void: 1 / 0, print)).result(10)
    assert "division by zero" in session.error


def test_once_the_hand_rests_speed_is_measured_and_the_report_becomes_a_measured_one(session):
    session.recipe = Recipe(sparsity=0.35)
    assert session.report.latency is None
    session.slow.submit(*(job(session.report) for job in session.at_rest)).result(60)
    assert session.report.latency.ratio > 0
    assert session.report.recipe == Recipe(sparsity=0.35)
    assert (session.stale, session.busy, session.error) == (False, False, "")


def test_fine_tuning_tells_its_progress_and_ends_in_a_fine_tuned_report(session):
    session.recipe = Recipe(sparsity=0.9)
    before, seen = session.report.confusion.accuracy, []
    session.observe(lambda c: seen.append(c.new), "progress")
    session.finetune().result(120)
    assert session.recipe == Recipe(sparsity=0.9, recovery="finetune")
    assert session.report.recipe == session.recipe
    assert session.report.confusion.accuracy > before + 0.1
    assert [p.done for p in seen if p][::40] == sorted(p.done for p in seen if p)[::40]
    assert seen[-1] is None


def test_cancel_ends_fine_tuning_and_leaves_the_last_good_state(session):
    session.recipe = recipe = Recipe(sparsity=0.9, pruning="layer")
    old = session.report
    session.observe(lambda c: c.new and session.cancel(), "progress")
    session.finetune().result(60)
    assert (session.recipe, session.report) == (recipe, old)
    assert (session.progress, session.stale, session.error) == (None, False, "")


def test_moving_on_makes_fine_tuning_void(session):
    session.recipe = Recipe(sparsity=0.9, score="random")
    moved = []

    def move(change):
        if not moved:
            moved.append(1)
            session.recipe = Recipe(sparsity=0.1)

    session.observe(move, "progress")
    session.finetune().result(60)
    assert session.report.recipe == Recipe(sparsity=0.1)


def test_looking_elsewhere_does_not_end_a_fine_tune(session):
    session.recipe = Recipe(sparsity=0.9)
    asked = []

    def look(change):
        if not asked and change.new is not None:
            asked.append(1)
            SETTLE(session)

    session.observe(look, "progress")
    session.finetune().result(60)
    assert asked
    assert session.recipe.recovery == "finetune"
    assert session.progress is None


def test_another_model_is_not_fine_tuned(digits):
    session = Session()
    session.recipe = Recipe(sparsity=0.9)
    session.finetune().result(60)
    session.model = "wide"
    assert session.recipe == Recipe(sparsity=0.9)
    assert session.report.recipe == session.recipe
    assert not session.stale


def test_a_fine_tune_that_fails_can_be_tried_again(session, monkeypatch):
    def broken(self, recipe, tell=None):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Experiment, "run", broken)
    session.finetune().result(60)
    assert "out of memory" in session.error
    assert session.progress is None
