"""Loading of a dataset from a folder of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from optiwidgets.engine.data.dataset import Dataset, of_parts
from optiwidgets.engine.data.folders import Listing, list_pictures
from optiwidgets.engine.data.moments import Moment
from optiwidgets.engine.data.pictures import (
    Remarks,
    Size,
    check_resize,
    check_size,
    read_picture,
    to_pixels,
)
from optiwidgets.engine.data.splitting import (
    SHARES,
    Digests,
    check_shares,
    complete,
    describe_repeated,
    digest,
    seeded,
    stratify,
)
from optiwidgets.engine.data.stored_part import Indices, PixelStore, parts_of
from optiwidgets.engine.execution.progress import Progress, ProgressCallback

USUAL_SIZE, USUAL_RESIZE = 32, "crop"


@dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """Options for reading pictures; ``load_dataset`` describes them."""

    size: int | Size | None = None
    resize: str | None = None
    mean: Moment = None
    std: Moment = None
    gray: bool = False
    classes: Sequence[str] | None = None
    parts: Mapping[str, str] | Mapping[str, float] | None = None
    seed: int = 0

    def differ(self) -> bool:
        """Return True if an option differs from its default for folders."""
        usual = {"size": (None, USUAL_SIZE), "resize": (None, USUAL_RESIZE)}
        return any(
            getattr(self, each.name) not in usual.get(each.name, (each.default,))
            for each in fields(self)
        )


@dataclass(frozen=True)
class _Pictures:
    """Readable pictures: pixels, and the digest, class index and part of each."""

    store: PixelStore
    digests: Sequence[str]
    labels: Indices
    parts: Sequence[str]


def load_folder(
    path: Path, options: FolderOptions, on_progress: ProgressCallback | None = None
) -> Dataset:
    """Load a folder of pictures and split it into four parts.

    Raises
    ------
    ValueError
        A folder without class folders, an option out of range, or too few pictures.
    """
    resize = USUAL_RESIZE if options.resize is None else options.resize
    check_resize(resize)
    size = check_size(USUAL_SIZE if options.size is None else options.size)
    if isinstance(options.classes, str):
        raise ValueError(f"classes are names of folders, not {options.classes!r}")
    folders, shares = _sorted_out(options.parts)
    listing = list_pictures(path, options.classes, folders)
    read = _read(path, listing, (1 if options.gray else 3, *size), resize, on_progress)
    order = seeded(read.digests, options.seed)
    parts = _split(read, order, listing.class_names, shares)
    labels = torch.from_numpy(read.labels)
    made, moments = parts_of(read.store, parts, labels, options.mean, options.std)
    return of_parts(
        made,
        class_names=listing.class_names,
        mean=moments[0],
        std=moments[1],
        description=describe_repeated(parts, read.digests),
    )


def _sorted_out(
    parts: Mapping[str, str] | Mapping[str, float] | None,
) -> tuple[dict[str, str] | None, Sequence[float]]:
    """Separate folders of parts from shares of parts; the other one gets its default."""
    given: dict[str, Any] = dict(parts or {})
    if all(isinstance(value, str) for value in given.values()):
        return {part: str(folder) for part, folder in given.items()} or None, SHARES
    if any(isinstance(value, str) for value in given.values()):
        raise ValueError(f"parts are folders or shares, not both: {given!r}")
    return None, check_shares({part: float(share) for part, share in given.items()})


def _read(
    path: Path,
    listing: Listing,
    shape: tuple[int, int, int],
    resize: str,
    on_progress: ProgressCallback | None,
) -> _Pictures:
    store = PixelStore(len(listing.files), shape)
    remarks, digests, kept = Remarks(), [], []
    resized = partial(to_pixels, size=shape[1:], resize=resize, gray=shape[0] == 1)
    total = len(listing.files)
    for index, file in enumerate(tqdm(listing.files, "reading", unit="picture", leave=False)):
        if on_progress is not None:
            on_progress(Progress(index / total, "reading pictures"))
        name = str(file.relative_to(path))
        try:
            pixels = read_picture(file, name, resized, remarks)
        except OSError as error:
            remarks.broken.append(str(error))
            continue
        store.append(pixels)
        digests.append(digest(pixels.tobytes()))
        kept.append(index)
    if on_progress is not None:
        on_progress(Progress(1.0, "reading pictures"))
    remarks.warn(len(kept))
    labels = np.array(listing.labels, np.int64)[kept]
    return _Pictures(store, digests, labels, [listing.parts[index] for index in kept])


def _split(
    read: _Pictures, order: Digests, names: Sequence[str], shares: Sequence[float]
) -> list[Indices]:
    """Split by the parts that the folders define, or by shares if there are none."""
    for label, name in enumerate(names):
        if label not in read.labels:
            raise ValueError(f"class {name!r} has 0 pictures that can be read; take it out")
    groups = {
        part: np.flatnonzero([other == part for other in read.parts]) for part in set(read.parts)
    }
    if set(groups) == {""}:
        return stratify(order, read.labels, names, shares)
    return complete(groups, order, read.labels, names)
