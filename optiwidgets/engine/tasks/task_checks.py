"""Checks of a task on a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.engine.execution.worker_pool import run_on_new_thread
from optiwidgets.engine.models.head import NoTensorError
from optiwidgets.engine.models.layers import class_logits
from optiwidgets.engine.types.task import Hinting, Task

PROBED = 8  # images
METHODS = ("check_targets", "check_output", "order", "loss", "outcome")


def check_task(task: Task, dataset: Dataset) -> None:
    """Check that a task has all methods, and reads the targets of all parts of a dataset.

    Raises
    ------
    ValueError
        It is no task, or the targets are of another kind.

    Examples
    --------
    >>> check_task("detection", None)
    Traceback (most recent call last):
    ...
    ValueError: task is an object such as ow.Detection(decode=...), not 'detection'
    """
    if isinstance(task, type):
        raise ValueError(
            "task is an object such as ow.Detection(decode=...), not the class "
            f"{task.__name__}: call it, {task.__name__}(...)"
        )
    if not all(callable(getattr(task, name, None)) for name in METHODS):
        raise ValueError(f"task is an object such as ow.Detection(decode=...), not {task!r}")
    for part in PARTS:
        task.check_targets(part, getattr(dataset, part)[1], len(dataset.class_names))


def check_probe(task: Task, net: nn.Module, dataset: Dataset) -> None:
    """Check a network's output for the first exploration images beside the targets.

    A task without ``check_probe(output, targets, size)`` has no such check.

    Raises
    ------
    ValueError
        The output is of another scale than the targets.

    Examples
    --------
    >>> from optiwidgets.engine.tasks.classification import Classification
    >>> check_probe(Classification(), nn.Identity(), None)
    """
    check = getattr(task, "check_probe", None)
    if check is not None:
        images, targets = dataset.exploration
        output = run_on_new_thread(class_logits, net, images[:PROBED].clone())
        check(output, targets, tuple(images.shape[2:]))


@contextmanager
def with_hint(task: Task) -> Iterator[None]:
    """Append the task's hint to the error of a model whose output is no tensor.

    Examples
    --------
    >>> from optiwidgets.engine.tasks.classification import Classification
    >>> with with_hint(Classification()):
    ...     raise NoTensorError("no tensor", [{"boxes": []}])
    Traceback (most recent call last):
    ...
    ValueError: no tensor
    <BLANKLINE>
    A detector's network returns one tensor, which decode= turns into boxes. ...
    """
    try:
        yield
    except NoTensorError as error:
        hint = task.hint(error.output) if isinstance(task, Hinting) else ""
        raise ValueError(f"{error}\n\n{hint}" if hint else str(error)) from None
