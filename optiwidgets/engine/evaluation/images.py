"""Images for evaluation: batches that fit the cache, subsets in stratified order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from optiwidgets.engine.data.dataset import fingerprint
from optiwidgets.engine.data.validation import Part
from optiwidgets.engine.types.measurements import Integers

BATCH = 64  # fits the cache; one giant batch is three times slower


@dataclass(frozen=True, eq=False)
class Images:
    """Part of a dataset, or its first images, in batches for evaluation.

    ``batches`` are float32 N C H W, ``labels`` (N,) int64, ``part`` is the part's name and
    ``fingerprint`` the SHA-256 of images and labels. ``out_of`` is the number of images in the
    whole part.
    """

    part: str
    batches: Sequence[Tensor]
    labels: Integers
    fingerprint: str
    out_of: int

    @classmethod
    def of(cls, name: str, part: Part, first: int | None = None) -> Images:
        """Split a part into batches, or its ``first`` images in stratified order."""
        images, labels = part
        out_of = len(labels)
        if first is not None:
            chosen = stratified(labels.numpy())[:first]
            images, labels = part = images[chosen], labels[chosen]
        batches = images.contiguous().split(BATCH)
        frozen = labels.numpy().copy()
        frozen.setflags(write=False)
        return cls(name, batches, frozen, fingerprint(part), out_of)


def stratified(labels: Integers) -> Integers:
    """Compute an order of the images in which every prefix has all classes in their shares.

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 0, 1, 1])
    >>> labels[stratified(labels)].tolist()
    [0, 1, 0, 0, 1, 0]
    """
    keys = np.empty(len(labels))
    random = np.random.default_rng(0)
    for label in np.unique(labels):
        indices = np.flatnonzero(labels == label)
        keys[indices] = (random.permutation(len(indices)) + 0.5) / len(indices)
    order: Integers = np.argsort(keys, kind="stable")
    return order
