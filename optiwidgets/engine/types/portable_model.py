"""Portable model: all that another runtime needs to prune, round and run a model as Python does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Whole = NDArray[np.integer[Any]]

# Sparsities of refitted weights: closer where the accuracy falls
REFIT_SPARSITIES = (
    *(0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.82, 0.84, 0.86),
    *(0.88, 0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98),
)


@dataclass(frozen=True)
class PortableChannels:
    """Channels of a model that are removed together.

    Parameters
    ----------
    axes
        For each tensor whose rows or columns can be removed: the channel of each index of each
        axis, 0 if the index stays.
    sets
        Sets of channels that are ranked against each other.
    ranks
        By score and set: the rank of each channel, the lowest are removed first.
    """

    axes: Mapping[str, tuple[tuple[int, ...], ...]]
    sets: tuple[tuple[int, ...], ...]
    ranks: Mapping[str, tuple[tuple[int, ...], ...]]


@dataclass(frozen=True, eq=False)
class Refit:
    """Refitted model at one sparsity: the kept weights and all biases, in the order of tensors."""

    sparsity: float
    values: Floats


@dataclass(frozen=True, eq=False)
class PortableModel:
    """Model for another runtime, with the orders in which its weights are pruned.

    Parameters
    ----------
    program
        Steps and values of the sparse runtime, as JSON.
    tensors
        Weights and biases by name, BatchNorm folded in.
    layers
        Prunable layers in module order: name of the layer, name of its weight.
    trained
        Weights as trained, by layer, where they differ from the folded ones.
    ranks
        By score, of all weights in module order: the lowest are pruned first.
    channels
        Channels that can be removed; None if there are none.
    decoding
        Name of the decoding of a detector's output: "center" for the package's; else empty.
    refits
        Refitted weights of global magnitude pruning.
    """

    program: Mapping[str, Any]
    tensors: Mapping[str, Floats]
    layers: Mapping[str, str]
    trained: Mapping[str, Floats]
    ranks: Mapping[str, Whole]
    channels: PortableChannels | None
    decoding: str = ""
    refits: tuple[Refit, ...] = ()
