"""Task: the meaning of a network's output. Protocols only; ``engine/tasks`` has the tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from optiwidgets.engine.types.measurements import Confusion, Drop, Floats, Integers
from optiwidgets.texts import text

Targets = NDArray[Any]  # (N, ...) truth of N images, as the task defines it
Compute = Callable[[], NDArray[np.float32]]
Output = Any  # torch tensor (N, ...), output of the network for N images


class Outcome(Protocol):
    """Interface of a task's numbers of one run on N images; a ``Report`` delegates to it.

    ``task`` is the task's name, ``metric`` the name of the leading metric, also the name of an
    attribute, 0..1. ``names`` are its names for people, as a label and in a sentence. Names that
    other tasks have raise AttributeError, which lists the own ones. An outcome that counts other
    things than images as lost and gained names them in ``counted``, a ``Counted``.
    ``confusion`` is a (K, K) matrix of classes, with one more row and column where an object may be
    missed. An outcome may have ``further``, the names of metrics beside the leading one, each an
    attribute in 0..1, and ``precision`` (K,), if it is not that of ``confusion``.
    ``not_finite`` counts the images whose output is not finite, ``nbytes`` the memory held.
    """

    task: str
    metric: str
    names: tuple[str, str]

    @property
    def confusion(self) -> Confusion:
        """Confusion of the classes, at the shown thresholds where a task has some."""
        ...

    @property
    def recall(self) -> Floats:
        """Recall of each class (K,), 0..1, nan for a class without objects."""
        ...

    @property
    def count(self) -> int:
        """Number of images, N."""
        ...

    @property
    def not_finite(self) -> int:
        """Number of images whose output is not finite."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of memory held, including those of numbers computed later."""
        ...

    @property
    def order(self) -> Integers:
        """Order of the images in which each prefix has all classes in their shares."""
        ...

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the leading metric, (low, high), 0..1."""
        ...

    @property
    def is_compared(self) -> bool:
        """True if ``drop_from`` takes no time worth waiting for while a slider moves."""
        ...

    @property
    def is_counted(self) -> bool:
        """True if the confusion is that of the answers: an outcome can be tampered with."""
        ...

    def is_beside(self, other: Any) -> bool:
        """Return whether the other outcome has the same truth."""
        ...

    @property
    def words(self) -> str:
        """Leading metric in words, such as "97.1% right"."""
        ...

    def drop_from(self, base: Any) -> Drop:
        """Compute the paired drop of the leading metric from ``base``, in points."""
        ...

    def first(self, order: Integers) -> Outcome:
        """Return the outcome of these images only."""
        ...

    def flip_rate(self, other: Any) -> float:
        """Compute the share of answers that differ in ``other``, an outcome of the same images."""
        ...

    def without_scores(self) -> Outcome:
        """Return a light copy for a log: scores are computed again on use, or absent."""
        ...


class Task(Protocol):
    """Interface of a task: what evaluation, recovery and reports need of it.

    ``name`` registers the panels. ``of_classes`` is True if the output is scores (N, K) of classes:
    then a last softmax or sigmoid is left out of it. Other outputs are used as they are.
    """

    name: str
    of_classes: bool

    @property
    def impossible(self) -> dict[str, str]:
        """Reasons why methods are impossible, by name.

        Names are values of a recipe's fields that need a loss, "budget" for ``fit_budget``, "grid"
        for a slider grid.
        """
        ...

    def check_targets(self, part: str, targets: Any, classes: int) -> None:
        """Raise ValueError for targets that this task does not read."""
        ...

    def check_output(self, output: Output, images: int, classes: int) -> None:
        """Raise ValueError for an output of a wrong shape or content."""
        ...

    def order(self, targets: Targets) -> Integers:
        """Compute an order of the images in which each prefix has all classes in their shares."""
        ...

    def loss(self, output: Output, targets: Any, *, smoothing: float = 0.0) -> Any:
        """Compute the mean loss of a batch, a scalar torch tensor with gradient."""
        ...

    def outcome(
        self,
        output: Output,
        targets: Targets,
        class_names: Sequence[str],
        positive: int | None,
    ) -> Outcome:
        """Decode an output and compute the numbers of a run."""
        ...


@runtime_checkable
class Hinting(Protocol):
    """Interface of a task with a way out for a model whose output it does not read."""

    def hint(self, output: Any) -> str:
        """Return text for a model with this output, which is no tensor; empty if there is none."""
        ...


@runtime_checkable
class Replacing(Protocol):
    """Interface of a task that names a replacement of things that are for classifiers."""

    @property
    def instead(self) -> dict[str, str]:
        """Replacements, by the public name of the thing, such as "Threshold"."""
        ...


def only_classifiers(name: str, task: Task, use: str) -> str:
    """Return the reason why a thing for classifiers refuses a task; empty for a classifier.

    Parameters
    ----------
    name
        Public name of the thing.
    task
        Task of the experiment; its ``instead``, if it has one, may name a better replacement.
    use
        Replacement that any task has.

    Examples
    --------
    >>> from optiwidgets.engine.tasks.classification import Classification
    >>> from optiwidgets.engine.tasks.detection import Detection
    >>> only_classifiers("Inspect", Classification(), "ow.Explorer")
    ''
    >>> only_classifiers("Compare", Detection(decode=list), "ow.Explorer")
    "Compare is for classifiers; this experiment's task is detection: use ow.Explorer"
    """
    if task.of_classes:
        return ""
    own = task.instead.get(name) if isinstance(task, Replacing) else None
    return text(
        "{name} is for classifiers; this experiment's task is {task}: use {use}",
        name=name,
        task=task.name,
        use=text(own or use),
    )


@runtime_checkable
class Storing(Protocol):
    """Interface of a task whose outcomes a slider grid stores, as a predicted class an image."""

    def restore(
        self,
        predictions: Integers,
        precision: float,
        lost: int,
        compute: Compute,
        targets: Targets,
        class_names: Sequence[str],
        positive: int | None,
    ) -> Outcome:
        """Make the outcome of stored predictions.

        Scores are those of ``compute``, on first use; ``precision`` is their mean average
        precision, and ``lost`` the number of images whose scores are not finite.
        """
        ...


def unknown(outcome: object, name: str, others: dict[str, str]) -> AttributeError:
    """Make the error of an attribute that this task's reports do not have.

    Examples
    --------
    >>> unknown(object(), "scores", {"scores": "use boxes"}).args[0]
    'a report of this task has no scores: use boxes'
    """
    if name in others:
        task = getattr(type(outcome), "task", "this task")
        return AttributeError(f"a report of {task} has no {name}: {others[name]}")
    return AttributeError(f"{type(outcome).__name__!r} has no attribute {name!r}")
