"""Detections of a family of recipes as arrays: boxes, and the numbers that take long to compute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.experiment.grid_files import SavedGrid
from optiwidgets.engine.experiment.precomputed_reports import COUNTS, size_row
from optiwidgets.engine.types.boxes import FIELDS
from optiwidgets.engine.types.measurements import Floats, Integers
from optiwidgets.engine.types.recipe_family import RecipeFamily, rows_of
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import RUNTIMES

DTYPES: Mapping[str, type[np.generic]] = {
    "found": np.int64,
    "boxes": np.float32,
    "lost": np.bool_,
    "precisions": np.float64,
    "drops": np.float64,
    "intervals": np.float64,
    "parts": np.int64,
    "counts": np.int64,
    "runtimes": np.uint8,
}
DROP = ("points", "low", "high", "lost", "gained", "p")  # columns of ``drops``
OVERLAPS = 10  # of average precisions
MOST_BOXES = 4_000_000  # of all recipes together: 100 MB


@dataclass(frozen=True, eq=False)
class DetectionGrid(SavedGrid):
    """Detections of a family's R recipes, one row each, of one model on one set of N images.

    ``about`` has the fingerprints of model, images and code. ``found`` (R, N) are numbers of boxes,
    and ``boxes`` (T, 6) all of them, recipe by recipe and image by image: x0, y0, x1, y1 in pixels,
    score, class. ``lost`` (R, N) is true for images whose output is not finite. ``precisions`` are
    (R, K, 10), ``drops`` (R, 6) from the untouched model, with columns ``DROP``, and ``intervals``
    (R, 2) of mAP@0.5. ``parts`` (R, P) are bytes, with names in ``part_names``, ``counts`` (R, 6)
    have the columns ``COUNTS``, and ``runtimes`` (R,) are indices into ``RUNTIMES``.

    Raises
    ------
    ValueError
        An array has the wrong shape or dtype.
    """

    dtypes = DTYPES
    lacking = "has no detections, or damaged ones"

    part_names: tuple[str, ...]
    found: Integers = field(repr=False)
    boxes: NDArray[np.float32] = field(repr=False)
    lost: NDArray[np.bool_] = field(repr=False)
    precisions: Floats = field(repr=False)
    drops: Floats = field(repr=False)
    intervals: Floats = field(repr=False)
    parts: Integers = field(repr=False)
    counts: Integers = field(repr=False)
    runtimes: NDArray[np.uint8] = field(repr=False)

    def __post_init__(self) -> None:
        rows, images = len(rows_of(self.family)), self.found.shape[1:2]
        shapes: dict[str, tuple[int, ...]] = {
            "found": (rows, *images),
            "boxes": (int(self.found.sum()), FIELDS),
            "lost": (rows, *images),
            "precisions": (rows, *self.precisions.shape[1:2], OVERLAPS),
            "drops": (rows, len(DROP)),
            "intervals": (rows, 2),
            "parts": (rows, len(self.part_names)),
            "counts": (rows, len(COUNTS)),
            "runtimes": (rows,),
        }
        for name, dtype in DTYPES.items():
            array, shape = getattr(self, name), shapes[name]
            if array.shape != shape or array.dtype != dtype:
                wanted = f"{dtype.__name__} of shape {shape}"
                raise ValueError(f"{name} are {wanted}, not {array.dtype} of {array.shape}")
            array.setflags(write=False)

    @classmethod
    def of(
        cls,
        about: Mapping[str, str],
        family: RecipeFamily,
        baseline: Report,
        reports: Iterable[Report],
    ) -> DetectionGrid:
        """Store reports given in the order of ``family.recipes``; none is kept in memory.

        Raises
        ------
        ValueError
            The reports have more than ``MOST_BOXES`` boxes.
        """
        names: tuple[str, ...] = ()
        known: dict[bytes, tuple[Any, ...]] = {}  # few bits give many recipes the same weights
        rows, total = [], 0
        for report in reports:
            key = _key(report.outcome)
            seen = known[key] = known[key] if key in known else _seen(report, baseline)
            rows.append((*seen, *_weighed(report)))
            names = tuple(report.size.parts)
            total += len(seen[1])
            if total > MOST_BOXES:
                raise ValueError(
                    f"a page holds at most {MOST_BOXES:,} boxes, and {len(rows)} of "
                    f"{len(family.recipes)} recipes have {total:,}"
                )
        columns = dict(zip(DTYPES, zip(*rows, strict=True), strict=True))
        boxes = np.concatenate(columns.pop("boxes"))
        arrays = {name: np.array(found, DTYPES[name]) for name, found in columns.items()}
        return cls(about, family, names, boxes=boxes, **arrays)

    def boxes_of(self, row: int) -> list[NDArray[np.float32]]:
        """Return the boxes of each image (n, 6), of the recipe of this row."""
        ends = self.found.sum(1).cumsum()
        mine = self.boxes[ends[row] - self.found[row].sum() : ends[row]]
        return np.split(mine, self.found[row].cumsum()[:-1])


def _key(outcome: Any) -> bytes:
    """Identify the boxes of all images."""
    digest = sha256(repr((outcome.lost, [len(each) for each in outcome.boxes])).encode())
    for boxes in outcome.boxes:
        digest.update(boxes.tobytes())
    return digest.digest()


def _seen(report: Report, baseline: Report) -> tuple[Any, ...]:
    """Return the values that a grid stores of a report's boxes, in the order of ``DTYPES``."""
    outcome: Any = report.outcome
    lost, drop = np.zeros(outcome.count, bool), report.drop_from(baseline)
    lost[list(outcome.lost)] = True
    return (
        [len(each) for each in outcome.boxes],
        np.concatenate([np.empty((0, FIELDS), np.float32), *outcome.boxes]),
        lost,
        outcome.precisions,
        [getattr(drop, name) for name in DROP],
        outcome.interval,
    )


def _weighed(report: Report) -> tuple[Any, ...]:
    """Return the values that a grid stores of a report's file and runtime, as ``DTYPES``."""
    names = ("pruned_weights", "macs", "parameters", "removed_channels")
    size = report.size
    return (
        tuple(size.parts.values()),
        size_row(size.baseline_bytes, {name: getattr(report, name) for name in names}),
        RUNTIMES.index(report.runtime),
    )
