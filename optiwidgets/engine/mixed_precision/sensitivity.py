"""Sensitivity: the leading metric against sparsity or bits of one layer at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from optiwidgets.engine.execution.progress import Progress
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.texts import text

LEVELS: Mapping[str, tuple[float, ...]] = {
    "sparsity": (0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99),
    "bits": (8, 6, 5, 4, 3, 2, 1),
}
Weights = Mapping[str, Tensor]
ACCURACY = "accuracy"


class Point(NamedTuple):
    """Leading metric 0..1 at one level of a layer, with its 95 % interval; exploration images."""

    level: float
    value: float
    low: float
    high: float


class AccuracyPoint(Point):
    """Point of a classifier, whose leading metric is the accuracy.

    Examples
    --------
    >>> AccuracyPoint(8, 0.9, 0.8, 1.0).accuracy
    0.9
    """

    __slots__ = ()

    @property
    def accuracy(self) -> float:
        """Accuracy 0..1."""
        return self.value


@dataclass(frozen=True)
class Sensitivity:
    """Leading metric against the level of one layer, with all other layers unchanged.

    ``by`` is "sparsity" or "bits". ``levels`` are ordered from the mildest to the harshest.
    ``ground`` is the recipe of all other layers and ``value`` (0..1) its leading metric, named
    ``metric``; of a classifier it is the ``accuracy``. ``curves`` has a ``Point`` for every level
    of every layer measured so far; ``total`` is the final number of points. ``unchanged`` has the
    layers that no level changes, with the reason; they are not measured.

    Examples
    --------
    >>> curves = {
    ...     "first": (Point(0.5, 0.97, 0.96, 0.98), Point(0.9, 0.60, 0.57, 0.63)),
    ...     "last": (Point(0.5, 0.98, 0.97, 0.99), Point(0.9, 0.975, 0.965, 0.985)),
    ... }
    >>> found = Sensitivity("sparsity", (0.5, 0.9), Recipe(), 0.98, curves, {}, total=4)
    >>> found.ranking(threshold_points=2.0), found.holds(threshold_points=2.0)
    (('first', 'last'), {'first': 0.5, 'last': 0.9})
    """

    by: str
    levels: tuple[float, ...]
    ground: Recipe
    value: float
    curves: Mapping[str, tuple[Point, ...]]
    unchanged: Mapping[str, str]
    total: int
    metric: str = ACCURACY

    @property
    def accuracy(self) -> float:
        """Accuracy 0..1 of the ground recipe; of a classifier."""
        if self.metric != ACCURACY:
            raise AttributeError(f"this sensitivity has no accuracy: its value is {self.metric}")
        return self.value

    @property
    def progress(self) -> Progress:
        """Share of the points measured so far."""
        done = sum(map(len, self.curves.values()))
        return Progress(
            done / max(1, self.total), text("point {n} of {all}", n=done, all=self.total)
        )

    def holds(self, threshold_points: float) -> dict[str, float | None]:
        """Find, by layer, the last level up to which no drop exceeds the threshold, or None.

        Layers with incomplete curves are left out.
        """
        complete = {n: c for n, c in self.curves.items() if len(c) == len(self.levels)}
        return {name: self._last(curve, threshold_points) for name, curve in complete.items()}

    def ranking(self, threshold_points: float) -> tuple[str, ...]:
        """Rank layers from the most to the least sensitive, by their levels in ``holds``.

        Of layers with equal levels, the one with the lower value at the next level comes first.
        """
        held = self.holds(threshold_points)

        def strength(name: str) -> tuple[int, float]:
            last = held[name]
            steps = 0 if last is None else 1 + self.levels.index(last)
            return steps, self.curves[name][min(steps, len(self.levels) - 1)].value

        return tuple(sorted(held, key=strength))

    def _last(self, curve: Sequence[Point], threshold_points: float) -> float | None:
        last = None
        for point in curve:
            if 100 * (self.value - point.value) > threshold_points + 1e-9:
                break
            last = point.level
        return last


def check_levels(by: str, levels: Sequence[float] | None) -> tuple[float, ...]:
    """Check levels, or take the defaults, and sort them from the mildest to the harshest.

    Raises
    ------
    ValueError
        ``by`` is not "sparsity" or "bits", there is no level, or one is out of range.

    Examples
    --------
    >>> check_levels("bits", [2, 8]), check_levels("sparsity", [0.9, 0.5, 0.9])
    ((8, 2), (0.5, 0.9))
    """
    if by not in LEVELS:
        raise ValueError(f"by is 'sparsity' or 'bits', not {by!r}")
    if levels is not None and not isinstance(levels, Iterable):
        raise ValueError(f"levels are a list of numbers, not {levels!r}")
    chosen = LEVELS[by] if levels is None else tuple(levels)
    if not chosen:
        raise ValueError("levels are one or more numbers, not none")
    for level in chosen:
        Recipe(**{by: level})  # type: ignore[arg-type]  # raises ValueError with the reason
    return tuple(sorted(set(chosen), reverse=by == "bits"))


def grow_sensitivity(
    run: Callable[[Recipe], Report],
    weights: Callable[[Recipe], Weights],
    idle: Mapping[str, str],
    by: str,
    levels: tuple[float, ...],
    ground: Recipe,
) -> Iterator[Sensitivity]:
    """Measure point by point, the last layer first, and yield the result so far after each.

    Parameters
    ----------
    run
        Recipe -> report on exploration images.
    weights
        Recipe -> weights by layer, used to find layers that do not change.
    idle
        Layers that are not measured, with the reason.
    by, levels
        Field that is changed, and its levels from ``check_levels``.
    ground
        Recipe of all other layers.
    """
    before, whole = weights(ground), run(ground)
    metric = whole.outcome.metric
    kind = AccuracyPoint if metric == ACCURACY else Point
    curves: dict[str, tuple[Point, ...]] = {}
    unchanged = dict(idle)

    def known() -> Sensitivity:
        ordered = {name: curves[name] for name in before if name in curves}
        total = len(levels) * (len(before) - len(unchanged))
        frozen = MappingProxyType(ordered), MappingProxyType(dict(unchanged))
        return Sensitivity(by, levels, ground, whole.metric, *frozen, total, metric)

    yield known()
    for name in reversed([name for name in before if name not in idle]):
        recipes = {level: with_layer(ground, name, by, level) for level in levels}
        reason = _why_unchanged(name, before[name], recipes.values(), weights, by)
        if reason:
            unchanged[name] = reason
            yield known()
            continue
        for level, recipe in recipes.items():
            report = run(recipe)
            point = kind(level, report.metric, *report.outcome.interval)
            curves[name] = (*curves.get(name, ()), point)
            yield known()


def with_layer(ground: Recipe, name: str, by: str, level: float) -> Recipe:
    """Return a recipe with the sparsity or bits of one layer set; its other override is kept.

    Examples
    --------
    >>> with_layer(Recipe(bits=4, layers=(("head", 0.5, None),)), "head", "bits", 2).layers
    (('head', 0.5, 2),)
    """
    own = {layer: (sparsity, bits) for layer, sparsity, bits in ground.layers}
    sparsity, bits = own.get(name, (None, None))
    own[name] = (level, bits) if by == "sparsity" else (sparsity, int(level))
    return replace(ground, layers=tuple((n, s, b) for n, (s, b) in own.items()))


def _why_unchanged(
    name: str,
    before: Tensor,
    recipes: Iterable[Recipe],
    weights: Callable[[Recipe], Weights],
    by: str,
) -> str:
    """Return the reason if no level changes a weight of this layer, tested harshest first."""
    for recipe in reversed(list(recipes)):
        try:
            after = weights(recipe)[name]
        except ValueError as error:
            return str(error)
        if not (after.shape == before.shape and torch.equal(after, before)):
            return ""
    if not before.any():
        return "all its weights are 0 already"
    count = before.numel()
    if by == "sparsity" and not any(recipe.for_layer(name).sparsity for recipe in recipes):
        return "none of these sparsities prunes any weight"
    if by == "sparsity":
        return f"too few weights for any of these sparsities to prune one: it has {count}"
    return "its weights are the same at all of these bits"
