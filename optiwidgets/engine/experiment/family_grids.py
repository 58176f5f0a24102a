"""Grids of families of recipes, computed once and kept in the user's cache by what they are of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from optiwidgets.engine.evaluation.images import Images
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.experiment.detection_grid import DetectionGrid
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.grid_files import cached_grid
from optiwidgets.engine.experiment.precompute import evaluate_grid
from optiwidgets.engine.experiment.precomputed_reports import PrecomputedReports
from optiwidgets.engine.experiment.weighed_recipes import Weighed, WeighedRecipes
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.engine.types.report import Report

IMAGES = "exploration images"  # what sizes do not depend on


def reports_of(
    experiment: Experiment,
    family: RecipeFamily,
    on_progress: ProgressCallback = lambda _: None,
    folder: Path | None = None,
) -> PrecomputedReports:
    """Run every recipe of a family, or read the reports from the cache.

    Parameters
    ----------
    experiment
        A classifier's, with at most 256 classes.
    family
        Recipes to run.
    on_progress
        Called with the progress; an exception raised by it ends the work.
    folder
        Folder of the files; the user's cache unless given.

    Raises
    ------
    ValueError
        The experiment has more than 256 classes, or is not a classifier's.
    """
    of = {"reports": experiment.about, "family": family.as_dict(), **_inputs(experiment)}
    make = partial(evaluate_grid, experiment, on_progress, family)
    return cached_grid(of, PrecomputedReports, make, folder)


def detections_of(
    experiment: Experiment,
    family: RecipeFamily,
    on_progress: ProgressCallback = lambda _: None,
    folder: Path | None = None,
) -> DetectionGrid:
    """Run every recipe of a family on a detector, or read the detections from the cache.

    The parameters are those of ``reports_of``.

    Raises
    ------
    ValueError
        The detections have too many boxes for a page.
    """
    of = {"detections": experiment.about, "family": family.as_dict(), **_inputs(experiment)}
    recipes, baseline = family.recipes, experiment.run(Recipe())

    def reports() -> Iterator[Report]:
        for place, recipe in enumerate(recipes):
            told = f"detections, {place} of {len(recipes)} recipes"
            on_progress(Progress(place / len(recipes), told))
            yield experiment.run(recipe)

    return cached_grid(
        of,
        DetectionGrid,
        lambda: DetectionGrid.of(experiment.about, family, baseline, reports()),
        folder,
    )


def sizes_of(
    experiment: Experiment,
    family: RecipeFamily,
    on_progress: ProgressCallback = lambda _: None,
    folder: Path | None = None,
) -> WeighedRecipes:
    """Weigh the models of a family's recipes, or read their sizes from the cache.

    The parameters are those of ``reports_of``; images are not run.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> family = RecipeFamily(Recipe(score="lamp"), sparsities=(0.5,), bits=(4, 8))
    >>> sizes_of(Experiment.load("digits"), family, folder=Path(mkdtemp())).counts[:, 1].tolist()
    [12452, 12452]
    """
    about = {name: value for name, value in experiment.about.items() if name != IMAGES}
    recipes = family.by_sparsity

    def weighed() -> Iterator[Weighed]:
        for place, recipe in enumerate(recipes):
            on_progress(Progress(place / len(recipes), f"sizes, {place} of {len(recipes)}"))
            yield experiment._reports.weigh(recipe)

    of = {"sizes": about, "family": family.as_dict(), **_inputs(experiment)}
    return cached_grid(
        of, WeighedRecipes, lambda: WeighedRecipes.of(about, family, weighed()), folder
    )


def _inputs(experiment: Experiment) -> dict[str, Any]:
    """Describe all else that reports and sizes depend on: calibration, names, the forward pass."""
    tuned, baseline = experiment._compressor.dataset, experiment.run(Recipe())
    is_classified = baseline.is_classified
    answers = baseline.predictions if is_classified else np.concatenate(baseline.boxes)
    metric = baseline.mean_average_precision if is_classified else baseline.metric
    return {
        "calibration images": Images.of("calibration", tuned.calibration).fingerprint,
        "class names": list(tuned.class_names),
        "baseline": [sha256(answers.tobytes()).hexdigest(), round(metric, 6)],
    }
