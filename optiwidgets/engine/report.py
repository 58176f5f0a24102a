"""What running a recipe gave: counts, intervals, bytes. Numbers only, and no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import nan
from os import PathLike
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.recipe import Recipe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


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

    Examples
    --------
    >>> size = Size({"codes": 100, "positions": 40, "header": 60}, baseline_bytes=1000)
    >>> size.total_bytes, size.ratio
    (200, 5.0)
    """

    parts: Mapping[str, int]
    baseline_bytes: int
    layers: Mapping[str, float] = field(default_factory=dict)

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
    """Where the promised size went: ``steps`` from four bytes a parameter to the file.

    ``estimate_bytes`` is the order-0 entropy estimate, a model and not a file; ``tutorial_bytes``
    what is commonly reported, zlib of the fake-quantized floats.
    """

    steps: tuple[Step, ...]
    estimate_bytes: float
    tutorial_bytes: int


@dataclass(frozen=True)
class Latency:
    """How long one image takes in ONNX Runtime, before and after, measured in one interleaved run.

    ``ratio`` is ``baseline_ms / optimized_ms`` (medians), above 1 is faster, with its 95 %
    bootstrap interval ``low``..``high``. ``control`` is the same three numbers of the baseline
    against itself: what noise looks like. IQRs are (lower, upper) quartiles, p99 the 99th
    percentile, all in ms. ``batch`` is the same for batches of 32 images, None inside itself.
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


@dataclass(frozen=True)
class Foreknown:
    """What is known of scores before they are asked for: given in their place, they come later.

    ``not_finite`` counts the images whose scores are not all finite.
    """

    mean_average_precision: float
    not_finite: int


@dataclass(frozen=True)
class Tools:
    """What a report can do but only an experiment knows how to.

    ``build`` makes the optimized torch module, ``write`` the packed file, ``export`` the ONNX
    file, ``reconcile`` accounts for its bytes, ``weights`` looks at its layers, ``scores`` asks it
    about all exploration images; the others are the statistics of ``optiwidgets.engine.metrics``.
    """

    build: Callable[[Recipe], Any]
    write: Callable[[Recipe, str | PathLike[str]], None]
    export: Callable[[Recipe, str | PathLike[str]], None]
    reconcile: Callable[[Recipe], Reconciliation]
    weights: Callable[[Recipe], tuple[LayerWeights, ...]]
    scores: Callable[[Recipe], NDArray[np.float32]]
    interval: Callable[[int, int], tuple[float, float]]
    drop: Callable[[Integers, Integers, Integers], Drop]
    average_precision: Callable[[Integers, NDArray[np.float32]], float]


class _Scores:
    """The scores of a report, evaluated on first use where they are foreknown."""

    def __get__(self, report: Report | None, owner: type[Report]) -> NDArray[np.float32]:
        if report is None:  # asked of the class: there is no default
            raise AttributeError("scores")
        held = vars(report)["scores"]
        if isinstance(held, Foreknown):
            held = vars(report)["scores"] = report.tools.scores(report.recipe)
        scores: NDArray[np.float32] = held
        return scores

    def __set__(self, report: Report, given: NDArray[np.float32] | Foreknown) -> None:
        vars(report)["scores"] = given


@dataclass(frozen=True, eq=False)
class Report:
    """Everything measured about one recipe on one set of N images with K classes.

    ``labels`` and ``predictions`` are (N,) int64, ``scores`` (N, K) float32 softmax, in the same
    image order in every report of one experiment; ``images`` is the fingerprint of that set and
    ``part`` its name. ``positive`` is a class index or None; ``removed_channels`` counts the output
    channels taken out, and those there were in all layers but the last. ``macs`` are
    multiply-accumulates an image, ``parameters`` all numbers of the model. Where the predictions
    are the int8 runtime's, ``simulated`` is the confusion of the float simulation.

    Where these are but the first of the images there are, ``out_of`` says how many there are.

    Made with ``Foreknown`` in place of the scores, a report of all exploration images has them
    evaluated on first use.

    None until measured: ``latency``; ``agreement``, the share of the images on which runtime and
    torch predict alike; ``flip_rate`` and ``baseline_flip_rate``, the share whose prediction
    changes under an invisible change.
    """

    recipe: Recipe
    class_names: tuple[str, ...]
    positive: int | None
    part: str
    images: str
    labels: Integers
    predictions: Integers
    confusion: Confusion
    size: Size
    pruned_weights: int
    prunable_weights: int
    tools: Tools
    scores: _Scores = _Scores()  # must be given: what it is in the class is no default
    removed_channels: tuple[int, int] = (0, 0)
    macs: int = 0
    out_of: int = 0
    parameters: int = 0
    simulated: Confusion | None = None
    latency: Latency | None = None
    agreement: float | None = None
    flip_rate: float | None = None
    baseline_flip_rate: float | None = None

    def __repr__(self) -> str:
        """One line: recipe, accuracy, bytes."""
        seen = len(self.labels)
        images = f"the first {seen} of {self.out_of}" if seen < self.out_of else str(seen)
        return (
            f"<Report {self.recipe}: {self.confusion.accuracy:.1%} right of {images} "
            f"{self.part} images, {self.size.total_bytes} bytes>"
        )

    @cached_property
    def accuracy_interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy, (low, high), 0..1."""
        return self.tools.interval(int(np.trace(self.confusion.counts)), len(self.labels))

    @cached_property
    def mean_average_precision(self) -> float:
        """Macro mean of the one-vs-rest average precisions, 0..1."""
        if isinstance(known := vars(self)["scores"], Foreknown):
            return known.mean_average_precision
        return self.tools.average_precision(self.labels, self.scores)

    @property
    def not_finite(self) -> int:
        """Images whose scores are not all finite."""
        if isinstance(known := vars(self)["scores"], Foreknown):
            return known.not_finite
        return int((~np.isfinite(self.scores)).any(axis=1).sum())

    def drop_from(self, base: Report) -> Drop:
        """Accuracy lost against ``base``, image by image.

        Raises
        ------
        ValueError
            The two reports are not about the same images.
        """
        if not isinstance(base, Report):
            raise ValueError(f"base is a Report, the baseline's, not {type(base).__name__}")
        if self.images != base.images:
            raise ValueError(
                f"a drop is paired, so both reports must be of the same images, not "
                f"{len(base.labels)} {base.part} and {len(self.labels)} {self.part} ones"
            )
        if base not in self._drops:
            drop = self.tools.drop(self.labels, base.predictions, self.predictions)
            self._drops[base] = drop
        return self._drops[base]

    @cached_property
    def _drops(self) -> WeakKeyDictionary[Report, Drop]:
        """From each report compared with: an update asks more than once."""
        return WeakKeyDictionary()

    def at_threshold(self, threshold: float) -> Confusion:
        """Two classes, told apart at another score than one half.

        Parameters
        ----------
        threshold
            Score 0..1 of the positive class from which on an image counts as positive.

        Raises
        ------
        ValueError
            Not two classes, no positive one, or a threshold outside 0..1.
        """
        if len(self.class_names) != 2 or self.positive is None:
            raise ValueError("a threshold needs two classes, one of them positive")
        if not 0 <= threshold <= 1:
            raise ValueError(f"a threshold is a score of 0 to 1, not {threshold!r}")
        found = self.scores[:, self.positive] >= threshold
        guesses = np.where(found, self.positive, 1 - self.positive)
        counts = np.bincount(2 * self.labels + guesses, minlength=4).reshape(2, 2)
        return Confusion(counts, self.class_names)

    def model(self) -> Any:
        """A fresh eval-mode torch module: the optimized model."""
        return self.tools.build(self.recipe)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the packed file, ``size.total_bytes`` long; whole or not at all."""
        self.tools.write(self.recipe, path)

    def export(self, path: str | PathLike[str]) -> None:
        """Write an ONNX file, "images" N C H W -> "scores" (N, K); whole or not at all.

        It predicts what the report says. 8-bit weights and activations are real int8; in all other
        recipes the arithmetic is float, activations of fewer than 32 bits being rounded in it.
        """
        self.tools.export(self.recipe, path)

    def reconcile(self) -> Reconciliation:
        """Where the promised size went, step by step; the last step is ``size.total_bytes``."""
        return self.tools.reconcile(self.recipe)

    def weights(self) -> tuple[LayerWeights, ...]:
        """Every layer's weights before and after, in module order."""
        return self.tools.weights(self.recipe)

    def figure(self) -> Figure:
        """A new matplotlib Figure of this report, drawn with seaborn."""
        from optiwidgets.figures import draw_report  # a named door: see tests/test_rooms.py

        return draw_report(self)
