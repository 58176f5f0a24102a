"""Progress callbacks of long work, and the exception that cancels it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from optiwidgets.texts import mark


class Cancelled(Exception):  # noqa: N818 (requested by the user, not an error)
    """Long work was cancelled; nothing was changed.

    Examples
    --------
    >>> import optiwidgets as ow
    >>> exp = ow.Experiment.load("digits")
    >>> wanted = exp.run(ow.Recipe(sparsity=0.9)).confusion
    >>> try:
    ...     ow.nearest_recipe(exp, wanted, stop=lambda: True)
    ... except ow.Cancelled:
    ...     print("no recipe was tried")
    no recipe was tried
    """


@dataclass(frozen=True)
class Progress:
    """Progress of long work: share ``done`` 0..1, current stage, seconds left (nan: unknown).

    ``stage`` is a marked message, which widgets look up, or a filled text.
    """

    done: float
    stage: str
    left_s: float = float("nan")


ProgressCallback = Callable[[Progress], None]


AT_START = Progress(0.0, mark("starting"))  # the time left is not known yet
