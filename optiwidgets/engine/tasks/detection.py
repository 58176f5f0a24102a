"""Detection: boxes with a class and a score, decoded from one output tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optiwidgets.engine.tasks.decoding import (
    Decode,
    check_independent,
    check_scale,
    decode_boxes,
    described,
)
from optiwidgets.engine.tasks.detection_outcome import (
    DetectionOutcome,
    check_boxes,
    check_shapes,
    order_of,
)
from optiwidgets.engine.tasks.own_detector import HINT
from optiwidgets.engine.types.boxes import ABSENT, FIELDS
from optiwidgets.engine.types.measurements import Integers
from optiwidgets.engine.types.recipe import BY_TRAINING
from optiwidgets.texts import mark

Loss = Callable[[Tensor, Tensor], Tensor]
NO_LOSS = "it minimizes a loss, and this task has none: give Detection(decode=..., loss=...)"
MEASURED = ("exploration", "sealed")  # parts on which figures are measured
NEEDS_LOSS = ("fisher", *BY_TRAINING)
FOR_CLASSIFIERS = {
    "budget": "fit_budget compares class scores, so it is for classifiers",
    "grid": "a slider grid stores predicted classes, so it is for classifiers",
}
INSTEAD = {
    "Inspect": mark('the tab "Scenes" of ow.Explorer, with the objects that are lost and gained'),
    "Threshold": mark("report.confusion_at(overlap, score), or the two sliders of ow.Explorer"),
    "Textbook": mark("report.confusion_at(overlap, score), which counts objects"),
}


@dataclass(frozen=True)
class Detection:
    """Task of a detector: N C H W -> one tensor (N, ...), decoded to boxes.

    Parameters
    ----------
    decode
        Function output (N, ...) -> list of one tensor (n, 6) an image: x0, y0, x1, y1 in pixels of
        the network's input, score 0..1, class 0..K-1. Overlapping boxes of one object are removed
        there. It runs without gradients, and the boxes of an image may not depend on the others.
    loss
        Function (output, targets) -> mean loss, with targets (N, M, 6): x0, y0, x1, y1, class,
        crowd, and class -1 in rows without a box. Without it nothing can be trained.

    Examples
    --------
    >>> task = Detection(decode=list)  # of a network whose output (N, n, 6) is boxes
    >>> output = torch.tensor([[[0, 0, 4, 4, 0.9, 1]]])
    >>> targets = torch.tensor([[[0, 0, 4, 4, 1, 0.0]]]).numpy()
    >>> task.outcome(output, targets, class_names=("a", "b")).map_50
    1.0
    """

    decode: Decode
    loss_of: Loss | None = None

    name = "detection"
    of_classes = False

    def __init__(self, decode: Decode, loss: Loss | None = None) -> None:
        for given, what in ((decode, "decode"), (loss, "loss")):
            if not callable(given) and (given is not None or what == "decode"):
                raise ValueError(f"{what} is a function of the network's output, not {given!r}")
        object.__setattr__(self, "decode", decode)
        object.__setattr__(self, "loss_of", loss)

    @property
    def impossible(self) -> dict[str, str]:
        """Reasons against methods that need a loss, if there is none."""
        found = dict(FOR_CLASSIFIERS)
        if self.loss_of is None:
            found |= {method: f"{method!r} is not possible: {NO_LOSS}" for method in NEEDS_LOSS}
        return found

    @property
    def instead(self) -> dict[str, str]:
        """Replacements of things that are for classifiers, by their public name."""
        return INSTEAD

    def check_targets(self, part: str, targets: Tensor, classes: int) -> None:
        """Raise ValueError unless the targets are boxes (N, M, 6)."""
        if targets.dim() != 3 or targets.shape[2] != FIELDS or not targets.is_floating_point():
            raise ValueError(
                f"{part} has targets of {tuple(targets.shape)}, a detector's are boxes (N, M, 6): "
                "x0, y0, x1, y1, class, crowd"
            )
        single = (targets[:, :, 4] != ABSENT) & (targets[:, :, 5] == 0)
        if part in MEASURED and not bool(single.any()):
            raise ValueError(f"{part} has no object in any image, so nothing can be measured on it")

    def check_output(self, output: Tensor, images: int, classes: int) -> None:
        """Raise ValueError unless the output can be decoded."""
        if output.dim() < 2 or len(output) != images:
            raise ValueError(f"the model returns {tuple(output.shape)} for {images} images")
        check_boxes(decode_boxes(self.decode, output), images, classes)
        check_independent(self.decode, output)

    def check_probe(self, output: Tensor, targets: Tensor, size: tuple[int, int]) -> None:
        """Raise ValueError if no decoded box can be in pixels of images of this (height, width)."""
        found = decode_boxes(self.decode, output)
        check_shapes(found, len(output))
        check_scale(found, targets.numpy(), size)

    def hint(self, output: Any) -> str:
        """Return the lines that make a whole detector of torchvision fit."""
        return HINT

    def order(self, targets: NDArray[Any]) -> Integers:
        """Compute an order of images, stratified by their number of objects."""
        return order_of(targets)

    def loss(self, output: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
        """Compute the mean loss; there is no label smoothing.

        Raises
        ------
        ValueError
            The task has no loss, or it returns no finite number with gradients.
        """
        if self.loss_of is None:
            raise ValueError(NO_LOSS)
        loss = self.loss_of(output, targets)
        _check_loss(loss, output)
        return loss

    def outcome(
        self,
        output: Tensor,
        targets: NDArray[Any],
        class_names: Sequence[str],
        positive: int | None = None,
    ) -> DetectionOutcome:
        """Decode the boxes of all images; an image whose output is not finite has none.

        Raises
        ------
        ValueError
            ``decode`` raises an exception, returns another shape, a score out of 0..1, an unknown
            class, or a box with swapped corners.
        """
        finite = np.isfinite(output.detach().cpu().float().numpy())  # torch's threads wait longer
        sound = torch.from_numpy(finite.all(tuple(range(1, finite.ndim))))
        if not sound.all():
            output = torch.where(sound.view(-1, *[1] * (output.dim() - 1)), output, 0.0)
        found = decode_boxes(self.decode, output)
        check_boxes(found, len(output), len(class_names))
        found = [each if fine else each[:0] for each, fine in zip(found, sound, strict=True)]
        for each in found:
            each.setflags(write=False)
        lost = tuple((~sound).nonzero().flatten().tolist())
        return DetectionOutcome(targets, tuple(found), tuple(class_names), lost)


def _check_loss(loss: Any, output: Tensor) -> None:
    """Raise ValueError unless a loss is a finite number, with gradients where the output has."""
    found = ""
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        found = described(loss)
    elif output.requires_grad and not loss.requires_grad:
        found = "a tensor without gradients"
    elif not torch.isfinite(loss):
        found = f"{loss.item():g}"
    if found:
        raise ValueError(
            f"loss returns {found} for {len(output)} images; it returns one number, their mean"
        )
