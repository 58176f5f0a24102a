"""Slow work in the background holds up no other work, and tells its progress without waiting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event, RLock, Thread

import pytest

from optiwidgets import Experiment, Recipe
from optiwidgets.engine.evaluation import sparse_evaluation
from optiwidgets.engine.execution.progress import Progress
from optiwidgets.engine.execution.worker_pool import THREADS, run_on_worker
from optiwidgets.session import session as session_module
from optiwidgets.session.background import BackgroundWorker
from optiwidgets.session.session import Session

PATIENCE_S = 60


def test_a_run_goes_on_while_the_progress_of_another_waits(monkeypatch):
    """A handle is dragged while the rest of a report is evaluated in the background."""
    monkeypatch.setattr(sparse_evaluation, "PART", 500)  # progress is told between parts
    experiment, waited = Experiment.load("digits"), []

    def on_progress(progress: Progress) -> None:
        other = Thread(target=experiment.run, args=[Recipe(0.62, bits=3)], daemon=True)
        other.start()
        other.join(PATIENCE_S)
        waited.append(other.is_alive())

    experiment.run(Recipe(0.61, bits=3), on_progress=on_progress)
    assert waited
    assert not any(waited)


@pytest.mark.parametrize("cancelled", [False, True])
def test_progress_does_not_wait_for_the_lock(cancelled):
    """Whoever holds the lock may wait for what the work holds; cancelled work ends there too."""
    lock, started, locked, told = RLock(), Event(), Event(), Event()
    lane, seen = BackgroundWorker(failed=print, lock=lock), []

    def work(on_progress):
        started.set()
        assert locked.wait(PATIENCE_S)
        try:
            on_progress(Progress(0.5, "half"))
            return "done"
        finally:
            told.set()

    future = lane.submit((lane.publish(work, seen.append), seen.append))
    assert started.wait(PATIENCE_S)
    with lock:
        if cancelled:
            lane.cancel()
        locked.set()
        assert told.wait(PATIENCE_S)
    future.result(PATIENCE_S)
    assert seen == ([] if cancelled else ["done"])


def test_background_work_has_a_pool_of_its_own():
    """As many trainings as the pool has threads leave a slider's work its own threads."""
    release = Event()
    lanes = [BackgroundWorker(failed=print) for _ in range(THREADS)]
    started = [Event() for _ in lanes]

    def occupy(mine):
        mine.set()
        release.wait(2 * PATIENCE_S)

    def job(mine):
        return lambda is_cancelled: run_on_worker(occupy, mine), lambda _: None

    futures = [lane.submit(job(mine)) for lane, mine in zip(lanes, started, strict=True)]
    assert all(mine.wait(PATIENCE_S) for mine in started)
    try:
        quick = ThreadPoolExecutor(1).submit(run_on_worker, int)
        assert quick.result(PATIENCE_S) == 0
    finally:
        release.set()
    for future in futures:
        future.result(PATIENCE_S)


def test_held_work_starts_at_once_when_told_and_later_work_rests_again():
    lane, seen = BackgroundWorker(failed=print), []
    first = lane.submit((lambda is_cancelled: "first", seen.append), rest_s=10 * PATIENCE_S)
    lane.hurry()
    first.result(PATIENCE_S)
    second = lane.submit((lambda is_cancelled: "second", seen.append), rest_s=10 * PATIENCE_S)
    assert not second.done()
    lane.cancel()
    second.result(PATIENCE_S)
    assert seen == ["first"]


@pytest.mark.parametrize("moves_on", [False, True])
def test_a_released_slider_completes_its_preview_at_once(monkeypatch, moves_on):
    monkeypatch.setattr(session_module, "SHORT_REST_S", 10 * PATIENCE_S)
    session = Session(Experiment.load("digits", memory_mb=0), first=100)
    session.hold(True)
    session.ask(Recipe(bits=4), dragging=True)
    assert not session.is_whole
    session.hold(False)
    if moves_on:  # the last position comes after the release
        session.ask(Recipe(bits=5), dragging=True)
    session.wait(PATIENCE_S)
    assert session.is_whole
