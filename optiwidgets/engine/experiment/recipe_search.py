"""Looking through a fixed grid of recipes for one that does what a textbook's model did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.measurements import Confusion, Integers
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report

PERCENTS = range(0, 100, 5)
BITS = (32, 8, 6, 5, 4, 3, 2)
PRUNINGS = ("global", "layer")


def nearest_recipe(
    experiment: Experiment,
    counts: Confusion | Integers | Sequence[Sequence[int]],
    stop: Callable[[], bool] = lambda: False,
) -> Report:
    """Find the report whose confusion counts come nearest to given ones.

    Tried, in this order: every sparsity 0, 5 .. 95 %, at 32, 8, 6, 5, 4, 3 and 2 bits, pruned over
    all layers and then layer by layer. Distance is the largest difference of any count, in images;
    of equally near ones the first is taken, and an exact match ends the search.

    Parameters
    ----------
    experiment
        Its exploration images are counted.
    counts
        (K, K) images, rows truth, columns prediction, as many in all as there are images to
        explore.
    stop
        Asked before each recipe; once it is True, ``Cancelled`` is raised.

    Returns
    -------
    Report
        The nearest there is; ``distance`` says how near.

    Raises
    ------
    ValueError
        Counts of another shape or sum, negative or not whole.

    Examples
    --------
    >>> exp = Experiment.load("digits")
    >>> nearest_recipe(exp, exp.run(Recipe()).confusion).recipe == Recipe()
    True
    """
    wanted = _checked(counts, experiment)
    nearest = experiment.run(Recipe())
    for recipe in _grid():
        if not distance(nearest.confusion, wanted):
            break
        if stop():
            raise Cancelled
        report = experiment.run(recipe)
        if distance(report.confusion, wanted) < distance(nearest.confusion, wanted):
            nearest = report
    return nearest


def distance(one: Confusion | Integers, other: Confusion | Integers) -> int:
    """Largest difference of any count of two confusion matrices of the same shape, in images.

    Examples
    --------
    >>> distance(np.array([[95, 10], [5, 90]]), np.array([[90, 15], [10, 85]]))
    5
    """
    return int(np.abs(_counts(one) - _counts(other)).max())


def _counts(of: object) -> Integers:
    return np.asarray(of.counts if isinstance(of, Confusion) else of)


def _grid() -> Iterator[Recipe]:
    for percent in PERCENTS:
        for bits in BITS:
            for pruning in PRUNINGS if percent else PRUNINGS[:1]:
                yield Recipe(sparsity=percent / 100, bits=bits, pruning=pruning)


def _checked(counts: object, experiment: Experiment) -> Integers:
    try:
        wanted = _counts(counts)
    except ValueError:  # rows of different lengths
        wanted = np.empty(0, np.int64)
    classes = len(experiment.dataset.class_names)
    if wanted.shape != (classes, classes) or wanted.dtype.kind not in "iu" or (wanted < 0).any():
        raise ValueError(f"counts are {classes} x {classes} whole numbers, 0 or more: {counts!r}")
    images = len(experiment.dataset.exploration[1])
    if wanted.sum() != images:
        raise ValueError(f"counts are of all {images} images to explore, not {wanted.sum()}")
    return wanted.astype(np.int64)
