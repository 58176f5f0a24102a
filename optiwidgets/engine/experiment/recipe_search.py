"""Search in a fixed grid of recipes for one with a given confusion matrix, such as a textbook's."""

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
    """Find the report whose confusion counts are nearest to given counts.

    The search tries, in this order, every sparsity 0, 5 .. 95 %, at 32, 8, 6, 5, 4, 3 and 2 bits,
    pruned globally and then layer by layer. The distance is the largest difference of any count, in
    images. On a tie the first report is returned, and an exact match ends the search.

    Parameters
    ----------
    experiment
        Experiment whose exploration images are counted.
    counts
        (K, K) numbers of images, rows truth, columns prediction; the sum is the number of
        exploration images.
    stop
        Called before each recipe; ``Cancelled`` is raised once it returns True.

    Returns
    -------
    Report
        The nearest report; see ``distance``.

    Raises
    ------
    ValueError
        Counts have another shape or sum, or are negative or not whole, or an image has no single
        class.

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
    """Compute the largest difference of any count of two confusion matrices, in images.

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
    if not (base := experiment.run(Recipe())).is_classified:
        raise ValueError(f"recipes are searched by counts of images; this task is {base.task}")
    if wanted.shape != (classes, classes) or wanted.dtype.kind not in "iu" or (wanted < 0).any():
        raise ValueError(f"counts are {classes} x {classes} whole numbers, 0 or more: {counts!r}")
    images = len(experiment.dataset.exploration[1])
    if wanted.sum() != images:
        raise ValueError(f"counts are of all {images} exploration images, not {wanted.sum()}")
    return wanted.astype(np.int64)
