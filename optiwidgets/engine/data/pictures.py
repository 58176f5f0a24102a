"""Decoding of picture files to uint8 arrays: orientation, bit depth, transparency, size."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Pixels = NDArray[np.uint8]
Size = tuple[int, int]  # height, width

BROKEN = (OSError, SyntaxError, EOFError, ValueError, IndexError, struct.error)
DIMMEST = 1 / 16  # share of white; the brightest value of 12 bits stored in 16
OVERSHOOT = 0.02  # distance of floats from 0..1 that is clipped: noise or smoothing
SMALLEST, LARGEST = 8, 640  # pixels of an edge
RESIZES = ("crop", "squash", "pad")
ORIENTATION, ON_THE_SIDE = 0x0112, range(5, 9)  # EXIF's tag, and its values for a quarter turn
MOVED = range(2, 9)  # its values for any turn or mirroring


class UnknownRangeError(ValueError):
    """Pixel values of unknown range: their black and white levels are not defined."""


@dataclass
class Remarks:
    """Findings about the pictures read: broken, transparent, turned, or dark 16-bit ones."""

    broken: list[str] = field(default_factory=list)
    transparent: int = 0
    turned: int = 0  # to the same size, under boxes
    deep: int = 0
    brightest: int = 0  # of 65535

    def warn(self, read: int) -> None:
        """Emit one warning with a count for each kind of finding."""
        if self.broken:
            names = ", ".join(self.broken[:3]) + (" and others" if len(self.broken) > 3 else "")
            total = read + len(self.broken)
            _warn(f"{len(self.broken)} of {total} pictures cannot be read and are skipped: {names}")
        if self.transparent:
            _warn(f"{self.transparent} pictures are partly transparent: white background added")
        if self.turned:
            _warn(
                f"{self.turned} pictures are turned by their EXIF orientation, and their size does "
                "not show it: their boxes are taken as those of the upright pictures"
            )
        if self.deep and self.brightest < DIMMEST * 65535:
            _warn(
                f"{self.deep} pictures have 16 bits a pixel, where 65535 is white, and none is "
                f"brighter than {self.brightest}: they are nearly black; scale them to 16 bits"
            )


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=6)


def check_size(size: int | Size) -> Size:
    """Return height and width; ValueError unless each is 8 to 640 pixels.

    Examples
    --------
    >>> check_size(32), check_size((48, 64))
    ((32, 32), (48, 64))
    """
    edges = (size, size) if isinstance(size, int | np.integer) else size
    fits = isinstance(edges, tuple | list) and len(edges) == 2
    if not fits or any(
        type(edge) is bool
        or not isinstance(edge, int | np.integer)
        or not SMALLEST <= edge <= LARGEST
        for edge in edges
    ):
        raise ValueError(
            f"size is {SMALLEST} to {LARGEST} pixels, not {size!r}; one number or (height, width)"
        )
    return int(edges[0]), int(edges[1])


def check_resize(resize: str) -> None:
    """Raise ValueError for an unknown resize method."""
    if resize not in RESIZES:
        raise ValueError(f"resize is one of {', '.join(map(repr, RESIZES))}, not {resize!r}")


def read_picture(path: Path, name: str, resized: Callable[..., Pixels], remarks: Remarks) -> Pixels:
    """Read one picture file; OSError if it is broken.

    Raises
    ------
    ValueError
        Values of unknown range: floats outside 0..1, 32-bit integers.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            with Image.open(path) as image:
                return resized(image, remarks)
    except UnknownRangeError as error:
        raise ValueError(f"{name}: {error}") from error
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise OSError(f"{name} ({error})") from error


def to_pixels(
    image: Image.Image,
    remarks: Remarks,
    *,
    size: Size | None = None,
    resize: str = "crop",
    gray: bool = False,
) -> Pixels:
    """Convert a picture to uint8 (C, H, W): 3 channels, or 1 for ``gray``.

    The EXIF orientation is applied. The range of 16-bit grey is 0..65535, that of floats 0..1;
    floats outside by at most 0.02 are clipped. Transparent pixels get a white background.

    Raises
    ------
    UnknownRangeError
        Floats outside 0..1, or 32-bit integers.

    Examples
    --------
    >>> grey = Image.fromarray(np.full((2, 3), 65535, np.uint16))
    >>> to_pixels(grey, Remarks(), gray=True).tolist()
    [[[255, 255, 255], [255, 255, 255]]]
    """
    upright = ImageOps.exif_transpose(image)
    if upright.mode == "F" or upright.mode.startswith("I"):
        shaped = _shape(_shallow(upright, remarks), size, resize)
        values = np.asarray(shaped, np.float32)
        grey = (values + 0.5).clip(0, 255).astype(np.uint8)[None]
        return grey if gray else np.repeat(grey, 3, axis=0)
    flat = _shape(_opaque(upright, remarks), size, resize)
    if gray:
        return np.array(flat.convert("L"))[None]
    return np.ascontiguousarray(np.asarray(flat).transpose(2, 0, 1))


def _shallow(image: Image.Image, remarks: Remarks) -> Image.Image:
    """Scale floats of 0..1, or 16-bit integers of 0..65535, to floats of 0..255."""
    values = np.asarray(image).astype(np.float32)
    low, high = float(values.min()), float(values.max())
    if image.mode == "F":
        if not (low >= -OVERSHOOT and high <= 1 + OVERSHOOT):
            raise UnknownRangeError(
                f"floats from {low:g} to {high:g}, and black and white are known only for 0 to 1; "
                "scale them, or save 8 or 16 bits"
            )
        return Image.fromarray(values * 255)
    if image.mode == "I" and image.format != "PNG":
        raise UnknownRangeError(
            f"integers of 32 bits from {low:g} to {high:g} have no known white; save 8 or 16 bits"
        )
    remarks.deep += 1
    remarks.brightest = max(remarks.brightest, int(high))
    return Image.fromarray(values * (255 / 65535))


def _opaque(image: Image.Image, remarks: Remarks) -> Image.Image:
    """Convert to RGB, with a white background for transparent pixels."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    if layered.getchannel("A").getextrema()[0] == 255:
        return layered.convert("RGB")
    remarks.transparent += 1
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB")


@dataclass(frozen=True)
class Placement:
    """Place of a picture in an image: its size there, and the pixels cut off left and above.

    Negative numbers are pixels of the border that is added.
    """

    width: int
    height: int
    left: int
    top: int


def place(given: Size, size: Size, resize: str) -> Placement:
    """Compute the place of a picture, of a given height and width, in an image of ``size``.

    Examples
    --------
    >>> place((100, 200), (32, 32), "pad")
    Placement(width=32, height=16, left=0, top=-8)
    """
    height, width = size
    across, down = width / given[1], height / given[0]
    if resize == "squash" or across == down:
        return Placement(width, height, 0, 0)
    scale = max(across, down) if resize == "crop" else min(across, down)
    wide = max(1, width if scale == across else int(given[1] * scale))
    high = max(1, height if scale == down else int(given[0] * scale))
    return Placement(wide, high, round((wide - width) / 2), round((high - height) / 2))


def upright_size(image: Image.Image) -> Size:
    """Return height and width of a picture turned by its EXIF orientation."""
    turned = image.getexif().get(ORIENTATION, 1) in ON_THE_SIDE
    return (image.width, image.height) if turned else (image.height, image.width)


def is_turned_unseen(image: Image.Image) -> bool:
    """Return True if the EXIF orientation turns or mirrors a picture and keeps its size.

    Examples
    --------
    >>> is_turned_unseen(Image.new("L", (2, 3)))
    False
    """
    turned = image.getexif().get(ORIENTATION, 1) in MOVED
    return turned and upright_size(image) == (image.height, image.width)


def _shape(image: Image.Image, size: Size | None, resize: str) -> Image.Image:
    """Resize to height and width, bilinear; "crop" and "pad" keep the aspect ratio."""
    if size is None:
        return image
    at = place((image.height, image.width), size, resize)
    scaled = image.resize((at.width, at.height), Image.Resampling.BILINEAR)
    if (at.height, at.width) == size:
        return scaled
    corners = (at.left, at.top, at.left + size[1], at.top + size[0])
    return scaled.crop(corners)  # pixels outside are black
