"""Parts of a dataset that store uint8 images and return normalized float32 tensors."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optiwidgets.engine.data.moments import Moment, check_moments
from optiwidgets.engine.data.targets import pick_targets

Pixels = NDArray[np.uint8]
Indices = NDArray[np.int64]
Moments = tuple[Sequence[float], Sequence[float]]  # mean and std of each channel, pixels 0..1

IN_MEMORY = 16 * 2**20  # bytes; larger stores are kept in a temporary file
CHUNK = 2**21  # values converted at once


class PixelStore:
    """Append-only store of uint8 images (C, H, W), in memory or in an unnamed temporary file.

    The file saves memory of the process, and forked processes share it. It is deleted with the
    store. If the disk is full or ``os.pread`` is missing, the images are in memory.

    Parameters
    ----------
    capacity
        Largest number of images.
    shape
        C, H, W of an image.

    Examples
    --------
    >>> store = PixelStore(2, (1, 1, 3))
    >>> store.append(np.array([[[7, 8, 9]]], np.uint8))
    >>> len(store), store[np.array([0])].tolist()
    (1, [[[[7, 8, 9]]]])
    """

    def __init__(self, capacity: int, shape: tuple[int, ...]) -> None:
        self.shape, self._count = shape, 0
        self._bytes = int(np.prod(shape))
        self._array: Pixels | None = None
        needed = capacity * self._bytes
        if needed > IN_MEMORY and hasattr(os, "pread") and _has_room(needed):
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (as long as the store)
            weakref.finalize(self, self._file.close)
        else:
            self._array = np.empty((capacity, *shape), np.uint8)

    def __len__(self) -> int:
        """Return the number of images appended so far."""
        return self._count

    def append(self, image: Pixels) -> None:
        """Append one image."""
        if self._array is not None:
            self._array[self._count] = image
        else:
            _write_all(self._file.fileno(), np.ascontiguousarray(image).tobytes())
        self._count += 1

    def __getitem__(self, indices: Indices) -> Pixels:
        """Read the images at these indices, (N, C, H, W)."""
        if self._array is not None:
            return self._array[indices]
        found = np.empty((len(indices), *self.shape), np.uint8)
        for place, index in enumerate(indices.tolist()):
            read = os.pread(self._file.fileno(), self._bytes, index * self._bytes)
            found[place] = np.frombuffer(read, np.uint8).reshape(self.shape)
        return found

    def __reduce__(self) -> tuple[Callable[..., PixelStore], tuple[Pixels]]:
        """Pickle all images; unpickling makes a new store of them."""
        return store_of, (self[np.arange(len(self))],)


def store_of(pixels: Pixels) -> PixelStore:
    """Make a store of images (N, C, H, W)."""
    store = PixelStore(len(pixels), pixels.shape[1:])
    for image in pixels:
        store.append(image)
    return store


def _has_room(needed: int) -> bool:
    return shutil.disk_usage(tempfile.gettempdir()).free > needed + 2**28


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


class StoredPart:
    """Pair of images and targets of one part; the float32 images are computed on access.

    ``images, labels = part``, ``part[0]`` and ``part[1]`` work as on a tuple. While a returned
    image tensor is in use, later accesses share its memory; afterwards it is freed.

    Parameters
    ----------
    store
        Images of uint8, shared by the parts of a dataset.
    indices
        Indices in the store of the images of this part.
    labels
        Targets of the images: classes (N,), or boxes (N, M, 6).
    moments
        Mean and std of each channel, by which pixels 0..1 are normalized.
    """

    def __init__(
        self, store: PixelStore, indices: Indices, labels: Tensor, moments: Moments
    ) -> None:
        self.store, self.indices, self.labels, self.moments = store, indices, labels, moments
        self._given: Callable[[], NDArray[np.float32] | None] = lambda: None

    @property
    def shape(self) -> torch.Size:
        """Shape of the images, N C H W."""
        return torch.Size((len(self.indices), *self.store.shape))

    def __len__(self) -> int:
        """Return 2, the length of the pair."""
        return 2

    def __iter__(self) -> Iterator[Tensor]:
        """Yield images, then targets."""
        yield self.images
        yield self.labels

    def __getitem__(self, index: int) -> Tensor:
        """Return images (0) or targets (1)."""
        return (lambda: self.images, lambda: self.labels)[index]()

    @property
    def images(self) -> Tensor:
        """All images, float32 N C H W, normalized."""
        known = self._given()
        if known is None:
            known = np.empty(self.shape, np.float32)
            step = max(1, CHUNK // max(1, known[0].size))
            for start in range(0, len(known), step):
                made = self.take(np.arange(start, min(start + step, len(known))))
                known[start : start + step] = made.numpy()
            self._given = weakref.ref(known)
        return torch.from_numpy(known)  # the tensor's storage keeps the array alive

    def take(self, places: Indices) -> Tensor:
        """Return the normalized images at these indices of the part, without loading the others."""
        mean, std = (torch.tensor(m).view(-1, 1, 1) for m in self.moments)
        pixels = torch.from_numpy(self.store[self.indices[places]])
        return (pixels.float() / 255 - mean) / std

    def __getstate__(self) -> dict[str, Any]:
        """Return the state to pickle: the uint8 store, without float images."""
        return {name: value for name, value in vars(self).items() if name != "_given"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _given=lambda: None)


def moments_of(store: PixelStore, indices: Indices) -> Moments:
    """Compute mean and std of each channel, pixels 0..1, from exact counts of the 256 values.

    Examples
    --------
    >>> store = store_of(np.array([0, 255], np.uint8).reshape(2, 1, 1, 1))
    >>> moments_of(store, np.array([0, 1]))
    ([0.5], [0.5])
    """
    counts = np.zeros((store.shape[0], 256), np.int64)
    step = max(1, CHUNK // int(np.prod(store.shape)))
    for start in range(0, len(indices), step):
        for channel, values in enumerate(store[indices[start : start + step]].swapaxes(0, 1)):
            counts[channel] += np.bincount(values.ravel(), minlength=256)
    values = np.arange(256) / 255
    shares = counts / counts.sum(1, keepdims=True)
    mean = shares @ values
    spread = np.sqrt((shares * (values - mean[:, None]) ** 2).sum(1))
    return mean.tolist(), np.maximum(spread, 1e-3).tolist()


def parts_of(
    store: PixelStore,
    parts: Sequence[Indices],
    labels: Tensor,
    mean: Moment = None,
    std: Moment = None,
) -> tuple[list[StoredPart], Moments]:
    """Make parts of a store, normalized by mean and std; None means those of the first part."""
    channels = store.shape[0]
    check_moments(0.0 if mean is None else mean, 1.0 if std is None else std, channels)
    _check_of_pixels(mean, std)
    known = moments_of(store, parts[0]) if mean is None or std is None else ([], [])
    moments = (
        known[0] if mean is None else _of_each(mean, channels),
        known[1] if std is None else _of_each(std, channels),
    )
    made = [StoredPart(store, part, pick_targets(labels, part), moments) for part in parts]
    return made, moments


def _check_of_pixels(mean: Moment, std: Moment) -> None:
    """Raise ValueError for a mean or std outside 0..1."""
    for name, moment in (("mean", mean), ("std", std)):
        values = np.asarray(0.5 if moment is None else moment, np.float64)
        if values.min() < 0 or values.max() > 1:
            raise ValueError(
                f"{name} is of pixels 0..1, not {moment!r}; divide by 255 if it is of pixels 0..255"
            )


def _of_each(moment: float | Sequence[float], channels: int) -> list[float]:
    return np.broadcast_to(np.asarray(moment, np.float64).ravel(), channels).tolist()  # type: ignore[no-any-return]
