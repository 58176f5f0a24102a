"""Proof that a dataset's mean and std lead back to pixels 0..1, before work is done in pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from optiwidgets.engine.data.dataset import Dataset

SLACK = 0.02  # five of 255 steps: mean and std as printed in papers
TOLD_APART = 16  # distinct values, from which on steps of 1/255 are no coincidence
LOOKED_AT = 2**20  # values that are compared with steps of 1/255
WAY_OUT = "give Dataset the mean= and std= that these images were normalized by"


def check_pixels(images: Tensor, dataset: Dataset) -> None:
    """Raise ValueError unless normalized images N C H W lead back to pixels 0..1.

    Noise, shifts, brightness and pictures are in pixels: under another mean and std their figures
    would be those of another change.

    Examples
    --------
    >>> labels, pixels = torch.tensor([0, 1]), torch.rand(2, 1, 8, 8)
    >>> parts = dict.fromkeys(("train", "calibration", "exploration", "sealed"), (pixels, labels))
    >>> check_pixels(pixels, Dataset(**parts, class_names=("a", "b")))
    >>> check_pixels(4 * pixels - 2, Dataset(**parts, class_names=("a", "b")))
    Traceback (most recent call last):
    ...
    ValueError: with mean 0.0 and std 1.0 the images lead back to pixels from ... to ..., not 0
    to 1; give Dataset the mean= and std= that these images were normalized by
    """
    low, high = (float(v) for v in torch.aminmax(dataset.pixels(_extremes(images))))
    if low < -SLACK or high > 1 + SLACK:
        raise ValueError(
            f"with mean {dataset.mean} and std {dataset.std} the images lead back to pixels from "
            f"{low:.2f} to {high:.2f}, not 0 to 1; {WAY_OUT}"
        )
    some = images[: max(1, LOOKED_AT // max(1, images[0].numel()))]
    if _in_steps(some) and not _in_steps(dataset.pixels(some)):
        raise ValueError(
            f"the images are pixels from {images.min():.2f} to {images.max():.2f} as they are, and "
            f"mean {dataset.mean} and std {dataset.std} say that they were normalized; {WAY_OUT}, "
            "or none"
        )


def _extremes(images: Tensor) -> Tensor:
    """Lowest and highest value of each channel, (2, C, 1, 1)."""
    return torch.stack([images.amin((0, 2, 3)), images.amax((0, 2, 3))])[:, :, None, None]


def _in_steps(values: Tensor) -> bool:
    """Tell whether values are multiples of 1/255 within 0..1, and enough of them to be sure."""
    steps = values * 255
    if not (steps >= -1e-3).all() or not (steps <= 255 + 1e-3).all():
        return False
    if not ((steps - steps.round()).abs() < 1e-3).all():
        return False
    return len(steps.round().unique()) >= TOLD_APART
