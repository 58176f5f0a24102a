"""Builder of reports: compress, weigh, evaluate and count by a recipe."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optiwidgets.engine.compression.compressed_model import CompressedModel
from optiwidgets.engine.compression.compressor import Compressor
from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.evaluation.images import BATCH, Images
from optiwidgets.engine.evaluation.incremental import (
    Evaluation,
    EvaluationSet,
    IncrementalEvaluator,
)
from optiwidgets.engine.evaluation.inference import evaluate
from optiwidgets.engine.evaluation.runtime_preparation import RuntimePreparation
from optiwidgets.engine.evaluation.sparse_evaluation import RuntimeChoice
from optiwidgets.engine.execution.progress import ProgressCallback
from optiwidgets.engine.execution.worker_pool import run_on_worker
from optiwidgets.engine.experiment.report_operations import ReportOperations
from optiwidgets.engine.experiment.report_size import prepare_size, weigh_now
from optiwidgets.engine.models.layers import interface_of, prunable
from optiwidgets.engine.models.macs import positions
from optiwidgets.engine.onnx_runtime.agreement import PROBED, agrees
from optiwidgets.engine.onnx_runtime.session import open_session, predict
from optiwidgets.engine.serialization import writer
from optiwidgets.engine.serialization.writer import Packable
from optiwidgets.engine.types.measurements import Integers, Size
from optiwidgets.engine.types.recipe import Recipe, without_idle
from optiwidgets.engine.types.report import Report
from optiwidgets.engine.types.runtime_info import ONNX_RUNTIME, TORCH
from optiwidgets.engine.types.task import Outcome, Storing

UNTOUCHED = Recipe()
log = logging.getLogger("optiwidgets")


class ReportBuilder:
    """Builder of all reports of one experiment.

    Parameters
    ----------
    compressor
        Compressor of the model.
    dataset
        Dataset whose exploration images are evaluated by default.
    choice
        Choice of the runtime, if it was made before for the compressor's models.
    """

    def __init__(
        self, compressor: Compressor, dataset: Dataset, choice: RuntimeChoice | None = None
    ) -> None:
        self.compressor, self.dataset, self.task = compressor, dataset, compressor.task
        self.preparation = RuntimePreparation()
        probe = compressor.dataset.calibration[0][:BATCH]
        self.choice = choice or RuntimeChoice(compressor.folded, probe)
        self.whole = self._set_of(None)
        self._proven: set[object] = set()  # kinds of models for which runtime and torch agreed
        self._int8_in_torch = False  # the int8 graph disagreed with torch
        self._part: EvaluationSet | None = None  # the images of the last ``first``

    def _set_of(self, first: int | None) -> EvaluationSet:
        runtimes = self.preparation, self.choice
        return EvaluationSet.of(self.dataset, first, *runtimes, self.task.order)

    @cached_property
    def prunable_weights(self) -> int:
        """Number of Conv2d and Linear weights of the untouched model."""
        return sum(weight.numel() for weight in self.compressor.pruner.weights.values())

    def first(self, count: int) -> Images:
        """Return the first images in stratified order; only the last such set is cached."""
        part = self._part
        if part is None or len(part.images.targets) != count:
            self._part = part = self._set_of(count)
        return part.images

    def build(
        self,
        recipe: Recipe,
        images: Images,
        on_progress: ProgressCallback = lambda _: None,
        *,
        estimate_size: bool = False,
        on_evaluated: Callable[[], None] = lambda: None,
    ) -> Report:
        """Compress the model by a recipe, weigh it, and evaluate it on images.

        With ``estimate_size`` the size is an estimate, and marked as one. ``on_evaluated`` is
        called once the network ran on the images, before its output is decoded.

        Raises
        ------
        ValueError
            A method does not apply to this model.
        """
        model = self.compressor.compress(recipe, on_progress)
        packable = model.packable
        evaluation = self.evaluate(model, images, on_progress)
        on_evaluated()
        outcome = self.outcome(images, evaluation.scores)
        if lost := outcome.not_finite:
            log.warning(
                "%s: %s of %s images get scores that are not finite", recipe, lost, outcome.count
            )
        counts = self._counts(packable)
        return self.begin(images, recipe, outcome)(
            size=prepare_size(
                packable,
                self._baseline_bytes if recipe != UNTOUCHED else None,
                estimated=estimate_size,
            ),
            **counts,
            **self._simulated(model, images),
            runtime=evaluation.runtime,
        )

    def weigh(self, recipe: Recipe) -> tuple[Size, dict[str, Any]]:
        """Compute the size of a recipe's model and its counts, without running it on images."""
        packable = self.compressor.compress(recipe).packable
        baseline = self._baseline_bytes if recipe != UNTOUCHED else None
        return weigh_now(packable, baseline), self._counts(packable)

    def _counts(self, packable: Packable) -> dict[str, Any]:
        """Count the weights, channels, MACs and parameters of a compressed model."""
        weights = [layer.weight for layer in prunable(packable.net).values()]
        channels = sum(map(len, self.compressor.pruner.weights.values()))
        kept = sum(int(np.count_nonzero(coded.mask)) for coded in packable.layers.values())
        removed = channels - sum(map(len, weights))
        return {
            "pruned_weights": self.prunable_weights - kept,
            "removed_channels": (removed, channels - self._answers(packable.recipe)),
            "macs": sum(w.numel() * n for w, n in zip(weights, self._positions, strict=True)),
            "parameters": sum(p.numel() for p in packable.net.parameters()),
        }

    def part_of(self, report: Report, images: Images) -> Report:
        """Build the report on the first images from that on all, without evaluating again."""
        outcome = report.outcome.first(report.outcome.order[: len(images.targets)])
        return self.begin(images, report.recipe, outcome)(
            size=report.size,
            pruned_weights=report.pruned_weights,
            removed_channels=report.removed_channels,
            macs=report.macs,
            parameters=report.parameters,
            runtime=report.runtime,
        )

    def outcome(self, images: Images, output: Tensor) -> Outcome:
        """Decode an output for images, and compute the task's numbers."""
        dataset = self.dataset
        return self.task.outcome(output, images.targets, dataset.class_names, dataset.positive)

    def begin(self, images: Images, recipe: Recipe, outcome: Outcome) -> partial[Report]:
        """Return a partial report of an outcome, to be called with the model's numbers."""
        return partial(
            Report,
            recipe=recipe,
            class_names=tuple(self.dataset.class_names),
            positive=self.dataset.positive,
            part=images.part,
            out_of=images.out_of,
            images=images.fingerprint,
            outcome=outcome,
            prunable_weights=self.prunable_weights,
            operations=ReportOperations(self, recipe),
        )

    def begin_stored(
        self, images: Images, recipe: Recipe, predictions: Integers, precision: float, lost: int
    ) -> partial[Report]:
        """Return a partial report of stored predictions; the task is ``Storing``.

        Scores are evaluated on first use; ``precision`` is their mean average precision, and
        ``lost`` the number of images whose scores are not finite.
        """
        dataset, compute = self.dataset, ReportOperations(self, recipe).scores
        restore = partial(cast(Storing, self.task).restore, predictions, precision, lost, compute)
        outcome = restore(images.targets, dataset.class_names, dataset.positive)
        return self.begin(images, recipe, outcome)

    def made(self, report: Report) -> bool:
        """Return whether this builder made a report."""
        return report.operations.belongs_to(self)

    def evaluate(
        self,
        model: CompressedModel,
        images: Images,
        on_progress: ProgressCallback = lambda _: None,
    ) -> Evaluation:
        """Compute the scores (N, K) before softmax in the runtime that runs the model."""
        new = (kind := _kind(model)) not in self._proven
        if new:
            model.check_decoded()
        if model.is_int8:
            return self._evaluate_int8(model, images, new)
        known = (e.resumer for e in (self.whole, self._part) if e and e.images is images)
        resumer = next(known, None) or IncrementalEvaluator(
            images.batches, most_bytes=0, preparation=self.preparation, choice=self.choice
        )
        found = resumer.evaluate(net := model.simulation(), on_progress)
        self._proven.add(kind)
        if (kind, found.runtime) not in self._proven and found.runtime != TORCH:
            first = images.batches[0][:PROBED]
            expected = evaluate(net, [first]).numpy()
            if not agrees(found.scores[: len(first)].numpy(), expected):
                log.warning("evaluated in torch: the runtime's scores differ from torch's")
                resumer.run_in_torch()
                found = resumer.evaluate(net, on_progress)
            self._proven.add((kind, found.runtime))
        return found

    def _evaluate_int8(self, model: CompressedModel, images: Images, new: bool) -> Evaluation:
        """Compute the scores of an int8 model; in torch if its graph disagrees with torch."""
        if not self._int8_in_torch:
            self.preparation.wait()
            try:
                first = images.batches[0]
                graph = model.checked_graph(first) if new else model.graph(first[:PROBED])
            except ValueError as reason:
                log.warning("int8 is simulated in torch: %s", reason)
                self._int8_in_torch = True
        if self._int8_in_torch:
            return Evaluation(evaluate(model.simulation(), images.batches), TORCH)
        self._proven.add(_kind(model))
        # by numpy: torch's second thread would go on spinning for 200 ms after a concatenation
        every = np.concatenate([batch.numpy() for batch in images.batches])
        raw = torch.from_numpy(predict(open_session(graph), every))
        return Evaluation(interface_of(model.packable.net).head.logits(raw), ONNX_RUNTIME)

    def exploration_scores(self, recipe: Recipe) -> NDArray[np.float32]:
        """Compute the softmax scores (N, K) of all exploration images."""
        found = self.evaluate(self.compressor.compress(recipe), self.whole.images)
        scores = run_on_worker(found.scores.softmax, 1).numpy()
        scores.setflags(write=False)  # cached reports are shared
        return scores

    def _answers(self, recipe: Recipe) -> int:
        """Count the channels of the layers that give the output, as no channel of them is removed.

        Without a removal of channels the model is not traced: a class has one.
        """
        pruner = self.compressor.pruner
        if recipe.pruning != "channel":
            return len(self.dataset.class_names)
        return sum(len(pruner.weights[name]) for name in pruner.groups.answer)

    def _simulated(self, model: CompressedModel, images: Images) -> dict[str, Any]:
        """Compute confusion and leading metric of an int8 model's float simulation; {} without."""
        if not model.is_int8:
            return {}
        found = self.outcome(images, evaluate(model.simulation(), images.batches))
        return {"simulated": found.confusion, "simulated_metric": getattr(found, found.metric)}

    @cached_property
    def _baseline_bytes(self) -> int:
        return sum(writer.packed_parts(self.compressor.compress(UNTOUCHED).packable).values())

    @cached_property
    def _positions(self) -> list[int]:
        """Number of uses of each weight of a layer for one image, layer by layer."""
        return positions(self.compressor.folded, self.dataset.exploration[0][:1])


def _kind(model: CompressedModel) -> object:
    """Return a key of models for which one comparison of runtime and torch is enough."""
    recipe = without_idle(model.packable.recipe)
    how = (recipe.pruning, recipe.scheme, recipe.granularity, recipe.recovery)
    return (*how, min(recipe.bits, 17), model.is_int8, recipe.activation_bits < 32)
