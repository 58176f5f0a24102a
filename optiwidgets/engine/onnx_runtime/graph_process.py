"""Export of a model's graph in a separate process, while this one evaluates in torch.

A thread would not do: the exporter replaces functions of torch in its whole process and holds the
GIL for seconds, and threads do not survive a fork. The process has a lower priority, and a file
lock lets one such process of a user work at a time.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

LOWER = 10  # added to the niceness of the process
JOB, GRAPH, REASON = "job", "graph.onnx", "reason"  # files in the folder of the process
LOST = "the process that prepared the faster runtime ended without an answer"


class GraphProcess:
    """Process that exports one model; it is killed when this object is collected.

    Parameters
    ----------
    net
        An eval-mode model.
    example
        Images N C H W; only the shape is used.

    Raises
    ------
    ValueError
        The model cannot be traced by torch.fx, or cannot be pickled.
    """

    def __init__(self, net: nn.Module, example: Tensor) -> None:
        from torch import fx

        from optiwidgets.engine.models import tracing

        traced = fx.GraphModule(net, tracing.trace(net))
        try:
            job = pickle.dumps((traced, tuple(example.shape[1:])))
        except Exception as error:  # pickling raises any exception
            raise ValueError(f"the model cannot be sent to another process ({error})") from error
        self._owner, self._folder = os.getpid(), Path(tempfile.mkdtemp(prefix="optiwidgets-"))
        Path(self._folder, JOB).write_bytes(job)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self._folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self.end = weakref.finalize(self, _end, self._process, self._folder, self._owner)

    def poll(self, wait_s: float = 0.0) -> bytes | None:
        """Return the graph without its values, None until it is exported.

        Parameters
        ----------
        wait_s
            Seconds to wait for the process to end.

        Raises
        ------
        ValueError
            The model cannot be exported, or the process ended without a result.
        """
        if os.getpid() != self._owner:  # a fork of the process that started it
            raise ValueError(LOST)
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return None
        graph, reason = Path(self._folder, GRAPH), Path(self._folder, REASON)
        try:
            if graph.is_file():
                return graph.read_bytes()
            raise ValueError(reason.read_text() if reason.is_file() else LOST)
        finally:
            self.end()


def _end(process: subprocess.Popen[bytes], folder: Path, owner: int) -> None:
    """Kill the process and remove its files, but only in the process that started it."""
    if os.getpid() != owner:
        return
    if process.poll() is None:
        process.kill()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def main(folder: Path) -> None:
    """Export the model in a folder; write the graph, or the reason of a failure, to that folder."""
    if hasattr(os, "nice"):
        os.nice(LOWER)
    with ExitStack() as held:
        held.callback(_lock())
        from optiwidgets.engine.onnx_runtime.export import emptied_graph

        try:
            net, shape = pickle.loads(Path(folder, JOB).read_bytes())
            graph = emptied_graph(net, shape)
        except Exception as error:  # noqa: BLE001 (``poll`` raises it in the other process)
            text = f"{type(error).__name__}: {error}" if not str(error) else str(error)
            _write(folder, REASON, text.splitlines()[0].encode())
        else:
            _write(folder, GRAPH, graph)


def _lock() -> Callable[[], None]:
    """Acquire the user's export lock, waiting for others; return a function to release it."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return lambda: None
    path = Path(tempfile.gettempdir(), f"optiwidgets-{os.getuid()}.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return lambda: os.close(descriptor)


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write a file atomically."""
    part = Path(folder, f"{name}.part")
    part.write_bytes(content)
    part.rename(Path(folder, name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
