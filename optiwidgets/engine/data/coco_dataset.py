"""Loading of a dataset with boxes from files in COCO's format and folders of pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from optiwidgets.engine.data.assembly import named_sources
from optiwidgets.engine.data.coco import CocoFile, Listed, read_coco
from optiwidgets.engine.data.dataset import Dataset, of_parts
from optiwidgets.engine.data.folder_dataset import FolderOptions
from optiwidgets.engine.data.pictures import (
    LARGEST,
    SMALLEST,
    Pixels,
    Remarks,
    Size,
    check_size,
    is_turned_unseen,
    place,
    read_picture,
    to_pixels,
    upright_size,
)
from optiwidgets.engine.data.splitting import (
    SHARES,
    Indices,
    check_shares,
    describe_repeated,
    digest,
    seeded,
)
from optiwidgets.engine.data.stored_part import PixelStore, parts_of
from optiwidgets.engine.data.targets import (
    Boxes,
    classes_present,
    pad_boxes,
    split_targets,
)
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.texts import plural, text

MOST_NAMED = 5  # classes in a message
RESIZES = ("pad", "squash")
USUAL_SIZE = (320, 320)  # of pictures that differ in size
Files = str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]


@dataclass(frozen=True)
class _Pictures:
    """Pictures of all files: pixels, and the digest and boxes of each."""

    store: PixelStore
    digests: Sequence[str]
    boxes: Sequence[Boxes]


def is_file(name: str | os.PathLike[str]) -> bool:
    """Return True for the path of a file; one whose name ends with .json need not exist.

    Examples
    --------
    >>> is_file("boxes/annotations.json"), is_file("boxes")
    (True, False)
    """
    return Path(name).suffix.lower() == ".json" or Path(name).is_file()


def load_coco(
    name: Files,
    folders: Files | None,
    options: FolderOptions,
    on_progress: ProgressCallback | None = None,
) -> Dataset:
    """Load files in COCO's format with their pictures, and split the images into four parts.

    Parameters
    ----------
    name
        One file, or files by name: train, val, test.
    folders
        Folder of the pictures, or folders by the same names; the file's own folder if None.
    options
        Options of ``load_dataset``.
    on_progress
        Called with a ``Progress`` before each picture.

    Raises
    ------
    ValueError
        The same as ``read_coco``; pictures that cannot be read or are of another size than listed.
    """
    resize = _resize_of(options)
    size = None if options.size is None else check_size(options.size)
    if isinstance(options.classes, str):
        raise ValueError(f"classes are names of categories, not {options.classes!r}")
    files, shares = _files(name, options.parts)
    held = {
        part: read_coco(file, _folder(folders, key, file), options.classes)
        for part, (key, file) in files.items()
    }
    names = _same_names(held)
    if not any(map(len, _boxes(held))):
        raise ValueError(
            f"{', '.join(str(of.path) for of in held.values())}: no box of {_few(names)}"
        )
    size = size or _common_size(held)
    read = _read(held, size, resize, options.gray, on_progress)
    targets = pad_boxes(read.boxes)
    order = seeded(read.digests, options.seed)
    parts = split_targets(_groups(held), order, targets, names, shares)
    made, moments = parts_of(read.store, parts, targets, options.mean, options.std)
    dataset = of_parts(made, class_names=names, mean=moments[0], std=moments[1])
    return _described(dataset, held, describe_repeated(parts, read.digests))


def _resize_of(options: FolderOptions) -> str:
    resize = options.resize or "pad"
    if resize not in RESIZES:
        raise ValueError(
            f"resize is one of {', '.join(map(repr, RESIZES))} for images with boxes, not "
            f"{resize!r}"
        )
    return resize


def _files(
    name: Files, parts: Mapping[str, Any] | None
) -> tuple[dict[str, tuple[str, Path]], Sequence[float]]:
    """Map parts to the names and paths of files, "" for a file to split; and return its shares."""
    if isinstance(name, Mapping):
        return named_sources({key: (key, Path(file)) for key, file in name.items()}, parts), SHARES
    if parts is not None and any(isinstance(value, str) for value in parts.values()):
        raise ValueError(
            f"parts of one file are shares, not {dict(parts)!r}; several files are given by name: "
            "{'train': 'a.json', 'val': 'b.json'}"
        )
    return {"": ("", Path(name))}, SHARES if parts is None else check_shares(parts)


def _folder(folders: Files | None, key: str, file: Path) -> Path:
    """Return the folder of a file's pictures; ValueError if there is none."""
    if isinstance(folders, Mapping):
        if not key:
            raise ValueError(
                f"images of one file are one folder, not folders for {', '.join(folders)}"
            )
        if key not in folders:
            raise ValueError(f"images has no folder for {key!r}; it has {', '.join(folders)}")
        folder = Path(folders[key])
    elif folders is None:
        folder = file.parent
    elif isinstance(folders, str | os.PathLike):
        folder = Path(folders)
    else:
        raise ValueError(f"images is the folder of the pictures, not {folders!r}")
    if not folder.is_dir():
        raise ValueError(f"images is the folder of the pictures; there is no folder {folder}")
    return folder


def _same_names(held: Mapping[str, CocoFile]) -> Sequence[str]:
    """Return the class names of all files; ValueError if two files differ."""
    first, *others = held.values()
    for other in others:
        if list(other.class_names) != list(first.class_names):
            raise ValueError(
                f"categories of {other.path} are {', '.join(other.class_names)}, of {first.path} "
                f"{', '.join(first.class_names)}"
            )
    return first.class_names


def _common_size(held: Mapping[str, CocoFile]) -> Size:
    """Return the size of all pictures if it is one that can be read, otherwise the usual size."""
    sizes = {image.size for file in held.values() for image in file.images}
    common = next(iter(sizes))
    fits = len(sizes) == 1 and all(SMALLEST <= edge <= LARGEST for edge in common)
    return common if fits else USUAL_SIZE


def _groups(held: Mapping[str, CocoFile]) -> dict[str, Indices]:
    """Return the indices of each file's images by part."""
    ends = np.cumsum([len(file.images) for file in held.values()])
    return {
        part: np.arange(end - len(file.images), end)
        for (part, file), end in zip(held.items(), ends, strict=True)
    }


def _read(
    held: Mapping[str, CocoFile],
    size: Size,
    resize: str,
    gray: bool,
    on_progress: ProgressCallback | None,
) -> _Pictures:
    total = sum(len(file.images) for file in held.values())
    store, remarks = PixelStore(total, (1 if gray else 3, *size)), Remarks()
    digests, boxes = [], []
    listed = tqdm(_listed(held), "reading", total, unit="picture", leave=False)
    for index, (file, image, found) in enumerate(listed):
        if on_progress is not None:
            on_progress(Progress(index / total, "reading pictures"))
        pixels = _pixels(file.path, image, size, resize, gray, remarks)
        store.append(pixels)
        digests.append(digest(pixels.tobytes()))
        boxes.append(_placed(file.path, image, found, size, resize))
    if on_progress is not None:
        on_progress(Progress(1.0, "reading pictures"))
    remarks.warn(total)
    return _Pictures(store, digests, boxes)


def _boxes(held: Mapping[str, CocoFile]) -> list[Boxes]:
    return [boxes for file in held.values() for boxes in file.boxes]


def _few(names: Sequence[str]) -> str:
    """Join names, the first five of more."""
    rest = len(names) - MOST_NAMED
    more = plural(" and {n} other class", " and {n} other classes", rest) if rest > 0 else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _listed(held: Mapping[str, CocoFile]) -> Iterator[tuple[CocoFile, Listed, Boxes]]:
    for file in held.values():
        for image, boxes in zip(file.images, file.boxes, strict=True):
            yield file, image, boxes


def _pixels(
    path: Path, image: Listed, size: Size, resize: str, gray: bool, remarks: Remarks
) -> Pixels:
    """Read one picture; ValueError if it is broken, or of another size than listed."""
    seen: list[Size] = []

    def resized(picture: Image.Image, found: Remarks) -> Pixels:
        seen.append(upright_size(picture))
        found.turned += is_turned_unseen(picture)
        return to_pixels(picture, found, size=size, resize=resize, gray=gray)

    try:
        pixels = read_picture(image.path, image.name, resized, remarks)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: a picture cannot be read: {error}") from error
    if seen[0] != image.size:
        high, wide = image.size
        turned = ", as it is turned by its EXIF orientation" if seen[0] == (wide, high) else ""
        raise ValueError(
            f"{path}: {image.name} is {wide} x {high} pixels there, and the picture "
            f"{seen[0][1]} x {seen[0][0]}{turned}: its boxes would be elsewhere"
        )
    return pixels


def _placed(path: Path, image: Listed, boxes: Boxes, size: Size, resize: str) -> Boxes:
    """Move the boxes of a picture to where its pixels are in an image of ``size``."""
    at = place(image.size, size, resize)
    scale = np.array([at.width / image.size[1], at.height / image.size[0]] * 2)
    moved = boxes.copy()
    moved[:, :4] = boxes[:, :4] * scale - [at.left, at.top] * 2
    moved[:, :4] = moved[:, :4].clip(0, [size[1], size[0]] * 2).astype(np.float32)
    lost = (moved[:, 2:4] <= moved[:, :2]).any(1)
    if lost.any():
        box = ", ".join(f"{value:g}" for value in boxes[lost.argmax(), :4])
        raise ValueError(
            f"{path}: {image.name} has a box from corner to corner [{box}], which has no area in "
            f"an image of {size[1]} x {size[0]} pixels"
        )
    return moved


def _described(dataset: Dataset, held: Mapping[str, CocoFile], repeated: str) -> Dataset:
    """Describe the boxes that were clipped, the classes that are not explored, and repeats."""
    clipped = sum(file.clipped for file in held.values())
    present = classes_present(dataset.exploration[1], len(dataset.class_names)).any(0)
    missing = [dataset.class_names[index] for index in np.flatnonzero(~present).tolist()]
    notes = [
        plural(
            "{n:,} box clipped at the edge of its image, by 1 pixel at most",
            "{n:,} boxes clipped at the edge of their image, by 1 pixel at most",
            clipped,
        )
        if clipped
        else "",
        text("no box of {names} in the exploration part", names=_few(missing)) if missing else "",
        repeated,
    ]
    return replace(dataset, description="; ".join(filter(None, notes)))
