"""Outcome of a classifier: predictions, scores, accuracy. Only numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.evaluation import metrics
from optiwidgets.engine.evaluation.paired_test import paired_drop
from optiwidgets.engine.evaluation.stratification import stratified
from optiwidgets.engine.types.measurements import IMAGES, Confusion, Drop, Floats, Integers
from optiwidgets.engine.types.task import Compute, unknown
from optiwidgets.texts import mark

OTHERS = dict.fromkeys(
    ("map_50", "map_50_95", "ap", "ap_50", "boxes", "found", "true"),
    "it is a classifier's, with accuracy, predictions, scores and mean_average_precision",
)


@dataclass(frozen=True)
class DeferredScores:
    """Placeholder of scores that are computed on first use, with the numbers known before.

    ``not_finite`` counts the images whose scores are not all finite; ``compute`` returns the
    scores, None where they are not kept.
    """

    mean_average_precision: float
    not_finite: int
    compute: Compute | None = None


class _Scores:
    """Descriptor of scores; deferred ones are computed on first use."""

    def __get__(
        self, outcome: ClassOutcome | None, owner: type[ClassOutcome]
    ) -> NDArray[np.float32]:
        if outcome is None:  # access on the class: there is no default
            raise AttributeError("scores")
        held = vars(outcome)["scores"]
        if isinstance(held, DeferredScores):
            if held.compute is None:
                raise RuntimeError("the scores of this report were not kept")
            held = vars(outcome)["scores"] = held.compute()
        scores: NDArray[np.float32] = held
        return scores

    def __set__(self, outcome: ClassOutcome, given: NDArray[np.float32] | DeferredScores) -> None:
        vars(outcome)["scores"] = given


@dataclass(frozen=True, eq=False)
class ClassOutcome:
    """Numbers of a classifier on N images of K classes.

    ``labels`` and ``predictions`` are (N,) int64, ``scores`` (N, K) float32 softmax, or
    ``DeferredScores``.
    """

    labels: Integers
    predictions: Integers
    confusion: Confusion
    positive: int | None
    scores: _Scores = _Scores()  # required: the class attribute is a descriptor, not a default

    task = "classification"
    metric = "accuracy"
    further = ("mean_average_precision",)
    names = mark("Accuracy"), mark("accuracy")
    counted = IMAGES

    @classmethod
    def of(
        cls,
        labels: Integers,
        predictions: Integers,
        scores: NDArray[np.float32] | DeferredScores,
        class_names: Sequence[str],
        positive: int | None = None,
    ) -> ClassOutcome:
        """Count the confusion of predictions.

        Examples
        --------
        >>> one = np.array([0, 1, 1])
        >>> made = ClassOutcome.of(one, one, np.eye(2, dtype=np.float32)[one], ("a", "b"))
        >>> made.accuracy, made.mean_average_precision
        (1.0, 1.0)
        """
        names = tuple(class_names)
        counts = metrics.count_confusion(labels, predictions, len(names))
        return cls(labels, predictions, Confusion(counts, names), positive, scores)

    def __getattr__(self, name: str) -> object:
        """Raise AttributeError, with the names that a classifier has."""
        raise unknown(self, name, OTHERS)

    @property
    def _known(self) -> DeferredScores | None:
        held = vars(self)["scores"]
        return held if isinstance(held, DeferredScores) else None

    @property
    def count(self) -> int:
        """Number of images, N."""
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Share of right predictions, 0..1."""
        return self.confusion.accuracy

    @property
    def recall(self) -> Floats:
        """Recall of each class (K,), 0..1."""
        return self.confusion.recall

    @property
    def is_compared(self) -> bool:
        """True: a drop is counted at once."""
        return True

    @property
    def is_counted(self) -> bool:
        """True if the confusion is that of labels and predictions."""
        pairs = zip(self.labels.tolist(), self.predictions.tolist(), strict=False)
        counts = self.confusion.counts.tolist()
        shown = {(t, p): n for t, row in enumerate(counts) for p, n in enumerate(row) if n}
        return Counter(pairs) == shown

    def is_beside(self, other: ClassOutcome) -> bool:
        """Return whether the other outcome has the same labels."""
        return np.array_equal(self.labels, other.labels)

    @property
    def words(self) -> str:
        """Accuracy in words."""
        return f"{self.accuracy:.1%} right"

    @property
    def not_finite(self) -> int:
        """Number of images whose scores are not all finite."""
        if known := self._known:
            return known.not_finite
        return int((~np.isfinite(self.scores)).any(axis=1).sum())

    @property
    def nbytes(self) -> int:
        """Bytes of scores (float32, even if not evaluated yet), predictions and counts."""
        scores = 4 * len(self.labels) * len(self.confusion.class_names)
        return scores + self.predictions.nbytes + self.confusion.counts.nbytes

    @property
    def order(self) -> Integers:
        """Stratified order of the images."""
        return stratified(self.labels)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy, (low, high), 0..1."""
        right = int(np.trace(self.confusion.counts))
        return metrics.wilson_interval(right, len(self.labels))

    @cached_property
    def mean_average_precision(self) -> float:
        """Macro mean of the one-vs-rest average precisions, 0..1."""
        if known := self._known:
            return known.mean_average_precision
        return metrics.mean_average_precision(self.labels, self.scores)

    def drop_from(self, base: ClassOutcome) -> Drop:
        """Compute the paired drop of accuracy, in points."""
        return paired_drop(self.labels, base.predictions, self.predictions)

    def first(self, order: Integers) -> ClassOutcome:
        """Return the outcome of these images only."""
        predictions = self.predictions[order]
        predictions.setflags(write=False)
        labels = self.labels[order]
        labels.setflags(write=False)
        names = self.confusion.class_names
        return self.of(labels, predictions, self.scores[order], names, self.positive)

    def flip_rate(self, other: ClassOutcome) -> float:
        """Compute the share of images with another predicted class."""
        return int((self.predictions != other.predictions).sum()) / len(self.labels)

    def without_scores(self) -> ClassOutcome:
        """Return a copy without scores, most of its memory, unless they are not finite."""
        if self.not_finite:  # the reason of its grade
            return self
        return replace(self, scores=np.empty((0, len(self.confusion.class_names)), np.float32))

    def at_threshold(self, threshold: float) -> Confusion:
        """Compute the confusion of two classes at another threshold; see ``Report``."""
        names = self.confusion.class_names
        if len(names) != 2 or self.positive is None:
            raise ValueError("a threshold needs two classes, one of them positive")
        if not 0 <= threshold <= 1:
            raise ValueError(f"a threshold is a score of 0 to 1, not {threshold!r}")
        found = self.scores[:, self.positive] >= threshold
        guesses = np.where(found, self.positive, 1 - self.positive)
        counts = np.bincount(2 * self.labels + guesses, minlength=4).reshape(2, 2)
        return Confusion(counts, names)
