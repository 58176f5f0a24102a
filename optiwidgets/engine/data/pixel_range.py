"""Check that mean and std denormalize images to pixels 0..1, before operations on pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from optiwidgets.engine.data.dataset import Dataset

SLACK = 0.02  # five steps of 1/255: mean and std are often rounded, as in papers
TOLD_APART = 16  # distinct values; with fewer, steps of 1/255 may be a coincidence
LOOKED_AT = 2**20  # values compared with steps of 1/255, about
WAY_OUT = "give Dataset the mean= and std= that these images were normalized by"


def check_pixels(images: Tensor, dataset: Dataset) -> None:
    """Raise ValueError unless images N C H W denormalize to pixels 0..1.

    Noise, shifts, brightness and displayed images are defined in pixels: with a wrong mean and
    std, their strength would be wrong too.

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
    """Compute the lowest and highest value of each channel, (2, C, 1, 1)."""
    return torch.stack([images.amin((0, 2, 3)), images.amax((0, 2, 3))])[:, :, None, None]


def _in_steps(values: Tensor) -> bool:
    """Return True if at least 16 distinct values, all multiples of 1/255 within 0..1, occur."""
    steps = values * 255
    if not (steps >= -1e-3).all() or not (steps <= 255 + 1e-3).all():
        return False
    if not ((steps - steps.round()).abs() < 1e-3).all():
        return False
    return len(steps.round().unique()) >= TOLD_APART
