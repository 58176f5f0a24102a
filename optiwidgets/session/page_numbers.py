"""Numbers of an experiment for a page without a kernel: grids, sizes, measurements, pixels."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.experiment.detection_grid import DetectionGrid
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.family_grids import detections_of, reports_of, sizes_of
from optiwidgets.engine.experiment.grid_files import cached_bytes
from optiwidgets.engine.experiment.precomputed_reports import MOST_CLASSES, PrecomputedReports
from optiwidgets.engine.experiment.reconciled_recipes import ReconciledRecipes, waterfalls_of
from optiwidgets.engine.experiment.weighed_recipes import WeighedRecipes
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.engine.types.report import Report
from optiwidgets.session.queries import exploration_pixels
from optiwidgets.version import __version__

Grid = PrecomputedReports | DetectionGrid
CPUS = Path("/proc/cpuinfo")
ROUNDING = 1e-6  # of normalized pixels, a few float32 steps; a step of a byte is 0.004 or more
WEIGHING, IN_INT8 = 0.4, 10.0  # work on a recipe against a float run of a small model, about


def check_page(experiment: Experiment) -> None:
    """Raise ValueError, with the reason, if no page without a kernel can hold the experiment.

    Examples
    --------
    >>> check_page(Experiment.load("digits"))
    """
    if is_detector(experiment):
        return
    if not experiment.task.of_classes:
        named = experiment.task.name
        raise ValueError(f"a page shows classifiers and detectors, and this task is {named}")
    if (classes := len(experiment.dataset.class_names)) > MOST_CLASSES:
        raise ValueError(f"a page holds at most {MOST_CLASSES} classes, not {classes}")


def is_detector(experiment: Experiment) -> bool:
    """Return whether the experiment's runs have boxes.

    Examples
    --------
    >>> is_detector(Experiment.load("digits"))
    False
    """
    if experiment.task.of_classes:
        return False
    outcome = experiment.run(Recipe()).outcome
    return all(hasattr(outcome, name) for name in ("boxes", "precisions"))


def possible(experiment: Experiment, families: Iterable[RecipeFamily]) -> list[RecipeFamily]:
    """Select the families that the experiment's model allows.

    Examples
    --------
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> families = [RecipeFamily(Recipe(pruning=name)) for name in ("layer", "channel")]
    >>> len(possible(Experiment.load("digits"), families))
    2
    """
    no = experiment.impossible
    return [f for f in families if not {f.like.pruning, f.like.score, f.like.recovery} & no.keys()]


def page_grids(
    experiment: Experiment,
    families: Sequence[RecipeFamily],
    sizes: Sequence[RecipeFamily] = (),
    on_progress: ProgressCallback = lambda _: None,
    folder: Path | None = None,
) -> tuple[list[Grid], list[WeighedRecipes]]:
    """Run the recipes of families, and weigh those of others; both come from the cache if known.

    Parameters
    ----------
    experiment
        A detector's, or a classifier's with at most 256 classes.
    families, sizes
        Families to run and to weigh; those that the model does not allow are left out.
    on_progress
        Called with the progress; an exception raised by it ends the work.
    folder
        Folder of the cache; the user's unless given.
    """
    check_page(experiment)
    run, weighed = possible(experiment, families), possible(experiment, sizes)
    work = [running_work(f) for f in run] + [weighing_work(f) for f in weighed]
    parts = stages(on_progress, *work)
    make = detections_of if is_detector(experiment) else reports_of
    grids: list[Grid] = [make(experiment, f, parts[i], folder) for i, f in enumerate(run)]
    rest = parts[len(run) :]
    return grids, [sizes_of(experiment, f, rest[i], folder) for i, f in enumerate(weighed)]


def running_work(family: RecipeFamily) -> float:
    """Estimate the work on a family, in runs of a float model; int8 models are also simulated.

    Examples
    --------
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> running_work(RecipeFamily(bits=(8,)))
    100.0
    >>> running_work(RecipeFamily(Recipe(activation_bits=8), bits=(8,)))
    1000.0
    """
    return len(family.recipes) * (IN_INT8 if family.is_int8 else 1.0)


def weighing_work(family: RecipeFamily) -> float:
    """Estimate the work on a family that is only weighed, in runs of a float model.

    Examples
    --------
    >>> weighing_work(RecipeFamily())
    400.0
    """
    return len(family.recipes) * WEIGHING


def page_waterfalls(
    experiment: Experiment,
    families: Sequence[RecipeFamily],
    on_progress: ProgressCallback = lambda _: None,
    folder: Path | None = None,
) -> list[ReconciledRecipes]:
    """Compute the waterfalls of families that the model allows; they come from the cache if known.

    The parameters are those of ``page_grids``.
    """
    found = possible(experiment, families)
    parts = stages(on_progress, *(len(family.recipes) for family in found))
    return [waterfalls_of(experiment, f, parts[i], folder) for i, f in enumerate(found)]


def stages(on_progress: ProgressCallback, *work: float) -> list[ProgressCallback]:
    """Share the progress of a whole among its stages, in order, by their amounts of work.

    Examples
    --------
    >>> first, second = stages(print, 3, 1)
    >>> second(Progress(0.5, "weighing"))
    Progress(done=0.875, stage='weighing', left_s=nan)
    """
    whole = sum(work) or 1.0
    return [
        _part(on_progress, sum(work[:place]) / whole, each / whole)
        for place, each in enumerate(work)
    ]


def _part(on_progress: ProgressCallback, start: float, share: float) -> ProgressCallback:
    """Report the progress of a part as that of the whole."""
    return lambda told: on_progress(Progress(start + share * told.done, told.stage))


def page_pixels(experiment: Experiment) -> NDArray[np.uint8]:
    """Return all exploration images as bytes 0..255, (N, H, W, C).

    Examples
    --------
    >>> page_pixels(Experiment.load("digits")).shape
    (1500, 28, 28, 1)
    """
    every = range(len(experiment.dataset.exploration[1]))
    found = [
        np.rint(255 * exploration_pixels(experiment, every[start : start + 256])).astype(np.uint8)
        for start in range(0, len(every), 256)
    ]
    return np.concatenate(found)


def are_bytes(experiment: Experiment) -> bool:
    """Return whether bytes hold the exploration images, so that a network sees the same images.

    They do not where a picture has more than 8 bits, or was resized as floats.

    Examples
    --------
    >>> are_bytes(Experiment.load("digits"))
    True
    """
    dataset = experiment.dataset
    pixels = np.divide(page_pixels(experiment), 255, dtype=np.float32)
    mean, std = (np.asarray(each, np.float32) for each in (dataset.mean, dataset.std))
    again = ((pixels - mean) / std).transpose(0, 3, 1, 2)
    return np.allclose(again, dataset.exploration[0].numpy(), rtol=ROUNDING, atol=ROUNDING)


def keep_in(folder: Path | None) -> Callable[[str, Callable[[], bytes]], bytes]:
    """Return a cache of bytes by their name, in a folder or in the user's cache."""
    return lambda name, make: cached_bytes(name, make, folder)


def processor_name() -> str:
    """Return the name of this machine's processor."""
    lines = CPUS.read_text().splitlines() if CPUS.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the versions of the packages that numbers depend on."""
    libraries = {name: version(name) for name in ("torch", "onnxruntime")}
    return {"optiwidgets": __version__, **libraries}


class Measurements(NamedTuple):
    """Speed and stability of recipes as JSON rows (``MeasuredJson``), and when they were measured.

    ``date`` is an ISO date and time, UTC.
    """

    date: str
    rows: list[dict[str, Any]]


def measured_reports(
    experiment: Experiment,
    recipes: Sequence[Recipe],
    on_progress: ProgressCallback = lambda _: None,
    folder: Path | None = None,
) -> Measurements:
    """Measure recipes, or read their measurements on this processor from the cache.

    Recipes that the model does not allow are left out.
    """
    allowed = [r for r in recipes if not {r.pruning, r.score} & experiment.impossible.keys()]
    of = [experiment.about, processor_name(), [recipe.as_dict() for recipe in allowed]]

    def measure() -> bytes:
        rows = []
        for place, recipe in enumerate(allowed):
            told = f"speed, {place} of {len(allowed)} recipes"
            on_progress(Progress(place / len(allowed), told))
            rows.append(_row(experiment.measure(experiment.run(recipe))))
        date = datetime.now(UTC).isoformat(timespec="seconds")
        return json.dumps({"date": date, "rows": rows}, allow_nan=False).encode()

    name = sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()
    return Measurements(**json.loads(cached_bytes(name, measure, folder)))


def _row(report: Report) -> dict[str, Any]:
    latencies = {name: plain(asdict(each)) for name, each in report.latencies.items()}
    return {
        "recipe": plain(report.recipe.as_dict()),
        "latency": report.latency and plain(asdict(report.latency)),
        "latencies": latencies,
        "latency_reasons": dict(report.latency_reasons),
        "agreement": report.agreement,
        "flip_rate": report.flip_rate,
        "baseline_flip_rate": report.baseline_flip_rate,
    }


def plain(value: Any) -> Any:
    """Convert nan in nested values to None, and tuples to lists.

    >>> plain({"a": (1.0, float("nan"))})
    {'a': [1.0, None]}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
