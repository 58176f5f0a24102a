"""Report of one recipe: counts, intervals, bytes. Numbers only, and no torch."""

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
    """Stand-in for scores that are evaluated on first use, with the numbers known before.

    ``not_finite`` counts the images whose scores are not all finite.
    """

    mean_average_precision: float
    not_finite: int


@dataclass(frozen=True, eq=False)
class DeferredSize:
    """Stand-in for a size that is computed on first use.

    ``compute`` needs nothing but codes that it holds, ``nbytes`` of them.
    """

    compute: Callable[[], Size]
    nbytes: int


class Operations(Protocol):
    """Interface of work on the model, and of statistics, that a report leaves to others."""

    def belongs_to(self, source: object) -> bool:
        """Tell whether the report was made from ``source``."""
        ...

    def model(self) -> Any:
        """The optimized torch module, made anew."""
        ...

    def save(self, path: str | PathLike[str]) -> None:
        """Write the packed file."""
        ...

    def export(self, path: str | PathLike[str]) -> None:
        """Write the ONNX file."""
        ...

    def reconcile(self) -> Reconciliation:
        """Account for the bytes of the packed file."""
        ...

    def weights(self) -> tuple[LayerWeights, ...]:
        """Weights of every layer before and after."""
        ...

    def scores(self) -> NDArray[np.float32]:
        """Softmax scores (N, K) of all exploration images, evaluated now."""
        ...

    def interval(self, right: int, total: int, /) -> tuple[float, float]:
        """95 % interval of a share."""
        ...

    def drop(self, labels: Integers, before: Integers, after: Integers, /) -> Drop:
        """Accuracy lost from one set of predictions to another."""
        ...

    def average_precision(self, labels: Integers, scores: NDArray[np.float32], /) -> float:
        """Macro mean of the one-vs-rest average precisions."""
        ...


class _Scores:
    """The scores of a report, evaluated on first use where they are foreknown."""

    def __get__(self, report: Report | None, owner: type[Report]) -> NDArray[np.float32]:
        if report is None:  # asked of the class: there is no default
            raise AttributeError("scores")
        held = vars(report)["scores"]
        if isinstance(held, DeferredScores):
            held = vars(report)["scores"] = report.operations.scores()
        scores: NDArray[np.float32] = held
        return scores

    def __set__(self, report: Report, given: NDArray[np.float32] | DeferredScores) -> None:
        vars(report)["scores"] = given


class _Size:
    """The size of a report, computed on first use where it is deferred."""

    def __get__(self, report: Report | None, owner: type[Report]) -> Size:
        if report is None:  # asked of the class: there is no default
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
    """Everything measured about one recipe on one set of N images with K classes.

    ``labels`` and ``predictions`` are (N,) int64, ``scores`` (N, K) float32 softmax, in the same
    image order in every report of one experiment; ``images`` is the fingerprint of that set and
    ``part`` its name. ``positive`` is a class index or None; ``removed_channels`` counts the output
    channels taken out, and those there were in all layers but the last. ``macs`` are
    multiply-accumulates of the counted layers for an image, ``parameters`` all numbers of the
    model, BatchNorm folded. Where the predictions are the int8 runtime's, ``simulated`` is the
    confusion of the float simulation.

    The numbers are the report's own. ``model``, ``save``, ``export``, ``reconcile``, ``weights``,
    and scores that come later, are made by its experiment from the recipe when asked for. It is
    held weakly: once it is gone, or in another process, they raise RuntimeError. Keep the
    experiment in a variable, or ``save()`` before.

    Where these are but the first of the images there are, ``out_of`` says how many there are.
    ``runtime`` is the name of the runtime that computed scores and predictions, one of
    ``runtime_info.RUNTIMES``.

    Made with ``DeferredScores`` in place of the scores, a report of all exploration images has them
    evaluated on first use. With a ``DeferredSize`` the model is weighed on first use, from codes
    that the report holds until then; it travels to another process weighed.

    None until measured: ``latency``, ONNX Runtime's; ``agreement``, the share of the images on
    which it and torch predict alike; ``flip_rate`` and ``baseline_flip_rate``, the share whose
    prediction changes under an invisible change. ``latencies`` maps each runtime that was timed to
    its latency, before and after in the same runtime; ``latency_reasons`` says of every other one
    why it was not. Both are empty until measured, and read-only.

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
    size: _Size = _Size()  # must be given: what it is in the class is no default
    scores: _Scores = _Scores()  # must be given, as the size
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
        """One line: recipe, accuracy, bytes."""
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
        """Travel to another process without the drops from reports that stay here."""
        own = {name: value for name, value in vars(self).items() if name != "_drops"}
        return own | {"size": self.size}

    @property
    def held_bytes(self) -> int:
        """Bytes of the codes that are held until ``size`` is computed from them."""
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
        """Images whose scores are not all finite."""
        if isinstance(known := vars(self)["scores"], DeferredScores):
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
            drop = self.operations.drop(self.labels, base.predictions, self.predictions)
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
        return self.operations.model()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the packed file, ``size.total_bytes`` long; whole or not at all."""
        self.operations.save(path)

    def export(self, path: str | PathLike[str]) -> None:
        """Write an ONNX file, "images" N C H W -> "scores" (N, K); whole or not at all.

        It predicts what the report says; the scores are the model's own output, a last softmax
        included. 8-bit weights and activations are real int8; in all other recipes the arithmetic
        is float, activations of fewer than 32 bits being rounded in it.

        On x86-64 processors without VNNI, ONNX Runtime (1.32) lets sums of int8 products saturate,
        and may predict otherwise, unless ``session.x64quantprecision`` of a session's options is
        ``"1"``, as it is in the sessions here.
        """
        self.operations.export(path)

    def reconcile(self) -> Reconciliation:
        """Account for the promised size, step by step; the last step is ``size.total_bytes``."""
        return self.operations.reconcile()

    def weights(self) -> tuple[LayerWeights, ...]:
        """Every layer's weights before and after, in module order."""
        return self.operations.weights()
