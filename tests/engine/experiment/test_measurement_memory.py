"""A recipe is measured once an experiment; a new measurement takes the old one's place."""

from __future__ import annotations

import gc
from dataclasses import replace
from threading import Event, Thread

import pytest

from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment import measured, measurement_memory
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.measurement_memory import MeasurementMemory, timing
from optiwidgets.engine.types.measurements import Latency
from optiwidgets.engine.types.recipe import Recipe

FOUR = Recipe(bits=4)


@pytest.fixture
def counted(make_own, toy, monkeypatch):
    """Make an experiment whose n-th measurement finds a ratio of n."""
    made = []

    def measure(report, builder, threads, stop):
        made.append((report.recipe, threads))
        timed = Latency(len(made), 1, 1, 1, 1, threads, None)
        return replace(report, latency=timed, flip_rate=0.25, baseline_flip_rate=0.125)

    monkeypatch.setattr(measured, "measure_report", measure)
    return Experiment(make_own(), toy), made


def test_a_recipe_is_timed_once_and_again_on_request(counted):
    experiment, made = counted
    report = experiment.run(FOUR)
    first, second = experiment.measure(report), experiment.measure(report)
    assert first.latency is second.latency
    assert (second.flip_rate, made) == (0.25, [(FOUR, 1)])
    assert experiment.measure(report, again=True).latency.ratio == 2
    assert experiment.measured(first).latency.ratio == 2
    assert experiment.measure(experiment.run(Recipe(bits=3))).latency.ratio == 3


def test_a_report_without_a_measurement_stays_as_it_is(counted):
    experiment, _ = counted
    report = experiment.run(FOUR)
    assert experiment.measured(report) is report
    experiment.measure(report)
    known = experiment.measured(report)
    assert report.latency is None
    assert experiment.measured(known) is known


def test_other_images_are_measured_anew(counted, toy):
    experiment, made = counted
    elsewhere = experiment.on(toy)
    experiment.measure(experiment.run(FOUR))
    elsewhere.measure(elsewhere.run(FOUR))
    assert len(made) == 2


class Follower:
    called = 0

    def call(self):
        self.called += 1


def test_followers_are_called_as_long_as_they_live(counted):
    experiment, _ = counted
    kept, lost = Follower(), Follower()
    for one in (kept, kept, lost):
        experiment.on_measured(one.call)
    del lost, one
    gc.collect()
    experiment.measure(experiment.run(FOUR))
    assert kept.called == 1


def test_old_measurements_are_forgotten(counted, monkeypatch):
    experiment, _ = counted
    monkeypatch.setattr(measurement_memory, "MOST", 2)
    memory = MeasurementMemory()
    for bits in (2, 3, 4):
        memory.store(replace(experiment.run(Recipe(bits=bits)), flip_rate=bits))
    assert [(Recipe(bits=bits), 1) in memory for bits in (2, 3, 4)] == [False, True, True]


def test_a_measurement_waits_for_another_one_and_can_be_stopped():
    began, ends = Event(), Event()

    def other():
        with timing(lambda: False):
            began.set()
            ends.wait()

    thread = Thread(target=other)
    thread.start()
    began.wait()
    with pytest.raises(Cancelled), timing(lambda: True):
        pass
    ends.set()
    thread.join()
    with timing(lambda: True):  # free again
        pass
