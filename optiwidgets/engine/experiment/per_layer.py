"""What an experiment finds out layer by layer: what each one bears, and what it should get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from torch import nn

from optiwidgets.engine.execution.progress import ProgressCallback
from optiwidgets.engine.mixed_precision.budget import FIXED, Budget, Goal, fit_budget
from optiwidgets.engine.mixed_precision.layer_cost import Options, measure_layer_cost
from optiwidgets.engine.mixed_precision.sensitivity import (
    Sensitivity,
    Weights,
    check_levels,
    grow_sensitivity,
)
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.types.recipe import Recipe

if TYPE_CHECKING:
    from optiwidgets.engine.compression.compressor import Compressor
    from optiwidgets.engine.data.dataset import Dataset
    from optiwidgets.engine.types.report import Report


class PerLayer:
    """The part of ``Experiment`` that changes one layer at a time."""

    dataset: Dataset
    _folded: nn.Module
    _compressor: Compressor
    _options: Options | None = None  # what can be done to each layer, once it was measured

    if TYPE_CHECKING:

        @property
        def _positions(self) -> list[int]: ...

        def run(self, recipe: Recipe, *, on_progress: ProgressCallback = ...) -> Report:
            """As ``Experiment.run``."""
            ...

    @property
    def layers(self) -> dict[str, int]:
        """Weights of every layer that can be pruned or quantized, by name, in module order."""
        return {name: weight.numel() for name, weight in self._compressor.pruner.weights.items()}

    def sensitivity(
        self,
        by: str = "sparsity",
        levels: Sequence[float] | None = None,
        *,
        ground: Recipe | None = None,
        on_progress: ProgressCallback = lambda _: None,
    ) -> Sensitivity:
        """Measure accuracy against sparsity or bits, one layer at a time.

        Every point is remembered as any report: asked again, it costs next to nothing.

        Parameters
        ----------
        by
            "sparsity" (0..0.99) or "bits".
        levels
            How far each layer is taken; without, a handful of usual ones.
        ground
            The recipe all else stays at; without one, the untouched model.
        on_progress
            Told the progress; what it raises ends the work.

        Raises
        ------
        ValueError
            Another ``by``, or a level out of its range.
        """
        for found in self.grow_sensitivity(by, levels, ground=ground):
            on_progress(found.progress)
        return found

    def grow_sensitivity(
        self,
        by: str = "sparsity",
        levels: Sequence[float] | None = None,
        *,
        ground: Recipe | None = None,
    ) -> Iterator[Sensitivity]:
        """As ``sensitivity``, but what is known so far after every point."""
        chosen, ground = check_levels(by, levels), Recipe() if ground is None else ground
        if not isinstance(ground, Recipe):
            raise ValueError(f"ground is an optiwidgets Recipe, not {ground!r}")
        used = zip(self.layers, self._positions, strict=True)
        idle = {name: "no image ever reaches it" for name, times in used if not times}
        return grow_sensitivity(self.run, self._weights_of, idle, by, chosen, ground)

    def fit_budget(
        self,
        *,
        bytes: int | None = None,
        drop: float | None = None,
        on_progress: ProgressCallback = lambda _: None,
    ) -> Budget:
        """Find bits and a sparsity for every layer: most accurate in so many bytes, or smallest.

        Damage is measured on calibration images, what was found is checked on exploration images;
        the sealed ones stay closed. Takes some seconds, fewer the second time.

        Parameters
        ----------
        bytes
            Of the file, at most.
        drop
            Points of accuracy on the exploration images, at most; give this or ``bytes``.
        on_progress
            Told the progress; what it raises ends the work.

        Raises
        ------
        ValueError
            Both or none given, or fewer bytes than any file has.
        """
        goal = Goal(bytes, drop)
        if self._options is None:
            images, make = self.dataset.calibration[0], self._compressor.optimize
            self._options = measure_layer_cost(self._folded, make, images, FIXED, on_progress)
        return fit_budget(self.run, self._options, goal, on_progress)

    def _weights_of(self, recipe: Recipe) -> Weights:
        net = self._compressor.optimize(recipe).packable.net
        return {name: layer.weight for name, layer in prunable(net).items()}
