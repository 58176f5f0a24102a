"""The host's slots for long work: order of waiters, release by ended processes, cancelled waits."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, get_native_id
from time import monotonic, sleep

import pytest

from optiwidgets.engine.execution.worker_pool import run_on_worker
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.background import BackgroundWorker, no_work
from optiwidgets.session.machine_slots import FOLDER, LOWER, Slot, hosted
from optiwidgets.session.session import WAITING, Session
from optiwidgets.widgets.explorer.explorer import Explorer

pytest.importorskip("fcntl", reason="places are locked files")
PATIENCE_S = 120
SETTLE = Session.settle  # the original, which a fixture replaces

HOLD = """
import sys, time
from optiwidgets.session.machine_slots import Slot
assert Slot().acquire(pause=lambda seconds: time.sleep(seconds))
print("has it", flush=True)
sys.stdin.read()
"""
TURNS = """
import sys, time
from pathlib import Path
from optiwidgets.session.machine_slots import Slot
place = Slot()
for turn in range(5):
    assert place.acquire(pause=lambda seconds: time.sleep(seconds))
    Path(sys.argv[1]).touch(exist_ok=False)  # nobody else is in
    with open(sys.argv[2], "a") as told:
        told.write(sys.argv[3])
    time.sleep(0.01)
    Path(sys.argv[1]).unlink()
    place.release()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder with one slot."""
    made = tmp_path / "places"
    made.mkdir()
    (made / "0").touch()
    monkeypatch.setenv(FOLDER, str(made))
    return made


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run(code: str, *told: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, *map(str, told)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, **pipes))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def taken(start: Callable[..., subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """Another process that holds the slot."""
    other = start(HOLD)
    assert other.stdout
    assert other.stdout.readline() == "has it\n"
    return other


def is_free() -> bool:
    place = Slot()
    got = place.acquire(pause=lambda seconds: True)
    place.release()
    return got


def test_a_place_is_had_by_one_process_at_a_time(taken):
    assert not is_free()
    taken.communicate()
    assert is_free()


def test_two_places_serve_two(folder, taken):
    (folder / "1").touch()
    first, second = Slot(), Slot()
    assert first.acquire(pause=lambda seconds: True)
    assert not second.acquire(pause=lambda seconds: True)
    first.release()
    assert second.acquire(pause=lambda seconds: True)
    second.release()


def test_a_killed_process_gives_its_place_back(taken):
    done: list[int] = []
    lane = BackgroundWorker(failed=print)
    work = lane.submit((lambda is_cancelled: 42, done.append))
    taken.kill()
    work.result(PATIENCE_S)
    assert done == [42]


def test_five_who_each_want_it_five_times_all_get_it(folder, start, tmp_path):
    """Processes that request the slot again right after releasing it must queue again."""
    told = tmp_path / "told"
    five = [start(TURNS, tmp_path / "inside", told, name) for name in "abcde"]
    for process in five:
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
    assert sorted(told.read_text()) == sorted("abcde" * 5)
    assert is_free()


def test_void_work_leaves_the_queue_at_once_and_is_never_begun(taken):
    begun, waiting = [], Event()
    lane = BackgroundWorker(failed=print)
    work = lane.submit((begun.append, begun.append), waits=lambda waits: waiting.set())
    assert waiting.wait(PATIENCE_S)
    lane.cancel()
    work.result(PATIENCE_S)
    assert begun == []
    taken.communicate()
    assert is_free()  # the folder's lock too


def test_a_job_that_fails_or_gives_up_gives_its_place_back(folder):
    failures: list[Exception] = []
    lane = BackgroundWorker(failures.append)
    lane.submit((lambda is_cancelled: 1 / 0, print)).result(PATIENCE_S)
    assert [type(error) for error in failures] == [ZeroDivisionError]
    assert is_free()


def test_what_is_short_or_only_delivers_waits_for_nobody(taken):
    seen: list[object] = []
    lane = BackgroundWorker(failed=print)
    lane.submit((lambda is_cancelled: "short", seen.append), short=True).result(PATIENCE_S)
    lane.submit((no_work, seen.append)).result(PATIENCE_S)
    assert seen == ["short", None]


def test_the_screen_says_that_training_waits_and_then_that_it_goes_on(taken):
    told, waiting = [], Event()
    session = Session()
    session.observe(lambda c: told.append(c.new), "progress")
    session.observe(lambda c: c.new == WAITING and waiting.set(), "progress")
    session.recipe = Recipe(sparsity=0.9, recovery="sequential")
    assert waiting.wait(PATIENCE_S)
    assert session.stale
    taken.communicate()
    session.wait(PATIENCE_S)
    assert session.report.recipe == Recipe(sparsity=0.9, recovery="sequential")
    assert [each.stage for each in told if each][:3] == ["starting", WAITING.stage, "starting"]


def test_measuring_waits_silently_and_what_was_tried_is_kept_meanwhile(taken, digits, monkeypatch):
    monkeypatch.setattr(Session, "settle", SETTLE)
    explorer = Explorer(digits)
    explorer.controls.sparsity.value = 30
    ends_s = monotonic() + PATIENCE_S
    while len(explorer.history.past.entries) < 2 and monotonic() < ends_s:
        sleep(0.05)
    assert explorer.history.past.entries[-1].recipe == Recipe(sparsity=0.3)
    assert (explorer.session.progress, explorer.feed.state) == (None, "fresh")
    explorer.session.cancel()
    explorer.session.wait(PATIENCE_S)
    assert explorer.session.report.latency is None


@pytest.mark.parametrize("spoil", ["no folder", "no places", "no folder at all"])
def test_where_the_host_took_its_places_away_work_goes_on(folder, monkeypatch, caplog, spoil):
    (folder / "0").unlink()
    if spoil == "no folder":
        folder.rmdir()
    elif spoil == "no folder at all":
        monkeypatch.setenv(FOLDER, __file__)
    assert is_free()
    assert "no limit on long work" in caplog.text
    assert str(folder) not in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_hosted_long_work_is_less_urgent_and_nothing_else_is(folder):
    def niceness(is_cancelled=None):
        return os.getpriority(os.PRIO_PROCESS, get_native_id())

    usual, seen = niceness(), []
    run_on_worker(int)  # starts the worker pool's threads
    lane = BackgroundWorker(failed=print)
    jobs = (niceness, seen.append), (lambda is_cancelled: run_on_worker(niceness), seen.append)
    lane.submit(*jobs).result(PATIENCE_S)
    assert seen == [min(usual + LOWER, 19)] * 2
    assert (niceness(), run_on_worker(niceness)) == (usual, usual)


def test_without_a_host_there_is_no_limit_and_no_other_priority(monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    seen = []
    lane = BackgroundWorker(failed=print)
    lane.submit((lambda is_cancelled: get_priority(), seen.append)).result(PATIENCE_S)
    assert (hosted(), seen) == ("", [get_priority()])
    places = [Slot(), Slot()]
    assert all(place.acquire(pause=lambda seconds: True) for place in places)


def get_priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)
