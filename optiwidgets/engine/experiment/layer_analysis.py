"""Analysis of an experiment's layers: sensitivity, and a budget for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from optiwidgets.engine.compression.compressor import Compressor
from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.execution.progress import ProgressCallback
from optiwidgets.engine.experiment.per_layer import layer_options, layer_sensitivity
from optiwidgets.engine.mixed_precision.budget import Budget, Goal, fit_budget
from optiwidgets.engine.mixed_precision.layer_cost import Options
from optiwidgets.engine.mixed_precision.sensitivity import Sensitivity
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.task import Task


class LayerAnalysis:
    """Part of ``Experiment`` that analyses single layers."""

    run: Callable[..., Report]
    task: Task
    dataset: Dataset
    _compressor: Compressor
    _options: Options | None

    def sensitivity(
        self,
        by: str = "sparsity",
        levels: Sequence[float] | None = None,
        *,
        ground: Recipe | None = None,
        on_progress: ProgressCallback = lambda _: None,
    ) -> Sensitivity:
        """Measure accuracy against sparsity or bits, one layer at a time.

        Every point is cached like any report, so repeating the measurement is fast.

        Parameters
        ----------
        by
            "sparsity" (0..0.99) or "bits".
        levels
            Levels for each layer; by default a handful of usual ones.
        ground
            Recipe of all other layers; by default the untouched model.
        on_progress
            Called with the progress; an exception raised by it ends the measurement.

        Raises
        ------
        ValueError
            ``by`` has another value, or a level is out of its range.
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
        """Yield the sensitivity measured so far, after every point; see ``sensitivity``."""
        compressor, dataset = self._compressor, self.dataset
        return layer_sensitivity(compressor, dataset, self.run, by, levels, ground)

    def fit_budget(
        self,
        *,
        bytes: int | None = None,
        drop: float | None = None,
        on_progress: ProgressCallback = lambda _: None,
    ) -> Budget:
        """Choose bits and sparsity of every layer under a limit on bytes or on the drop.

        With a limit on bytes the result is the most accurate recipe, with a limit on the drop the
        smallest. Costs are measured on calibration images, and recipes checked on exploration
        images; the sealed images are not used. This takes some seconds, fewer the second time.

        Parameters
        ----------
        bytes
            Largest size of the file.
        drop
            Largest drop on the exploration images, in points; give this or ``bytes``.
        on_progress
            Called with the progress; an exception raised by it ends the search.

        Raises
        ------
        ValueError
            Both or none are given, or no file is that small.
        """
        goal = Goal(bytes, drop)
        if reason := self.task.impossible.get("budget"):
            raise ValueError(reason)
        if self._options is None:
            self._options = layer_options(self._compressor, self.dataset, on_progress)
        return fit_budget(self.run, self._options, goal, on_progress)
