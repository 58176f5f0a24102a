"""Loop over the epochs of a training: progress bar, interrupts, and the epoch that is kept."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from torch import Tensor
from tqdm.auto import tqdm

from optiwidgets.engine.execution.progress import Progress, ProgressCallback

KEPT = ("best", "last")


class Epoch(Protocol):
    """Result of one epoch, of any kind of training."""

    @property
    def number(self) -> int:
        """Number from 1."""
        ...

    @property
    def loss(self) -> float:
        """Mean loss on the training images."""
        ...

    @property
    def rank(self) -> tuple[float, ...]:
        """Sort key of epochs, best last."""
        ...

    @property
    def figure(self) -> str:
        """Figure of the calibration images that the progress bar shows."""
        ...

    @property
    def meaning(self) -> str:
        """The figure in words."""
        ...


def check_epochs(epochs: int, keep: str) -> None:
    """Raise ValueError unless ``epochs`` is 1 or more and ``keep`` is "best" or "last".

    Examples
    --------
    >>> check_epochs(3, "first")
    Traceback (most recent call last):
    ...
    ValueError: keep is one of 'best', 'last', not 'first'
    """
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"epochs are 1 or more, not {epochs}")
    if keep not in KEPT:
        raise ValueError(f"keep is one of {', '.join(map(repr, KEPT))}, not {keep!r}")


def run_epochs(
    run: Callable[[int], Epoch],
    state: Callable[[], Mapping[str, Tensor]],
    epochs: int,
    keep: str,
    on_progress: ProgressCallback,
    on_epoch: Callable[[Any], None],
) -> Mapping[str, Tensor]:
    """Run epochs with a progress bar, and return the state of the kept one.

    An interrupt after the first epoch ends the loop early.

    Parameters
    ----------
    run
        Trains the epoch of a number from 1.
    state
        Returns the state of the model after the newest epoch.
    epochs, keep, on_progress, on_epoch
        As for ``train``.
    """
    best: tuple[Epoch, Mapping[str, Tensor]] | None = None
    bar = tqdm(range(1, epochs + 1), "training", unit="epoch")
    try:
        for number in bar:
            done = run(number)
            if best is None or keep == "last" or done.rank >= best[0].rank:
                best = done, copy.deepcopy(state())
            bar.set_postfix(loss=f"{done.loss:.3f}", calibration=done.figure, best=best[0].number)
            on_epoch(done)
            on_progress(Progress(number / epochs, f"epoch {number} of {epochs}"))
    except KeyboardInterrupt:
        if best is None:
            raise
        bar.write(f"interrupted: kept epoch {best[0].number} of {epochs}, {best[0].meaning}")
    assert best is not None  # at least one epoch
    return best[1]
