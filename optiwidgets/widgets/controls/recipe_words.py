"""Recipes in plain words, wherever one is named."""

from __future__ import annotations

from optiwidgets.engine.types.recipe import N_OF_M, Recipe, without_idle
from optiwidgets.texts import mark, plural, text
from optiwidgets.widgets.controls.options import label

WON_BACK = {
    "recalibrate": mark("recalibrated"),
    "bias": mark("biases corrected"),
    "refit": mark("refitted"),
    "sequential": mark("refitted layer by layer"),
    "finetune": mark("fine-tuned"),
    "iterative": mark("trained in steps"),
    "qat": mark("trained as rounded"),
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
    own = plural("{n} layer apart", "{n} layers apart", count) if count else ""
    acting = activation_words(recipe.activation_bits) if recipe.activation_bits < 32 else ""
    won = text(WON_BACK.get(recipe.recovery, ""))
    seed = text("seed {seed}", seed=recipe.seed) if recipe.seed else ""
    said = [_cut(recipe), _codes(recipe), acting, won, own, seed]
    return ", ".join(part for part in said if part) or text("untouched")


def bits_words(bits: int) -> str:
    """Name a bit-width.

    Examples
    --------
    >>> bits_words(1), bits_words(8)
    ('1 bit', '8 bits')
    """
    return plural("{n} bit", "{n} bits", bits)


def activation_words(bits: int) -> str:
    """Name the bits of activations.

    Examples
    --------
    >>> activation_words(8)
    '8-bit activations'
    """
    return text("{bits}-bit activations", bits=bits)


def _cut(recipe: Recipe) -> str:
    """Describe the pruning: the share removed, its pattern unless usual, and the score."""
    if not recipe.sparsity:
        return ""
    share = f"{100 * recipe.sparsity:.3g} %"
    if recipe.pruning in N_OF_M:
        cut = text("{pattern} sparsity", pattern=recipe.pruning)
    elif recipe.pruning == "channel":
        cut = text("{share} of the channels", share=share)
    elif recipe.pruning == "layer":
        cut = text("{share} sparsity in every layer", share=share)
    else:
        cut = text("{share} sparsity", share=share)
    usual = recipe.score == "magnitude"
    return cut if usual else text("{cut} by {score}", cut=cut, score=label(recipe.score))


def _codes(recipe: Recipe) -> str:
    if recipe.bits == 32 and not recipe.layers:
        return ""
    default = Recipe()
    ways = [recipe.scheme, recipe.clip, recipe.rounding]
    usual = [default.scheme, default.clip, default.rounding]
    said = [label(way) for way, own in zip(ways, usual, strict=True) if way != own]
    bits = bits_words(recipe.bits)
    if recipe.granularity == "channel":
        bits = text("{bits} per channel", bits=bits)
    return " ".join([bits, *said])
