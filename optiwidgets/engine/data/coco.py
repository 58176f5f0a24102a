"""Reading of COCO's format of detection: images, categories and boxes of one JSON file."""

from __future__ import annotations

import json
import os
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from optiwidgets.engine.data.pictures import BROKEN, Size, upright_size
from optiwidgets.engine.data.targets import Boxes
from optiwidgets.engine.data.validation import check_names

LISTS = ("images", "annotations", "categories")
MOST_CLIPPED = 1.0  # pixels that a box may be outside its image, by rounding
NOISE = 1e-3  # pixels; less is the error of a sum of decimals


@dataclass(frozen=True)
class Listed:
    """Picture that a file lists: its name there, its path, height and width."""

    name: str
    path: Path
    size: Size


@dataclass(frozen=True)
class CocoFile:
    """Contents of a file.

    Attributes
    ----------
    path
        Path of the file.
    class_names
        Names of the classes, by category id or as chosen.
    images
        Pictures, in the file's order.
    boxes
        Boxes of each picture, (n, 6): x0, y0, x1, y1 in its pixels, class and crowd.
    clipped
        Number of boxes that were clipped at an edge of their picture.
    """

    path: Path
    class_names: Sequence[str]
    images: Sequence[Listed]
    boxes: Sequence[Boxes]
    clipped: int


def read_coco(path: Path, folder: Path, classes: Sequence[str] | None = None) -> CocoFile:
    """Read a file of annotations and check all of it; no picture is decoded.

    Parameters
    ----------
    path
        JSON file with lists of images, annotations and categories.
    folder
        Folder of the pictures.
    classes
        Names of the categories to read, in this order; all, sorted by id, if None.

    Raises
    ------
    ValueError
        A file that cannot be read, an image listed twice or missing, an annotation of an unknown
        image or category, an annotation listed twice, a box that is no box; the message has the
        file, the image and the value. Or all boxes lie within 0..1.
    """
    content = _parsed(path)
    names, indices = _classes(path, content["categories"], classes)
    images = _images(path, content["images"], folder)
    reader = _Annotations(path, images, indices)
    for place, note in enumerate(content["annotations"]):
        reader.add(place, note)
    if reader.farthest <= 1 + NOISE:
        raise ValueError(
            f"{path}: all {len(content['annotations'])} boxes lie within 0..1, as shares of an "
            "image do; COCO's bbox is x, y, width, height in pixels: multiply by its size"
        )
    boxes = [np.array(rows, np.float64).reshape(-1, 6) for rows in reader.rows.values()]
    return CocoFile(path, names, list(images.values()), boxes, reader.clipped)


def _parsed(path: Path) -> dict[str, Any]:
    """Parse a file and check that it holds the three lists of objects."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # broken JSON, other encodings
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is an object with {_and(LISTS)}, not {type(content).__name__}")
    for name in LISTS:
        held = content.get(name)
        if not isinstance(held, list):
            raise ValueError(
                f"{path} has no list {name!r}; COCO's format of detection has {_and(LISTS)}"
            )
        if not held:
            raise ValueError(f"{path} holds no {name}")
        for place, item in enumerate(held):
            if not isinstance(item, dict):
                raise ValueError(f"{path}: {name}[{place}] is an object, not {_short(item)}")
    return content


def _classes(
    path: Path, categories: Sequence[Mapping[str, Any]], chosen: Sequence[str] | None
) -> tuple[Sequence[str], dict[Any, int | None]]:
    """Return the names of the classes, and the class of every category id, None for no class."""
    known: dict[Any, str] = {}
    for place, category in enumerate(categories):
        key = _identity(path, f"categories[{place}]", category)
        if key in known:
            raise ValueError(f"{path} lists category {key!r} twice")
        if not isinstance(category.get("name"), str):
            raise ValueError(f"{path}: category {key!r} has no name")
        known[key] = category["name"]
    if len(set(map(type, known))) > 1:
        raise ValueError(f"{path}: ids of categories are numbers or texts, not both: {list(known)}")
    ordered = dict(sorted(known.items()))
    try:
        all_names = check_names(ordered.values(), least=1)
    except ValueError as error:
        raise ValueError(f"{path}: categories: {error}") from error
    names = all_names if chosen is None else check_names(chosen, least=1)
    for name in names:
        if name not in all_names:
            raise ValueError(f"{path} has no category {name!r}; it has {', '.join(all_names)}")
    places = {name: index for index, name in enumerate(names)}
    return names, {key: places.get(name) for key, name in ordered.items()}


def _images(
    path: Path, listed: Sequence[Mapping[str, Any]], folder: Path
) -> dict[int | str, Listed]:
    """Return the pictures by id; ValueError if one is listed twice or not in the folder."""
    found: dict[int | str, Listed] = {}
    files: set[str] = set()
    for place, entry in enumerate(listed):
        key = _identity(path, f"images[{place}]", entry)
        name = entry.get("file_name")
        if not isinstance(name, str) or not name:
            raise ValueError(f"{path}: image {key!r} has no file_name")
        if key in found:
            raise ValueError(f"{path} lists image {key!r} twice: {found[key].name} and {name}")
        file = folder / name
        full = os.path.abspath(file)  # a/../a/b.png is a/b.png
        if full in files:
            raise ValueError(f"{path} lists {name} twice, the second time as image {key!r}")
        files.add(full)
        if not os.path.isfile(file):  # False for names that no file can have
            raise ValueError(f"{path}: {name} of image {key!r} is not in {folder}")
        found[key] = Listed(name, file, _size(path, name, entry, file))
    return found


def _size(path: Path, name: str, entry: Mapping[str, Any], file: Path) -> Size:
    """Return height and width as listed, or else those of the picture."""
    listed = entry.get("height"), entry.get("width")
    if listed == (None, None):
        try:
            with Image.open(file) as image:
                return upright_size(image)
        except (*BROKEN, Image.DecompressionBombError) as error:
            raise ValueError(f"{path}: {name} cannot be read: {error}") from error
    for edge, value in zip(("height", "width"), listed, strict=True):
        if type(value) is not int or value < 1:
            raise ValueError(f"{path}: {edge} of {name} is pixels, 1 or more, not {_short(value)}")
    return listed  # type: ignore[return-value]


class _Annotations:
    """Boxes by image id, checked one by one as they are added."""

    def __init__(
        self, path: Path, images: Mapping[int | str, Listed], indices: Mapping[Any, int | None]
    ) -> None:
        self.path, self.images, self.indices = path, images, indices
        self.rows: dict[int | str, list[list[float]]] = {key: [] for key in images}
        self.clipped = 0
        self.farthest = 0.0  # pixels, largest coordinate of all boxes
        self.ids: set[str] = set()
        self.known: dict[tuple[Any, ...], Any] = {}  # (image, category, box) -> annotation

    def add(self, place: int, note: Mapping[str, Any]) -> None:
        """Check one annotation and keep its box, if its class is read."""
        known = note.get("id", f"[{place}]")
        image = self._look_up(self.images, note, "image_id", f"annotation {known}")
        where = f"{image.name}, annotation {known}"
        index = self._look_up(self.indices, note, "category_id", where)
        crowd = note.get("iscrowd", 0)
        if crowd not in (0, 1):
            raise ValueError(f"{self.path}: {where}: iscrowd is 0 or 1, not {_short(crowd)}")
        if "bbox" not in note:
            raise ValueError(f"{self.path}: {where} has no bbox")
        try:
            corners, clipped = corners_of(note["bbox"], image.size)
        except ValueError as error:
            raise ValueError(f"{self.path}: {where}: {error}") from error
        self._check_new(known, note, image.name)
        self.farthest = max(self.farthest, *corners)
        if index is not None:
            self.clipped += clipped
            self.rows[note["image_id"]].append([*corners, index, int(crowd)])

    def _check_new(self, known: object, note: Mapping[str, Any], name: str) -> None:
        """Raise ValueError for an id, or a box of an image and category, that occurred before."""
        if note.get("id") is not None:
            if repr(known) in self.ids:
                raise ValueError(
                    f"{self.path} lists annotation {_short(known)} twice, the second time in {name}"
                )
            self.ids.add(repr(known))
        key = (note["image_id"], note["category_id"], *note["bbox"])
        if key in self.known:
            raise ValueError(
                f"{self.path}: {name}, annotation {known}: category {note['category_id']}, bbox "
                f"{_short(note['bbox'])} is that of annotation {self.known[key]}"
            )
        self.known[key] = known

    def _look_up(self, known: Mapping[Any, Any], note: Any, name: str, where: str) -> Any:
        key = note.get(name)
        if type(key) not in (int, str) or key not in known:
            raise ValueError(f"{self.path}: {where} is of an unknown {name}, {_short(key)}")
        return known[key]


def corners_of(bbox: object, size: Size) -> tuple[list[float], bool]:
    """Convert x, y, width and height of a box to its corners, clipped at the picture's edges.

    Parameters
    ----------
    bbox
        Four numbers, in pixels.
    size
        Height and width of the picture. A box may be outside by one pixel.

    Returns
    -------
    corners, clipped
        x0, y0, x1, y1; and whether the box was clipped.

    Raises
    ------
    ValueError
        Other values than four finite numbers, a width or height of 0 or less, or a box that is
        outside the picture by more than one pixel.

    Examples
    --------
    >>> corners_of([2, 3, 5, 7.5], (10, 10))
    ([2.0, 3.0, 7.0, 10.0], True)
    """
    said = f"bbox {reprlib.repr(bbox)}"
    if (
        not isinstance(bbox, list)
        or len(bbox) != 4
        or any(type(v) not in (int, float) for v in bbox)
    ):
        raise ValueError(f"{said} is not 4 numbers: x, y, width, height")
    if not all(abs(value) < 2**31 for value in bbox):  # NaN too
        raise ValueError(f"{said} has values that are not finite")
    x, y, width, height = map(float, bbox)
    if width < 0 or height < 0:
        raise ValueError(f"{said} has a negative width or height: its corners are swapped")
    if width == 0 or height == 0:
        raise ValueError(f"{said} has an area of 0")
    high, wide = size
    corners = [x, y, x + width, y + height]
    inside = [max(x, 0.0), max(y, 0.0), min(x + width, wide), min(y + height, high)]
    outside = max(abs(a - b) for a, b in zip(corners, inside, strict=True))
    if outside > MOST_CLIPPED + NOISE or inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise ValueError(f"{said} is outside the image of {wide} x {high} pixels by {outside:g}")
    return list(map(float, inside)), outside > NOISE


def _identity(path: Path, where: str, item: Mapping[str, Any]) -> int | str:
    key = item.get("id")
    if type(key) not in (int, str):
        raise ValueError(f"{path}: {where} has an id that is a number or text, not {_short(key)}")
    return key  # type: ignore[return-value]


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _short(value: object) -> str:
    return reprlib.repr(value)
