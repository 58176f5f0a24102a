"""Figures of a packed file and of stability, formatted for live texts."""

from __future__ import annotations

from optiwidgets.engine.types.recipe import is_untouched
from optiwidgets.engine.types.report import Report
from optiwidgets.grading.run_figures import has_mixed_bits, weight_bytes
from optiwidgets.texts import text
from optiwidgets.widgets.controls.recipe_words import bits_words

PARTS = ("codes", "positions", "scales", "tables", "biases", "header")


def bytes_words(count: int) -> str:
    """Format a number of bytes.

    Examples
    --------
    >>> bytes_words(12452)
    '12,452 bytes'
    """
    return text("{count:,} bytes", count=count)


def points_words(points: float) -> str:
    """Format a number of percentage points.

    Examples
    --------
    >>> points_words(2.04)
    '2.0 points'
    >>> points_words(-0.01)
    '0.0 points'
    """
    return text("{points:.1f} points", points=round(points, 1) + 0.0)  # no -0.0


def file_figures(report: Report) -> dict[str, str]:
    """Format the parts of a file in bytes, the remaining weights alone, and a map of positions.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> figures = file_figures(Experiment.load("digits").run(Recipe(sparsity=0.9)))
    >>> figures["kept"], figures["promised"], figures["codes"]
    ('2,490', '9,960 bytes', '9,960 bytes')
    >>> figures["weights"], figures["position_map"]
    ('24,904', '3,113 bytes')
    """
    kept = report.prunable_weights - report.pruned_weights
    parts = {name: bytes_words(report.size.parts.get(name, 0)) for name in PARTS}
    mixed = has_mixed_bits(report)
    promised = text("bytes set by layer") if mixed else bytes_words(round(weight_bytes(report)))
    whole = {
        "weights": f"{report.prunable_weights:,}",
        "position_map": bytes_words(-(-report.prunable_weights // 8)),  # one bit a weight
    }
    return {"kept": f"{kept:,}", "promised": promised} | whole | parts


def strength_figures(report: Report) -> dict[str, str]:
    """Format sparsity and bits; those that single layers have of their own are no one number.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> run = Experiment.load("digits").run
    >>> strength_figures(run(Recipe(sparsity=0.5, bits=4)))
    {'sparsity': '50 %', 'bits': '4 bits'}
    >>> strength_figures(run(Recipe(bits=4, layers=(("head", 0.5, 8),))))
    {'sparsity': 'layer-by-layer', 'bits': 'layer-by-layer bits'}
    """
    recipe = report.recipe
    own = any(sparsity is not None for _, sparsity, _ in recipe.layers)
    share = f"{recipe.sparsity:.0%}".replace("%", " %")
    bits = text("layer-by-layer bits") if has_mixed_bits(report) else bits_words(recipe.bits)
    return {"sparsity": text("layer-by-layer") if own else share, "bits": bits}


def untimed(report: Report) -> str:
    """Say why there is no measurement; the untouched model would be compared with itself.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> run = Experiment.load("digits").run
    >>> untimed(run(Recipe(score="random"))), untimed(run(Recipe(bits=8)))
    ('nothing to compare yet', 'not yet')
    """
    untouched = is_untouched(report.recipe)
    return text("nothing to compare yet") if untouched else text("not yet")


def flip_figures(report: Report) -> dict[str, str]:
    """Format the shares of flips under an invisible change, after and before optimization.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> flip_figures(Experiment.load("digits").run(Recipe()))
    {'flips': 'nothing to compare yet', 'flips_before': 'nothing to compare yet'}
    """
    rates = {"flips": report.flip_rate, "flips_before": report.baseline_flip_rate}
    none = untimed(report)
    return {name: none if rate is None else f"{100 * rate:.1f} %" for name, rate in rates.items()}
