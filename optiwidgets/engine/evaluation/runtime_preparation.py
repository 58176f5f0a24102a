"""Export of a large model's graph in the background; the model runs in torch until it is done."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import Protocol

from torch import Tensor, nn

from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.onnx_runtime.export import adopt, is_known
from optiwidgets.engine.onnx_runtime.graph_process import GraphProcess
from optiwidgets.texts import mark, text

MANY_WEIGHTS, MANY_LAYERS = 1_000_000, 40  # sizes from which an export takes many seconds
POLL_S, MOST_WAIT_S = 0.2, 60.0
PREPARING = mark("Computed in torch; the faster runtime is being prepared.")
log = logging.getLogger("optiwidgets")


class Exporting(Protocol):
    """Interface of a running export."""

    def poll(self, wait_s: float = 0.0) -> bytes | None:
        """Return the graph, None until it is exported; raise ValueError if the export failed."""
        ...


class RuntimePreparation:
    """Preparation of the inference runtime for the models of one experiment.

    Small models, and models whose graph is known, are ready immediately. A large model runs in
    torch first. After its first evaluation, the next call of ``is_ready`` or ``begin`` starts its
    export in another process; later calls check whether the export is done. The state changes only
    in these calls, so that a report is computed in a single runtime.

    Parameters
    ----------
    export
        Function that starts an export.
    """

    def __init__(self, export: Callable[[nn.Module, Tensor], Exporting] = GraphProcess) -> None:
        self._export = export
        self._running: tuple[Exporting, nn.Module, Tensor] | None = None
        self._wanted: tuple[nn.Module, Tensor] | None = None
        self._started, self._lock = False, Lock()
        self.reason = ""  # reason of a failed export

    @property
    def status(self) -> str:
        """Sentence for the user while models run in torch; empty if none is needed.

        Examples
        --------
        >>> RuntimePreparation().status
        ''
        """
        if self.reason:
            absent = mark("Computed in torch; the faster runtime is not available: {reason}.")
            return text(absent, reason=self.reason)
        return text(PREPARING) if self._running or self._wanted else ""

    def is_ready(self, net: nn.Module, example: Tensor) -> bool:
        """Return whether a model's graph is available without a long export.

        Raises
        ------
        ValueError
            The model cannot be exported.
        """
        self.begin()
        self._look()
        if self.reason:
            raise ValueError(self.reason)
        return not self._running and (not is_large(net) or is_known(net, example))

    def want(self, net: nn.Module, example: Tensor) -> None:
        """Store a model to export; only the first call has an effect."""
        if not self._started:
            self._started, self._wanted = True, (net, example)

    def begin(self) -> None:
        """Start the stored export, unless the graph has become known."""
        with self._lock:
            wanted, self._wanted = self._wanted, None
            if wanted is None or is_known(*wanted):
                return
            try:
                self._running = self._export(*wanted), *wanted
            except ValueError as reason:
                self.fail(reason)

    def fail(self, reason: ValueError) -> None:
        """Store the reason of a failed export, if one was requested; models stay in torch."""
        if self._started and not self.reason:
            log.info("no runtime: %s", reason)
            self.reason = str(reason).rstrip(".")

    def wait(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Wait for a running export, before other code needs the same graph.

        Parameters
        ----------
        stop
            Called repeatedly; the wait ends once it returns True.
        """
        until = time.monotonic() + MOST_WAIT_S
        while self._running and not stop() and time.monotonic() < until:
            self._look(POLL_S)

    def _look(self, wait_s: float = 0.0) -> None:
        """Adopt the graph, or store the reason of a failure, once the export has ended."""
        with self._lock:
            if self._running is None:
                return
            exporting, net, example = self._running
            try:
                graph = exporting.poll(wait_s)
                if graph is None:
                    return
                adopt(net, example, graph)
            except ValueError as reason:
                self.fail(reason)
            self._running = None


def is_large(net: nn.Module) -> bool:
    """Return whether the export of a model takes too long to wait for.

    Examples
    --------
    >>> is_large(nn.Linear(10, 10)), is_large(nn.Linear(1000, 1000))
    (False, True)
    """
    weights = [layer.weight for layer in prunable(net).values()]
    return len(weights) > MANY_LAYERS or sum(w.numel() for w in weights) >= MANY_WEIGHTS
