"""Witnesses of a page: runs of Python that the page's own runtime repeats before it answers."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.experiment.detection_grid import DetectionGrid
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.grid_files import SavedGrid
from optiwidgets.engine.experiment.precomputed_reports import PrecomputedReports
from optiwidgets.engine.types.measurements import Integers
from optiwidgets.engine.types.recipe import Recipe, is_untouched, without_idle
from optiwidgets.engine.types.recipe_family import RecipeFamily, rows_of

NEAR = 1e-4  # mean average precisions of equal predictions; pages/runtime_core.js has it too
Boxes = Sequence[NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Witnesses:
    """Runs of W recipes on N images: the untouched model, and one recipe of each kind.

    Parameters
    ----------
    recipes
        Recipes without idle fields, the untouched model first.
    predictions
        Predicted classes (W, N); (W, 0) of a detector.
    boxes
        Boxes of a detector, for each recipe those of each image (n, 6); empty of a classifier.
    precisions
        Mean average precisions 0..1, nan where undefined; a detector's over overlaps 0.5 to 0.95.
    weights
        CRC-32 of all bytes of the pruned and rounded tensors.
    order
        Stratified order of the images (N,): a preview is of the first ones.
    """

    recipes: tuple[Recipe, ...]
    predictions: NDArray[np.uint8] = field(repr=False)
    boxes: tuple[Boxes, ...] = field(repr=False)
    precisions: tuple[float, ...] = field(repr=False)
    weights: tuple[int, ...] = field(repr=False)
    order: Integers = field(repr=False)


def kind_of(recipe: Recipe) -> Recipe:
    """Return the kind of a recipe: its fields with an effect but sparsity and bit-width.

    Examples
    --------
    >>> str(kind_of(Recipe(0.5, score="lamp", bits=4, seed=3)))
    "Recipe(score='lamp')"
    >>> kind_of(Recipe(score="lamp", bits=4)) == kind_of(Recipe(0.5))  # nothing is pruned
    True
    """
    return replace(without_idle(recipe), sparsity=0.0, bits=32)


def witness_recipes(families: Iterable[RecipeFamily]) -> list[Recipe]:
    """List the untouched model, and the recipe in the middle of each kind that families have.

    Recipes with rounded activations have none: no page computes them.

    Examples
    --------
    >>> found = witness_recipes([RecipeFamily(Recipe(score="lamp"), (0.0, 0.4, 0.8), (4, 32))])
    >>> [str(recipe) for recipe in found]
    ['Recipe()', 'Recipe(bits=4)', "Recipe(sparsity=0.8, score='lamp')"]
    """
    kinds: dict[Recipe, dict[Recipe, None]] = {}
    for family in families:
        for recipe in map(without_idle, family.recipes):
            if not (is_untouched(recipe) or recipe.activation_bits < 32):
                kinds.setdefault(kind_of(recipe), {})[recipe] = None
    return [Recipe(), *(_middle([*members]) for members in kinds.values())]


def _middle(recipes: Sequence[Recipe]) -> Recipe:
    """Return the recipe nearest to the middle sparsity and the middle bit-width."""
    sparsities = sorted({recipe.sparsity for recipe in recipes})
    widths = sorted({recipe.bits for recipe in recipes})

    def distance(recipe: Recipe) -> int:
        steps = sparsities.index(recipe.sparsity) - len(sparsities) // 2
        return abs(steps) + abs(widths.index(recipe.bits) - len(widths) // 2)

    return min(recipes, key=distance)


def witnesses_of(
    experiment: Experiment,
    families: Iterable[RecipeFamily],
    grids: Sequence[SavedGrid] = (),
) -> Witnesses:
    """Run the witnesses of families, and compare them with stored grids.

    Parameters
    ----------
    experiment
        A detector's, or a classifier's with at most 256 classes.
    families
        Families that the model allows, of runs and of sizes.
    grids
        Grids of the page; they may come from a cache.

    Raises
    ------
    ValueError
        A grid has other predictions, boxes or mean average precisions than ``run`` gives.
    """
    recipes = witness_recipes(families)
    reports = [experiment.run(recipe) for recipe in recipes]
    for recipe, report in zip(recipes, reports, strict=True):
        for grid in grids:
            if isinstance(grid, PrecomputedReports):
                _compare(recipe, report, grid)
            elif isinstance(grid, DetectionGrid):
                _compare_boxes(recipe, report, grid)
    is_classified = reports[0].is_classified
    classes = [report.predictions if is_classified else () for report in reports]
    return Witnesses(
        tuple(recipes),
        np.array(classes, np.uint8),
        () if is_classified else tuple(report.boxes for report in reports),
        tuple(
            report.mean_average_precision if is_classified else report.map_50_95
            for report in reports
        ),
        tuple(_checksum(experiment.portable_weights(recipe)) for recipe in recipes),
        reports[0].outcome.order,
    )


def _compare(recipe: Recipe, report: Any, grid: PrecomputedReports) -> None:
    """Raise ValueError if a grid has another run of a recipe."""
    row = rows_of(grid.family).get(recipe)
    if row is None:
        return
    differ = int((grid.predictions[row] != report.predictions).sum())
    stored, found = grid.precisions[row], report.mean_average_precision
    if differ or not np.isclose(stored, found, rtol=0, atol=NEAR, equal_nan=True):
        raise ValueError(
            f"the stored run of {recipe} is not that of this model: {differ} predictions differ, "
            f"mean average precision {stored:.4f} and {found:.4f}; delete the stored grids"
        )


def _compare_boxes(recipe: Recipe, report: Any, grid: DetectionGrid) -> None:
    """Raise ValueError if a grid has other boxes of a recipe."""
    row = rows_of(grid.family).get(recipe)
    if row is None:
        return
    pairs = zip(grid.boxes_of(row), report.boxes, strict=True)
    differ = sum(not np.array_equal(stored, found) for stored, found in pairs)
    if differ or not np.array_equal(grid.precisions[row], report.precisions, equal_nan=True):
        raise ValueError(
            f"the stored run of {recipe} is not that of this model: the boxes of {differ} images "
            "differ; delete the stored grids"
        )


def _checksum(tensors: Mapping[str, NDArray[np.float32]]) -> int:
    """Compute the CRC-32 of the bytes of all tensors, in order."""
    found = 0
    for tensor in tensors.values():
        found = zlib.crc32(np.ascontiguousarray(tensor, "<f4").tobytes(), found)
    return found
