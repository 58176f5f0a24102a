"""The session: requested recipe, latest report, and whether the report is stale."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import pytest

from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment import measured
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.background import BackgroundWorker
from optiwidgets.session.idle_jobs import measuring
from optiwidgets.session.queries import search
from optiwidgets.session.session import Session
from optiwidgets.widgets.explorer.status_text import state_of

PATIENCE_S = 300  # time limit after which a hanging test fails
SETTLE = Session.settle  # the original, which a fixture replaces


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
    assert len(seen) == 2  # busy, then done
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
    lane = BackgroundWorker(failures.append)

    def old(is_cancelled):
        started.set()
        release.wait(PATIENCE_S)
        return "old"

    first = lane.submit((old, seen.append))
    assert started.wait(PATIENCE_S)
    second = lane.submit((lambda is_cancelled: "new", seen.append))
    release.set()
    first.result(PATIENCE_S)
    second.result(PATIENCE_S)
    assert (seen, failures) == (["new"], [])


def test_jobs_run_in_order_and_stop_where_something_newer_comes():
    seen = []
    lane = BackgroundWorker(seen.append)

    def interrupt(is_cancelled):
        lane.cancel()
        return "interrupted"

    jobs = [
        (lambda is_cancelled: 1, seen.append),
        (interrupt, seen.append),
        (lambda is_cancelled: 3, seen.append),
    ]
    lane.submit(*jobs).result(PATIENCE_S)
    assert seen == [1]


def test_cancelled_work_is_not_delivered_nor_begun():
    seen, begun = [], []
    lane = BackgroundWorker(seen.append)
    waiting = lane.submit((lambda is_cancelled: begun.append(1), seen.append), rest_s=60)
    lane.cancel()
    waiting.result(PATIENCE_S)
    assert (seen, begun) == ([], [])


def test_work_that_raises_is_reported_not_swallowed():
    failures = []
    BackgroundWorker(failures.append).submit((lambda is_cancelled: 1 / 0, failures.append)).result(
        PATIENCE_S
    )
    assert [type(error) for error in failures] == [ZeroDivisionError]


def test_work_that_gives_up_says_nothing():
    seen = []

    def give_up(is_cancelled):
        raise Cancelled

    BackgroundWorker(seen.append).submit((give_up, seen.append)).result(PATIENCE_S)
    assert seen == []


class Inline(ThreadPoolExecutor):
    """Executor that runs work immediately in the calling thread."""

    def submit(self, work, /, *args, **kwargs):
        done = Future()
        done.set_result(work(*args, **kwargs))
        return done


def test_the_executor_can_be_given():
    seen = []
    BackgroundWorker(seen.append, executor=Inline()).submit((lambda is_cancelled: 3, seen.append))
    assert seen == [3]


def test_a_failure_in_the_slow_lane_is_on_the_session_as_its_error(session):
    session.slow.submit((lambda is_cancelled: 1 / 0, print)).result(PATIENCE_S)
    assert "division by zero" in session.error


def test_once_the_hand_rests_speed_is_measured_and_the_report_becomes_a_measured_one(session):
    session.recipe = Recipe(sparsity=0.35)
    assert session.report.latency is None
    session.slow.submit(*(job(session.report) for job in session.on_idle)).result(PATIENCE_S)
    assert session.report.latency.ratio > 0
    assert session.report.recipe == Recipe(sparsity=0.35)
    assert (session.stale, session.busy, session.error) == (False, False, "")


def test_a_measurement_that_fails_is_named_and_the_report_stays(session, monkeypatch):
    session.recipe = Recipe(sparsity=0.35)
    report = session.report

    def broken(self, report, **others):
        raise OSError("no runtime")

    monkeypatch.setattr(Experiment, "measure", broken)
    session.slow.submit(measuring(session, report)).result(PATIENCE_S)
    assert session.error == f"{report.recipe}: speed could not be measured: no runtime"
    assert (session.stale, state_of(session), session.report) == (False, "error", report)
    assert session.ask(report.recipe)  # tries again
    assert (session.error, state_of(session)) == ("", "fresh")


SPARSE = Recipe(sparsity=0.9)
SEQUENTIAL = Recipe(sparsity=0.9, recovery="sequential")
TUNED = Recipe(sparsity=0.9, recovery="finetune")


@pytest.mark.parametrize(
    ("recipe", "shown"),
    [
        (SEQUENTIAL, SPARSE),
        (Recipe(bits=3, rounding="gptq"), Recipe(bits=3)),
        (Recipe(sparsity=0.5, recovery="iterative", seed=5), Recipe(sparsity=0.5, seed=5)),
        (Recipe(bits=3, rounding="gptq", recovery="sequential"), Recipe(bits=3)),
    ],
    ids=str,
)
def test_what_takes_long_is_shown_as_a_stand_in_marked_stale(session, digits, recipe, shown):
    session.recipe = recipe
    assert session.report.recipe == shown
    assert (session.stale, session.busy, session.error) == (True, False, "")
    assert session.progress is not None
    assert session.report.confusion.counts.tolist() == digits.run(shown).confusion.counts.tolist()
    session.cancel()


def test_unknown_fisher_scores_are_stood_in_for_by_magnitude():
    session = Session(Experiment.load("digits"))
    session.recipe = recipe = Recipe(sparsity=0.8, score="fisher")
    assert (session.report.recipe, session.stale) == (Recipe(sparsity=0.8), True)
    session.wait(PATIENCE_S)
    assert (session.report.recipe, session.stale) == (recipe, False)
    session.recipe = recipe = Recipe(sparsity=0.7, score="fisher")
    assert (session.report.recipe, session.progress) == (recipe, None)


def test_then_the_whole_recipe_is_run_and_shown(digits):
    session, seen = Session(Experiment.load("digits")), []
    session.observe(lambda c: seen.append(c.new), "progress")
    session.recipe = SEQUENTIAL
    session.wait(PATIENCE_S)
    assert (session.stale, session.error, session.recipe) == (False, "", SEQUENTIAL)
    assert session.report.recipe == SEQUENTIAL
    counts = digits.run(SEQUENTIAL).confusion.counts
    assert session.report.confusion.counts.tolist() == counts.tolist()
    assert [p.stage for p in seen if p][1:] == [f"layer {i} of 5" for i in range(1, 6)]
    assert seen[-1] is None


def test_what_was_answered_before_is_quick(session, digits):
    digits.run(SEQUENTIAL)
    assert digits.is_quick(SEQUENTIAL)
    session.recipe = SEQUENTIAL
    assert (session.report.recipe, session.stale) == (SEQUENTIAL, False)


def test_a_newer_move_makes_the_older_work_void():
    session, seen = Session(Experiment.load("digits")), []
    session.observe(lambda c: seen.append(c.new.recipe), "report")
    session.recipe = SEQUENTIAL
    older = session.slow.newest
    session.recipe = newer = Recipe(sparsity=0.8, recovery="sequential")
    older.result(PATIENCE_S)
    session.wait(PATIENCE_S)
    assert seen == [SPARSE, Recipe(sparsity=0.8), newer]


def test_a_newer_quick_move_ends_it_while_it_runs():
    session = Session(Experiment.load("digits"))
    begun = Event()
    session.observe(lambda c: c.new and c.new.done > 0 and begun.set(), "progress")
    session.recipe = TUNED
    assert begun.wait(PATIENCE_S)
    session.recipe = Recipe(sparsity=0.1)
    session.wait(PATIENCE_S)
    assert session.report.recipe == Recipe(sparsity=0.1)
    assert (session.stale, session.progress) == (False, None)


def test_cancel_leaves_the_stand_in_marked_stale_and_asking_again_goes_on(session):
    recipe = Recipe(sparsity=0.9, pruning="layer", recovery="sequential")
    session.observe(lambda c: c.new and c.new.done > 0.3 and session.cancel(), "progress")
    session.recipe = recipe
    session.wait(PATIENCE_S)
    assert (session.recipe, session.report.recipe) == (recipe, replace(recipe, recovery="none"))
    assert (session.stale, session.progress, session.error) == (True, None, "")
    session.unobserve_all("progress")
    assert session.ask(recipe)
    session.wait(PATIENCE_S)
    assert (session.report.recipe, session.stale) == (recipe, False)
    assert not session.ask(recipe)


def test_while_it_runs_asking_again_changes_nothing(session):
    session.recipe = recipe = Recipe(sparsity=0.91, recovery="sequential")
    work = session.slow.newest
    assert not session.ask(recipe)
    assert session.slow.newest is work
    session.cancel()


def test_what_fails_in_the_background_is_said_and_can_be_tried_again(session, monkeypatch):
    run = Experiment.run

    def broken(self, recipe, **others):
        if recipe.recovery == "finetune":
            raise RuntimeError("out of memory")
        return run(self, recipe, **others)

    monkeypatch.setattr(Experiment, "run", broken)
    session.recipe = tuned = Recipe(sparsity=0.92, recovery="finetune")
    session.wait(PATIENCE_S)
    assert "out of memory" in session.error
    assert (session.stale, session.progress) == (True, None)
    assert session.report.recipe == Recipe(sparsity=0.92)
    monkeypatch.undo()
    monkeypatch.setattr(Session, "settle", lambda session: None)
    session.ask(tuned)
    session.wait(PATIENCE_S)
    assert (session.error, session.stale, session.report.recipe) == ("", False, tuned)


def test_fine_tuning_tells_its_progress_and_ends_in_a_fine_tuned_report():
    session, seen = Session(Experiment.load("digits")), []
    session.observe(lambda c: seen.append(c.new), "progress")
    session.recipe = TUNED
    before = session.report.confusion.accuracy
    session.wait(PATIENCE_S)
    assert session.report.recipe == session.recipe == TUNED
    assert session.report.confusion.accuracy > before + 0.1
    assert [p.done for p in seen if p][::40] == sorted(p.done for p in seen if p)[::40]
    assert seen[-1] is None


def test_who_cancels_on_the_first_news_is_heard(session):
    session.observe(lambda c: c.new and session.cancel(), "progress")
    session.recipe = Recipe(sparsity=0.93, recovery="finetune")
    session.wait(PATIENCE_S)
    assert session.report.recipe == Recipe(sparsity=0.93)
    assert (session.progress, session.stale) == (None, True)


def test_looking_elsewhere_does_not_end_what_runs(session):
    asked = []

    def look(change):
        if not asked and change.new is not None and change.new.done > 0:
            asked.append(1)
            SETTLE(session)

    session.observe(look, "progress")
    session.recipe = recipe = Recipe(sparsity=0.94, recovery="sequential")
    session.wait(PATIENCE_S)
    assert asked
    assert (session.report.recipe, session.progress) == (recipe, None)


def test_what_was_given_up_is_not_settled_on(session):
    session.recipe = Recipe(sparsity=0.96, recovery="sequential")
    session.cancel()
    work = session.slow.newest
    SETTLE(session)
    assert session.slow.newest is work


def test_a_search_gives_up_what_runs(session):
    session.recipe = recipe = Recipe(sparsity=0.97, recovery="sequential")
    found = []
    search(session, session.baseline.confusion.counts, found.append).result(PATIENCE_S)
    assert (session.progress, session.stale, session.recipe) == (None, True, recipe)
    assert [report.recipe for report in found] == [Recipe()]


@pytest.mark.slow
def test_another_model_is_not_trained_but_refitted():
    session = Session()
    session.adopt(session.experiment.run(TUNED))
    session.model = "wide"
    assert session.recipe == session.report.recipe == SPARSE
    session.recipe = SEQUENTIAL
    session.wait(PATIENCE_S)
    session.model = "small"
    assert session.recipe == SEQUENTIAL
    session.wait(PATIENCE_S)
    assert (session.report.recipe, session.stale) == (SEQUENTIAL, False)


def test_the_recipe_before_this_one_is_remembered(session):
    session.recipe = SPARSE
    session.recipe = Recipe(bits=4)
    assert session.previous == SPARSE


class InlineOnDemand:
    """Executor that runs its work in ``work()``."""

    def __init__(self):
        self.waiting = []

    def submit(self, work, *args):
        future = Future()
        self.waiting.append((future, work, args))
        return future

    def work(self):
        while self.waiting:
            future, work, args = self.waiting.pop(0)
            future.set_result(work(*args))


@pytest.fixture
def hasty(digits):
    """Session that runs 200 images while dragging, and background work on ``work()``."""
    session = Session(Experiment.load("digits", memory_mb=0), first=200)
    session.slow = BackgroundWorker(session._fail, session._lock, executor=InlineOnDemand())
    return session


def test_a_moving_hand_sees_the_first_images_and_at_rest_all(hasty):
    hasty.ask(Recipe(0.8), dragging=True)
    baseline, report = hasty.shown
    assert (len(report.labels), report.out_of, report.recipe) == (200, 1500, Recipe(0.8))
    assert report.drop_from(baseline).points > 0
    assert (hasty.stale, hasty.completing, hasty.report.recipe) == (True, True, Recipe())
    hasty.slow._given.work()
    assert (hasty.stale, hasty.completing, hasty.preview) == (False, False, None)
    assert hasty.shown == (hasty.baseline, hasty.report)
    assert (hasty.report.recipe, len(hasty.report.labels)) == (Recipe(0.8), 1500)


def test_an_older_completion_never_lands_after_a_newer_first_part(hasty):
    hasty.ask(Recipe(0.8), dragging=True)
    hasty.ask(Recipe(0.5), dragging=True)
    hasty.slow._given.work()
    assert hasty.report.recipe == Recipe(0.5)


def test_code_that_sets_a_recipe_gets_all_images(hasty):
    hasty.recipe = Recipe(0.7)
    assert (hasty.stale, hasty.preview, len(hasty.report.labels)) == (False, None, 1500)


def test_what_is_remembered_needs_no_first_part():
    session = Session(Experiment.load("digits"), first=200)
    session.ask(Recipe(), dragging=True)
    session.experiment.run(Recipe(0.4))
    session.ask(Recipe(0.4), dragging=True)
    assert (session.stale, len(session.report.labels)) == (False, 1500)


def test_a_run_that_fails_keeps_the_first_part_that_was_shown(hasty, monkeypatch):
    hasty.ask(Recipe(0.8), dragging=True)
    monkeypatch.setattr(Experiment, "run", lambda *args, **more: 1 / 0)
    hasty.ask(Recipe(0.9), dragging=True)
    assert "division by zero" in hasty.error
    assert (hasty.completing, hasty.shown[1].recipe) == (False, Recipe(0.8))


def test_how_much_a_moving_hand_waits_for_hangs_on_the_pace(hasty, monkeypatch):
    monkeypatch.setattr("optiwidgets.session.progressive.WHOLE_S", 0.15)
    hasty.first = None
    hasty._paces.extend([1e-5])
    assert hasty._preview_size(Recipe(0.1)) is None  # not dragging
    with hasty._drag(True):
        assert hasty._preview_size(Recipe(0.1)) is None  # all 1,500 take 15 ms
        hasty._paces.clear()
        hasty._paces.extend([5e-4, 9e-4])
        assert hasty._preview_size(Recipe(0.1)) == 200  # all take 750 ms, 200 images 100 ms
        hasty.first = 2000
        assert hasty._preview_size(Recipe(0.1)) is None


@pytest.mark.parametrize("first", [0, -5, 2.5, True, "many"])
def test_a_first_part_is_a_number_of_images(digits, first):
    with pytest.raises(ValueError, match="first is a number of images, 1 or more, not"):
        Session(digits, first=first)


def test_an_answer_from_memory_says_nothing_of_how_fast_images_are(session):
    session.recipe = Recipe(sparsity=0.31, bits=7)
    paces = list(session._paces)
    session.recipe = Recipe()
    session.recipe = Recipe(sparsity=0.31, bits=7)
    assert list(session._paces) == paces
    session.experiment._cache.reports.pop(Recipe(sparsity=0.31, bits=7), None)
    session.recipe = Recipe()
    session.recipe = Recipe(sparsity=0.31, bits=7)
    assert len(session._paces) == len(paces) + 1


@pytest.fixture
def large(digits, monkeypatch):
    """Session of a model that counts as large; it runs four images while dragging."""
    monkeypatch.setattr(Experiment, "is_large", True)
    return Session(Experiment.load("digits", memory_mb=0), first=4)


def test_a_large_models_size_is_estimated_while_a_slider_moves_and_exact_at_rest(large, digits):
    large.ask(Recipe(sparsity=0.7, bits=4), dragging=True)
    baseline, report = large.shown
    exact = digits.run(Recipe(sparsity=0.7, bits=4)).size
    assert (len(baseline.labels), len(report.labels), report.out_of) == (4, 4, 1500)
    assert report.size.estimated
    assert "about" in repr(report)
    assert report.size.total_bytes == pytest.approx(exact.total_bytes, rel=0.1)
    large.wait(PATIENCE_S)
    assert not large.report.size.estimated
    assert large.report.size == exact


def test_a_large_models_first_part_of_the_baseline_is_that_of_the_whole(large, digits):
    large.ask(Recipe(sparsity=0.7, bits=4), dragging=True)
    baseline, report = large.shown
    assert (baseline.images, baseline.labels.tolist()) == (report.images, report.labels.tolist())
    assert baseline.predictions.tolist() == digits.run(Recipe(), first=4).predictions.tolist()
    assert baseline.size == large.baseline.size
    assert report.drop_from(baseline).points <= 100


def test_a_small_models_size_is_exact_at_every_time(hasty, digits):
    hasty.ask(Recipe(sparsity=0.7, bits=4), dragging=True)
    assert not hasty.shown[1].size.estimated
    assert hasty.shown[1].size == digits.run(Recipe(sparsity=0.7, bits=4)).size


def test_an_idle_session_waits_for_the_runtime_and_tells(session, monkeypatch):
    told, waiting = [], ["Computed in torch."]
    monkeypatch.setattr(Experiment, "runtime_status", property(lambda _: "".join(waiting)))
    monkeypatch.setattr(Experiment, "wait_for_runtime", lambda _, stop: waiting.clear())
    session.measures = False
    session.on_report(lambda: told.append(session.experiment.runtime_status), previews=True)
    SETTLE(session)
    session.wait(PATIENCE_S)
    assert (waiting, set(told)) == ([], {""})


@pytest.mark.parametrize("other", [3, "digits"])
def test_another_thing_than_an_experiment_is_refused_by_its_type(other):
    kind = type(other).__name__
    with pytest.raises(ValueError, match=f"experiment is an Experiment of optiwidgets, not {kind}"):
        Session(other)


@pytest.fixture
def timed_by_turns(monkeypatch):
    """Make measurements cheap: the n-th finds a ratio of n."""
    made = []

    def measure(report, builder, threads, stop):
        made.append(report.recipe)
        timed = Latency(len(made), 1, 1, 1, 1, threads, None)
        return replace(report, latency=timed, flip_rate=0.0, baseline_flip_rate=0.0)

    monkeypatch.setattr(measured, "measure_report", measure)
    return made


def test_sessions_of_one_experiment_show_one_measurement(timed_by_turns):
    experiment = Experiment.load("digits")
    one, other = Session(experiment), Session(experiment)
    seen = []
    other.on_report(lambda: seen.append(other.report.latency))
    for session in (one, other):
        session.ask(Recipe(bits=5))
    for session in (one, other):
        session.slow.submit(*(job(session.report) for job in session.on_idle)).result(PATIENCE_S)
    assert one.report.latency.ratio == 1
    assert one.report.latency is other.report.latency is seen[-1]
    assert timed_by_turns == [Recipe(bits=5)]
    one.ask(Recipe(bits=6))
    one.ask(Recipe(bits=5))  # known at once
    assert one.report.latency is other.report.latency


def test_a_new_measurement_by_code_reaches_every_session_and_names_no_other_recipe(timed_by_turns):
    experiment = Experiment.load("digits")
    one, other = Session(experiment), Session(experiment)
    one.measures = other.measures = False
    one.ask(Recipe(bits=5))
    other.ask(Recipe(bits=6))
    called = []
    other.on_measured(lambda: called.append(True))
    experiment.measure(experiment.run(Recipe(bits=5)))
    experiment.measure(one.report, again=True)
    assert one.report.latency.ratio == 2
    assert other.report.latency is None
    assert called == [True, True]
