"""Latency: baseline, optimized and a control timed in turn; speed ratio with an interval.

Two sessions of the same model differ by about a percent for their whole life, because of their
memory layout (T. Mytkowicz et al., "Producing wrong data without doing anything obviously
wrong!", ASPLOS 2009). Sessions are therefore opened again several times, and the interval comes
from a cluster bootstrap: openings are resampled first, then rounds within each (A. C. Davison and
D. V. Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.types.measurements import Floats, Latency
from optiwidgets.engine.types.session import BATCH, INPUT, OUTPUT, Session

OPENINGS, FEWEST_OPENINGS = 12, 4
MOST_ROUNDS = 60  # per opening
PILOT_ROUNDS = 3
RESAMPLES = 1000
BASELINE, OPTIMIZED, CONTROL = range(3)


Open = Callable[[], Session]


def measure(
    baseline: Open,
    optimized: Open,
    images: NDArray[np.float32],
    *,
    clock: Callable[[], float] = time.perf_counter,
    stop: Callable[[], bool] = lambda: False,
    seconds: float = 1.0,
) -> Latency:
    """Measure the latency of single images and batches of 32, baseline and optimized in turn.

    Every round runs the same images through a session of the baseline, one of the optimized model,
    and a second one of the baseline (the control), in random order.

    Parameters
    ----------
    baseline, optimized
        Functions that open a new session of the model.
    images
        (N, C, H, W) float32.
    clock
        Function that returns the time in seconds.
    stop
        Called before every round; ``Cancelled`` is raised once it returns True.
    seconds
        Approximate duration of the measurement. Four openings of one round each are always run,
        also if a slow model needs longer for them.

    Raises
    ------
    Cancelled
        ``stop`` returned True.
    ValueError
        There are no images.

    Examples
    --------
    >>> import torch
    >>> from optiwidgets.engine.onnx_runtime.export import export
    >>> from optiwidgets.engine.onnx_runtime.session import open_session, predict
    >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3))
    >>> model = export(net, torch.zeros(1, 1, 2, 2))
    >>> images = np.zeros((5, 1, 2, 2), np.float32)
    >>> open_it = lambda: open_session(model, threads=1)
    >>> latency = measure(open_it, open_it, images, seconds=0.01)
    >>> latency.low <= latency.ratio <= latency.high, latency.threads, latency.batch.batch
    (True, 1, None)
    """
    if not len(images):
        raise ValueError("latency is measured on 1 image or more, not 0")
    bench = _Bench((baseline, optimized, baseline), np.asarray(images, np.float32), clock, stop)
    single, batch, threads = bench.times(seconds)
    return summarize(single, threads, batch=summarize(batch, threads))


def summarize(times: Floats, threads: int, batch: Latency | None = None) -> Latency:
    """Summarize times in seconds: medians, quartiles, 99th percentiles and ratios.

    Parameters
    ----------
    times
        (openings, rounds, 3): baseline, optimized, control.
    threads
        Number of threads of each session.
    batch
        Summary of the times of batches.

    Examples
    --------
    >>> latency = summarize(np.array([[[0.002, 0.001, 0.002], [0.004, 0.002, 0.004]]]), threads=1)
    >>> latency.ratio, latency.baseline_ms, latency.optimized_iqr_ms, latency.control
    (2.0, 3.0, (1.25, 1.75), (1.0, 1.0, 1.0))
    """
    flat = 1e3 * times.reshape(-1, 3)
    lower, middle, upper, slowest = np.percentile(flat, [25, 50, 75, 99], axis=0).tolist()
    resampled = _resampled_medians(times)
    ratio, low, high = _ratio(middle, 1e3 * resampled, OPTIMIZED)
    return Latency(
        ratio=ratio,
        low=low,
        high=high,
        baseline_ms=middle[BASELINE],
        optimized_ms=middle[OPTIMIZED],
        baseline_iqr_ms=(lower[BASELINE], upper[BASELINE]),
        optimized_iqr_ms=(lower[OPTIMIZED], upper[OPTIMIZED]),
        baseline_p99_ms=slowest[BASELINE],
        optimized_p99_ms=slowest[OPTIMIZED],
        control=_ratio(middle, 1e3 * resampled, CONTROL),
        threads=threads,
        batch=batch,
    )


def _resampled_medians(times: Floats) -> Floats:
    """Bootstrap medians (RESAMPLES, 3): resample openings, then rounds within each."""
    openings, rounds, _ = times.shape
    random = np.random.default_rng(0)
    opening = random.integers(openings, size=(RESAMPLES, openings, 1))
    turn = random.integers(rounds, size=(RESAMPLES, openings, rounds))
    drawn = times[opening, turn].reshape(RESAMPLES, -1, 3)
    medians: Floats = np.median(drawn, axis=1)
    return medians


def _ratio(medians: Sequence[float], resampled: Floats, arm: int) -> tuple[float, float, float]:
    """Compute the ratio of the baseline over another arm, with its 95 % interval."""
    ratio = medians[BASELINE] / medians[arm]
    low, high = np.percentile(resampled[:, BASELINE] / resampled[:, arm], [2.5, 97.5]).tolist()
    return ratio, min(low, ratio), max(high, ratio)


@dataclass(frozen=True, eq=False)
class _Bench:
    """Benchmark of three arms, timed in turn."""

    arms: tuple[Open, Open, Open]
    images: NDArray[np.float32]
    clock: Callable[[], float]
    stop: Callable[[], bool]

    def times(self, seconds: float) -> tuple[Floats, Floats, int]:
        """Measure seconds (openings, rounds, 3) of images and batches; return threads too."""
        start, random = self.clock(), np.random.default_rng(0)
        taken: dict[int, list[Floats]] = {1: [], BATCH: []}
        rounds: dict[int, int] = {}
        for opening in range(OPENINGS):
            if opening >= FEWEST_OPENINGS and self.clock() - start > seconds:
                break
            sessions = self.open(opening)
            for size, done in taken.items():
                warm = self.rounds(sessions, size, PILOT_ROUNDS if opening == 0 else 1, random)
                if size not in rounds:
                    share = seconds / OPENINGS / 2  # half for single images, half for batches
                    rounds[size] = _fitting(share, warm.sum(axis=1).min().item())
                done.append(self.rounds(sessions, size, rounds[size], random))
        threads = sessions[BASELINE].get_session_options().intra_op_num_threads
        return np.stack(taken[1]), np.stack(taken[BATCH]), threads

    def open(self, opening: int) -> list[Session]:
        """Open a new session for each arm; the arm opened first alternates."""
        sessions: dict[int, Session] = {}
        for turn in range(3):
            self.check()
            arm = (opening + turn) % 3
            sessions[arm] = self.arms[arm]()
        return [sessions[arm] for arm in range(3)]

    def rounds(
        self, sessions: Sequence[Session], size: int, count: int, random: np.random.Generator
    ) -> Floats:
        """Measure seconds (count, 3) of each arm on the same ``size`` images, in random order."""
        taken = np.empty((count, 3))
        for turn in range(count):
            self.check()
            first = random.integers(len(self.images))
            feed = {INPUT: self.images[(first + np.arange(size)) % len(self.images)]}
            for arm in random.permutation(3):
                run = sessions[arm].run
                start = self.clock()
                run([OUTPUT], feed)
                taken[turn, arm] = self.clock() - start
        return taken

    def check(self) -> None:
        if self.stop():
            raise Cancelled("the measurement was stopped")


def _fitting(seconds: float, one_round: float) -> int:
    """Compute the number of rounds that fit, 1 to MOST_ROUNDS."""
    return int(np.clip(seconds // max(one_round, 1e-9), 1, MOST_ROUNDS))


def check_threads(threads: int) -> int:
    """Return a number of threads as an int, or raise ValueError with the allowed range."""
    whole, most = isinstance(threads, int | np.integer), os.cpu_count() or 1
    if whole and not isinstance(threads, bool) and threads in range(1, most + 1):
        return int(threads)
    raise ValueError(f"threads is a whole number, 1 to {most} here, not {threads!r}")
