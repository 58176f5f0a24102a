"""Reading of images and labels from arrays, torch datasets and Hugging Face datasets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor
from torch.utils.data import IterableDataset

from optiwidgets.engine.data.pictures import Pixels, Remarks, to_pixels
from optiwidgets.engine.data.splitting import digest
from optiwidgets.engine.data.stored_part import Indices, PixelStore, store_of
from optiwidgets.engine.data.targets import join_targets, kind_of, read_boxes

IMAGE_COLUMNS = ("pixel_values", "image", "img", "images")
LABEL_COLUMNS = ("label", "labels", "fine_label", "target", "targets")
GREY = ("1", "L", "F", "I", "I;16", "I;16B", "I;16L")


@dataclass(frozen=True)
class Source:
    """Images and targets of one source: uint8 images in a store, or an unchanged float32 tensor."""

    images: PixelStore | Tensor
    targets: Tensor
    class_names: Sequence[str] | None
    digests: Sequence[str]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an image: C, H, W."""
        return tuple(self.images.shape[-3:])


def read_source(source: Any, fixed: bool = True) -> Source:
    """Read all images and labels of a source.

    Parameters
    ----------
    source
        A pair (images, labels) of arrays or tensors, a Hugging Face dataset, or a torch dataset of
        (image, label); in place of labels, boxes of each image, (n, 5) or (n, 6). uint8 arrays and
        PIL images are normalized later; floats are not changed.
    fixed
        Refuse random transforms.

    Raises
    ------
    ValueError
        Unknown type of source, images of different sizes or of an unsupported type, random
        transforms, or labels that are not class indices.
    """
    if isinstance(source, tuple | list) and len(source) == 2 and hasattr(source[0], "shape"):
        images, labels = _images_of_array(source[0]), source[1]
        return _make(images, labels, None)
    indexed = hasattr(source, "__len__") and hasattr(source, "__getitem__")
    if not indexed or isinstance(source, IterableDataset):
        raise ValueError(
            "a source is a pair (images, labels) of arrays, a torch Dataset of a known length, or "
            f"a Hugging Face Dataset, not {type(source).__name__}"
        )
    if not len(source):
        raise ValueError("the source holds no images")
    columns = hasattr(source, "column_names") and hasattr(source, "features")
    names = _names_of_columns(source) if columns else _names_of(source)
    row = partial(_row, source) if not columns else partial(_pair_of_columns, source)
    return _collect(row, len(source), names, fixed)


def _row(source: Any, index: int) -> tuple[Any, Any]:
    item = source[index]
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise ValueError(f"a torch dataset gives (image, label), not {type(item).__name__}")
    return item[0], item[1]


def _pair_of_columns(source: Any, index: int) -> tuple[Any, Any]:
    row = source[index]
    image = next((name for name in IMAGE_COLUMNS if name in row), None)
    label = next((name for name in LABEL_COLUMNS if name in row), None)
    if image is None or label is None:
        raise ValueError(
            f"columns are {', '.join(row)}; needed are one of {', '.join(IMAGE_COLUMNS)} and one "
            f"of {', '.join(LABEL_COLUMNS)}; rename yours with rename_column"
        )
    return row[image], row[label]


def _names_of_columns(source: Any) -> Sequence[str] | None:
    features = source.features or {}
    label = next((name for name in LABEL_COLUMNS if name in features), None)
    return getattr(features.get(label), "names", None)


def _names_of(source: Any) -> Sequence[str] | None:
    """Return the class names of a torchvision dataset or of a subset of one; None without."""
    while not hasattr(source, "classes") and hasattr(source, "dataset"):
        source = source.dataset
    return getattr(source, "classes", None)


def _collect(row: Any, count: int, names: Sequence[str] | None, fixed: bool) -> Source:
    """Read a source row by row; each image is stored before the next is read."""
    first, remarks = row(0)[0], Remarks()
    gray = isinstance(first, Image) and first.mode in GREY
    first = _image(first, gray, remarks)
    if fixed and not np.array_equal(first, _image(row(0)[0], gray, Remarks())):
        raise ValueError(
            "image 0 differs each time it is read: remove random transforms, or pass "
            "training=True and held_out= images without them"
        )
    floats = first.dtype == np.float32
    tensor = torch.empty(count if floats else 0, *first.shape)
    store = PixelStore(0 if floats else count, first.shape)
    remarks, labels = Remarks(), []
    for index, (given, label) in enumerate(map(row, range(count))):
        image = _image(given, gray, remarks)
        if image.shape != first.shape or image.dtype != first.dtype:
            raise ValueError(
                f"image {index} is {image.dtype} {image.shape} (C, H, W) and image 0 is "
                f"{first.dtype} {first.shape}; use a transform that makes them equal, such as "
                "Resize with height and width"
            )
        if floats:
            tensor[index] = torch.from_numpy(image)
        else:
            store.append(image.astype(np.uint8, copy=False))
        single = isinstance(label, Tensor | np.generic) and label.ndim < 2
        labels.append(label.item() if single else label)
    remarks.warn(count)
    return _make(tensor if floats else store, labels, names)


def _image(given: Any, gray: bool, remarks: Remarks) -> NDArray[np.float32] | Pixels:
    """Convert one image to float32 or uint8 (C, H, W)."""
    if isinstance(given, Image):
        return to_pixels(given, remarks, gray=gray)
    array = _as_array(given)
    if array.ndim not in (2, 3):
        raise ValueError(f"an image is (C, H, W), not of shape {array.shape}")
    image: NDArray[np.float32] | Pixels = _typed(_channels_first(array[None]))[0]
    return image


def _images_of_array(given: Any) -> PixelStore | Tensor:
    array = _as_array(given)
    if array.ndim not in (3, 4):
        raise ValueError(f"images are (N, C, H, W), not of shape {array.shape}")
    images = _typed(_channels_first(array))
    if images.dtype == np.float32:
        return torch.from_numpy(images)
    return store_of(images.astype(np.uint8, copy=False))


def _as_array(given: Any) -> NDArray[Any]:
    if isinstance(given, Tensor):
        return given.detach().cpu().numpy() if given.dtype != torch.bfloat16 else _half(given)
    return np.asarray(given)


def _half(given: Tensor) -> NDArray[Any]:
    return given.detach().cpu().float().numpy()


def _channels_first(images: NDArray[Any]) -> NDArray[Any]:
    """Reorder axes to N C H W; a last axis of 1, 3 or 4 is taken for the channels."""
    if images.ndim == 3:
        return images[:, None]
    _, first, second, last = images.shape
    if last in (1, 3, 4) and first not in (1, 3, 4):
        return images.transpose(0, 3, 1, 2)
    if first == second != last and first > 4:
        raise ValueError(
            f"images are N C H W, and {images.shape} looks like N H W C: it has as many channels "
            f"as rows, {first}; for N H W C, give images.transpose(0, 3, 1, 2)"
        )
    return images


def _typed(images: NDArray[Any]) -> NDArray[np.float32] | Pixels:
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    if images.dtype.kind == "f":
        return np.require(images, np.float32, ["C", "W"])
    raise ValueError(
        f"images are uint8 0..255, or floats as the model takes them, not {images.dtype}; the "
        "white value of other integers is unknown"
    )


def _make(images: PixelStore | Tensor, labels: Any, names: Sequence[str] | None) -> Source:
    targets = read_boxes(labels)
    if targets is None:
        indices, names = _indices(labels, names)
        targets = torch.from_numpy(indices)
    if len(targets) != len(images):
        raise ValueError(f"{len(images)} images and {len(targets)} labels; each image has one")
    return Source(images, targets, names, [digest(image) for image in _bytes(images)])


def _bytes(images: PixelStore | Tensor) -> Iterator[bytes]:
    for index in range(len(images)):
        image = images[index].numpy() if isinstance(images, Tensor) else images[np.array([index])]
        yield image.tobytes()


def _indices(labels: Any, names: Sequence[str] | None) -> tuple[Indices, Sequence[str] | None]:
    """Convert labels to class indices; texts are indexed by class name, or alphabetically."""
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iuUO":
        raise ValueError(f"labels are one class index an image, not {array.dtype} {array.shape}")
    if array.dtype.kind in "UO":
        if any(isinstance(label, Mapping) for label in array.tolist()):
            raise ValueError(
                "a target is a class index or boxes (n, 6), not a dict; a file in COCO's format "
                "is read by load_dataset('annotations.json', images='folder')"
            )
        if not all(isinstance(label, str) for label in array.tolist()):
            raise ValueError("labels are all class indices, or all class names")
        found = list(names) if names else sorted(set(array.tolist()))
        unknown = set(array.tolist()) - set(found)
        if unknown:
            raise ValueError(f"label {min(unknown)!r} is not one of the classes {', '.join(found)}")
        return np.array([found.index(label) for label in array.tolist()], np.int64), found
    return array.astype(np.int64), names


def merge(groups: Mapping[str, Source]) -> tuple[Source, dict[str, Indices]]:
    """Concatenate sources, and return the image indices of each of them by name."""
    sources = list(groups.values())
    first = sources[0]
    for name, source in groups.items():
        if source.shape != first.shape or type(source.images) is not type(first.images):
            raise ValueError(
                f"images of {name!r} are {source.shape} and those of {next(iter(groups))!r} "
                f"{first.shape}, or floats and uint8 are mixed; give both the same transform"
            )
        if kind_of(source.targets) != kind_of(first.targets):
            raise ValueError(
                f"targets of {name!r} are {kind_of(source.targets)} and those of "
                f"{next(iter(groups))!r} {kind_of(first.targets)}"
            )
        if _differ(source.class_names, first.class_names):
            raise ValueError(
                f"classes of {name!r} are {source.class_names}, of {next(iter(groups))!r} "
                f"{first.class_names}"
            )
    ends = np.cumsum([len(source.targets) for source in sources])
    places = {
        name: np.arange(end - len(source.targets), end)
        for (name, source), end in zip(groups.items(), ends, strict=True)
    }
    if len(sources) == 1:
        return first, places
    targets = join_targets([source.targets for source in sources])
    digests = [known for source in sources for known in source.digests]
    return Source(_joined(sources), targets, first.class_names, digests), places


def _differ(a: Sequence[str] | None, b: Sequence[str] | None) -> bool:
    return (None if a is None else list(a)) != (None if b is None else list(b))


def _joined(sources: Sequence[Source]) -> PixelStore | Tensor:
    tensors = [source.images for source in sources if isinstance(source.images, Tensor)]
    if tensors:
        return torch.cat(tensors)
    store = PixelStore(sum(len(source.targets) for source in sources), sources[0].shape)
    for source in sources:
        for index in range(len(source.targets)):
            assert isinstance(source.images, PixelStore)
            store.append(source.images[np.array([index])][0])
    return store
