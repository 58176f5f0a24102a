"""Operations of a report: rebuild the model, write files, account for bytes."""

from __future__ import annotations

from os import PathLike
from typing import Protocol
from weakref import ref

import numpy as np
from numpy.typing import NDArray
from torch import nn

from optiwidgets.engine.compression.compressed_model import CompressedModel
from optiwidgets.engine.compression.compressor import Compressor
from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.onnx_runtime.agreement import ROUNDED_PROBED
from optiwidgets.engine.onnx_runtime.session import write_onnx
from optiwidgets.engine.serialization import writer
from optiwidgets.engine.serialization.size_breakdown import reconcile
from optiwidgets.engine.types.measurements import LayerWeights, Reconciliation
from optiwidgets.engine.types.recipe import Recipe

GONE = (
    "the experiment of this report is gone, and only it can build the model again: keep the "
    "experiment in a variable as long as its reports are used, or save() the report before"
)


class Source(Protocol):
    """Interface of the builder of an experiment's reports."""

    compressor: Compressor
    dataset: Dataset

    def exploration_scores(self, recipe: Recipe) -> NDArray[np.float32]:
        """Compute the softmax scores (N, K) of all exploration images."""
        ...


class ReportOperations:
    """Operations of one recipe's report, which keep neither model nor experiment alive.

    Every call compresses the model again by the recipe. The experiment is referenced weakly: once
    it is deleted, or in another process, operations that need it raise RuntimeError; the statistics
    use only numbers of the report.

    Parameters
    ----------
    source
        Builder of the experiment's reports; it lives as long as the experiment.
    recipe
        Recipe of the report.
    """

    def __init__(self, source: Source | None, recipe: Recipe) -> None:
        self.recipe = recipe
        self._source = None if source is None else ref(source)

    def __reduce__(self) -> tuple[type[ReportOperations], tuple[None, Recipe]]:
        """Pickle the recipe without the experiment."""
        return type(self), (None, self.recipe)

    def belongs_to(self, source: object) -> bool:
        """Return whether ``source`` built the report."""
        return self._source is not None and self._source() is source

    @property
    def source(self) -> Source:
        """Builder of the report.

        Raises
        ------
        RuntimeError
            The experiment was deleted.
        """
        source = self._source() if self._source else None
        if source is None:
            raise RuntimeError(GONE)
        return source

    def model(self) -> nn.Module:
        """Return the optimized torch module, compressed again."""
        return self._compressed().simulation()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the packed file."""
        made = self._compressed()
        made.check_decoded()
        writer.save(made.packable, path)

    def export(self, path: str | PathLike[str]) -> None:
        """Write the ONNX file."""
        images = self.source.dataset.exploration[0][:ROUNDED_PROBED]
        write_onnx(self._compressed().checked_graph(images), path)

    def reconcile(self) -> Reconciliation:
        """Account for the bytes of the packed file."""
        return reconcile(self._compressed().packable, self.source.compressor.folded)

    def weights(self) -> tuple[LayerWeights, ...]:
        """Compare the weights of every layer before and after."""
        return self.source.compressor.weights(self.recipe)

    def scores(self) -> NDArray[np.float32]:
        """Evaluate the softmax scores (N, K) of all exploration images."""
        return self.source.exploration_scores(self.recipe)

    def _compressed(self) -> CompressedModel:
        return self.source.compressor.compress(self.recipe)
