"""Measurements of a report: confusion, drop, size, latency, layer weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


Integers = NDArray[np.int64]
FEW = 10  # images of a class, below which its recall is hardly a number


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often each class was taken for each other one.

    Parameters
    ----------
    counts
        (K, K) whole numbers >= 0: rows are the truth, columns the prediction.
    class_names
        K names, in the same order.

    Raises
    ------
    ValueError
        ``counts`` is not square, holds something other than whole numbers >= 0, or does not
        match the names.

    Examples
    --------
    The textbook's 200 images, positive class first:

    >>> c = Confusion([[90, 5], [10, 95]], ["ill", "well"])
    >>> c.accuracy, c.precision.tolist(), c.recall.round(3).tolist()
    (0.925, [0.9, 0.95], [0.947, 0.905])
    """

    counts: Integers
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        given = np.asarray(self.counts)
        if given.ndim != 2 or given.shape[0] != given.shape[1]:
            raise ValueError(f"confusion counts are (K, K), not of shape {given.shape}")
        if not isinstance(self.class_names, Iterable):
            raise ValueError(f"class_names are K names, not {self.class_names!r}")
        if given.dtype.kind not in "biuf":
            raise ValueError(f"confusion counts are whole numbers of images, not {given.dtype}")
        with np.errstate(invalid="ignore"):
            counts = given.astype(np.int64)
        if (counts < 0).any() or not np.array_equal(counts, given):
            raise ValueError("confusion counts are whole numbers of images, 0 or more")
        if len(self.class_names) != len(counts):
            raise ValueError(f"{len(self.class_names)} class names for {len(counts)} classes")
        counts.setflags(write=False)
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "class_names", tuple(self.class_names))

    @property
    def accuracy(self) -> float:
        """Share of the images that are right, 0..1; nan without images."""
        return float(_share(np.trace(self.counts), self.counts.sum()))

    @property
    def precision(self) -> Floats:
        """(K,) share of the images predicted as a class that are of it; nan if none was."""
        return _share(np.diag(self.counts), self.counts.sum(axis=0))

    @property
    def recall(self) -> Floats:
        """(K,) share of the images of a class that were found; nan if there is none."""
        return _share(np.diag(self.counts), self.counts.sum(axis=1))

    @property
    def few(self) -> dict[int, str]:
        """Warnings of recalls that rest on fewer than 10 images, by class index.

        Examples
        --------
        >>> Confusion([[3, 1], [0, 20]], ["rare", "usual"]).few
        {0: "recall of 'rare' rests on 4 images"}
        """
        images = self.counts.sum(axis=1).tolist()
        return {
            index: f"recall of {name!r} rests on {count} image{'s' * (count != 1)}"
            for index, (name, count) in enumerate(zip(self.class_names, images, strict=True))
            if count < FEW
        }

    @property
    def f1(self) -> Floats:
        """(K,) 2TP / (2TP + FP + FN); nan only at 0 / 0."""
        return _share(2 * np.diag(self.counts), self.counts.sum(axis=0) + self.counts.sum(axis=1))


def _share(part: Any, whole: Any) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.true_divide(part, whole))


@dataclass(frozen=True)
class Drop:
    """A paired loss of accuracy on the same images.

    ``points`` and its 95 % interval ``low``..``high`` are percentage points, positive for a loss;
    ``lost`` images were right before and are wrong now, ``gained`` the reverse; ``p`` is
    McNemar's exact two-sided one.

    Examples
    --------
    >>> import optiwidgets as ow
    >>> exp = ow.Experiment.load("digits")
    >>> drop = exp.run(ow.Recipe(sparsity=0.9)).drop_from(exp.run(ow.Recipe()))
    >>> drop.lost > drop.gained, drop.low < drop.points < drop.high
    (True, True)
    """

    points: float
    low: float
    high: float
    lost: int
    gained: int
    p: float


@dataclass(frozen=True)
class Size:
    """Bytes of the packed file, by what they are spent on.

    ``layers`` are those of each layer's weights, by name: expected ones, off by a few at most.
    ``estimated`` says that no file of this size was made: all of it is an estimate.

    Examples
    --------
    >>> size = Size({"codes": 100, "positions": 40, "header": 60}, baseline_bytes=1000)
    >>> size.total_bytes, size.ratio
    (200, 5.0)
    """

    parts: Mapping[str, int]
    baseline_bytes: int
    layers: Mapping[str, float] = field(default_factory=dict)
    estimated: bool = False

    @property
    def total_bytes(self) -> int:
        """Length of the file in bytes."""
        return sum(self.parts.values())

    @property
    def ratio(self) -> float:
        """How many times smaller than the baseline's file; above 1 is smaller."""
        return self.baseline_bytes / self.total_bytes


@dataclass(frozen=True)
class Step:
    """One bar of a waterfall: how many bytes it would be if things stopped here.

    ``promised`` ones are those a promise is made of: so many weights of so many bits.
    """

    name: str
    bytes: int
    promised: bool = False


@dataclass(frozen=True)
class Reconciliation:
    """Account of the promised size: ``steps`` from four bytes a parameter to the file.

    ``estimate_bytes`` is the order-0 entropy estimate, a model and not a file; ``tutorial_bytes``
    what is commonly reported, zlib of the fake-quantized floats.
    """

    steps: tuple[Step, ...]
    estimate_bytes: float
    tutorial_bytes: int


@dataclass(frozen=True)
class Latency:
    """How long one image takes in a runtime, before and after, measured in one interleaved run.

    ``ratio`` is ``baseline_ms / optimized_ms`` (medians), above 1 is faster, with its 95 %
    bootstrap interval ``low``..``high``. ``control`` is the same three numbers of the baseline
    against itself: what noise looks like. IQRs are (lower, upper) quartiles, p99 the 99th
    percentile, all in ms. ``batch`` is the same for batches of 32 images, None inside itself.

    Examples
    --------
    >>> latency = Latency(1.5, low=1.4, high=1.6, baseline_ms=0.3, optimized_ms=0.2, threads=1)
    >>> latency.low > 1  # faster, beyond noise
    True
    """

    ratio: float
    low: float
    high: float
    baseline_ms: float
    optimized_ms: float
    threads: int
    batch: Latency | None = None
    baseline_iqr_ms: tuple[float, float] = (nan, nan)
    optimized_iqr_ms: tuple[float, float] = (nan, nan)
    baseline_p99_ms: float = nan
    optimized_p99_ms: float = nan
    control: tuple[float, float, float] = (nan, nan, nan)


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """A layer's weights before and after, and the values that its codes can stand for.

    ``before`` are the untouched model's (BatchNorm folded), ``after`` the optimized one's, float32
    in the weight's shape, smaller where channels were removed. ``kept`` is False where a weight was
    pruned, in the shape of ``after``. ``values`` (R, n), ascending, are what a code can stand for:
    R = 1, or one row for each output channel; n = 0 for floats (16 and 32 bits). ``places``, in the
    shape of ``after``, says which of its row each weight has, where n is not 0. ``outputs`` (O,)
    says which output of the untouched layer each one left is, and ``error`` is the mean squared
    difference from the untouched weights, removed ones counting as 0; where channels were removed
    in steps nobody knows: -1, and nan.
    """

    name: str
    bits: int
    before: NDArray[np.float32] = field(repr=False)
    after: NDArray[np.float32] = field(repr=False)
    kept: NDArray[np.bool_] = field(repr=False)
    values: NDArray[np.float32] = field(repr=False)
    places: NDArray[np.int16] = field(repr=False)
    outputs: Integers = field(repr=False)
    error: float

    @property
    def pruned(self) -> int:
        """Weights pruned or removed."""
        return int(self.before.size - np.count_nonzero(self.kept))

    @cached_property
    def used(self) -> NDArray[np.int64]:
        """How many of the weights left have each of ``values``, (R, n)."""
        rows, most = self.values.shape
        starts = most * np.arange(rows, dtype=np.int32)[:, None]
        places = self.places.reshape(rows, -1) + starts
        counts = np.bincount(places[self.kept.reshape(rows, -1)], minlength=rows * most)
        return counts.reshape(rows, most)

    @cached_property
    def distinct(self) -> int:
        """How many different values the weights left have."""
        held = self.values[self.used > 0] if self.values.size else self.after[self.kept]
        return len(np.unique(held))
