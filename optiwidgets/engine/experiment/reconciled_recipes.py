"""Waterfalls of sizes of a family of recipes: the steps from four bytes a parameter to the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.family_grids import IMAGES
from optiwidgets.engine.experiment.grid_files import SavedGrid, cached_grid
from optiwidgets.engine.serialization.size_breakdown import reconcile
from optiwidgets.engine.types.measurements import Reconciliation
from optiwidgets.engine.types.recipe_family import RecipeFamily, rows_of

STEPS = 9  # of a waterfall where channels were removed; else the second is missing
THREADS = 2  # zlib, the slowest part, runs without the interpreter's lock
AHEAD = 8  # recipes at once in these threads' queue
DTYPES: Mapping[str, type[np.generic]] = {"steps": np.int64, "estimates": np.float64}


@dataclass(frozen=True, eq=False)
class ReconciledRecipes(SavedGrid):
    """Waterfalls of a family's R recipes, one row each, of one model.

    ``steps`` (R, 10) holds the bytes after each step, 0 for removed channels where none was, and
    last the size in tutorials; ``estimates`` (R,) the entropy estimates.

    Raises
    ------
    ValueError
        An array has the wrong shape or dtype.
    """

    dtypes = DTYPES
    lacking = "has no waterfalls, or damaged ones"

    steps: NDArray[np.int64] = field(repr=False)
    estimates: NDArray[np.float64] = field(repr=False)

    def __post_init__(self) -> None:
        rows = len(rows_of(self.family))
        for name, shape in (("steps", (rows, STEPS + 1)), ("estimates", (rows,))):
            array = getattr(self, name)
            if array.shape != shape or array.dtype != DTYPES[name]:
                kind = DTYPES[name].__name__
                raise ValueError(
                    f"{name} are {kind} of {shape}, not {array.dtype} of {array.shape}"
                )
            array.setflags(write=False)


def waterfalls_of(
    experiment: Experiment,
    family: RecipeFamily,
    on_progress: ProgressCallback = lambda _: None,
    folder: Path | None = None,
) -> ReconciledRecipes:
    """Reconcile the sizes of a family's recipes, or read their waterfalls from the cache.

    Parameters
    ----------
    experiment
        An experiment; images are not run.
    family
        Recipes to reconcile; each takes about 50 ms.
    on_progress
        Called with the progress; an exception raised by it ends the work.
    folder
        Folder of the files; the user's cache unless given.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> family = RecipeFamily(sparsities=(0.0, 0.5), bits=(4,))
    >>> found = waterfalls_of(Experiment.load("digits"), family, folder=Path(mkdtemp()))
    >>> found.steps[:, 0].tolist(), found.steps[:, 1].tolist()
    ([100136, 100136], [0, 0])
    """
    about: dict[str, Any] = {
        name: value for name, value in experiment.about.items() if name != IMAGES
    }
    about["class names"] = list(experiment.dataset.class_names)

    def make() -> ReconciledRecipes:
        found = [*_reconciled(experiment, family, on_progress)]
        steps = np.array([_row(each) for each in found], np.int64)
        estimates = np.array([each.estimate_bytes for each in found], np.float64)
        return ReconciledRecipes(about, family, family.in_rows(steps), family.in_rows(estimates))

    of = {"waterfalls": about, "family": family.as_dict()}
    return cached_grid(of, ReconciledRecipes, make, folder)


def _reconciled(
    experiment: Experiment, family: RecipeFamily, on_progress: ProgressCallback
) -> Iterator[Reconciliation]:
    recipes, compressor = family.by_sparsity, experiment._compressor
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(recipes), AHEAD):
            done = start / len(recipes)
            on_progress(Progress(done, f"waterfalls, {start} of {len(recipes)}"))
            some = [compressor.compress(each).packable for each in recipes[start : start + AHEAD]]
            yield from pool.map(partial(reconcile, untouched=compressor.folded), some)


def _row(found: Reconciliation) -> list[int]:
    sizes = [step.bytes for step in found.steps]
    if len(sizes) < STEPS:
        sizes.insert(1, 0)
    return [*sizes, found.tutorial_bytes]
