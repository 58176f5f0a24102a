"""Results of a sweep: one row for each recipe, and the pareto front. Only numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report


@dataclass(frozen=True)
class Trial:
    """One row of a sweep: a recipe and its measurements on the exploration images.

    ``value`` is the task's leading metric, named ``metric``, 0..1, with its 95 % interval
    ``value_low``..``value_high``. A classifier's is the ``accuracy`` with its Wilson interval
    ``accuracy_low``..``accuracy_high``; these three are None for other tasks. ``drop`` is in
    points of that metric against the baseline, with its paired 95 % interval
    ``drop_low``..``drop_high``, ``lost`` and ``gained`` in images, or in objects of a detector;
    ``total_bytes`` is the packed file's length and ``ratio`` the baseline's bytes over it;
    ``worst_class`` is the class with the lowest recall, ``worst_recall`` (0..1).

    If the recipe failed, ``error`` holds the reason, and every number is None.

    Examples
    --------
    >>> Trial(Recipe(bits=4), error="no way").accuracy is None
    True
    """

    recipe: Recipe
    error: str = ""
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    drop: float | None = None
    drop_low: float | None = None
    drop_high: float | None = None
    lost: int | None = None
    gained: int | None = None
    total_bytes: int | None = None
    ratio: float | None = None
    pruned_weights: int | None = None
    worst_class: str | None = None
    worst_recall: float | None = None
    metric: str = "accuracy"
    value: float | None = None
    value_low: float | None = None
    value_high: float | None = None

    @classmethod
    def of(cls, report: Report, baseline: Report) -> Trial:
        """Make the row of a report, compared with its baseline."""
        low, high = report.outcome.interval
        drop = report.drop_from(baseline)
        recall = report.recall
        worst = int(np.nanargmin(recall))
        of_classifier = report.outcome.metric == "accuracy"
        return cls(
            recipe=report.recipe,
            accuracy=report.metric if of_classifier else None,
            accuracy_low=low if of_classifier else None,
            accuracy_high=high if of_classifier else None,
            drop=drop.points,
            drop_low=drop.low,
            drop_high=drop.high,
            lost=drop.lost,
            gained=drop.gained,
            total_bytes=report.size.total_bytes,
            ratio=report.size.ratio,
            pruned_weights=report.pruned_weights,
            worst_class=report.class_names[worst],
            worst_recall=float(recall[worst]),
            metric=report.outcome.metric,
            value=report.metric,
            value_low=low,
            value_high=high,
        )

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Trial:
        """Make a trial from the result of ``as_dict``, also after a round trip through JSON.

        Examples
        --------
        >>> trial = Trial(Recipe(bits=4), accuracy=0.5)
        >>> Trial.from_dict(trial.as_dict()) == trial
        True
        """
        fields = dict(row["recipe"])
        layers = tuple(tuple(layer) for layer in fields.pop("layers"))
        return cls(**{**row, "recipe": Recipe(**fields, layers=layers)})

    def as_dict(self) -> dict[str, Any]:
        """Return all fields by name; the recipe is a nested dict."""
        return asdict(self)


@dataclass(frozen=True, eq=True, repr=False)
class Sweep(Sequence[Trial]):
    """Table of trials, one row for each distinct recipe, in the order of the recipes.

    ``model`` and ``dataset`` are names; ``images`` is the number of exploration images evaluated
    for every row.

    Examples
    --------
    >>> rows = [
    ...     Trial(Recipe(bits=8), accuracy=0.9, total_bytes=250),
    ...     Trial(Recipe(bits=4), accuracy=0.7, total_bytes=130),
    ...     Trial(Recipe(bits=4, scheme="affine"), accuracy=0.6, total_bytes=140),
    ... ]
    >>> sweep = Sweep(tuple(rows), "small", "digits", images=1500)
    >>> [str(trial.recipe) for trial in sweep.frontier]
    ['Recipe(bits=4)', 'Recipe(bits=8)']
    """

    trials: tuple[Trial, ...]
    model: str
    dataset: str
    images: int

    @cached_property
    def frontier(self) -> tuple[Trial, ...]:
        """Pareto front: rows that none beats in bytes and leading metric, smallest file first."""
        return tuple(self.trials[place] for place in self.frontier_indices)

    @cached_property
    def frontier_indices(self) -> tuple[int, ...]:
        """Indices in ``trials`` of the rows on the pareto front."""
        return tuple(frontier([_cost_and_worth(trial) for trial in self.trials]))

    @property
    def failed(self) -> tuple[Trial, ...]:
        """Rows of the recipes that failed."""
        return tuple(trial for trial in self.trials if trial.error)

    def __len__(self) -> int:
        return len(self.trials)

    @overload
    def __getitem__(self, place: int) -> Trial: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Trial, ...]: ...

    def __getitem__(self, place: int | slice) -> Trial | tuple[Trial, ...]:
        return self.trials[place]

    def __repr__(self) -> str:
        """Return one line: model, dataset, number of recipes, size of the pareto front."""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return (
            f"<Sweep of {self.model} on {self.dataset}: {len(self)} recipes, "
            f"{len(self.frontier)} on the frontier{failed}; {self.images} exploration images>"
        )


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the pairs (cost, worth) on the pareto front, lowest cost first.

    A pair beats a different pair if its cost is not higher and its worth is not lower. Equal pairs
    do not beat each other. Pairs with a nan are left out.

    Examples
    --------
    >>> frontier([(3, 0.9), (1, 0.5), (2, 0.4), (2, 0.8)])
    [1, 3, 0]
    """
    found: list[int] = []
    highest = -math.inf
    sound = [place for place, point in enumerate(points) if not any(map(math.isnan, point))]
    for place in sorted(sound, key=lambda i: (points[i][0], -points[i][1])):
        if points[place][1] > highest or (found and points[place] == points[found[-1]]):
            found.append(place)
            highest = points[place][1]
    return found


def _cost_and_worth(trial: Trial) -> tuple[float, float]:
    worth = trial.accuracy if trial.value is None else trial.value
    if trial.total_bytes is None or worth is None:
        return math.nan, math.nan
    return trial.total_bytes, worth
