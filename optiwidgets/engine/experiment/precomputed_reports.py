"""Precomputed reports of a family of recipes, such as the two sliders' positions, as arrays."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from optiwidgets.engine.experiment.grid_files import SavedGrid
from optiwidgets.engine.sparse_runtime.runtime_info import runtime_info
from optiwidgets.engine.types.measurements import Confusion, Floats, Integers, Size
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import SLIDERS, RecipeFamily, rows_of
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import RUNTIMES
from optiwidgets.version import __version__

Begin = Callable[[Recipe, Integers, float, int], "partial[Report]"]  # ``begin_stored``
Key = tuple[tuple[str, str], ...]
COUNTS = ("baseline bytes", "pruned", "macs", "parameters", "removed channels", "channels")
DTYPES: Mapping[str, type[np.generic]] = {
    "predictions": np.uint8,
    "parts": np.int64,
    "layers": np.float64,
    "counts": np.int64,
    "precisions": np.float64,
    "not_finite": np.int64,
    "runtimes": np.uint8,
    "simulated": np.int64,
    "simulated_metrics": np.float64,
}
MOST_CLASSES = 256  # of predictions in a byte
NONE = (np.zeros((0, 0, 0)), ())  # simulations of no int8 model


def recipes() -> tuple[Recipe, ...]:
    """Return all recipes of the two sliders with the other controls at their defaults.

    Examples
    --------
    >>> len(recipes()), str(recipes()[101]), str(recipes()[-1])
    (1000, 'Recipe(sparsity=0.01, bits=2)', 'Recipe(sparsity=0.99)')
    """
    return SLIDERS.recipes


@cache
def made_by() -> str:
    """Describe the code, libraries and processor that numbers depend on."""
    code = source_digest(Path(str(files("optiwidgets.engine"))))
    sparse = f"sparse runtime {runtime_info().sparse_runtime or 'absent'}"
    ours = f"optiwidgets {__version__}"
    libraries = (f"{name} {version(name)}" for name in ("torch", "onnxruntime"))
    processor = torch.backends.cpu.get_cpu_capability()
    return ", ".join((ours, *libraries, f"engine {code[:12]}", sparse, processor))


def source_digest(folder: Path) -> str:
    """Hash the names and contents of all Python and C++ files in a folder and its sub-folders."""
    digest = hashlib.sha256()
    for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.cpp"))):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class PrecomputedReports(SavedGrid):
    """Reports of a family's R recipes, one row each, of one model on one set of N images.

    ``about`` has the fingerprints of model, images and code. ``predictions`` are (R, N) uint8.
    ``parts`` (R, P) and ``layers`` (R, L) are bytes, with names in ``part_names`` and
    ``layer_names``. ``counts`` are (R, 6), with columns ``COUNTS``. ``precisions`` (R,) are
    mean average precisions, ``not_finite`` (R,) numbers of images, ``runtimes`` (R,) uint8
    indices into ``RUNTIMES``. ``simulated`` (R, K, K) are the counts of the int8 models' float
    simulations, and ``simulated_metrics`` (R,) their leading metrics; without int8 models both have
    no row. Scores are not stored.

    Raises
    ------
    ValueError
        An array has the wrong shape or dtype.
    """

    dtypes = DTYPES
    lacking = "is no slider grid, or a damaged one"

    part_names: tuple[str, ...]
    layer_names: tuple[str, ...]
    predictions: NDArray[np.uint8] = field(repr=False)
    parts: Integers = field(repr=False)
    layers: Floats = field(repr=False)
    counts: Integers = field(repr=False)
    precisions: Floats = field(repr=False)
    not_finite: Integers = field(repr=False)
    runtimes: NDArray[np.uint8] = field(repr=False)
    simulated: Integers = field(repr=False)
    simulated_metrics: Floats = field(repr=False)

    def __post_init__(self) -> None:
        about = {str(name): str(value) for name, value in self.about.items()}
        object.__setattr__(self, "about", about)
        rows = {
            "predictions": self.predictions.shape[1:2],
            "parts": (len(self.part_names),),
            "layers": (len(self.layer_names),),
            "counts": (len(COUNTS),),
        }
        rows["simulated"] = self.simulated.shape[1:]
        count = len(rows_of(self.family))
        for name, dtype in DTYPES.items():
            made = len(self.simulated) and count if name.startswith("simulated") else count
            array, shape = getattr(self, name), (made, *rows.get(name, ()))
            if array.shape != shape or array.dtype != dtype:
                wanted = f"{dtype.__name__} of shape {shape}"
                raise ValueError(f"{name} are {wanted}, not {array.dtype} of {array.shape}")
            array.setflags(write=False)

    @classmethod
    def of(
        cls, about: Mapping[str, str], reports: Iterable[Report], family: RecipeFamily = SLIDERS
    ) -> PrecomputedReports:
        """Store reports given in the order ``family.by_sparsity``; none is kept in memory."""
        rows, simulated = [], []
        for report in reports:
            names = tuple(report.size.parts), tuple(report.size.layers)
            rows.append(_row(report))
            if report.simulated is not None:
                simulated.append((report.simulated.counts, report.simulated_metric))
        columns = [*zip(*rows, strict=True), *(zip(*simulated, strict=True) if simulated else NONE)]
        made = (np.array(c, dtype) for c, dtype in zip(columns, DTYPES.values(), strict=True))
        return cls(about, family, *names, *(family.in_rows(c) if len(c) else c for c in made))

    @property
    def nbytes(self) -> int:
        """Number of bytes of all arrays."""
        return sum(getattr(self, name).nbytes for name in DTYPES)

    def __contains__(self, recipe: Recipe) -> bool:
        return recipe in self.family

    def report(self, recipe: Recipe, begin: Begin) -> Report:
        """Return the report of a recipe, completed from ``begin``.

        Raises
        ------
        KeyError
            The recipe is not in the grid.
        """
        row = rows_of(self.family)[recipe]
        predictions = self.predictions[row].astype(np.int64)
        predictions.setflags(write=False)
        baseline, pruned, macs, parameters, removed, channels = self.counts[row].tolist()
        parts = dict(zip(self.part_names, self.parts[row].tolist(), strict=True))
        layers = dict(zip(self.layer_names, self.layers[row].tolist(), strict=True))
        scores = float(self.precisions[row]), int(self.not_finite[row])
        started = begin(recipe, predictions, *scores)
        return started(
            **self._simulation(row, started.keywords["class_names"]),
            size=Size(MappingProxyType(parts), baseline, MappingProxyType(layers)),
            pruned_weights=pruned,
            removed_channels=(removed, channels),
            macs=macs,
            parameters=parameters,
            runtime=RUNTIMES[self.runtimes[row]],
        )

    def _simulation(self, row: int, class_names: tuple[str, ...]) -> dict[str, Any]:
        """Return confusion and leading metric of an int8 model's simulation; {} without."""
        if not len(self.simulated):
            return {}
        found = Confusion(self.simulated[row], class_names)
        return {"simulated": found, "simulated_metric": float(self.simulated_metrics[row])}

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file written by ``save``.

        Raises
        ------
        ValueError
            The file is no grid, damaged, or of another version; the message has the reason.
        OSError
            The file cannot be read.
        """
        grid = super().load(path)
        if (found := grid.about.get("made by")) != made_by():
            raise ValueError(f"{path} was made by {found}, and this is {made_by()}; make it again")
        return grid


def _row(report: Report) -> tuple[Any, ...]:
    """Return the values that a grid stores of a report, in the order of ``DTYPES``."""
    if (classes := len(report.class_names)) > MOST_CLASSES:
        raise ValueError(f"a slider grid is of {MOST_CLASSES} classes at most, not {classes}")
    size = report.size
    names = ("pruned_weights", "macs", "parameters", "removed_channels")
    counts = {name: getattr(report, name) for name in names}
    return (
        report.predictions.astype(np.uint8),
        tuple(size.parts.values()),
        tuple(size.layers.values()),
        size_row(size.baseline_bytes, counts),
        report.mean_average_precision,
        report.not_finite,
        RUNTIMES.index(report.runtime),
    )


def size_row(baseline_bytes: int, counts: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the columns ``COUNTS`` of a report's numbers."""
    told = (counts[name] for name in ("pruned_weights", "macs", "parameters"))
    return (baseline_bytes, *told, *counts["removed_channels"])


_grids: dict[tuple[Key, RecipeFamily], PrecomputedReports] = {}


def register(grid: PrecomputedReports) -> None:
    """Register a grid for ``Experiment.load``, in this process and in its later forks."""
    rows_of(grid.family)  # filled once here, not in every fork
    _grids[_key(grid.about), grid.family] = grid


def find_registered(about: Callable[[], Mapping[str, str]]) -> list[PrecomputedReports]:
    """Return the registered grids of an experiment; without any grid skip ``about``."""
    if not _grids:
        return []
    wanted = _key(about())
    return [grid for (key, _), grid in _grids.items() if key == wanted]


def _key(about: Mapping[str, str]) -> Key:
    return tuple(sorted(about.items()))
