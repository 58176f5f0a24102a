"""Files of models trained on a user's images: weights, and metadata of those images.

The file does not contain the images. The metadata hold their geometry, classes and normalization,
and a digest of every training image, to detect training images among held-out images.
"""

from __future__ import annotations

import hashlib
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike, fspath
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.engine.data.loaders import ONLINE, SHIPPED, load_dataset
from optiwidgets.engine.models.zoo import load_model, save_weights

SUFFIX = ".safetensors"
NOTE = "trained_on"
DIGITS = 16  # hexadecimal digits of an image's digest


@dataclass(frozen=True)
class TrainedOn:
    """Metadata of the images that a model was trained on.

    Parameters
    ----------
    class_names
        Class names in the order of the model's outputs.
    shape
        Channels, height, width.
    mean, std
        Mean and std that pixels 0..1 were normalized by, one per channel.
    name
        Name of the dataset, empty for a folder.
    images
        Concatenated digests of the training images.
    """

    class_names: Sequence[str]
    shape: Sequence[int]
    mean: Sequence[float]
    std: Sequence[float]
    name: str
    images: str

    @classmethod
    def of(cls, dataset: Dataset) -> TrainedOn:
        """Collect the metadata of a dataset."""
        images = dataset.train[0]
        mean, std = (
            torch.as_tensor(moment, dtype=torch.float64).expand(images.shape[1]).tolist()
            for moment in (dataset.mean, dataset.std)
        )
        return cls(
            tuple(dataset.class_names),
            tuple(images.shape[1:]),
            mean,
            std,
            dataset.name,
            "".join(_digests(dataset, images)),
        )

    def fit(self, dataset: Dataset, path: str) -> Dataset:
        """Return the dataset normalized by the mean and std of the model's training.

        Raises
        ------
        ValueError
            Other classes, images of another shape, training images in the exploration or sealed
            part, or fewer than half of the training images among these images.
        """
        if list(dataset.class_names) != list(self.class_names):
            raise ValueError(
                f"{path} was trained on the classes {_listed(self.class_names)}, and these images "
                f"are of {_listed(dataset.class_names)}"
            )
        shape = tuple(dataset.train[0].shape[1:])
        if shape != tuple(self.shape):
            ours, theirs = (" x ".join(map(str, lengths)) for lengths in (self.shape, shape))
            raise ValueError(f"{path} was trained on images of {ours}, and these are {theirs}")
        self._check_new(dataset, path)
        moments = {"mean": self.mean, "std": self.std}
        now = TrainedOn.of(replace(dataset, train=(dataset.train[0][:1], dataset.train[1][:1])))
        if np.allclose([now.mean, now.std], [self.mean, self.std], rtol=1e-6, atol=1e-7):
            return dataset
        mean, std = (torch.tensor(m, dtype=torch.float32).view(-1, 1, 1) for m in moments.values())
        parts = {
            part: ((dataset.pixels(images) - mean) / std, labels)
            for part in PARTS
            for images, labels in [getattr(dataset, part)]
        }
        return replace(dataset, **parts, **moments)  # type: ignore[arg-type]

    def _check_new(self, dataset: Dataset, path: str) -> None:
        """Raise ValueError if exploration or sealed images were, or may be, training images."""
        known = {
            self.images[start : start + DIGITS] for start in range(0, len(self.images), DIGITS)
        }
        if known == set(_digests(dataset, dataset.train[0])):
            return
        digests = {part: _digests(dataset, getattr(dataset, part)[0]) for part in PARTS}
        for part in ("exploration", "sealed"):
            images = digests[part]
            if seen := sum(digest in known for digest in images):
                raise ValueError(
                    f"{path} was trained on {seen} of the {len(images)} {part} images: the folder "
                    "has changed, and so has its split. The accuracy on them would be too high; "
                    "give the folder as it was, or train again"
                )
        found = len(known & set().union(*digests.values()))
        if 2 * found < len(known):
            raise ValueError(
                f"{path} was trained on {len(known)} different images, and only {found} of them "
                "are among these. Most likely size=, resize= or gray= differ from those in "
                "training, or the folder is another one: training images would not be recognized, "
                "and could be in the exploration part. Give images=load_dataset(folder, ...) "
                "with the options of the training; for new images, give the old ones too: "
                "Dataset.of(old, training=True, held_out=new)"
            )


def save_trained(net: nn.Module, path: str | PathLike[str], dataset: Dataset) -> None:
    """Write a trained model and the metadata of its images to one safetensors file.

    Raises
    ------
    ValueError
        ``net`` is not a model of ``build_trainable``, or another argument has another type.

    Examples
    --------
    >>> import tempfile
    >>> import optiwidgets as ow
    >>> digits = ow.load_dataset("digits")
    >>> untrained = ow.CNN({"name": "small", "channels": 1, "size": 28, "classes": 10})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_trained(untrained, f"{folder}/net.safetensors", digits)
    ...     ow.Experiment.load(f"{folder}/net.safetensors").dataset.name
    'digits'
    """
    if not isinstance(net, nn.Module) or not isinstance(getattr(net, "spec", None), Mapping):
        raise ValueError(
            f"net is a model that ow.CNN or `optiwidgets train` builds, not {reprlib.repr(net)}"
        )
    if not isinstance(path, str | PathLike):
        raise ValueError(f"path is the name of a file to write, not {reprlib.repr(path)}")
    if not isinstance(dataset, Dataset):
        raise ValueError(f"dataset is a Dataset, of the images, not {reprlib.repr(dataset)}")
    save_weights(net, path, {NOTE: asdict(TrainedOn.of(dataset))})


def is_trained_file(case: object) -> bool:
    """Return True if a case is the path of a file, not a name.

    Examples
    --------
    >>> is_trained_file("digits"), is_trained_file("signs/model.safetensors")
    (False, True)
    """
    return isinstance(case, str | PathLike) and fspath(case).endswith(SUFFIX)


def open_trained(
    path: str | PathLike[str], images: str | PathLike[str] | Dataset | None = None
) -> tuple[nn.Module, Dataset]:
    """Load a trained model and its images, normalized as in training.

    Parameters
    ----------
    path
        File written by ``optiwidgets train``.
    images
        Folder that the model was trained on, or a ``Dataset`` made from it; optional for a dataset
        that the package ships.

    Raises
    ------
    ValueError
        Not such a file, no images, or images that do not match the file's metadata.
    FileNotFoundError
        The file does not exist.
    """
    net, notes = load_model(path)
    if NOTE not in notes:
        raise ValueError(
            f"{path} has no metadata of its training images; load the weights with "
            "load_weights and write Experiment(model, dataset)"
        )
    known = TrainedOn(**notes[NOTE])
    if images is None and known.name in SHIPPED:
        images = known.name
    if images is None:
        raise ValueError(
            f"{path} holds a model of {_listed(known.class_names)}, but not its images; give their "
            f"folder: Experiment.load({fspath(path)!r}, images='path/to/folder')"
        )
    dataset = images if isinstance(images, Dataset) else _load_images(images, known.shape)
    fitted = known.fit(dataset, fspath(path))
    return net, replace(fitted, name=fitted.name or Path(path).stem)


def _load_images(images: str | PathLike[str], shape: Sequence[int]) -> Dataset:
    """Load a named dataset, or the pictures of a folder at a shape C, H, W."""
    if images in (*SHIPPED, *ONLINE):  # these have their own size and channels
        return load_dataset(images)
    channels, height, width = shape
    return load_dataset(images, size=(height, width), gray=channels == 1)


def _digests(dataset: Dataset, images: Tensor) -> list[str]:
    """Compute a digest of each image's pixels 0..255; it does not depend on the normalization."""
    pixels = (dataset.pixels(images) * 255).round().to(torch.int16).numpy()
    return [hashlib.sha256(np.ascontiguousarray(p).data).hexdigest()[:DIGITS] for p in pixels]


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
