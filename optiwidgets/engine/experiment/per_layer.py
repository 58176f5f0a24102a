"""Per-layer analysis: sensitivity, and bits and sparsity under a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from optiwidgets.engine.compression.compressor import Compressor
from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.execution.progress import ProgressCallback
from optiwidgets.engine.mixed_precision.budget import FIXED
from optiwidgets.engine.mixed_precision.layer_cost import Options, measure_layer_cost
from optiwidgets.engine.mixed_precision.sensitivity import (
    Sensitivity,
    Weights,
    check_levels,
    grow_sensitivity,
)
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.models.macs import positions
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report


def layer_sensitivity(
    compressor: Compressor,
    dataset: Dataset,
    run: Callable[[Recipe], Report],
    by: str,
    levels: Sequence[float] | None,
    ground: Recipe | None,
) -> Iterator[Sensitivity]:
    """Measure accuracy against sparsity or bits, layer by layer; see ``Experiment.sensitivity``.

    Parameters
    ----------
    compressor, dataset
        Compressor of the model, and images to find layers that never run.
    run
        Function that returns a recipe's report.
    by, levels, ground
        As for ``Experiment.sensitivity``.

    Yields
    ------
    Sensitivity
        The result so far, after every point.
    """
    chosen, ground = check_levels(by, levels), Recipe() if ground is None else ground
    if not isinstance(ground, Recipe):
        raise ValueError(f"ground is an optiwidgets Recipe, not {ground!r}")
    times = positions(compressor.folded, dataset.exploration[0][:1])
    used = zip(compressor.pruner.weights, times, strict=True)
    idle = {name: "no image ever reaches it" for name, often in used if not often}

    def weights_of(recipe: Recipe) -> Weights:
        net = compressor.compress(recipe).packable.net
        return {name: layer.weight for name, layer in prunable(net).items()}

    return grow_sensitivity(run, weights_of, idle, by, chosen, ground)


def layer_options(
    compressor: Compressor, dataset: Dataset, on_progress: ProgressCallback
) -> Options:
    """Measure the cost of each layer's options on calibration images."""
    images = dataset.calibration[0]
    return measure_layer_cost(compressor.folded, compressor.compress, images, FIXED, on_progress)
