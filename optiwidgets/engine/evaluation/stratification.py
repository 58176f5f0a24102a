"""Stratified order of labelled images. Only numbers."""

from __future__ import annotations

import numpy as np

from optiwidgets.engine.types.measurements import Integers


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
