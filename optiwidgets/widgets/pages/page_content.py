"""Recipes that a page without a kernel answers: run, weighed and measured when it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optiwidgets.engine.types.portable_model import REFIT_SPARSITIES
from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe
from optiwidgets.engine.types.recipe_family import BASELINE, SLIDERS, RecipeFamily
from optiwidgets.session.page_numbers import running_work, weighing_work

MEASURING, RECONCILING = 50.0, 2.0  # work on a recipe against a float run on all images, about
CODED = tuple(bits for bits in BIT_WIDTHS if bits <= 8)


@dataclass(frozen=True)
class PageContent:
    """Content of a page.

    Parameters
    ----------
    families
        Families of recipes with predictions; one of them has the untouched model.
    sizes
        Families of which only the sizes are in the page; the page's runtime makes predictions.
    measured
        Recipes whose speed and stability are measured.
    waterfalls
        Families with the steps of their sizes.
    layers
        Whether the bytes of each layer are in the page too.

    Raises
    ------
    ValueError
        No family has the untouched model.
    """

    families: Sequence[RecipeFamily] = (SLIDERS,)
    sizes: Sequence[RecipeFamily] = ()
    measured: Sequence[Recipe] = ()
    waterfalls: Sequence[RecipeFamily] = ()
    layers: bool = False

    def __post_init__(self) -> None:
        if not any(Recipe() in family for family in self.families):
            raise ValueError("a page needs the untouched model, Recipe(), in one of its families")

    @property
    def work(self) -> tuple[float, float, float]:
        """Work of grids and sizes, of measurements and of waterfalls, in runs of a small model."""
        runs = sum(map(running_work, self.families)) + sum(map(weighing_work, self.sizes))
        reconciled = sum(len(family.recipes) for family in self.waterfalls)
        return runs, len(self.measured) * MEASURING, reconciled * RECONCILING


def _computed() -> tuple[RecipeFamily, ...]:
    """List the families that a page's runtime computes, by granularity and scheme."""
    ranked = [*PRUNED, *(Recipe(pruning=p, score="lamp") for p in ("global", "layer"))]
    found = [RecipeFamily(recipe) for recipe in ranked if recipe.score == "lamp"]
    refit = Recipe(recovery="refit")
    found.append(RecipeFamily(refit, REFIT_SPARSITIES))
    for granularity, scheme in (
        ("channel", "symmetric"),
        ("tensor", "affine"),
        ("channel", "affine"),
    ):
        widths = CODED if scheme == "symmetric" else CODED[1:]  # one bit has no affine code
        changed = [replace(r, granularity=granularity, scheme=scheme) for r in (*ranked, refit)]
        found += [RecipeFamily(recipe, bits=widths) for recipe in changed[:-1]]
        found.append(RecipeFamily(changed[-1], REFIT_SPARSITIES, widths))
    return tuple(found)


PRUNED = tuple(
    Recipe(pruning=pruning, score=score)
    for pruning in ("global", "layer", "channel")
    for score in ("magnitude", "random")
)
GRID_FAMILIES = tuple(RecipeFamily(recipe) for recipe in PRUNED)
INT8_FAMILIES = tuple(RecipeFamily(replace(r, activation_bits=8), bits=(8,)) for r in PRUNED)
OF_CHANNELS = tuple(
    Recipe(sparsity, pruning="channel", bits=bits, activation_bits=bits)
    for bits in (32, 8)
    for sparsity in (0.0, 0.25, 0.5, 0.75)
    if sparsity or bits == 8  # the untouched model is not compared with itself
)
MEASURED = (*OF_CHANNELS, Recipe(0.75), Recipe(0.95))  # zeros, which most runtimes multiply too
TENTHS = tuple(percent / 100 for percent in range(0, 100, 10))  # a waterfall takes 50 ms
WATERFALLS = (SLIDERS, *(RecipeFamily(recipe, TENTHS) for recipe in PRUNED[1:]))
TWO_SLIDERS = PageContent()
GRIDS = PageContent((*GRID_FAMILIES, *INT8_FAMILIES), (), MEASURED, WATERFALLS)
FULL = PageContent((*GRID_FAMILIES, *INT8_FAMILIES), _computed(), MEASURED, WATERFALLS)

TWENTIETHS = tuple(percent / 100 for percent in range(0, 100, 5))
TELLING = (2, 3, 4, 6, 8, 32)  # bit-widths between a detector that finds nothing and the untouched
DETECTIONS = RecipeFamily(BASELINE, TWENTIETHS, TELLING)
DETECTOR_SIZES = (
    *(RecipeFamily(recipe) for recipe in PRUNED if recipe.pruning != "channel"),
    *(RecipeFamily(Recipe(pruning=pruning, score="lamp")) for pruning in ("global", "layer")),
    RecipeFamily(Recipe(pruning="channel"), TWENTIETHS),  # a smaller network each: slow to weigh
    RecipeFamily(Recipe(granularity="channel"), bits=CODED),
    RecipeFamily(Recipe(scheme="affine"), bits=CODED[1:]),
    RecipeFamily(Recipe(granularity="channel", scheme="affine"), bits=CODED[1:]),
    RecipeFamily(Recipe(recovery="refit"), REFIT_SPARSITIES, TELLING),
)
DETECTOR = PageContent(
    (DETECTIONS,),
    DETECTOR_SIZES,
    tuple(recipe for recipe in OF_CHANNELS if recipe.bits == 32),
    (RecipeFamily(BASELINE, TENTHS),),
)
DETECTIONS_ALONE = PageContent((DETECTIONS,), waterfalls=(RecipeFamily(BASELINE, TENTHS),))
