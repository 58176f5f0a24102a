"""Grids of families of recipes, computed once and kept in the user's cache by what they are of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from optiwidgets.engine.evaluation.images import Images
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.grid_files import cached_grid
from optiwidgets.engine.experiment.precompute import evaluate_grid
from optiwidgets.engine.experiment.precomputed_reports import PrecomputedReports
from optiwidgets.engine.experiment.weighed_recipes import Weighed, WeighedRecipes
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily

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
    return cached_grid(of, PrecomputedReports.load, make, folder)


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
        of, WeighedRecipes.load, lambda: WeighedRecipes.of(about, family, weighed()), folder
    )


def _inputs(experiment: Experiment) -> dict[str, Any]:
    """Describe all else that reports and sizes depend on: calibration, names, the forward pass."""
    tuned, baseline = experiment._compressor.dataset, experiment.run(Recipe())
    answers = sha256(baseline.predictions.tobytes()).hexdigest()
    return {
        "calibration images": Images.of("calibration", tuned.calibration).fingerprint,
        "class names": list(tuned.class_names),
        "baseline": [answers, round(baseline.mean_average_precision, 6)],
    }
