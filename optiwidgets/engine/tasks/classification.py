"""Classification: one class for an image, the largest of K scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from numpy.typing import NDArray
from torch import Tensor

from optiwidgets.engine.evaluation.model_checks import check_scores
from optiwidgets.engine.evaluation.stratification import stratified
from optiwidgets.engine.execution.worker_pool import run_on_worker
from optiwidgets.engine.tasks.class_outcome import ClassOutcome, DeferredScores
from optiwidgets.engine.tasks.own_detector import HINT, returns_boxes
from optiwidgets.engine.types.boxes import FIELDS
from optiwidgets.engine.types.measurements import Integers
from optiwidgets.engine.types.task import Compute


@dataclass(frozen=True)
class Classification:
    """Task of a classifier: N C H W -> scores before softmax (N, K).

    Examples
    --------
    >>> import torch
    >>> Classification().check_output(torch.zeros(2, 5), images=2, classes=10)
    Traceback (most recent call last):
    ...
    ValueError: the model returns (2, 5) for 2 images, the dataset's 10 classes need scores of ...
    """

    name = "classification"
    of_classes = True

    @property
    def impossible(self) -> dict[str, str]:
        """Reasons against methods that need a loss: none."""
        return {}

    def check_targets(self, part: str, targets: Tensor, classes: int) -> None:
        """Raise ValueError unless the targets are class indices (N,)."""
        if targets.dim() != 1:
            boxes = targets.dim() == 3 and targets.shape[2] == FIELDS
            raise ValueError(
                f"{part} has targets of {tuple(targets.shape)}, which are no class labels (N,); "
                "give the task that reads them: Experiment(model, dataset, task=...)"
                + (f"\n\n{HINT}" if boxes else "")
            )

    def check_output(self, output: Tensor, images: int, classes: int) -> None:
        """Raise ValueError unless the output is (N, K)."""
        check_scores(output, images, classes)

    def hint(self, output: Any) -> str:
        """Return the lines that make a whole detector fit, if the output is that of one."""
        return HINT if returns_boxes(output) else ""

    def order(self, targets: NDArray[Any]) -> Integers:
        """Compute the stratified order of labels (N,)."""
        return stratified(targets)

    def loss(self, output: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
        """Compute the mean cross-entropy, with label smoothing."""
        return F.cross_entropy(output, targets, label_smoothing=smoothing)

    def outcome(
        self,
        output: Tensor,
        targets: NDArray[Any],
        class_names: Sequence[str],
        positive: int | None = None,
    ) -> ClassOutcome:
        """Take the largest score of each image, and the softmax of all."""
        predictions, scores = output.argmax(1).numpy(), run_on_worker(output.softmax, 1).numpy()
        for array in (predictions, scores):  # cached reports are shared
            array.setflags(write=False)
        return ClassOutcome.of(targets, predictions, scores, class_names, positive)

    def restore(
        self,
        predictions: Integers,
        precision: float,
        lost: int,
        compute: Compute,
        targets: NDArray[Any],
        class_names: Sequence[str],
        positive: int | None = None,
    ) -> ClassOutcome:
        """Make the outcome of stored predictions; scores are computed on first use."""
        deferred = DeferredScores(precision, lost, compute)
        return ClassOutcome.of(targets, predictions, deferred, class_names, positive)
