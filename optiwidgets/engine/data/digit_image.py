"""Conversion of a drawing to a digit image like MNIST's: crop, scale, centre."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.data.pixel_range import check_pixels
from optiwidgets.texts import text

SIDE = 28  # pixels of an image
BOX = 20  # pixels of the longer side of a digit
MIDDLE = 14.0  # centre of mass of a digit, in pixels from the edge

Ink = NDArray[np.uint8]


def unreadable(dataset: Dataset) -> str:
    """Explain why models of these images cannot classify drawings; empty if they can.

    Examples
    --------
    >>> from optiwidgets.engine.data.loaders import load_dataset
    >>> unreadable(load_dataset("digits"))
    ''
    """
    shape = tuple(dataset.shape)
    if shape == (1, SIDE, SIDE):
        return _no_pixels(dataset)
    return text(
        "A drawing is one grey image of {side} x {side} pixels. This model takes {images} of "
        "{height} x {width}.",
        side=SIDE,
        images=_channels(shape[0]),
        height=shape[1],
        width=shape[2],
    )


def _no_pixels(dataset: Dataset) -> str:
    try:
        check_pixels(dataset.exploration[0], dataset)
    except ValueError as error:
        return text("A drawing is pixels, and {error}.", error=error)
    return ""


def _channels(count: int) -> str:
    if count in (1, 3):
        return text("grey images") if count == 1 else text("colour images")
    return text("images of {count} channels", count=count)


def as_image(digit: Ink, dataset: Dataset) -> Tensor:
    """Convert pixels 0..255 to a batch of one image, normalized like the dataset's."""
    return dataset.normalize(torch.from_numpy(digit.astype(np.float32))[None, None] / 255)


def as_digit(drawing: Ink) -> Ink:
    """Convert a drawing (28, 28) to the layout of MNIST's digits.

    The longer side is scaled to 20 pixels, then the centre of mass is moved to the middle. A digit
    in this layout is unchanged; a drawing without ink stays empty.

    Examples
    --------
    >>> drawing = np.zeros((28, 28), np.uint8)
    >>> drawing[:5, :2] = 255  # small, and in a corner
    >>> ink = np.argwhere(as_digit(drawing))
    >>> ink.min(0).tolist(), ink.max(0).tolist()
    ([5, 11], [24, 18])
    """
    return centred(scaled(cropped(drawing))) if drawing.any() else drawing


def cropped(drawing: Ink) -> Ink:
    """Crop a drawing to the bounding box of its ink."""
    rows, columns = np.flatnonzero(drawing.any(1)), np.flatnonzero(drawing.any(0))
    return drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def scaled(ink: Ink) -> Ink:
    """Scale the longer side to 20 pixels and keep the aspect ratio."""
    longer = max(ink.shape)
    if longer == BOX:
        return ink
    if ink.shape[1] == 1 < longer:  # torch 2.14 repeats the first row of a single column
        return scaled(ink.T).T
    size = [max(1, int(BOX * side / longer + 0.5)) for side in ink.shape]
    given = torch.from_numpy(ink.astype(np.float32))[None, None]
    smooth = functional.interpolate(given, size, mode="bilinear", antialias=True)[0, 0]
    found: Ink = smooth.round().clamp(0, 255).numpy().astype(np.uint8)
    return found


def centred(ink: Ink) -> Ink:
    """Place ink in 28 x 28 pixels with its centre of mass in the middle, to the nearest pixel."""
    field = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (_start(ink.sum(1 - axis), ink.shape[axis]) for axis in (0, 1))
    field[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return field


def _start(mass: NDArray[np.uint64], length: int) -> int:
    """Compute the offset that centres the mass along one axis and keeps the ink in the image."""
    centre = float((mass * np.arange(length)).sum() / mass.sum())
    return min(max(int(np.floor(MIDDLE - centre + 0.5)), 0), SIDE - length)
