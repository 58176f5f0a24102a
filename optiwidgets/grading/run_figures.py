"""Figures of a learner's own run that questions are graded with, by their names in YAML files.

Each is a function of two reports, the baseline and the optimized model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from optiwidgets.engine.types.report import Report

RunFigure = Callable[[Report, Report], float]
_FIGURES: dict[str, RunFigure] = {}
RUN_FIGURES: Mapping[str, RunFigure] = MappingProxyType(_FIGURES)


def run_figure(function: RunFigure) -> RunFigure:
    """Register a function of baseline and report under its name.

    Raises
    ------
    ValueError
        The name is taken.

    Examples
    --------
    >>> list(RUN_FIGURES)[:4]
    ['percent_saved', 'percent_left', 'percent_pruned', 'times_smaller']
    >>> run_figure(RUN_FIGURES["drop"])
    Traceback (most recent call last):
    ...
    ValueError: two figures of a run have the name 'drop'
    """
    name = function.__name__
    if name in _FIGURES:
        raise ValueError(f"two figures of a run have the name {name!r}")
    _FIGURES[name] = function
    return function


def has_mixed_bits(report: Report) -> bool:
    """Tell whether single layers have bits of their own.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> has_mixed_bits(Experiment.load("digits").run(Recipe(bits=8)))
    False
    """
    return any(bits is not None for _, _, bits in report.recipe.layers)


def weight_bytes(report: Report) -> float:
    """Compute weights left times bits / 8; NaN if single layers have bits of their own.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> weight_bytes(Experiment.load("digits").run(Recipe(sparsity=0.9)))
    9960.0
    """
    if has_mixed_bits(report):
        return math.nan
    return (report.prunable_weights - report.pruned_weights) * report.recipe.bits / 8


@run_figure
def percent_saved(base: Report, report: Report) -> float:
    """Compute the saved bytes, in percent of the baseline's.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> base, report = exp.run(Recipe()), exp.run(Recipe(bits=8))
    >>> round(percent_saved(base, report) + percent_left(base, report))
    100
    """
    return 100 * (1 - report.size.total_bytes / base.size.total_bytes)


@run_figure
def percent_left(base: Report, report: Report) -> float:
    """Compute the remaining bytes, in percent of the baseline's."""
    return 100 - percent_saved(base, report)


@run_figure
def percent_pruned(base: Report, report: Report) -> float:
    """Compute the share of the weights that are pruned, in percent.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> percent_pruned(exp.run(Recipe()), exp.run(Recipe(sparsity=0.5)))
    50.0
    """
    return 100 * report.pruned_weights / max(1, report.prunable_weights)


@run_figure
def times_smaller(base: Report, report: Report) -> float:
    """Compute the baseline's bytes divided by the optimized model's.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> base, report = exp.run(Recipe()), exp.run(Recipe(bits=8))
    >>> round(times_smaller(base, report) * share_left(base, report), 9)
    1.0
    """
    return base.size.total_bytes / report.size.total_bytes


@run_figure
def share_left(base: Report, report: Report) -> float:
    """Compute the optimized model's bytes divided by the baseline's."""
    return report.size.total_bytes / base.size.total_bytes


@run_figure
def bits_alone(base: Report, report: Report) -> float:
    """Compute the size ratio that the bits per weight alone would give; NaN if set by layer.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> bits_alone(exp.run(Recipe()), exp.run(Recipe(bits=8)))
    4.0
    """
    return math.nan if has_mixed_bits(report) else 32 / report.recipe.bits


@run_figure
def worst_drop(base: Report, report: Report) -> float:
    """Return the upper end of the drop's 95 % interval, in points.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> runs = exp.run(Recipe()), exp.run(Recipe(bits=3))
    >>> best_drop(*runs) < drop(*runs) < worst_drop(*runs)
    True
    """
    return report.drop_from(base).high


@run_figure
def drop(base: Report, report: Report) -> float:
    """Return the points of accuracy lost."""
    return report.drop_from(base).points


@run_figure
def best_drop(base: Report, report: Report) -> float:
    """Return the lower end of the drop's 95 % interval, in points."""
    return report.drop_from(base).low


@run_figure
def file_bytes(base: Report, report: Report) -> float:
    """Return the bytes of the optimized model's file."""
    return report.size.total_bytes


@run_figure
def promised_bytes(base: Report, report: Report) -> float:
    """Compute the bytes of the remaining weights alone, weights left times bits / 8."""
    return weight_bytes(report)


@run_figure
def bytes_beyond_weights(base: Report, report: Report) -> float:
    """Compute the bytes of the file beyond those of the remaining weights.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> runs = exp.run(Recipe()), exp.run(Recipe(sparsity=0.9))
    >>> file_bytes(*runs) == promised_bytes(*runs) + bytes_beyond_weights(*runs)
    True
    >>> 0 < position_bytes(*runs) < bytes_beyond_weights(*runs)
    True
    """
    return file_bytes(base, report) - promised_bytes(base, report)


@run_figure
def position_bytes(base: Report, report: Report) -> float:
    """Return the bytes of the positions in the optimized model's file."""
    return report.size.parts.get("positions", 0)


@run_figure
def percent_right(base: Report, report: Report) -> float:
    """Return the optimized model's leading metric in percent, such as the accuracy.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> exp = Experiment.load("digits")
    >>> runs = exp.run(Recipe()), exp.run(Recipe(bits=3))
    >>> percent_right(*runs) == 100 * runs[1].confusion.accuracy
    True
    """
    return 100 * report.metric


@run_figure
def map_50(base: Report, report: Report) -> float:
    """Return a detector's mean average precision at overlap 0.5, 0..1; NaN for other tasks.

    Examples
    --------
    >>> from optiwidgets.engine.experiment.experiment import Experiment
    >>> from optiwidgets.engine.types.recipe import Recipe
    >>> base = Experiment.load("digits").run(Recipe())
    >>> map_50(base, base), map_50_95(base, base), lowest_ap(base, base), strict_drop(base, base)
    (nan, nan, nan, nan)
    """
    return float(getattr(report, "map_50", math.nan))


@run_figure
def map_50_95(base: Report, report: Report) -> float:
    """Return a detector's mean average precision over overlaps 0.5 to 0.95; NaN for other tasks."""
    return float(getattr(report, "map_50_95", math.nan))


@run_figure
def lowest_ap(base: Report, report: Report) -> float:
    """Return the lowest average precision of a class at overlap 0.5; NaN for other tasks."""
    found = getattr(report, "ap_50", None)
    return math.nan if found is None else float(np.nanmin(found))


@run_figure
def strict_drop(base: Report, report: Report) -> float:
    """Compute the points of mean average precision over overlaps 0.5 to 0.95 that are lost."""
    return 100 * (map_50_95(base, base) - map_50_95(base, report))
