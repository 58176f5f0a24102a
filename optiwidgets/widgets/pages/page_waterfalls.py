"""Waterfalls of sizes for a page without a kernel: two of their numbers need Python's encoders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.types.measurements import Reconciliation
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report

STEPS = 9  # of a waterfall where channels were removed; else the second is missing
THREADS = 2  # zlib, the slowest part, runs without the interpreter's lock


@dataclass(frozen=True, eq=False)
class Waterfalls:
    """Waterfalls of R recipes.

    ``steps`` (R, 10) holds the bytes after each step, 0 for removed channels where none was, and
    last the size in tutorials; ``estimates`` (R,) the entropy estimates.
    """

    steps: NDArray[np.int32]
    estimates: NDArray[np.float64]


def waterfalls(
    run: Callable[[Recipe], Report],
    recipes: Sequence[Recipe],
    on_done: Callable[[int], None] = lambda _: None,
) -> Waterfalls:
    """Compute the waterfalls of some recipes, each in about 50 ms.

    Parameters
    ----------
    run
        Returns the report of a recipe: ``Experiment.run``.
    recipes
        Recipes, a row each.
    on_done
        Called with the number of finished recipes; an exception raised by it ends the work.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> experiment = Experiment.load("digits")
    >>> found = waterfalls(experiment.run, [Recipe(), Recipe(sparsity=0.5, bits=4)])
    >>> found.steps[:, 0].tolist(), found.steps[:, 1].tolist()
    ([100136, 100136], [0, 0])
    """
    steps = np.zeros((len(recipes), STEPS + 1), np.int32)
    estimates = np.zeros(len(recipes), np.float64)
    with ThreadPoolExecutor(THREADS) as pool:
        told = pool.map(lambda recipe: run(recipe).reconcile(), recipes)
        for place, found in enumerate(told):
            steps[place], estimates[place] = _row(found), found.estimate_bytes
            on_done(place + 1)
    return Waterfalls(steps, estimates)


def waterfall_json(
    found: Waterfalls, shared: dict[str, Any], sparsities: Sequence[float], bits: Sequence[int]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Describe the table of a family, and name its arrays.

    Parameters
    ----------
    found
        Waterfalls of all pairs of ``bits`` and ``sparsities``, bits first.
    shared
        Fields of the recipe that all rows have, such as ``{"pruning": "layer"}``.
    sparsities, bits
        Values of the two sliders.

    Returns
    -------
    tuple
        JSON that size_steps.js reads, and the arrays by the names that stand for them in it.

    Examples
    --------
    >>> found = Waterfalls(np.zeros((1, 10), np.int32), np.zeros(1))
    >>> table, arrays = waterfall_json(found, {"pruning": "layer"}, [0.5], [4])
    >>> table["steps"], sorted(arrays)
    ('waterfall.layer.steps', ['waterfall.layer.estimates', 'waterfall.layer.steps'])
    """
    family = ".".join(["waterfall", *map(str, shared.values())])
    arrays = {f"{family}.steps": found.steps, f"{family}.estimates": found.estimates}
    named = dict(zip(("steps", "estimates"), arrays, strict=True))
    axes = {"sparsities": [*sparsities], "bits": [*bits]}
    return {"recipe": shared, **axes, **named}, arrays


def _row(found: Reconciliation) -> list[int]:
    sizes = [step.bytes for step in found.steps]
    if len(sizes) < STEPS:
        sizes.insert(1, 0)
    return [*sizes, found.tutorial_bytes]
