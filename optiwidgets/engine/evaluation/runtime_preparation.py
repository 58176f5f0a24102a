"""Start in torch: a large model's graph is exported aside, and used as soon as it is there."""

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

MANY_WEIGHTS, MANY_LAYERS = 1_000_000, 40  # from where on an export takes many seconds
POLL_S, MOST_WAIT_S = 0.2, 60.0
PREPARING = "Computed in torch; the faster runtime is being prepared."
log = logging.getLogger("optiwidgets")


class Exporting(Protocol):
    """Interface of an export that is under way."""

    def poll(self, wait_s: float = 0.0) -> bytes | None:
        """Return the graph, None as long as there is none; ValueError: there will be none."""
        ...


class RuntimePreparation:
    """Preparation of the inference runtime for the models of one experiment.

    Small models, and those whose graph is known, are ready at once. A large one is not: it runs in
    torch, and once its first number is there its export is started in another process, by the next
    question or by who waits for it. Later questions look whether that is done.
    Between two questions nothing happens here, so that a report is computed in one runtime from
    first to last.

    Parameters
    ----------
    export
        Starts an export.
    """

    def __init__(self, export: Callable[[nn.Module, Tensor], Exporting] = GraphProcess) -> None:
        self._export = export
        self._running: tuple[Exporting, nn.Module, Tensor] | None = None
        self._wanted: tuple[nn.Module, Tensor] | None = None
        self._started, self._lock = False, Lock()
        self.reason = ""  # why there is no runtime

    @property
    def status(self) -> str:
        """One sentence on what runs the models meanwhile; empty where there is nothing to say.

        Examples
        --------
        >>> RuntimePreparation().status
        ''
        """
        if self.reason:
            return f"Computed in torch; the faster runtime cannot be had: {self.reason}."
        return PREPARING if self._running or self._wanted else ""

    def is_ready(self, net: nn.Module, example: Tensor) -> bool:
        """Tell whether a model's graph can be had without a long export.

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
        """Note the model to export, the first that asks."""
        if not self._started:
            self._started, self._wanted = True, (net, example)

    def begin(self) -> None:
        """Start the export that is wanted, unless somebody else exported the same meanwhile."""
        with self._lock:
            wanted, self._wanted = self._wanted, None
            if wanted is None or is_known(*wanted):
                return
            try:
                self._running = self._export(*wanted), *wanted
            except ValueError as reason:
                self.fail(reason)

    def fail(self, reason: ValueError) -> None:
        """Stay in torch, and say why, where an export was asked for."""
        if self._started and not self.reason:
            log.info("no runtime: %s", reason)
            self.reason = str(reason).rstrip(".")

    def wait(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Wait for an export that is under way, before something else needs the same graph.

        Parameters
        ----------
        stop
            Asked now and then; once it is True, nothing is waited for.
        """
        until = time.monotonic() + MOST_WAIT_S
        while self._running and not stop() and time.monotonic() < until:
            self._look(POLL_S)

    def _look(self, wait_s: float = 0.0) -> None:
        """Take the graph, or the reason why there is none, once it is there."""
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
    """Tell whether exporting a model takes so long that nobody should wait for it.

    Examples
    --------
    >>> is_large(nn.Linear(10, 10)), is_large(nn.Linear(1000, 1000))
    (False, True)
    """
    weights = [layer.weight for layer in prunable(net).values()]
    return len(weights) > MANY_LAYERS or sum(w.numel() for w in weights) >= MANY_WEIGHTS
