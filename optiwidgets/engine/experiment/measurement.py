"""What an experiment measures of a report beyond accuracy and bytes: speed and stability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor, nn

from optiwidgets.engine.data.corruptions import invisible_change
from optiwidgets.engine.evaluation.images import Images
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.onnx_runtime import export
from optiwidgets.engine.onnx_runtime.latency import check_threads, measure
from optiwidgets.engine.onnx_runtime.session import open_session, predict
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report

if TYPE_CHECKING:
    from optiwidgets.engine.compression.compressor import CompressedModel, Compressor
    from optiwidgets.engine.data.dataset import Dataset
    from optiwidgets.engine.evaluation.incremental import EvaluationSet
    from optiwidgets.engine.types.report import ReportOperations


class Measuring:
    """The part of ``Experiment`` that takes a second or two a report."""

    dataset: Dataset
    _folded: nn.Module
    _compressor: Compressor
    _whole: EvaluationSet
    _tools: ReportOperations

    if TYPE_CHECKING:

        def _logits(self, optimized: CompressedModel, images: Images) -> Tensor: ...

    def measure(
        self, rep: Report, *, threads: int = 1, stop: Callable[[], bool] = lambda: False
    ) -> Report:
        """Measure speed and stability of what a report is about; takes a second or two.

        Parameters
        ----------
        rep
            A report of this experiment.
        threads
            Threads of the inference runtime, 1 to as many as there are cores.
        stop
            Asked now and then; once it is True, ``Cancelled`` is raised.

        Returns
        -------
        Report
            A new one, with ``latency``, ``agreement``, ``flip_rate`` and ``baseline_flip_rate``.

        Raises
        ------
        ValueError
            Not a report of this experiment, or one about the sealed images; threads out of range.
        """
        self._check_own(rep)
        threads = check_threads(threads)
        optimized, images = self._compressor.optimize(rep.recipe), self.dataset.exploration[0]
        graph = optimized.graph(images[:1])
        session = open_session(graph)
        simulated = evaluate(optimized.simulation(), self._whole.images.batches).argmax(1).numpy()
        agreement = predict(session, images).argmax(1) == simulated
        before, after = (
            self._flip_rate(self._compressor.optimize(Recipe())),
            self._flip_rate(optimized),
        )
        plain = export.export(self._folded, images[:1])
        latency = measure(
            lambda: open_session(plain, threads),
            lambda: open_session(graph, threads),
            images.numpy(),
            stop=stop,
        )
        return replace(
            rep,
            latency=latency,
            agreement=float(agreement.mean()),
            flip_rate=after,
            baseline_flip_rate=before,
        )

    def _check_own(self, rep: object) -> None:
        if not isinstance(rep, Report):
            raise ValueError(
                f"rep is a report of this experiment, what run() gives, not {type(rep).__name__}"
            )
        if rep.part == "sealed":
            raise ValueError(
                "speed and stability are measured on the exploration images, and this report is "
                f"about the sealed ones; measure the one that run({rep.recipe}) gives"
            )
        if len(rep.labels) < rep.out_of:
            raise ValueError(
                f"speed and stability are measured on all {rep.out_of} exploration images, and "
                f"this report is about the first {len(rep.labels)}"
            )
        if rep.tools is not self._tools:
            raise ValueError(f"{rep!r} is a report of another experiment than {self!r}")

    def _flip_rate(self, optimized: CompressedModel) -> float:
        """Share of the exploration images whose class changes under an invisible change."""
        images, labels = self.dataset.exploration
        changed = Images.of("changed", (invisible_change(images, self.dataset), labels))
        before = self._logits(optimized, self._whole.images).argmax(1)
        after = self._logits(optimized, changed).argmax(1)
        return int((before != after).sum()) / len(labels)
