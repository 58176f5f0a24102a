"""Precomputed reports for every position of the two sliders, stored as arrays."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.engine.sparse_runtime.runtime_info import runtime_info
from optiwidgets.engine.types.measurements import Floats, Integers, Size
from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import RUNTIMES
from optiwidgets.version import __version__

Begin = Callable[[Recipe, Integers, float, int], Callable[..., Report]]  # ``begin_stored``
SPARSITIES = tuple(percent / 100 for percent in range(100))
COUNTS = ("baseline bytes", "pruned", "macs", "parameters", "removed channels", "channels")
DTYPES: Mapping[str, type[np.generic]] = {
    "predictions": np.uint8,
    "parts": np.int64,
    "layers": np.float64,
    "counts": np.int64,
    "precisions": np.float64,
    "not_finite": np.int64,
    "runtimes": np.uint8,
}
DAMAGED = (ValueError, KeyError, TypeError, EOFError, NotImplementedError, RuntimeError)
DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error)


@cache
def recipes() -> tuple[Recipe, ...]:
    """Return all recipes of the two sliders with the other controls at their defaults.

    Examples
    --------
    >>> len(recipes()), str(recipes()[101]), str(recipes()[-1])
    (1000, 'Recipe(sparsity=0.01, bits=2)', 'Recipe(sparsity=0.99)')
    """
    return tuple(Recipe(sparsity=s, bits=bits) for bits in BIT_WIDTHS for s in SPARSITIES)


@cache
def _rows() -> Mapping[Recipe, int]:
    return {recipe: row for row, recipe in enumerate(recipes())}


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
class PrecomputedReports:
    """Reports of ``recipes()``, one row each, of one model on one set of N images.

    ``about`` has the fingerprints of model, images and code. ``predictions`` are (1000, N) uint8.
    ``parts`` (1000, P) and ``layers`` (1000, L) are bytes, with names in ``part_names`` and
    ``layer_names``. ``counts`` are (1000, 6), with columns ``COUNTS``. ``precisions`` (1000,) are
    mean average precisions, ``not_finite`` (1000,) numbers of images, ``runtimes`` (1000,) uint8
    indices into ``RUNTIMES``. Scores are not stored.

    Raises
    ------
    ValueError
        An array has the wrong shape or dtype.
    """

    about: Mapping[str, str]
    part_names: tuple[str, ...]
    layer_names: tuple[str, ...]
    predictions: NDArray[np.uint8] = field(repr=False)
    parts: Integers = field(repr=False)
    layers: Floats = field(repr=False)
    counts: Integers = field(repr=False)
    precisions: Floats = field(repr=False)
    not_finite: Integers = field(repr=False)
    runtimes: NDArray[np.uint8] = field(repr=False)

    def __post_init__(self) -> None:
        rows = {
            "predictions": self.predictions.shape[1:2],
            "parts": (len(self.part_names),),
            "layers": (len(self.layer_names),),
            "counts": (len(COUNTS),),
        }
        for name, dtype in DTYPES.items():
            array, shape = getattr(self, name), (len(recipes()), *rows.get(name, ()))
            if array.shape != shape or array.dtype != dtype:
                wanted = f"{dtype.__name__} of shape {shape}"
                raise ValueError(f"{name} are {wanted}, not {array.dtype} of {array.shape}")
            array.setflags(write=False)

    @classmethod
    def of(cls, about: Mapping[str, str], reports: Iterable[Report]) -> PrecomputedReports:
        """Store reports given in the order of ``recipes()``; none is kept in memory."""
        rows = []
        for report in reports:
            names = tuple(report.size.parts), tuple(report.size.layers)
            rows.append(_row(report))
        columns = zip(DTYPES.values(), zip(*rows, strict=True), strict=True)
        return cls(about, *names, *(np.array(column, dtype) for dtype, column in columns))

    @property
    def nbytes(self) -> int:
        """Number of bytes of all arrays."""
        return sum(getattr(self, name).nbytes for name in DTYPES)

    def __contains__(self, recipe: Recipe) -> bool:
        return recipe in _rows()

    def report(self, recipe: Recipe, begin: Begin) -> Report:
        """Return the report of a recipe, completed from ``begin``.

        Raises
        ------
        KeyError
            The recipe is not in the grid.
        """
        row = _rows()[recipe]
        predictions = self.predictions[row].astype(np.int64)
        predictions.setflags(write=False)
        baseline, pruned, macs, parameters, removed, channels = self.counts[row].tolist()
        parts = dict(zip(self.part_names, self.parts[row].tolist(), strict=True))
        layers = dict(zip(self.layer_names, self.layers[row].tolist(), strict=True))
        scores = float(self.precisions[row]), int(self.not_finite[row])
        return begin(recipe, predictions, *scores)(
            size=Size(MappingProxyType(parts), baseline, MappingProxyType(layers)),
            pruned_weights=pruned,
            removed_channels=(removed, channels),
            macs=macs,
            parameters=parameters,
            runtime=RUNTIMES[self.runtimes[row]],
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one .npz file atomically."""
        names = {"about": dict(self.about), "parts": self.part_names, "layers": self.layer_names}
        stream, arrays = io.BytesIO(), {name: getattr(self, name) for name in DTYPES}
        np.savez_compressed(stream, names=np.array(json.dumps(names)), **arrays)
        write_atomically(path, stream.getvalue())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PrecomputedReports:
        """Read a file written by ``save``.

        Raises
        ------
        ValueError
            The file is no grid, damaged, or of another version; the message has the reason.
        OSError
            The file cannot be read.
        """
        data = Path(path).read_bytes()
        try:
            grid = cls._read(data)
        except (*DAMAGED, *DAMAGED_ZIP) as error:
            raise ValueError(f"{path} is no slider grid, or a damaged one: {error}") from error
        if (found := grid.about.get("made by")) != made_by():
            raise ValueError(f"{path} was made by {found}, and this is {made_by()}; make it again")
        return grid

    @classmethod
    def _read(cls, data: bytes) -> PrecomputedReports:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if damaged := archive.testzip():
                raise ValueError(f"{damaged} is not as it was written")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            names = json.loads(str(arrays["names"]))
            if set(arrays) != {"names", *DTYPES}:
                raise ValueError(f"it holds {', '.join(sorted(arrays))}")
            found = {name: arrays[name] for name in DTYPES}
        about = {str(name): str(value) for name, value in dict(names["about"]).items()}
        return cls(about, tuple(names["parts"]), tuple(names["layers"]), **found)


def _row(report: Report) -> tuple[Any, ...]:
    """Return the values that a grid stores of a report, in the order of ``DTYPES``."""
    if len(report.class_names) > 256:
        raise ValueError(f"a slider grid is of 256 classes at most, not {len(report.class_names)}")
    size = report.size
    counts = (size.baseline_bytes, report.pruned_weights, report.macs, report.parameters)
    return (
        report.predictions.astype(np.uint8),
        tuple(size.parts.values()),
        tuple(size.layers.values()),
        (*counts, *report.removed_channels),
        report.mean_average_precision,
        report.not_finite,
        RUNTIMES.index(report.runtime),
    )


_grids: dict[tuple[tuple[str, str], ...], PrecomputedReports] = {}


def register(grid: PrecomputedReports) -> None:
    """Register a grid for ``Experiment.load``, in this process and in its later forks."""
    _rows()  # filled once here, not in every fork
    _grids[_key(grid.about)] = grid


def find_registered(about: Callable[[], Mapping[str, str]]) -> PrecomputedReports | None:
    """Return the registered grid of an experiment, else None; without any grid skip ``about``."""
    return _grids.get(_key(about())) if _grids else None


def _key(about: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(about.items()))
