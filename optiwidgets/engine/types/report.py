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
    IMAGES,
    Confusion,
    Counted,
    Drop,
    Floats,
    Integers,
    Latency,
    LayerWeights,
    Reconciliation,
    Size,
)
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.task import Outcome
from optiwidgets.texts import text


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

    ``outcome`` holds the task's numbers, and the report has all of its attributes. A classifier's
    are ``labels`` and ``predictions``, (N,) int64, and ``scores``, (N, K) float32 softmax; a
    detector's are ``boxes``, ``map_50``, ``map_50_95`` and ``ap``. The images have the same order
    in every report of one experiment; ``images`` is the fingerprint of that set and ``part`` its
    name. ``positive`` is a class index or None. ``removed_channels`` is the number of
    output channels removed, and the number before removal, in all layers but the last. ``macs``
    are multiply-accumulates of the counted layers for an image, ``parameters`` the number of
    parameters of the model, BatchNorm folded. Where the int8 runtime made the predictions,
    ``simulated`` is the confusion of the float simulation, ``simulated_metric`` its leading metric.

    The report itself holds its numbers. ``model``, ``save``, ``export``, ``reconcile``,
    ``weights`` and scores that are not kept are computed on demand by the experiment, from the
    recipe. The report has only a weak reference to the experiment: after that is deleted, or in
    another process, these methods raise RuntimeError. Keep the experiment in a variable, or call
    ``save()`` before.

    If the report covers only the first images of a part, ``out_of`` is the number of all images
    of that part. ``runtime`` is the name of the runtime that computed scores and predictions, one
    of ``runtime_info.RUNTIMES``.

    With a ``DeferredSize`` the size is computed on first use, from codes that
    the report holds until then; pickling computes it before.

    None until measured: ``latency``, in ONNX Runtime; ``agreement``, the share of the images on
    which ONNX Runtime and torch predict the same class; ``flip_rate`` and ``baseline_flip_rate``,
    the share of the images whose prediction changes under an invisible change. A detector's are
    shares of its objects, those that are found in both or in one alone. ``latencies`` maps
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
    outcome: Outcome
    pruned_weights: int
    prunable_weights: int
    operations: Operations
    size: _Size = _Size()  # required: the class attribute is a descriptor, not a default
    removed_channels: tuple[int, int] = (0, 0)
    macs: int = 0
    out_of: int = 0
    parameters: int = 0
    simulated: Confusion | None = None
    simulated_metric: float | None = None
    runtime: str = ""
    latency: Latency | None = None
    latencies: Mapping[str, Latency] = field(default_factory=lambda: MappingProxyType({}))
    latency_reasons: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    agreement: float | None = None
    flip_rate: float | None = None
    baseline_flip_rate: float | None = None

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the outcome, such as ``map_50`` of a detector."""
        if name.startswith("__") or "outcome" not in vars(self):  # while it is unpickled
            raise AttributeError(name)
        return getattr(self.outcome, name)

    def __repr__(self) -> str:
        """Return one line: recipe, leading metric, bytes."""
        seen = self.count
        images = f"the first {seen} of {self.out_of}" if seen < self.out_of else str(seen)
        unseen = self.not_finite
        lost = f", {unseen} of them with scores that are not finite" if unseen else ""
        about = "about " if self.size.estimated else ""
        return (
            f"<Report {self.recipe}: {self.outcome.words} of {images} "
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

    @property
    def task(self) -> str:
        """Name of the task, such as "classification"."""
        return self.outcome.task

    @property
    def count(self) -> int:
        """Number of images, N."""
        return self.outcome.count

    @property
    def metric(self) -> float:
        """Leading metric of the task, 0..1, such as the accuracy."""
        value: float = getattr(self.outcome, self.outcome.metric)
        return value

    @property
    def confusion(self) -> Confusion:
        """Confusion of the classes; a detector's has a row and a column more."""
        return self.outcome.confusion

    @property
    def recall(self) -> Floats:
        """Recall of each class (K,), at the shown thresholds where a task has some."""
        return self.outcome.recall

    @property
    def precision(self) -> Floats:
        """Precision of each class (K,), of the answers that ``recall`` counts."""
        own: Floats | None = getattr(self.outcome, "precision", None)
        return self.confusion.precision if own is None else own

    @property
    def further_metrics(self) -> tuple[str, ...]:
        """Names of the task's metrics beside the leading one; each is an attribute, 0..1."""
        return tuple(getattr(self.outcome, "further", ()))

    @property
    def is_classified(self) -> bool:
        """True if each image has one true and one predicted class."""
        return all(hasattr(self.outcome, name) for name in ("labels", "predictions"))

    @property
    def metric_names(self) -> tuple[str, str]:
        """Names of the leading metric in the page's language: as a label and in a sentence."""
        label, spoken = self.outcome.names
        return text(label), text(spoken)

    @property
    def counted(self) -> Counted:
        """Names of the things that a drop counts as lost and gained: images, or a task's own."""
        found: Counted = getattr(self.outcome, "counted", IMAGES)
        return found

    @property
    def not_finite(self) -> int:
        """Number of images whose output is not finite."""
        return self.outcome.not_finite

    @property
    def labels(self) -> Integers:
        """True classes (N,) int64; of a classifier."""
        found: Integers = self._of_outcome("labels")
        return found

    @property
    def predictions(self) -> Integers:
        """Predicted classes (N,) int64; of a classifier."""
        found: Integers = self._of_outcome("predictions")
        return found

    @property
    def scores(self) -> NDArray[np.float32]:
        """Softmax scores (N, K) float32; of a classifier."""
        found: NDArray[np.float32] = self._of_outcome("scores")
        return found

    @property
    def mean_average_precision(self) -> float:
        """Macro mean of the one-vs-rest average precisions, 0..1; of a classifier."""
        found: float = self._of_outcome("mean_average_precision")
        return found

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy, (low, high), 0..1; of a classifier."""
        self._of_outcome("accuracy")
        return self.outcome.interval

    def _of_outcome(self, name: str) -> Any:
        return getattr(self.outcome, name)

    def drop_from(self, base: Report) -> Drop:
        """Compute the paired drop of the leading metric from the report ``base`` to this one.

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
                f"{base.count} {base.part} and {self.count} {self.part} ones"
            )
        if base not in self._drops:
            self._drops[base] = self.outcome.drop_from(base.outcome)
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
        found: Confusion = self._of_outcome("at_threshold")(threshold)
        return found

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
