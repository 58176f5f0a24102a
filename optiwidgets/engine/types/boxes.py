"""Boxes of objects in images: true ones and detected ones, as flat arrays of all images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optiwidgets.texts import mark, text

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
FIELDS = 6  # of a true box: x0, y0, x1, y1, class, crowd; of a detected one: ..., score, class
ABSENT = -1.0  # class of a row of targets without a box
NOTHING, MISSED = mark("nothing there"), mark("missed")  # last row and column of a confusion


def check_class_names(names: Sequence[str]) -> None:
    """Raise ValueError for a class of objects with the name of a confusion's last row or column.

    Examples
    --------
    >>> check_class_names(["cell", "missed"])
    Traceback (most recent call last):
    ...
    ValueError: a class of boxes is named 'missed', which names objects without a detection ...
    """
    meanings = {NOTHING: "detections without an object", MISSED: "objects without a detection"}
    reserved = meanings | {text(said).casefold(): named for said, named in meanings.items()}
    for name in names:
        if meaning := reserved.get(name.strip().casefold()):
            raise ValueError(
                f"a class of boxes is named {name!r}, which names {meaning} in the confusion; "
                "give it another name"
            )


@dataclass(frozen=True, eq=False)
class TrueBoxes:
    """True boxes of a set of images.

    Attributes
    ----------
    boxes
        (M, 4) as x0, y0, x1, y1 in pixels.
    classes, images
        (M,) integers from 0.
    crowd
        (M,) true for a region of many objects. Detections inside it count neither as right nor as
        wrong, and it cannot be missed.
    """

    boxes: Floats
    classes: Integers
    images: Integers
    crowd: Booleans

    @classmethod
    def of(cls, targets: NDArray[np.float32]) -> TrueBoxes:
        """Read targets (N, M, 6) of N images: x0, y0, x1, y1, class, crowd; class -1 for no box.

        Examples
        --------
        >>> rows = [[[1, 2, 5, 6, 3, 0], [0, 0, 0, 0, ABSENT, 0]]]
        >>> true = TrueBoxes.of(np.array(rows, np.float32))
        >>> true.boxes.tolist(), true.classes.tolist(), true.images.tolist()
        ([[1.0, 2.0, 5.0, 6.0]], [3], [0])
        """
        image, row = np.nonzero(targets[:, :, 4] != ABSENT)
        found = targets[image, row].astype(np.float64)
        return cls(found[:, :4], found[:, 4].astype(np.int64), image, found[:, 5] != 0)

    def take(self, order: Integers | Booleans) -> TrueBoxes:
        """Pick true boxes by index or mask."""
        return TrueBoxes(
            self.boxes[order], self.classes[order], self.images[order], self.crowd[order]
        )


@dataclass(frozen=True, eq=False)
class Detections:
    """Detected boxes: boxes (N, 4) in pixels, scores, classes and images (N,)."""

    boxes: Floats
    scores: Floats
    classes: Integers
    images: Integers

    @classmethod
    def of(cls, found: Sequence[NDArray[np.float32]]) -> Detections:
        """Join the boxes of each image, (n, 6): x0, y0, x1, y1, score, class.

        Examples
        --------
        >>> one = np.array([[0, 0, 4, 4, 0.5, 7]], np.float32)
        >>> joined = Detections.of([one[:0], one])
        >>> joined.scores.tolist(), joined.classes.tolist(), joined.images.tolist()
        ([0.5], [7], [1])
        """
        rows = np.concatenate([np.empty((0, FIELDS)), *found]).astype(np.float64)
        images = np.repeat(np.arange(len(found)), [len(each) for each in found])
        return cls(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64), images)

    def take(self, order: Integers | Booleans) -> Detections:
        """Pick detections by index or mask."""
        return Detections(
            self.boxes[order], self.scores[order], self.classes[order], self.images[order]
        )
