"""Validation of datasets: shapes, dtypes, finite values, labels in range, class names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from optiwidgets.engine.data.stored_part import StoredPart

Part = tuple[Tensor, Tensor] | StoredPart  # images N C H W and labels (N,)


def is_index(value: object, count: int) -> bool:
    """Return True if a value is a whole number from 0 to ``count`` - 1."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and value in range(count)


def in_plain_order(images: Tensor) -> Tensor:
    """Return images with the strides of a new tensor N C H W; copied only if necessary.

    The stride of an axis of one channel is arbitrary, and torch may take such images for
    channels_last.

    Examples
    --------
    >>> in_plain_order(torch.zeros(2, 4, 4, 1).permute(0, 3, 1, 2)).stride()
    (16, 16, 4, 1)
    """
    plain = torch.empty(images.shape, device="meta").stride()
    return images.contiguous().as_strided(images.shape, plain)


def check_part(name: str, part: Part, classes: int) -> None:
    """Raise ValueError, with the part's name, for invalid images or labels."""
    if not isinstance(part, tuple | list | StoredPart) or len(part) != 2:
        raise ValueError(f"{name} is a pair (images, labels), not {type(part).__name__}")
    if not isinstance(part, StoredPart):  # images of a StoredPart are always finite floats
        _check_images(name, part[0])
    _check_labels(name, part[1], image_shape(part)[0], classes)


def image_shape(part: Part) -> torch.Size:
    """Return the shape of a part's images, N C H W, without computing them."""
    return part.shape if isinstance(part, StoredPart) else part[0].shape


def some_images(part: Part, places: Sequence[int]) -> Tensor:
    """Return the images at these indices of a part, without computing the others."""
    if isinstance(part, StoredPart):
        return part.take(np.asarray(places, np.int64))
    return part[0][list(places)]


def _check_images(name: str, images: object) -> None:
    if not isinstance(images, Tensor) or images.dtype != torch.float32 or images.dim() != 4:
        raise ValueError(f"{name} images are float32 N C H W, not {_describe(images)}")
    _check_plain(name, images)
    if not torch.isfinite(images).all():
        raise ValueError(f"{name} images hold values that are not finite (nan or infinity)")


def _check_labels(name: str, labels: object, images: int, classes: int) -> None:
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64 or labels.dim() != 1:
        raise ValueError(f"{name} labels are int64 (N,), not {_describe(labels)}")
    if images != len(labels) or not len(labels):
        raise ValueError(f"{name} has {images} images and {len(labels)} labels; needs 1 each")
    if labels.min() < 0 or labels.max() >= classes:
        bad = int(labels.min() if labels.min() < 0 else labels.max())
        raise ValueError(f"{name} labels are 0 to {classes - 1}, not {bad}")


def _check_plain(name: str, images: Tensor) -> None:
    if images.device.type != "cpu":
        raise ValueError(f"{name} images are in the CPU's memory, not on {images.device.type!r}")
    if images.requires_grad:
        raise ValueError(f"{name} images require gradients; give images.detach()")


def check_names(class_names: object) -> tuple[str, ...]:
    """Return the names as strings; ValueError unless there are 2 or more, all different.

    Examples
    --------
    >>> check_names([3, 5])
    ('3', '5')
    """
    if isinstance(class_names, str) or not isinstance(class_names, Iterable):
        raise ValueError(f"class_names are K names, one for each class, not {class_names!r}")
    names = tuple(map(str, class_names))
    if len(names) < 2:
        raise ValueError(f"a dataset has 2 classes or more, not {len(names)}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two classes are named {', '.join(map(repr, twice))}; names are unique")
    return names


def check_geometry(name: str, shape: torch.Size, expected: torch.Size) -> None:
    """Raise ValueError for images whose (C, H, W) differs from that of the training images."""
    if shape != expected:
        raise ValueError(f"{name} images are {tuple(shape)}, train's {tuple(expected)}")


def _describe(value: object) -> str:
    return (
        f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
    )
