"""Progressive evaluation: first a stratified part of the images, then all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from optiwidgets.engine.types.recipe import Recipe

WHOLE_S, PART_S = 0.15, 0.1  # time limits in seconds of all images, and of a part of them


PARTS = (4, 8, 16, 32, 64, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)


LEFT_OUT: tuple[dict[str, Any], ...] = (  # simplifications of a preview, one more at a time
    {"rounding": "nearest"},
    {"recovery": "none"},
    {"score": "magnitude"},
)


def check_first(first: int | None) -> int | None:
    """Check that ``first`` is a number of images or None, and return it.

    Raises
    ------
    ValueError
        ``first`` is something else.
    """
    if first is not None and (type(first) is not int or first < 1):
        raise ValueError(f"first is a number of images, 1 or more, not {first!r}")
    return first


def preview_size(there: int, pace_s: float) -> int:
    """Choose the number of images to run while a slider is dragged, from the seconds per image.

    Examples
    --------
    >>> preview_size(50_000, 10e-6), preview_size(1_500, 10e-6), preview_size(50_000, 0.5)
    (10000, 1500, 4)
    """
    if there * pace_s <= WHOLE_S:
        return there
    return max((n for n in PARTS if n * pace_s <= PART_S), default=PARTS[0])


def preview_recipe(recipe: Recipe, is_quick: Callable[[Recipe], bool]) -> Recipe:
    """Return the recipe if it is quick, else a simpler recipe that is.

    Examples
    --------
    >>> recipe = Recipe(sparsity=0.9, bits=4, rounding="gptq", recovery="refit")
    >>> str(preview_recipe(recipe, lambda recipe: recipe.rounding == "nearest"))
    "Recipe(sparsity=0.9, bits=4, recovery='refit')"
    >>> str(preview_recipe(recipe, lambda recipe: False))
    'Recipe(sparsity=0.9, bits=4)'
    """
    for less in LEFT_OUT:
        if is_quick(recipe):
            break
        recipe = replace(recipe, **less)
    return recipe
