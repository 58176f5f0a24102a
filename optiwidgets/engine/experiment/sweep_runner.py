"""Runner of sweeps: many recipes, in sequence or in parallel, each run once."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from functools import cached_property
from os import PathLike
from typing import Protocol

import cloudpickle
import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import get_active_backend
from numpy.typing import NDArray
from tqdm import tqdm

from optiwidgets.engine.compression.compressor import Compressor
from optiwidgets.engine.data.dataset import Dataset, fingerprint
from optiwidgets.engine.experiment.sweep_log import SweepLog
from optiwidgets.engine.models import layers
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.sweep import Sweep, Trial
from optiwidgets.version import __version__

Parcel = NDArray[np.uint8]
ROUNDS = 4  # recipes per process and call, if a backend cannot return rows one by one


class Runnable(Protocol):
    """Interface of an ``Experiment`` that a sweep runs."""

    dataset: Dataset

    @property
    def name(self) -> str:
        """Name of the model."""
        ...

    def run(self, recipe: Recipe, /) -> Report:
        """Run a recipe on the exploration images."""
        ...


def sweep(
    experiment: Runnable,
    origin: Compressor,
    recipes: Iterable[Recipe],
    path: str | PathLike[str] | None,
    *,
    jobs: int | None,
    progress: bool,
    on_trial: Callable[[Trial], None],
) -> Sweep:
    """Run every recipe that is not in ``path`` yet; see ``Experiment.sweep``.

    ``origin`` is the experiment's compressor.
    """
    wanted = _checked(recipes)
    _check_jobs(jobs)
    subject, images = SweepTarget(experiment), experiment.dataset.exploration
    results = SweepLog(path, describe(experiment, origin))
    due = [recipe for recipe in wanted if recipe not in results.trials]
    bar = tqdm(
        desc="sweep",
        unit="recipe",
        total=len(wanted),
        initial=len(wanted) - len(due),
        disable=not progress,
    )
    with bar, closing(_attempts(subject, due, jobs)) as trials:
        for trial in trials:
            results.add(trial)
            bar.update()
            on_trial(trial)
    rows = tuple(results.trials[recipe] for recipe in wanted)
    return Sweep(rows, experiment.name, _name(experiment.dataset), len(images[1]))


def describe(experiment: Runnable, origin: Compressor) -> dict[str, str]:
    """Return names and fingerprints of all that a recipe's result depends on."""
    return {
        "sweep": f"{experiment.name} on {_name(experiment.dataset)}",
        "weights": layers.fingerprint(origin.folded),
        "trained weights": origin.pruner.trained.fingerprint,
        "exploration images": fingerprint(experiment.dataset.exploration),
        "training images": fingerprint(origin.dataset.train),
        "calibration images": fingerprint(origin.dataset.calibration),
        "optiwidgets": __version__,
    }


class SweepTarget:
    """Experiment for joblib's workers: itself in this process, pickled for other processes.

    The pickle is one array. joblib passes it to all processes of a machine through a file, and
    distributes it once in a cluster. Each process unpickles it once.
    """

    def __init__(self, experiment: Runnable) -> None:
        self.experiment = experiment

    @cached_property
    def baseline(self) -> Report:
        """Report from which drops are measured."""
        return self.experiment.run(Recipe())

    @cached_property
    def _parcel(self) -> tuple[str, Parcel]:
        """Hash and bytes of the pickled experiment; a process unpickles each hash once."""
        packed = cloudpickle.dumps(self.experiment)
        return hashlib.sha256(packed).hexdigest(), np.frombuffer(packed, np.uint8)

    def __reduce__(self) -> tuple[Callable[[str, Parcel], SweepTarget], tuple[str, Parcel]]:
        """Pickle as hash and bytes."""
        return _open, self._parcel

    def __sizeof__(self) -> int:
        """Return the bytes of the pickle: clusters distribute large objects once, not per task."""
        return self._parcel[1].nbytes


_opened: dict[str, SweepTarget] = {}  # the newest unpickled experiment of a worker process


def _open(name: str, parcel: Parcel) -> SweepTarget:
    subject = _opened.get(name)
    if subject is None:
        subject = SweepTarget(pickle.loads(parcel.data))
        _opened.clear()
        _opened[name] = subject
    return subject


def attempt(subject: SweepTarget, recipe: Recipe) -> Trial:
    """Run one recipe; if it raises ValueError, return a trial with the reason.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> digits = SweepTarget(Experiment.load("digits"))
    >>> attempt(digits, Recipe(sparsity=0.5)).pruned_weights
    12452
    """
    try:
        report = subject.experiment.run(recipe)
    except ValueError as error:
        return Trial(recipe, error=str(error) or repr(error))
    return Trial.of(report, subject.baseline)


def _attempts(
    subject: SweepTarget, due: list[Recipe], jobs: int | None
) -> Generator[Trial, None, None]:
    """Run recipes in joblib's backend, and yield each trial as soon as it is computed.

    Pools of multiprocessing, and Ray's, which are similar, cannot return results one by one: they
    get a few recipes at a time.
    """
    tasks = [delayed(attempt)(subject, recipe) for recipe in due]
    if get_active_backend()[0].supports_return_generator:
        yield from Parallel(jobs, return_as="generator_unordered", batch_size=1)(tasks)
        return
    few = ROUNDS * effective_n_jobs(jobs)
    with Parallel(jobs, batch_size=1) as run:
        for start in range(0, len(tasks), few):
            yield from run(tasks[start : start + few])


def _name(dataset: Dataset) -> str:
    return dataset.name or "own images"


def _checked(recipes: Iterable[Recipe]) -> list[Recipe]:
    """Check recipes, and return each once, in order."""
    if isinstance(recipes, Recipe) or not isinstance(recipes, Iterable):
        raise ValueError(f"recipes are a list of optiwidgets Recipes, not {recipes!r}")
    given = list(recipes)
    for place, recipe in enumerate(given):
        if not isinstance(recipe, Recipe):
            raise ValueError(f"recipes are optiwidgets Recipes, but recipes[{place}] is {recipe!r}")
    return list(dict.fromkeys(given))


def _check_jobs(jobs: object) -> None:
    whole = isinstance(jobs, int) and not isinstance(jobs, bool)
    if jobs is not None and not (whole and (jobs == -1 or jobs >= 1)):  # type: ignore[operator]
        raise ValueError(f"jobs is a whole number, 1 or more, or -1 for all cores, not {jobs!r}")
