"""Recipes in plain words, wherever one is named."""

from __future__ import annotations

from optiwidgets.engine.types.recipe import N_OF_M, Recipe, without_idle
from optiwidgets.widgets.controls.options import LABELS

WON_BACK = {
    "recalibrate": "recalibrated",
    "bias": "biases corrected",
    "refit": "refitted",
    "sequential": "refitted layer by layer",
    "finetune": "fine-tuned",
    "iterative": "trained in steps",
    "qat": "trained as rounded",
}


def in_words(recipe: Recipe) -> str:
    """Describe a recipe in plain words.

    Examples
    --------
    >>> in_words(Recipe(sparsity=0.7, bits=8))
    '70 % sparsity, 8 bits'
    >>> in_words(Recipe(sparsity=0.8, bits=4, granularity="channel", recovery="finetune"))
    '80 % sparsity, 4 bits per channel, fine-tuned'
    >>> in_words(Recipe(clip="mse"))
    'untouched'
    """
    recipe = without_idle(recipe)
    count = len(recipe.layers)
    own = f"{count} layer{'s' * (count > 1)} apart" if count else ""
    acting = f"{recipe.activation_bits}-bit activations" if recipe.activation_bits < 32 else ""
    won = WON_BACK.get(recipe.recovery, "")
    seed = f"seed {recipe.seed}" if recipe.seed else ""
    said = [_cut(recipe), _codes(recipe), acting, won, own, seed]
    return ", ".join(part for part in said if part) or "untouched"


def _cut(recipe: Recipe) -> str:
    """Describe the pruning: the share removed, its pattern unless usual, and the score."""
    if not recipe.sparsity:
        return ""
    score = "" if recipe.score == "magnitude" else f" by {LABELS.get(recipe.score, recipe.score)}"
    share = f"{100 * recipe.sparsity:.3g} %"
    if recipe.pruning in N_OF_M:
        return f"{recipe.pruning} sparsity{score}"
    if recipe.pruning == "channel":
        return f"{share} of the channels{score}"
    return f"{share} sparsity{' in every layer' * (recipe.pruning == 'layer')}{score}"


def _codes(recipe: Recipe) -> str:
    if recipe.bits == 32 and not recipe.layers:
        return ""
    default = Recipe()
    ways = [recipe.scheme, recipe.clip, recipe.rounding]
    usual = [default.scheme, default.clip, default.rounding]
    said = [LABELS.get(way, way) for way, own in zip(ways, usual, strict=True) if way != own]
    granularity = " per channel" if recipe.granularity == "channel" else ""
    return " ".join([f"{recipe.bits} bit{'s' * (recipe.bits > 1)}{granularity}", *said])
