from __future__ import annotations

import itertools

import numpy as np
import pytest

from optiwidgets.engine.execution import progress
from optiwidgets.engine.onnx_runtime import latency


class Clock:
    """Clock that only advances when a session runs."""

    def __init__(self):
        self.now, self.calls = 0.0, []

    def __call__(self):
        return self.now


class Fake:
    """Stub of a session that takes a given time."""

    def __init__(self, clock, name, taken):
        self.clock, self.name, self.taken = clock, name, taken
        self.intra_op_num_threads = 3

    def run(self, outputs, feed):
        count = len(feed["images"])
        self.clock.calls.append((self.name, count))
        self.clock.now += self.taken(count)

    def get_session_options(self):
        return self


IMAGES = np.arange(20, dtype=np.float32).reshape(20, 1, 1, 1)


def timed(baseline, optimized, **options):
    clock = Clock()
    measured = latency.measure(
        lambda: Fake(clock, "baseline", baseline),
        lambda: Fake(clock, "optimized", optimized),
        IMAGES,
        clock=clock,
        **options,
    )
    return measured, clock


def test_known_times_give_known_medians_and_ratios():
    measured, _ = timed(lambda n: 0.001 + 0.001 * n, lambda n: 0.0005 + 0.0005 * n)
    assert (measured.baseline_ms, measured.optimized_ms) == pytest.approx((2.0, 1.0))
    assert (measured.ratio, measured.low, measured.high) == pytest.approx((2.0, 2.0, 2.0))
    assert measured.baseline_iqr_ms == pytest.approx((2.0, 2.0))
    assert measured.optimized_p99_ms == pytest.approx(1.0)
    assert measured.control == pytest.approx((1.0, 1.0, 1.0))
    assert measured.threads == 3
    assert (measured.batch.baseline_ms, measured.batch.ratio) == pytest.approx((33.0, 2.0))
    assert measured.batch.batch is None


def test_noise_is_covered_and_the_control_covers_one():
    random = np.random.default_rng(5)

    def noisy(mean):
        return lambda n: mean * random.lognormal(0, 0.2)

    measured, _ = timed(noisy(0.0015), noisy(0.001), seconds=10)
    for speed in (measured, measured.batch):
        assert speed.low < 1.5 < speed.high
        assert speed.high - speed.low < 0.3
        assert speed.control[1] < 1 < speed.control[2]
        assert speed.baseline_iqr_ms[0] < speed.baseline_ms < speed.baseline_iqr_ms[1]
        assert speed.baseline_p99_ms > speed.baseline_iqr_ms[1]


def test_the_same_model_twice_is_proven_neither_faster_nor_slower():
    covered, tries = 0, 40
    for seed in range(tries):
        random = np.random.default_rng(seed)
        times = random.lognormal(0, 0.1, (12, 20, 3)) * random.lognormal(0, 0.02, (12, 1, 3))
        measured = latency.summarize(times, threads=1)
        covered += measured.low <= 1 <= measured.high
    assert covered >= 0.85 * tries


def test_sessions_that_differ_for_as_long_as_they_live_widen_the_interval():
    random = np.random.default_rng(0)
    rounds = random.lognormal(0, 0.01, (12, 50, 3))
    steady = latency.summarize(rounds, threads=1)
    moody = latency.summarize(rounds * random.lognormal(0, 0.1, (12, 1, 3)), threads=1)
    assert moody.high - moody.low > 5 * (steady.high - steady.low)


def test_quartiles_and_percentiles_are_numpys():
    times = np.random.default_rng(0).gamma(2, 0.001, (4, 25, 3))
    measured = latency.summarize(times, threads=1)
    baseline = 1e3 * times[..., 0].ravel()
    assert measured.baseline_ms == pytest.approx(np.median(baseline))
    assert measured.baseline_iqr_ms == pytest.approx(np.quantile(baseline, [0.25, 0.75]))
    assert measured.baseline_p99_ms == pytest.approx(np.quantile(baseline, 0.99))
    assert measured.ratio == pytest.approx(np.median(baseline) / np.median(1e3 * times[..., 1]))


def test_arms_take_turns_on_the_same_images_one_at_a_time_and_in_batches():
    _, clock = timed(lambda n: 0.001, lambda n: 0.002)
    names = [name for name, _ in clock.calls]
    assert names.count("baseline") == 2 * names.count("optimized")  # one is the control
    assert {count for _, count in clock.calls} == {1, 32}
    thirds = [tuple(names[i : i + 3]) for i in range(0, len(names), 3)]
    assert {third.index("optimized") for third in thirds} == {0, 1, 2}
    assert all(third.count("optimized") == 1 for third in thirds)


@pytest.mark.parametrize("one_call", [1e-6, 1e-3, 0.05])
def test_the_time_it_takes_is_bounded(one_call):
    _, clock = timed(lambda n: one_call, lambda n: one_call, seconds=1.0)
    fewest = latency.FEWEST_OPENINGS * 4 + 2 * latency.PILOT_ROUNDS  # rounds of three calls
    assert clock.now < max(1.5, 3 * one_call * fewest)


@pytest.mark.parametrize("asked", [0, 1, 5, 50])
def test_a_stop_raises_at_once(asked):
    answers = itertools.chain([False] * asked, itertools.repeat(True))
    clock = Clock()
    with pytest.raises(progress.Cancelled):
        latency.measure(
            lambda: Fake(clock, "baseline", lambda n: 0.001),
            lambda: Fake(clock, "optimized", lambda n: 0.001),
            IMAGES,
            clock=clock,
            stop=lambda: next(answers),
        )
    assert len(clock.calls) <= 3 * asked


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="latency is measured on 1 image or more, not 0"):
        latency.measure(None, None, IMAGES[:0])
