"""Report of one recipe: counts, intervals, bytes. Only numbers; does not import torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from types import MappingProxyType
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.types.measurements import (
    Confusion,
    Drop,
    Integers,
    Latency,
    LayerWeights,
    Reconciliation,
    Size,
)
from optiwidgets.engine.types.recipe import Recipe


@dataclass(frozen=True)
class DeferredScores:
    """Placeholder of scores that are computed on first use, with the numbers known before.

    ``not_finite`` counts the images whose scores are not all finite.
    """

    mean_average_precision: float
    not_finite: int


@dataclass(frozen=True, eq=False)
class DeferredSize:
    """Placeholder of a size that is computed on first use.

    ``compute`` only needs the codes that it holds, ``nbytes`` bytes.
    """

    compute: Callable[[], Size]
    nbytes: int


class Operations(Protocol):
    """Interface of the model operations and statistics that a report delegates."""

    def belongs_to(self, source: object) -> bool:
        """Return True if the report was made from ``source``."""
        ...

    def model(self) -> Any:
        """Build a new torch module of the optimized model."""
        ...

    def save(self, path: str | PathLike[str]) -> None:
        """Write the packed file."""
        ...

    def export(self, path: str | PathLike[str]) -> None:
        """Write the ONNX file."""
        ...

    def reconcile(self) -> Reconciliation:
        """Return the breakdown of the packed file's bytes."""
        ...

    def weights(self) -> tuple[LayerWeights, ...]:
        """Return the weights of every layer before and after."""
        ...

    def scores(self) -> NDArray[np.float32]:
        """Compute the softmax scores (N, K) of all exploration images."""
        ...

    def interval(self, right: int, total: int, /) -> tuple[float, float]:
        """Compute the 95 % interval of the share ``right / total``."""
        ...

    def drop(self, labels: Integers, before: Integers, after: Integers, /) -> Drop:
        """Compute the paired drop from the predictions ``before`` to ``after``."""
        ...

    def average_precision(self, labels: Integers, scores: NDArray[np.float32], /) -> float:
        """Compute the macro mean of the one-vs-rest average precisions."""
        ...


class _Scores:
    """Descriptor of a report's scores; deferred scores are computed on first use."""

    def __get__(self, report: Report | None, owner: type[Report]) -> NDArray[np.float32]:
        if report is None:  # access on the class: there is no default
            raise AttributeError("scores")
        held = vars(report)["scores"]
        if isinstance(held, DeferredScores):
            held = vars(report)["scores"] = report.operations.scores()
        scores: NDArray[np.float32] = held
        return scores

    def __set__(self, report: Report, given: NDArray[np.float32] | DeferredScores) -> None:
        vars(report)["scores"] = given


class _Size:
    """Descriptor of a report's size; a deferred size is computed on first use."""

    def __get__(self, report: Report | None, owner: type[Report]) -> Size:
        if report is None:  # access on the class: there is no default
            raise AttributeError("size")
        held = vars(report)["size"]
        if isinstance(held, DeferredSize):
            held = vars(report)["size"] = held.compute()
        size: Size = held
        return size

    def __set__(self, report: Report, given: Size | DeferredSize) -> None:
        vars(report)["size"] = given


@dataclass(frozen=True, eq=False)
class Report:
    """Measurements of one recipe on one set of N images with K classes.

    ``labels`` and ``predictions`` are (N,) int64, ``scores`` (N, K) float32 softmax, in the same
    image order in every report of one experiment; ``images`` is the fingerprint of that set and
    ``part`` its name. ``positive`` is a class index or None. ``removed_channels`` is the number of
    output channels removed, and the number before removal, in all layers but the last. ``macs``
    are multiply-accumulates of the counted layers for an image, ``parameters`` the number of
    parameters of the model, BatchNorm folded. Where the int8 runtime made the predictions,
    ``simulated`` is the confusion of the float simulation.

    The report itself holds its numbers. ``model``, ``save``, ``export``, ``reconcile``,
    ``weights`` and deferred scores are computed on demand by the experiment, from the recipe. The
    report has only a weak reference to the experiment: after that is deleted, or in another
    process, these methods raise RuntimeError. Keep the experiment in a variable, or call
    ``save()`` before.

    If the report covers only the first images of a part, ``out_of`` is the number of all images
    of that part. ``runtime`` is the name of the runtime that computed scores and predictions, one
    of ``runtime_info.RUNTIMES``.

    With ``DeferredScores`` in place of the scores, a report of all exploration images computes
    them on first use. With a ``DeferredSize`` the size is computed on first use, from codes that
    the report holds until then; pickling computes it before.

    None until measured: ``latency``, in ONNX Runtime; ``agreement``, the share of the images on
    which ONNX Runtime and torch predict the same class; ``flip_rate`` and ``baseline_flip_rate``,
    the share of the images whose prediction changes under an invisible change. ``latencies`` maps
    each runtime that was timed to its latency, before and after in the same runtime;
    ``latency_reasons`` maps each other runtime to the reason why it was not timed. Both are empty
    until measured, and read-only.

    Examples
    --------
    >>> import optiwidgets as ow
    >>> exp = ow.Experiment.load("digits")
    >>> report = exp.run(ow.Recipe(sparsity=0.5, bits=4))
    >>> report.confusion.counts.sum() == len(report.labels) == 1500
    True
    >>> report.size.ratio > 10
    True
    >>> report.latency is None  # until ``exp.measure(report.recipe)``
    True
    """

    recipe: Recipe
    class_names: tuple[str, ...]
    positive: int | None
    part: str
    images: str
    labels: Integers
    predictions: Integers
    confusion: Confusion
    pruned_weights: int
    prunable_weights: int
    operations: Operations
    size: _Size = _Size()  # required: the class attribute is a descriptor, not a default
    scores: _Scores = _Scores()  # required, as the size
    removed_channels: tuple[int, int] = (0, 0)
    macs: int = 0
    out_of: int = 0
    parameters: int = 0
    simulated: Confusion | None = None
    runtime: str = ""
    latency: Latency | None = None
    latencies: Mapping[str, Latency] = field(default_factory=lambda: MappingProxyType({}))
    latency_reasons: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    agreement: float | None = None
    flip_rate: float | None = None
    baseline_flip_rate: float | None = None

    def __repr__(self) -> str:
        """Return one line: recipe, accuracy, bytes."""
        seen = len(self.labels)
        images = f"the first {seen} of {self.out_of}" if seen < self.out_of else str(seen)
        scores = vars(self)["scores"]
        unseen = self.not_finite if isinstance(scores, DeferredScores | np.ndarray) else 0
        lost = f", {unseen} of them with scores that are not finite" if unseen else ""
        about = "about " if self.size.estimated else ""
        return (
            f"<Report {self.recipe}: {self.confusion.accuracy:.1%} right of {images} "
            f"{self.part} images{lost}, {about}{self.size.total_bytes} bytes>"
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return the state to pickle: the size computed, without drops from other reports."""
        own = {name: value for name, value in vars(self).items() if name != "_drops"}
        return own | {"size": self.size}

    @property
    def held_bytes(self) -> int:
        """Bytes of the codes that the report holds until ``size`` is computed from them."""
        held = vars(self)["size"]
        return held.nbytes if isinstance(held, DeferredSize) else 0

    @cached_property
    def accuracy_interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy, (low, high), 0..1."""
        return self.operations.interval(int(np.trace(self.confusion.counts)), len(self.labels))

    @cached_property
    def mean_average_precision(self) -> float:
        """Macro mean of the one-vs-rest average precisions, 0..1."""
        if isinstance(known := vars(self)["scores"], DeferredScores):
            return known.mean_average_precision
        return self.operations.average_precision(self.labels, self.scores)

    @property
    def not_finite(self) -> int:
        """Number of images whose scores are not all finite."""
        if isinstance(known := vars(self)["scores"], DeferredScores):
            return known.not_finite
        return int((~np.isfinite(self.scores)).any(axis=1).sum())

    def drop_from(self, base: Report) -> Drop:
        """Compute the paired drop of accuracy from the report ``base`` to this one.

        Raises
        ------
        ValueError
            The two reports are of different images.
        """
        if not isinstance(base, Report):
            raise ValueError(f"base is a Report, the baseline's, not {type(base).__name__}")
        if self.images != base.images:
            raise ValueError(
                f"a drop is paired, so both reports must be of the same images, not "
                f"{len(base.labels)} {base.part} and {len(self.labels)} {self.part} ones"
            )
        if base not in self._drops:
            drop = self.operations.drop(self.labels, base.predictions, self.predictions)
            self._drops[base] = drop
        return self._drops[base]

    @cached_property
    def _drops(self) -> WeakKeyDictionary[Report, Drop]:
        """Drop from each report compared with; one update reads it more than once."""
        return WeakKeyDictionary()

    def at_threshold(self, threshold: float) -> Confusion:
        """Compute the confusion of two classes at another threshold than one half.

        Parameters
        ----------
        threshold
            Lowest score 0..1 of the positive class at which an image is predicted positive.

        Raises
        ------
        ValueError
            Not two classes, no positive class, or a threshold outside 0..1.
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
        """Build a new torch module of the optimized model, in eval mode."""
        return self.operations.model()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the packed file atomically; it is ``size.total_bytes`` long."""
        self.operations.save(path)

    def export(self, path: str | PathLike[str]) -> None:
        """Write an ONNX file atomically: "images" N C H W -> "scores" (N, K).

        The file gives the predictions of this report. The scores are the model's own output,
        including a last softmax layer if it has one. 8-bit weights and activations are computed in
        int8; all other recipes are computed in float, with activations of fewer than 32 bits
        fake-quantized.

        On x86-64 processors without VNNI, ONNX Runtime (1.32) lets sums of int8 products saturate
        and may predict other classes, unless ``session.x64quantprecision`` of a session's options
        is ``"1"``. The sessions of this package set it.
        """
        self.operations.export(path)

    def reconcile(self) -> Reconciliation:
        """Return the breakdown of the size; its last step is ``size.total_bytes``."""
        return self.operations.reconcile()

    def weights(self) -> tuple[LayerWeights, ...]:
        """Return the weights of every layer before and after, in module order."""
        return self.operations.weights()
