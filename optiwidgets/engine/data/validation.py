"""Validation of datasets: shapes, dtypes, finite values, labels in range, class names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from optiwidgets.engine.data.stored_part import StoredPart
from optiwidgets.engine.data.targets import check_plain, check_targets, describe

Part = tuple[Tensor, Tensor] | StoredPart  # images N C H W and their targets


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
    """Raise ValueError, with the part's name, for invalid images or targets."""
    if not isinstance(part, tuple | list | StoredPart) or len(part) != 2:
        raise ValueError(f"{name} is a pair (images, targets), not {type(part).__name__}")
    if not isinstance(part, StoredPart):  # images of a StoredPart are always finite floats
        _check_images(name, part[0])
    check_targets(name, targets_of(part), image_shape(part), classes)


def targets_of(part: Part) -> Tensor:
    """Return the targets of a part, without computing its images."""
    return part.labels if isinstance(part, StoredPart) else part[1]


def check_kinds(kinds: dict[str, str]) -> None:
    """Raise ValueError unless the targets of all parts, by name, are of one kind.

    Examples
    --------
    >>> check_kinds({"train": "boxes", "sealed": "classes"})
    Traceback (most recent call last):
    ...
    ValueError: targets of sealed are classes, train's boxes; all parts have targets of one kind
    """
    first, kind = next(iter(kinds.items()))
    for name, other in kinds.items():
        if other != kind:
            raise ValueError(
                f"targets of {name} are {other}, {first}'s {kind}; all parts have targets of one "
                "kind"
            )


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
        raise ValueError(f"{name} images are float32 N C H W, not {describe(images)}")
    check_plain(f"{name} images", images)
    if not torch.isfinite(images).all():
        raise ValueError(f"{name} images hold values that are not finite (nan or infinity)")


def check_names(class_names: object, least: int = 2) -> tuple[str, ...]:
    """Return the names as strings; ValueError unless there are ``least`` or more, all different.

    Examples
    --------
    >>> check_names([3, 5])
    ('3', '5')
    """
    if isinstance(class_names, str) or not isinstance(class_names, Iterable):
        raise ValueError(f"class_names are K names, one for each class, not {class_names!r}")
    names = tuple(map(str, class_names))
    if len(names) < least:
        few = "1 class" if least == 1 else f"{least} classes"
        raise ValueError(f"a dataset has {few} or more, not {len(names)}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two classes are named {', '.join(map(repr, twice))}; names are unique")
    return names


def check_geometry(name: str, shape: torch.Size, expected: torch.Size) -> None:
    """Raise ValueError for images whose (C, H, W) differs from that of the training images."""
    if shape != expected:
        raise ValueError(f"{name} images are {tuple(shape)}, train's {tuple(expected)}")
