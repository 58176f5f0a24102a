"""Targets of images: a class each, boxes of objects, or a class for every pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optiwidgets.engine.data.splitting import Digests, Indices, complete, split_strata, stratify
from optiwidgets.engine.types.boxes import ABSENT, FIELDS

CLASSES, BOXES, MASKS = "classes", "boxes", "masks"
OTHER_KINDS = "boxes are float32 (N, M, 6) and masks int64 (N, H, W)"
EDGES = 4  # fields of a box: x0, y0, x1, y1
CLASS, CROWD = 4, 5  # fields of its class and of its mark as a crowd

Boxes = NDArray[np.float64]  # (n, 6) of one image


def kind_of(targets: object) -> str:
    """Return "boxes" for float32 (N, M, 6), "masks" for int64 (N, H, W), otherwise "classes".

    Examples
    --------
    >>> kind_of(torch.zeros(2, 1, 6)), kind_of(torch.tensor([0, 1]))
    ('boxes', 'classes')
    """
    if isinstance(targets, Tensor) and targets.dim() == 3:
        if targets.dtype == torch.float32 and targets.shape[2] == FIELDS:
            return BOXES
        if targets.dtype == torch.int64:
            return MASKS
    return CLASSES


def check_targets(name: str, targets: object, shape: torch.Size, classes: int) -> None:
    """Raise ValueError, with the part's name, for targets that do not fit images N C H W."""
    kind = kind_of(targets)
    if not isinstance(targets, Tensor) or (
        kind == CLASSES and (targets.dtype != torch.int64 or targets.dim() != 1)
    ):
        raise ValueError(f"{name} labels are int64 (N,), not {describe(targets)}; {OTHER_KINDS}")
    check_plain(f"{name} targets", targets)
    if shape[0] != len(targets) or not len(targets):
        what = "labels" if kind == CLASSES else "targets"
        raise ValueError(f"{name} has {shape[0]} images and {len(targets)} {what}; needs 1 each")
    if kind == BOXES:
        return check_boxes(name, targets.numpy(), (shape[2], shape[3]), classes)
    if kind == MASKS and targets.shape[1:] != shape[2:]:
        raise ValueError(
            f"{name} masks are {tuple(targets.shape[1:])}, and its images {tuple(shape[2:])}"
        )
    if targets.min() < 0 or targets.max() >= classes:
        bad = int(targets.min() if targets.min() < 0 else targets.max())
        what = "labels" if kind == CLASSES else "masks"
        raise ValueError(f"{name} {what} are 0 to {classes - 1}, not {bad}")
    return None


def check_plain(what: str, values: Tensor) -> None:
    """Raise ValueError for a tensor that is not in the CPU's memory, or requires gradients."""
    if values.device.type != "cpu":
        raise ValueError(f"{what} are in the CPU's memory, not on {values.device.type!r}")
    if values.requires_grad:
        raise ValueError(f"{what} require gradients; give {what.split()[-1]}.detach()")


def check_boxes(name: str, boxes: NDArray[np.float32], size: Sequence[int], classes: int) -> None:
    """Raise ValueError for the first invalid row of boxes (N, M, 6), with its place and values.

    Parameters
    ----------
    name
        Name of the part, for the message.
    boxes
        Rows of x0, y0, x1, y1, class and crowd; rows without a box have class -1 and zeros.
    size
        Height and width of the images.
    classes
        Number of classes.

    Examples
    --------
    >>> check_boxes("train", np.array([[[5, 0, 3, 4, 0, 0]]], np.float32), (8, 8), 2)
    Traceback (most recent call last):
    ...
    ValueError: train image 0, box 0 is [5, 0, 3, 4, 0, 0]: corners are swapped, x1 is not above
    x0 or y1 not above y0
    """
    if not boxes.shape[1]:
        raise ValueError(f"{name} boxes are float32 (N, M, 6), M at least 1, not {boxes.shape}")
    height, width = size
    left, top, right, bottom, label, crowd = np.moveaxis(boxes, 2, 0)
    absent = label == ABSENT
    padding = absent & ~(np.delete(boxes, CLASS, 2) == 0).all(2)
    outside = (left < 0) | (top < 0) | (right > width) | (bottom > height)
    unknown = ~((label >= 0) & (label < classes) & (label == np.floor(label)))
    found = {
        f"class {ABSENT:g} is of a row without a box, and all else in it is 0": padding,
        "it has values that are not finite": ~np.isfinite(boxes).all(2),
        "corners are swapped, x1 is not above x0 or y1 not above y0": (right < left)
        | (bottom < top),
        "its area is 0": (right == left) | (bottom == top),
        f"it is outside the image of {width:g} x {height:g} pixels": outside,
        f"its class is not 0 to {classes - 1}": unknown,
        "its crowd is not 0 or 1": (crowd != 0) & (crowd != 1),
    }
    for reason, rows in found.items():
        bad = np.argwhere(rows & (padding | ~absent))
        if len(bad):
            image, row = bad[0]
            values = ", ".join(f"{value:g}" for value in boxes[image, row])
            raise ValueError(f"{name} image {image}, box {row} is [{values}]: {reason}")


def pick_targets(targets: Tensor, places: Indices) -> Tensor:
    """Pick the targets of some images; of boxes, as many rows as their fullest image needs.

    Examples
    --------
    >>> pick_targets(pad_boxes([np.ones((3, 6)), np.ones((1, 6))]), np.array([1])).shape
    torch.Size([1, 1, 6])
    """
    picked = targets[torch.from_numpy(places)]
    if kind_of(targets) != BOXES or not len(places):
        return picked
    used = (picked[:, :, CLASS] != ABSENT).any(0).nonzero()
    return picked[:, : int(used.max()) + 1 if len(used) else 1].clone()


def pad_boxes(boxes: Sequence[Boxes]) -> Tensor:
    """Join the boxes of images, (n, 6) each, to float32 (N, M, 6); the rest has class -1.

    Examples
    --------
    >>> pad_boxes([np.array([[1, 2, 5, 6, 3, 0]]), np.empty((0, 6))])[:, 0].tolist()
    [[1.0, 2.0, 5.0, 6.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0, -1.0, 0.0]]
    """
    rows = max(1, *map(len, boxes)) if boxes else 1
    targets = np.zeros((len(boxes), rows, FIELDS), np.float32)
    targets[:, :, CLASS] = ABSENT
    for image, found in enumerate(boxes):
        targets[image, : len(found)] = found
    return torch.from_numpy(targets)


def read_boxes(given: Any) -> Tensor | None:
    """Convert the boxes of images, an array (n, 5) or (n, 6) each, to targets; else return None.

    Five columns are x0, y0, x1, y1 and the class, and a sixth is 1 for a crowd. Class indices and
    names are no boxes.

    Raises
    ------
    ValueError
        Arrays of other shapes, or values that are not numbers.

    Examples
    --------
    >>> read_boxes([[[1, 2, 5, 6, 3]], []]).shape
    torch.Size([2, 1, 6])
    >>> read_boxes([0, 1]) is None
    True
    """
    if not isinstance(given, Sequence) and (
        not isinstance(given, Tensor | np.ndarray) or given.ndim != 3
    ):
        return None
    items = [each.detach().cpu().numpy() if isinstance(each, Tensor) else each for each in given]
    if not any(np.ndim(each) == 2 for each in items):
        return None
    boxes = []
    for index, each in enumerate(items):
        rows = np.asarray(each) if np.size(each) else np.empty((0, FIELDS))
        fits = rows.ndim == 2 and rows.shape[1] in (FIELDS - 1, FIELDS)
        if not fits or rows.dtype.kind not in "iuf":
            raise ValueError(
                f"boxes of image {index} are numbers (n, 5) or (n, 6): x0, y0, x1, y1, class and "
                f"crowd, not {rows.dtype} {rows.shape}; masks are given as parts of a Dataset"
            )
        crowds = np.zeros((len(rows), FIELDS - rows.shape[1]))
        boxes.append(np.concatenate([rows, crowds], 1, dtype=np.float64))
    return pad_boxes(boxes)


def join_targets(targets: Sequence[Tensor]) -> Tensor:
    """Join the targets of several sources, boxes with as many rows as the fullest image needs."""
    if not all(kind_of(each) == BOXES for each in targets):
        return torch.cat(list(targets))
    rows = [np.asarray(image, np.float64) for each in targets for image in each.numpy()]
    return pad_boxes(rows)


def count_boxes(targets: Tensor) -> int:
    """Count the boxes of targets (N, M, 6), without the rows that have none."""
    return int((targets[:, :, CLASS] != ABSENT).sum())


def classes_present(targets: Tensor, classes: int) -> NDArray[np.bool_]:
    """Find the classes of every image's boxes, as booleans (N, K).

    Examples
    --------
    >>> classes_present(pad_boxes([np.array([[0, 0, 1, 1, 2, 0]]), np.empty((0, 6))]), 3).tolist()
    [[False, False, True], [False, False, False]]
    """
    labels = targets[:, :, CLASS].numpy().astype(np.int64)
    found = np.zeros((len(labels), classes + 1), bool)  # the last column is of rows without a box
    found[np.arange(len(labels))[:, None], labels] = True
    return found[:, :classes]


def split_targets(
    groups: Mapping[str, Indices],
    order: Digests,
    targets: Tensor,
    names: Sequence[str],
    shares: Sequence[float],
) -> list[Indices]:
    """Split images by their classes into the four parts.

    Parameters
    ----------
    groups
        Indices of the images of each given part; of all images under "" if none is given.
    order
        Digest of every image.
    targets
        Class or boxes of every image. Images with boxes are split by their rarest class.
    names
        Names of the classes.
    shares
        Shares of the parts, if none is given.

    Raises
    ------
    ValueError
        Fewer images, or images of a class, than parts; no training or no held-out images.
    """
    labels: Any = targets.numpy()
    if kind_of(targets) == BOXES:
        least = len(shares) if "" in groups else 2
        if "" in groups and len(targets) < least:
            raise ValueError(f"{len(targets)} images; four parts need {least} or more")
        present = classes_present(targets, len(names))
        labels, names = split_strata(present, list(groups.values()), names, least)
    if "" in groups:
        return stratify(order, labels, names, shares)
    return complete(groups, order, labels, names)


def describe(value: object) -> str:
    """Describe a tensor by dtype and shape, another value by its type."""
    return (
        f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
    )
