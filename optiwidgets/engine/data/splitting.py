"""Stratified splitting of images into parts, by a hash of their pixels and a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from optiwidgets.texts import plural

Indices = NDArray[np.int64]
Digests = NDArray[np.str_]

PART_NAMES = ("train", "calibration", "exploration", "sealed")
SHARES = (0.5, 0.1, 0.3, 0.1)
TENTH = (0.9, 0.1)  # shares of the training images: train, calibration
HALVES = (0.5, 0.5)  # shares of the only held-out images: exploration, sealed


def digest(image: bytes) -> str:
    """Compute the SHA-256 of an image's pixels."""
    return hashlib.sha256(image).hexdigest()


def seeded(digests: Iterable[str], seed: int) -> Digests:
    """Hash every digest with a seed, which gives another order; seed 0 returns them unchanged.

    Raises
    ------
    ValueError
        A seed that is not a whole number of 0 or more.
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed is a whole number, 0 or more, not {seed!r}")
    if not seed:
        return np.array(list(digests))
    return np.array([digest(f"{seed} {known}".encode()) for known in digests])


def stratify(
    order: Digests,
    labels: Indices,
    names: Sequence[str],
    shares: Sequence[float],
    among: Indices | None = None,
    where: str = "",
    closely: bool = False,
) -> list[Indices]:
    """Split the images of every class by ``shares``, in the order of their digests.

    No random numbers are used: the same pictures are always in the same part. Equal pictures are
    neighbours in that order, so they are nearly always in the same part.

    Parameters
    ----------
    order, labels
        Digest and class index of every image.
    names
        Names of the classes.
    shares
        Shares of the parts; they add up to 1.
    among
        Indices of the images to split; all if None.
    where
        Source of these images, for the error message.
    closely
        Round the shares to the nearest whole image, two parts only; otherwise each part first gets
        one image of a class, and the rest is divided by shares.

    Raises
    ------
    ValueError
        A class has images, but fewer than there are parts.
    """
    chosen = np.arange(len(labels)) if among is None else among
    parts: list[list[Indices]] = [[] for _ in shares]
    divide = deal_closely if closely else deal
    for label, name in enumerate(names):
        mine = chosen[labels[chosen] == label]
        if not len(mine):
            continue
        if len(mine) < len(shares):
            raise ValueError(
                f"class {name!r} has {len(mine)} pictures{where}; each needs {len(shares)} or more"
            )
        mine = mine[np.argsort(order[mine], kind="stable")]
        for part, dealt in zip(parts, divide(mine, shares), strict=True):
            part.append(dealt)
    return [np.sort(np.concatenate(part or [chosen[:0]])) for part in parts]


def deal(items: Indices, shares: Sequence[float]) -> list[Indices]:
    """Split a list by shares, with at least one item in each part.

    Examples
    --------
    >>> [part.tolist() for part in deal(np.arange(6), (0.5, 0.1, 0.4))]
    [[0, 1, 2], [3], [4, 5]]
    """
    spare = len(items) - len(shares)
    ends = [int(sum(shares[: i + 1]) * spare + 0.5) + i + 1 for i in range(len(shares))]
    return [items[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def deal_closely(items: Indices, shares: Sequence[float]) -> list[Indices]:
    """Split a list in two by shares, rounded to whole items, with at least one item in each part.

    Examples
    --------
    >>> [part.tolist() for part in deal_closely(np.arange(4), (0.9, 0.1))]
    [[0, 1, 2], [3]]
    """
    first = min(max(int(shares[0] * len(items) + 0.5), 1), len(items) - 1)
    return [items[:first], items[first:]]


def complete(
    groups: Mapping[str, Indices], order: Digests, labels: Indices, names: Sequence[str]
) -> list[Indices]:
    """Derive the missing parts from the given ones and return all four.

    Without ``calibration``, a tenth of the training images becomes the calibration part. If
    ``exploration`` or ``sealed`` is missing, each gets half of the other's images. Calibration uses
    no labels.

    Raises
    ------
    ValueError
        No training images, or no held-out images.
    """
    given = {name: groups[name] for name in PART_NAMES if name in groups}
    held_out = [name for name in ("exploration", "sealed") if name in given]
    if "train" not in given or not held_out:
        raise ValueError(
            f"images of {', '.join(given) or 'no part'} alone; needed are training images, and "
            "exploration and sealed images that the model was not trained on"
        )
    if len(held_out) == 1:
        where = " in the only held-out part, which is split into exploration and sealed"
        halves = stratify(order, labels, names, HALVES, given[held_out[0]], where, True)
        given["exploration"], given["sealed"] = halves
    if "calibration" not in given:
        where = " in the training part, a tenth of which is for calibration"
        tenth = stratify(order, labels, names, TENTH, given["train"], where, True)
        given["train"], given["calibration"] = tenth
    return [given[name] for name in PART_NAMES]


def split_strata(
    present: NDArray[np.bool_], groups: Sequence[Indices], names: Sequence[str], least: int
) -> tuple[Indices, list[str]]:
    """Give every image one stratum: the class among its own that the fewest images have.

    Strata of less than ``least`` images are joined, and if they are still too few together, they
    go to the largest one: an image has several classes, so no class can have its exact share.

    Parameters
    ----------
    present
        Classes of every image, (N, K).
    groups
        Images that are split by themselves.
    names
        Names of the classes.
    least
        Number of images of a stratum.

    Returns
    -------
    labels, names
        Index of each image's stratum, and the names of the strata: the classes, then two more.

    Examples
    --------
    >>> present = np.array([[1, 1], [1, 0], [1, 0], [1, 1], [0, 0]], bool)
    >>> labels, names = split_strata(present, [np.arange(5)], ["car", "bus"], 2)
    >>> [names[label] for label in labels]
    ['bus', 'car', 'car', 'bus', 'car']
    """
    classes = present.shape[1]
    labels = np.full(len(present), classes)  # those without a box
    for group in groups:
        held = present[group]
        counts = np.where(held, held.sum(0), len(held) + 1)
        labels[group] = np.where(held.any(1), counts.argmin(1), classes)
        sizes = np.bincount(labels[group], minlength=classes + 2)
        labels[group[sizes[labels[group]] < least]] = classes + 1
        sizes = np.bincount(labels[group], minlength=classes + 2)
        if 0 < sizes[classes + 1] < least:
            labels[group[labels[group] == classes + 1]] = sizes.argmax()
    return labels, [*names, "images without a box", "other images"]


def check_shares(parts: Mapping[str, float]) -> tuple[float, ...]:
    """Return the shares of the four parts; ValueError unless all are above 0 and add up to 1.

    Examples
    --------
    >>> check_shares({"train": 0.4, "calibration": 0.1, "exploration": 0.3, "sealed": 0.2})
    (0.4, 0.1, 0.3, 0.2)
    """
    shares = tuple(float(parts.get(name, 0)) for name in PART_NAMES)
    total = sum(shares)
    if set(parts) - set(PART_NAMES) or min(shares) <= 0 or abs(total - 1) > 1e-6:
        raise ValueError(
            f"parts are shares above 0 of {', '.join(PART_NAMES)} that add up to 1, not {parts!r}"
        )
    return shares


def describe_repeated(parts: Sequence[Indices], digests: Sequence[str]) -> str:
    """Describe the number of images that are in more than one part; empty if there are none.

    Examples
    --------
    >>> describe_repeated([np.array([0, 1]), np.array([2])], ["a", "b", "b"])
    '1 image is in two parts, pixel by pixel the same'
    """
    known = [{digests[index] for index in part} for part in parts]
    repeated = sum(map(len, known)) - len(set().union(*known))
    if not repeated:
        return ""
    return plural(
        "{n} image is in two parts, pixel by pixel the same",
        "{n} images are in two parts, pixel by pixel the same",
        repeated,
    )
