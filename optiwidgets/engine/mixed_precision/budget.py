"""Bits and sparsity of every layer under a budget of bytes or drop: a knapsack, then real runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral, Real

import numpy as np

from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.mixed_precision.knapsack import ParetoFront, pareto_front
from optiwidgets.engine.mixed_precision.layer_cost import Option, Options
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.texts import mark, text

FIXED = Recipe(score="obs", clip="mse")  # fields that all options share
RECOVERY = "sequential"  # recovery of the recipes that are run
ROUNDS = 3  # rounds of rescaling the layers' costs
TRIES = 4  # attempts to approach a number of bytes from below
NEAR = 0.01  # share of the requested bytes that may stay unused
AWAY = (0.7, 1.4)  # multiples of a layer's bytes at which its cost in the whole model is measured
WEIGHTS = (0.05, 5.0)  # smallest and largest factor of a layer's costs

Run = Callable[[Recipe], Report]
Picks = tuple[int, ...]


@dataclass(frozen=True)
class Choice:
    """Option chosen for one layer; ``bytes`` are expected, without header and biases."""

    layer: str
    sparsity: float
    bits: int
    bytes: float
    cost: float


@dataclass(frozen=True)
class Budget:
    """Result of ``Experiment.fit_budget``.

    ``recipe`` has a sparsity and bits for every layer, ``report`` is its report on the exploration
    images. The recipe was chosen on these images, so its leading metric is slightly optimistic;
    only ``open_sealed`` is unbiased. ``expected_bytes`` is the expected size of the choice,
    ``least_bytes`` the size of the smallest file found, ``runs`` the number of recipes run.
    """

    recipe: Recipe
    choices: tuple[Choice, ...]
    report: Report
    baseline: Report
    expected_bytes: float
    least_bytes: int
    runs: int

    @property
    def bytes(self) -> int:
        """Size of the file in bytes."""
        return self.report.size.total_bytes

    @property
    def drop(self) -> float:
        """Points of the leading metric lost on the exploration images."""
        return self.report.drop_from(self.baseline).points


@dataclass(frozen=True)
class Goal:
    """Limit on the bytes, or on the drop in points; exactly one of them.

    Raises
    ------
    ValueError
        Both or none are given, or a value is out of its range.

    Examples
    --------
    >>> Goal(bytes=2000, drop=1.0)
    Traceback (most recent call last):
    ...
    ValueError: give bytes or drop, exactly one of them, not bytes=2000 and drop=1.0
    """

    bytes: int | None = None
    drop: float | None = None

    def __post_init__(self) -> None:
        if (self.bytes is None) == (self.drop is None):
            raise ValueError(
                "give bytes or drop, exactly one of them, "
                f"not bytes={self.bytes!r} and drop={self.drop!r}"
            )
        count, points = self.bytes, self.drop
        whole = isinstance(count, Integral) and not isinstance(count, bool) and count > 0
        if count is not None and not whole:
            raise ValueError(f"bytes is a whole number above 0, not {count!r}")
        real = isinstance(points, Real) and not isinstance(points, bool)
        if points is not None and not (real and 0 <= points <= 100):
            raise ValueError(f"drop is 0 to 100 points of accuracy, not {points!r}")

    def met(self, report: Report, baseline: Report) -> bool:
        """Return whether a report meets the goal."""
        if self.bytes is not None:
            return report.size.total_bytes <= self.bytes
        assert self.drop is not None
        return report.drop_from(baseline).points <= self.drop

    def rank(self, report: Report, divergence: float) -> tuple[float, float]:
        """Return a key, lower is better: errors for a limit on bytes, bytes for one on drop."""
        wrong = -report.metric
        return (wrong, divergence) if self.bytes is not None else (report.size.total_bytes, wrong)


def fit_budget(
    run: Run, options: Options, goal: Goal, on_progress: ProgressCallback = lambda _: None
) -> Budget:
    """Choose the options of least total cost for a goal, and check them on exploration images.

    The costs of layers were measured with all other layers untouched, and are summed. The cost of
    changing all layers differs, since later layers are refitted to compensate for earlier ones. For
    a few rounds, therefore, each layer's option is varied in the best recipe so far, and the
    layer's costs are rescaled by the measured divergence. The result is the best recipe, of all
    that were run, that meets the goal.

    Parameters
    ----------
    run
        Recipe -> report on exploration images.
    options
        Options from ``measure_layer_cost``.
    goal
        Bytes or drop.
    on_progress
        Called with the progress; an exception raised by it ends the search.

    Raises
    ------
    ValueError
        No file is that small; the message has the size of the smallest.
    """
    search = _Search(run, options, goal, on_progress)
    for round_ in range(ROUNDS):
        search.stage = (
            0.5 + 0.5 * round_ / ROUNDS,
            text("round {n} of {all}", n=round_ + 1, all=ROUNDS),
        )
        search.rescale(search.locate())
    search.locate()
    return search.best()


def _fewest_bytes(options: Sequence[Option], pick: int) -> tuple[float, ...]:
    return (options[pick].bytes,)


def _fewest_weights(options: Sequence[Option], pick: int) -> tuple[float, ...]:
    return -options[pick].sparsity, options[pick].bits


def _fewest_bits(options: Sequence[Option], pick: int) -> tuple[float, ...]:
    return options[pick].bits, -options[pick].sparsity


class _Search:
    """Search for one goal; ``reports`` has all reports by the indices of their options."""

    def __init__(
        self, run: Run, options: Options, goal: Goal, on_progress: ProgressCallback
    ) -> None:
        self.run, self.goal, self.on_progress = run, goal, on_progress
        self.names, self.options = list(options), list(options.values())
        self.stage = 0.5, text("the smallest file")
        self.weights = np.ones(len(self.names))
        self.reports: dict[Picks, Report] = {}
        self.baseline = run(Recipe())
        for smallest in (_fewest_bytes, _fewest_weights, _fewest_bits):
            self.report([min(range(len(own)), key=partial(smallest, own)) for own in self.options])
        if goal.bytes is not None and goal.bytes < self.least:
            least = mark("bytes={bytes} is less than the smallest file that was found, {least}")
            raise ValueError(text(least, bytes=goal.bytes, least=self.least))

    @property
    def least(self) -> int:
        """Size in bytes of the smallest file so far."""
        return min(report.size.total_bytes for report in self.reports.values())

    def chosen(self, picks: Sequence[int]) -> list[Option]:
        return [own[k] for own, k in zip(self.options, picks, strict=True)]

    def recipe(self, picks: Sequence[int]) -> Recipe:
        layers = [
            (n, o.sparsity, o.bits) for n, o in zip(self.names, self.chosen(picks), strict=True)
        ]
        return replace(FIXED, layers=tuple(layers), recovery=RECOVERY)

    def report(self, picks: Sequence[int]) -> Report:
        """Run the recipe of these picks, or return its report if it was run before."""
        key = tuple(int(pick) for pick in picks)
        done, stage = self.stage
        self.on_progress(
            Progress(done, text("{stage}: recipe {n}", stage=stage, n=len(self.reports) + 1))
        )
        if key not in self.reports:
            self.reports[key] = self.run(self.recipe(key))
        return self.reports[key]

    def locate(self) -> Picks:
        """Find the picks of least rescaled cost on the Pareto front that meet the goal."""
        rescaled = [
            [(option.bytes, weight * option.cost) for option in own]
            for own, weight in zip(self.options, self.weights, strict=True)
        ]
        front = pareto_front(rescaled)
        index = self._by_bytes(front) if self.goal.bytes is not None else self._by_drop(front)
        return tuple(int(pick) for pick in front.picks[index])

    def _by_bytes(self, front: ParetoFront) -> int:
        """Find the largest choice whose file is small enough, header and biases included."""
        assert self.goal.bytes is not None
        index, overhead, found = 0, float(self.least - front.sizes[0]), 0
        for _ in range(TRIES):
            index = front.best_within(max(self.goal.bytes - overhead, float(front.sizes[0])))
            real = self.report(front.picks[index]).size.total_bytes
            overhead = real - float(front.sizes[index])
            if real <= self.goal.bytes:
                found = max(found, index)
                if real >= (1 - NEAR) * self.goal.bytes:
                    break
        return found

    def _by_drop(self, front: ParetoFront) -> int:
        """Find the smallest choice whose drop meets the goal, by bisection."""
        low, high = 0, len(front.sizes) - 1
        while low < high:
            middle = (low + high) // 2
            if self.goal.met(self.report(front.picks[middle]), self.baseline):
                high = middle
            else:
                low = middle + 1
        self.report(front.picks[high])
        return high

    def rescale(self, picks: Picks) -> None:
        """Rescale per-layer costs by the divergence measured when layers are changed together."""
        current = self._divergence(self.report(picks))
        for layer, own in enumerate(self.options):
            expected = measured = 0.0
            for pick in self._moves(layer, picks[layer]):
                moved = self.report([*picks[:layer], pick, *picks[layer + 1 :]])
                change = own[pick].cost - own[picks[layer]].cost
                expected += abs(change)
                measured += math.copysign(1, change) * (self._divergence(moved) - current)
            if expected > 0:
                self.weights[layer] = min(max(measured / expected, WEIGHTS[0]), WEIGHTS[1])

    def _moves(self, layer: int, pick: int) -> list[int]:
        """Find a layer's options of least cost within two multiples (``AWAY``) of its bytes."""
        own, moves = self.options[layer], []
        for share in AWAY:
            fits = [k for k in range(len(own)) if own[k].bytes <= share * own[pick].bytes]
            if fits:
                moves.append(min(fits, key=lambda k: own[k].cost))
        return [move for move in moves if move != pick]

    def _divergence(self, report: Report) -> float:
        """Compute the Kullback-Leibler divergence from the untouched model, in nats per image."""
        before, after = (np.maximum(r.scores, 1e-12) for r in (self.baseline, report))
        return float((before * np.log(before / after)).sum(1).mean())

    def best(self) -> Budget:
        """Return the best recipe, of all that were run, that meets the goal."""
        met = {p: r for p, r in self.reports.items() if self.goal.met(r, self.baseline)}
        picks = min(met, key=lambda p: self.goal.rank(met[p], self._divergence(met[p])))
        chosen = list(zip(self.names, self.chosen(picks), strict=True))
        choices = tuple(Choice(n, o.sparsity, o.bits, o.bytes, o.cost) for n, o in chosen)
        parts = self.baseline.size.parts
        overhead = parts["biases"] + parts["header"]
        expected = overhead + sum(choice.bytes for choice in choices)
        recipe, runs = self.recipe(picks), len(self.reports)
        return Budget(recipe, choices, met[picks], self.baseline, expected, self.least, runs)
