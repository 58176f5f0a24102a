"""What running a recipe gave: counts, intervals, bytes. Numbers only, and no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any
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
    """What is known of scores before they are asked for: given in their place, they come later.

    ``not_finite`` counts the images whose scores are not all finite.
    """

    mean_average_precision: float
    not_finite: int


@dataclass(frozen=True)
class ReportOperations:
    """What a report can do but only an experiment knows how to.

    ``build`` makes the optimized torch module, ``write`` the packed file, ``export`` the ONNX
    file, ``reconcile`` accounts for its bytes, ``weights`` looks at its layers, ``scores`` asks it
    about all exploration images; the others are the statistics of ``evaluation.metrics``.
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
        if isinstance(held, DeferredScores):
            held = vars(report)["scores"] = report.tools.scores(report.recipe)
        scores: NDArray[np.float32] = held
        return scores

    def __set__(self, report: Report, given: NDArray[np.float32] | DeferredScores) -> None:
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

    Made with ``DeferredScores`` in place of the scores, a report of all exploration images has them
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
    tools: ReportOperations
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
        if isinstance(known := vars(self)["scores"], DeferredScores):
            return known.mean_average_precision
        return self.tools.average_precision(self.labels, self.scores)

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
