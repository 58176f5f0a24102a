"""Measurements of a report: confusion, drop, size, latency, layer weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optiwidgets.texts import mark, mark_plural, plural, text

Floats = NDArray[np.float64]


Integers = NDArray[np.int64]
FEW = 10  # images, or objects; the recall of a class with fewer is reported with a warning


class Counted(NamedTuple):
    """Names of the things that a task counts, as lost and gained and in its confusion.

    ``things`` are several of them, ``forms`` the messages of a number ``n`` of them, of one and of
    several. ``flipped`` are those of which ``flip_rate`` is a share.

    Examples
    --------
    >>> pixels = Counted("pixels", ("{n:,} pixel", "{n:,} pixels"), flipped="pixels")
    >>> pixels.say(1), pixels.say(1500)
    ('1 pixel', '1,500 pixels')
    """

    things: str
    forms: tuple[str, str]
    flipped: str

    def say(self, n: int) -> str:
        """Name a number of these things in the page's language."""
        return plural(*self.forms, n)


IMAGES = Counted(mark("images"), mark_plural("{n:,} image", "{n:,} images"), mark("predictions"))


@dataclass(frozen=True, eq=False)
class Confusion:
    """Confusion matrix: images, or other things, counted by true and by predicted class.

    Parameters
    ----------
    counts
        (K, K) whole numbers >= 0: rows are the truth, columns the prediction.
    class_names
        K names, in the same order.
    counted
        Names of the things in ``counts``; by default they are images.

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
    counted: Counted = IMAGES

    def __post_init__(self) -> None:
        given = np.asarray(self.counts)
        if given.ndim != 2 or given.shape[0] != given.shape[1]:
            raise ValueError(f"confusion counts are (K, K), not of shape {given.shape}")
        if not isinstance(self.class_names, Iterable):
            raise ValueError(f"class_names are K names, not {self.class_names!r}")
        if given.dtype.kind not in "biuf":
            things = self.counted.things
            raise ValueError(f"confusion counts are whole numbers of {things}, not {given.dtype}")
        with np.errstate(invalid="ignore"):
            counts = given.astype(np.int64)
        if (counts < 0).any() or not np.array_equal(counts, given):
            things = self.counted.things
            raise ValueError(f"confusion counts are whole numbers of {things}, 0 or more")
        if len(self.class_names) != len(counts):
            raise ValueError(f"{len(self.class_names)} class names for {len(counts)} classes")
        counts.setflags(write=False)
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "class_names", tuple(self.class_names))

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, K; those of the rows are ``class_names``."""
        return self.class_names

    @property
    def accuracy(self) -> float:
        """Share of the counted things that are classified correctly, 0..1; nan without any."""
        return float(_share(np.trace(self.counts), self.counts.sum()))

    @property
    def precision(self) -> Floats:
        """Precision of each class (K,): TP / (TP + FP); nan if nothing was predicted as it."""
        return _share(np.diag(self.counts), self.counts.sum(axis=0))

    @property
    def recall(self) -> Floats:
        """Recall of each class (K,): TP / (TP + FN); nan if nothing is of that class."""
        return _share(np.diag(self.counts), self.counts.sum(axis=1))

    @property
    def few(self) -> dict[int, str]:
        """Warnings about recalls computed from fewer than 10 images or objects, by class index.

        Examples
        --------
        >>> Confusion([[3, 1], [0, 20]], ["rare", "usual"]).few
        {0: "recall of 'rare' rests on 4 images"}
        """
        rests, sums = mark("recall of {name!r} rests on {few}"), self.counts.sum(axis=1).tolist()
        return {
            index: text(rests, name=name, few=self.counted.say(count))
            for index, (name, count) in enumerate(zip(self.class_names, sums, strict=True))
            if count < FEW
        }

    @property
    def f1(self) -> Floats:
        """F1 score of each class (K,): 2TP / (2TP + FP + FN); nan only at 0 / 0."""
        return _share(2 * np.diag(self.counts), self.counts.sum(axis=0) + self.counts.sum(axis=1))


def _share(part: Any, whole: Any) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.true_divide(part, whole))


@dataclass(frozen=True)
class Drop:
    """Paired loss of the leading metric, such as the accuracy, on the same images.

    ``points`` and its 95 % interval ``low``..``high`` are percentage points, positive for a loss;
    ``lost`` images were right before and are wrong after, ``gained`` the reverse; ``p`` is the
    p-value of McNemar's exact two-sided test. A detector's ``lost`` and ``gained`` are objects.

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
    """Bytes of the packed file, by part of the file.

    ``layers`` maps the name of each layer to the expected bytes of its weights, wrong by a few
    bytes at most. ``estimated`` is True if no file was packed: all numbers are then estimates.

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
        """Compression ratio: bytes of the baseline's file over bytes of this one."""
        return self.baseline_bytes / self.total_bytes


@dataclass(frozen=True)
class Step:
    """One bar of the waterfall chart: the size in bytes after this step.

    ``promised`` marks the steps of the theoretical size: number of weights times bits a weight.
    """

    name: str
    bytes: int
    promised: bool = False


@dataclass(frozen=True)
class Reconciliation:
    """Breakdown of the size: ``steps`` from four bytes a parameter to the packed file.

    ``estimate_bytes`` is an order-0 entropy estimate, not the length of a file;
    ``tutorial_bytes`` is the length of the zlib-compressed fake-quantized floats, a number that
    tutorials often report.
    """

    steps: tuple[Step, ...]
    estimate_bytes: float
    tutorial_bytes: int


@dataclass(frozen=True)
class Latency:
    """Latency of one image in a runtime, before and after, measured in one interleaved run.

    ``ratio`` is ``baseline_ms / optimized_ms`` (medians), above 1 is faster, with its 95 %
    bootstrap interval ``low``..``high``. ``control`` holds the same three numbers for the baseline
    measured against itself: the noise of the measurement. IQRs are (lower, upper) quartiles, p99
    the 99th percentile, all in ms. ``batch`` is the latency of batches of 32 images; its own
    ``batch`` is None.

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
    """Weights of one layer before and after, and the values that its codes represent.

    ``before`` holds the weights of the baseline (BatchNorm folded), ``after`` those of the
    optimized model, float32 in the weight's shape, smaller where channels were removed. ``kept``,
    in the shape of ``after``, is False where a weight was pruned. ``values`` (R, n), ascending,
    are the values of the codes: R = 1, or one row for each output channel; n = 0 for floats (16
    and 32 bits). ``places``, in the shape of ``after``, holds the index of each weight's value in
    its row of ``values``, where n is not 0. ``outputs`` (O,) maps each remaining output to its
    index in the baseline's layer. ``error`` is the mean squared difference from the baseline's
    weights, with removed ones as 0. Where channels were removed in several steps, ``outputs`` are
    unknown and -1, and ``error`` is nan.
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
        """Number of weights pruned or removed."""
        return int(self.before.size - np.count_nonzero(self.kept))

    @cached_property
    def used(self) -> NDArray[np.int64]:
        """Number of remaining weights with each of ``values``, (R, n)."""
        rows, most = self.values.shape
        starts = most * np.arange(rows, dtype=np.int32)[:, None]
        places = self.places.reshape(rows, -1) + starts
        counts = np.bincount(places[self.kept.reshape(rows, -1)], minlength=rows * most)
        return counts.reshape(rows, most)

    @cached_property
    def distinct(self) -> int:
        """Number of different values among the remaining weights."""
        held = self.values[self.used > 0] if self.values.size else self.after[self.kept]
        return len(np.unique(held))
