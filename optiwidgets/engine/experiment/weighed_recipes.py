"""Sizes of a family of recipes, without running them on images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optiwidgets.engine.experiment.grid_files import SavedGrid
from optiwidgets.engine.experiment.precomputed_reports import COUNTS, size_row
from optiwidgets.engine.types.measurements import Integers, Size
from optiwidgets.engine.types.recipe_family import RecipeFamily, rows_of

DTYPES: Mapping[str, type[np.generic]] = {"parts": np.int64, "counts": np.int64}
Weighed = tuple[Size, Mapping[str, Any]]  # the size, and the counts that ``Report`` takes


@dataclass(frozen=True, eq=False)
class WeighedRecipes(SavedGrid):
    """Sizes of a family's R recipes, one row each, of one model.

    ``about`` has the fingerprints of model and code, ``parts`` (R, P) are bytes of the file, with
    names in ``part_names``, and ``counts`` (R, 6) have the columns ``COUNTS``.

    Raises
    ------
    ValueError
        An array has the wrong shape or dtype.
    """

    dtypes = DTYPES
    lacking = "has no sizes, or damaged ones"

    part_names: tuple[str, ...]
    parts: Integers = field(repr=False)
    counts: Integers = field(repr=False)

    def __post_init__(self) -> None:
        rows = len(rows_of(self.family))
        for name, columns in (("parts", self.part_names), ("counts", COUNTS)):
            array, shape = getattr(self, name), (rows, len(columns))
            if array.shape != shape or array.dtype != DTYPES[name]:
                raise ValueError(f"{name} are int64 of {shape}, not {array.dtype} of {array.shape}")
            array.setflags(write=False)

    @classmethod
    def of(
        cls, about: Mapping[str, str], family: RecipeFamily, weighed: Iterable[Weighed]
    ) -> WeighedRecipes:
        """Store sizes given in the order ``family.by_sparsity``."""
        rows = []
        for size, counts in weighed:
            names = tuple(size.parts)
            rows.append((tuple(size.parts.values()), size_row(size.baseline_bytes, counts)))
        parts, numbers = (np.array(column, np.int64) for column in zip(*rows, strict=True))
        return cls(about, family, names, family.in_rows(parts), family.in_rows(numbers))
