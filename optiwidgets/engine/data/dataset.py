"""Dataset: four disjoint parts of images and targets, class names and normalization."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optiwidgets.engine.data.assembly import assemble
from optiwidgets.engine.data.moments import Moment, check_moments
from optiwidgets.engine.data.splitting import PART_NAMES
from optiwidgets.engine.data.targets import BOXES, CLASSES, MASKS, count_boxes, kind_of
from optiwidgets.engine.data.validation import (
    Part,
    check_geometry,
    check_kinds,
    check_names,
    check_part,
    image_shape,
    in_plain_order,
    is_index,
    some_images,
    targets_of,
)
from optiwidgets.engine.types.boxes import check_class_names

PARTS = PART_NAMES


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """Labelled images for one experiment.

    Parameters
    ----------
    train, calibration, exploration, sealed
        Pairs of images, float32 N C H W and already normalized, and targets, of the same kind in
        all parts: the classes of the images, int64 (N,) in 0..K-1; boxes, float32 (N, M, 6); or
        masks, the class of every pixel, int64 (N, H, W). A box is x0, y0, x1, y1 in pixels of the
        image, its class, and 1 for a crowd, a region of many objects, or else 0; rows without a
        box have class -1 and zeros. No image may be in two parts. Every number of the explorer is
        measured on ``exploration``; nothing is tuned on ``sealed``.
    class_names
        K names, 2 or more; for boxes, 1 or more.
    positive
        Index of the positive class, or None.
    mean, std
        Mean and standard deviation that pixels 0..1 were normalized by, one number or one per
        channel.
    name, description
        Name of the dataset, and one sentence about the source of the images.

    Raises
    ------
    ValueError
        A part of the wrong shape or dtype, with values that are not finite, a label out of range,
        or a box that is outside its image, has no area or swapped corners; parts of different
        kinds; two classes of one name; a class of boxes named "nothing there" or "missed".

    Examples
    --------
    >>> labels = torch.tensor([0, 1])
    >>> parts = {name: (torch.randn(2, 1, 8, 8), labels) for name in PARTS}
    >>> Dataset(**parts, class_names=("a", "b"))
    <Dataset: 2 classes, images 1 x 8 x 8, 2 train, 2 calibration, 2 exploration, 2 sealed>
    >>> boxes = torch.tensor([[[1.0, 2, 5, 6, 1, 0]], [[0, 0, 0, 0, -1, 0]]])
    >>> parts = {name: (torch.randn(2, 1, 8, 8), boxes) for name in PARTS}
    >>> Dataset(**parts, class_names=("a", "b"))
    <Dataset: 2 classes, images 1 x 8 x 8, 4 boxes, 2 train, 2 calibration, 2 exploration, 2 sealed>
    """

    train: Part
    calibration: Part
    exploration: Part
    sealed: Part
    class_names: Sequence[str]
    positive: int | None = None
    mean: float | Sequence[float] = 0.0
    std: float | Sequence[float] = 1.0
    name: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        kinds = {name: self._kind(name) for name in PARTS}
        least = 1 if BOXES in kinds.values() else 2
        object.__setattr__(self, "class_names", check_names(self.class_names, least))
        classes = len(self.class_names)
        if self.positive is not None and not is_index(self.positive, classes):
            raise ValueError(f"positive is a class index 0 to {classes - 1}, not {self.positive!r}")
        for name in PARTS:
            check_part(name, getattr(self, name), classes)
        check_kinds(kinds)
        if self.targets == BOXES:
            check_class_names(self.class_names)
        for name in PARTS:
            check_geometry(name, image_shape(getattr(self, name))[1:], self.shape)
        check_moments(self.mean, self.std, self.shape[0])

    @classmethod
    def of(
        cls,
        source: Any,
        *,
        held_out: Any = None,
        training: bool = False,
        parts: Mapping[str, float] | Mapping[str, str] | None = None,
        mean: Moment = None,
        std: Moment = None,
        class_names: Sequence[str] | None = None,
        positive: int | None = None,
        seed: int = 0,
        name: str = "",
        description: str = "",
    ) -> Dataset:
        """Make a dataset from arrays or other libraries' datasets, split by class into four parts.

        Parameters
        ----------
        source
            A torch ``Dataset`` of (image, label), a pair (images, labels) of arrays, a Hugging Face
            ``Dataset``, each with its own transforms. In place of an image's label, an array of its
            boxes is possible: (n, 5), x0, y0, x1, y1 in pixels and the class, or (n, 6) with 1 for
            a crowd; such images are split by their rarest class. Or a mapping of several sources by
            name: ``train``, ``val`` and ``test``, with the same meaning as folders in
            ``load_dataset``. PIL images and uint8 arrays are normalized; floats are the model's
            input and are not changed.
        held_out
            Images that the model was not trained on, if it was trained on ``source``: half of them
            become the exploration part, half the sealed part.
        training
            True if the model was trained on ``source``. Then none of its images is in the
            exploration or sealed part, and ``held_out`` is required.
        parts
            Share of each part; for several sources, the name of the source of each part.
        mean, std
            For floats: mean and std that they were normalized by (0 and 1 if None: pixels 0..1).
            For PIL images and uint8: mean and std to normalize by (those of the training part if
            None).
        class_names
            Names of the classes; if None, those of the source, or else numbers.
        positive, name, description
            As for the class. The number of images that are in two parts is added to the
            description.
        seed
            Seed of the split.

        Raises
        ------
        ValueError
            Unknown type of source; images of different sizes or types; random transforms; labels
            that are not class indices; only training images; a class with too few images for all
            parts.

        Examples
        --------
        >>> images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)
        >>> Dataset.of((images, np.arange(40) % 2), class_names=["cat", "dog"])
        <Dataset: 2 classes, images 3 x 8 x 8, 18 train, 6 calibration, 10 exploration, 6 sealed>
        """
        arguments = assemble(
            source,
            held_out=held_out,
            training=training,
            parts=parts,
            mean=mean,
            std=std,
            class_names=class_names,
            seed=seed,
        )
        arguments["description"] = "; ".join(filter(None, (description, arguments["description"])))
        return cls(**arguments, positive=positive, name=name)

    def __repr__(self) -> str:
        """Describe classes, geometry, targets, and the number of images of each part."""
        shape = " x ".join(map(str, self.shape))
        targets = [targets_of(getattr(self, name)) for name in PARTS]
        if self.targets == BOXES:
            shape += f", {sum(map(count_boxes, targets)):,} boxes"
        elif self.targets == MASKS:
            shape += ", a class for every pixel"
        counts = ", ".join(f"{len(of)} {name}" for of, name in zip(targets, PARTS, strict=True))
        classes = "1 class" if len(self.class_names) == 1 else f"{len(self.class_names)} classes"
        return f"<Dataset: {classes}, images {shape}, {counts}>"

    @property
    def targets(self) -> str:
        """Kind of the targets of all parts: "classes", "boxes" or "masks"."""
        return self._kind("train")

    def _kind(self, part: str) -> str:
        known = getattr(self, part)
        paired = isinstance(known, tuple | list) and len(known) == 2
        return kind_of(known[1] if paired else getattr(known, "labels", None))

    @property
    def shape(self) -> torch.Size:
        """Shape of an image: C, H, W."""
        return image_shape(self.train)[1:]

    def labels(self, part: str) -> Tensor:
        """Return the class indices of a part, (N,) int64.

        Raises
        ------
        ValueError
            The targets are boxes or masks, so an image has no single class.
        """
        if self.targets != CLASSES:
            raise ValueError(
                f"labels are one class an image, and the targets of this dataset are "
                f"{self.targets}; they are in data.{part}[1]"
            )
        return targets_of(getattr(self, part))

    def boxes(self, part: str) -> Tensor:
        """Return the boxes of a part, (N, M, 6) float32: x0, y0, x1, y1, class, crowd.

        Rows without a box have class -1 and zeros.

        Raises
        ------
        ValueError
            The targets are classes or masks.
        """
        if self.targets != BOXES:
            raise ValueError(f"the targets of this dataset are {self.targets}, not boxes")
        return targets_of(getattr(self, part))

    def some(self, part: str, places: Sequence[int]) -> Tensor:
        """Return the normalized images at these indices of a part, without loading the others.

        Examples
        --------
        >>> labels = torch.tensor([0, 1])
        >>> parts = {name: (torch.randn(2, 1, 8, 8), labels) for name in PARTS}
        >>> Dataset(**parts, class_names=("a", "b")).some("sealed", [1]).shape
        torch.Size([1, 1, 8, 8])
        """
        return some_images(getattr(self, part), places)

    def pixels(self, images: Tensor) -> Tensor:
        """Denormalize images N C H W to pixels 0..1."""
        mean, std = self._moments()
        return images * std + mean

    def normalize(self, pixels: Tensor) -> Tensor:
        """Normalize pixels 0..1 by mean and std: the inverse of ``pixels``."""
        mean, std = self._moments()
        return (pixels - mean) / std

    def in_plain_order(self) -> Dataset:
        """Return the same images with the strides of new tensors, as required by ``x.view``."""
        strides = torch.empty(self.shape, device="meta").stride()
        changed: dict[str, Any] = {
            name: (in_plain_order(part[0]), part[1])
            for name in PARTS
            for part in [getattr(self, name)]
            if isinstance(part, tuple) and part[0].stride()[1:] != strides
        }
        return replace(self, **changed) if changed else self

    def _moments(self) -> tuple[Tensor, Tensor]:
        mean, std = (torch.as_tensor(m, dtype=torch.float32) for m in (self.mean, self.std))
        return mean.view(-1, 1, 1), std.view(-1, 1, 1)


def of_parts(parts: Sequence[Part], **rest: Any) -> Dataset:
    """Make a dataset from four parts, in the order of ``PARTS``, and the other arguments."""
    named: dict[str, Any] = dict(zip(PARTS, parts, strict=True))
    return Dataset(**named, **rest)


def fingerprint(part: Part) -> str:
    """Compute the SHA-256 of images and targets; equal fingerprints mean the same images.

    Examples
    --------
    >>> fingerprint((torch.zeros(1, 1, 2, 2), torch.tensor([0])))[:8]
    '9d908ecf'
    """
    digest = hashlib.sha256()
    for tensor in part:
        digest.update(np.ascontiguousarray(tensor.numpy()).data)
    return digest.hexdigest()
