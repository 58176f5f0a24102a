"""Families of recipes: all pairs of sparsities and bit-widths with the other fields fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

from numpy.typing import NDArray

from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe

BASELINE = Recipe()
SPARSITIES = tuple(percent / 100 for percent in range(100))


@dataclass(frozen=True)
class RecipeFamily:
    """Recipes of all pairs of ``sparsities`` and ``bits``; the other fields are those of ``like``.

    Examples
    --------
    >>> family = RecipeFamily(Recipe(score="random"), bits=(4, 8))
    >>> len(family.recipes), str(family.recipes[101])
    (200, "Recipe(sparsity=0.01, score='random', bits=8)")
    >>> family.name
    'score=random of 100 sparsities, 4 8 bits'
    """

    like: Recipe = BASELINE
    sparsities: tuple[float, ...] = SPARSITIES
    bits: tuple[int, ...] = BIT_WIDTHS

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """All recipes: those of the first bit-width first, by sparsity."""
        return tuple(rows_of(self))

    @property
    def by_sparsity(self) -> tuple[Recipe, ...]:
        """All recipes: those of the first sparsity first, which are pruned alike, by bit-width.

        Examples
        --------
        >>> [r.bits for r in RecipeFamily(sparsities=(0.1, 0.2), bits=(4, 8)).by_sparsity]
        [4, 8, 4, 8]
        """
        found, count = self.recipes, len(self.sparsities)
        return tuple(recipe for start in range(count) for recipe in found[start::count])

    def in_rows(self, values: NDArray[Any]) -> NDArray[Any]:
        """Bring values (R, ...) of the recipes ``by_sparsity`` into the order of ``recipes``.

        Examples
        --------
        >>> import numpy as np
        >>> family = RecipeFamily(sparsities=(0.1, 0.2), bits=(4, 8))
        >>> family.in_rows(np.array([recipe.bits for recipe in family.by_sparsity])).tolist()
        [4, 4, 8, 8]
        """
        table = values.reshape(len(self.sparsities), len(self.bits), *values.shape[1:])
        return table.swapaxes(0, 1).reshape(values.shape)

    def __contains__(self, recipe: object) -> bool:
        return recipe in rows_of(self)

    @property
    def fixed(self) -> dict[str, Any]:
        """Fields that all recipes share and that are not the defaults."""
        varied = ("sparsity", "bits")
        values = ((f.name, getattr(self.like, f.name), f.default) for f in fields(Recipe))
        return {n: value for n, value, default in values if value != default and n not in varied}

    @property
    def name(self) -> str:
        """Words for a line of progress."""
        words = " ".join(f"{name}={value}" for name, value in self.fixed.items()) or "sliders"
        widths = "all" if self.bits == BIT_WIDTHS else " ".join(map(str, self.bits))
        return f"{words} of {len(self.sparsities)} sparsities, {widths} bits"

    @property
    def is_int8(self) -> bool:
        """True if a runtime may compute all recipes in integers."""
        return self.like.activation_bits == 8 and self.bits == (8,)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON; ``RecipeFamily.of(family.as_dict()) == family``.

        Examples
        --------
        >>> RecipeFamily.of(RecipeFamily().as_dict()) == RecipeFamily()
        True
        """
        return {
            "recipe": self.fixed,
            "sparsities": list(self.sparsities),
            "bits": list(self.bits),
        }

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> RecipeFamily:
        """Make a family of ``as_dict``; ValueError or TypeError for anything else."""
        like = Recipe(**given["recipe"])
        return cls(like, tuple(given["sparsities"]), tuple(given["bits"]))


@cache
def rows_of(family: RecipeFamily) -> dict[Recipe, int]:
    """Return the row of each recipe of a family.

    Examples
    --------
    >>> rows_of(RecipeFamily())[Recipe(sparsity=0.01, bits=2)]
    101
    """
    pairs = ((s, bits) for bits in family.bits for s in family.sparsities)
    made = (replace(family.like, sparsity=s, bits=bits) for s, bits in pairs)
    return {recipe: row for row, recipe in enumerate(made)}


SLIDERS = RecipeFamily()
