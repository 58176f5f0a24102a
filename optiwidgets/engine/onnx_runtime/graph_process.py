"""Export of a model's graph in a process of its own, while this one goes on in torch.

A process and no thread: the exporter replaces functions of torch for its whole process, holds the
interpreter for seconds, and a thread would not survive a fork. It has a lower priority, and of all
such processes of one user one works at a time.
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

LOWER = 10  # how much its priority is lower
JOB, GRAPH, REASON = "job", "graph.onnx", "reason"  # files of its folder
LOST = "the process that prepared the faster runtime ended without an answer"


class GraphProcess:
    """A process that exports one model; it ends with this object.

    Parameters
    ----------
    net
        An eval-mode model.
    example
        Images, of which the shape matters.

    Raises
    ------
    ValueError
        The model cannot be followed by torch.fx, or its parts cannot be sent to a process.
    """

    def __init__(self, net: nn.Module, example: Tensor) -> None:
        from torch import fx

        from optiwidgets.engine.models import tracing

        traced = fx.GraphModule(net, tracing.trace(net))
        try:
            job = pickle.dumps((traced, tuple(example.shape[1:])))
        except Exception as error:  # objects refuse to be pickled in many ways
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
        """Return the graph without its values; None as long as there is none.

        Parameters
        ----------
        wait_s
            Seconds to wait for it.

        Raises
        ------
        ValueError
            The model cannot be exported, or the process was lost.
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
    """End the process and remove its files, unless it is another's."""
    if os.getpid() != owner:
        return
    if process.poll() is None:
        process.kill()
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def main(folder: Path) -> None:
    """Export what is in a folder, and leave the graph or the reason there."""
    if hasattr(os, "nice"):
        os.nice(LOWER)
    with ExitStack() as held:
        held.callback(_lock())
        from optiwidgets.engine.onnx_runtime.export import emptied_graph

        try:
            net, shape = pickle.loads(Path(folder, JOB).read_bytes())
            graph = emptied_graph(net, shape)
        except Exception as error:  # noqa: BLE001 (told to who waits)
            text = f"{type(error).__name__}: {error}" if not str(error) else str(error)
            _write(folder, REASON, text.splitlines()[0].encode())
        else:
            _write(folder, GRAPH, graph)


def _lock() -> Callable[[], None]:
    """Wait until no other such process of this user works; call what is returned to let go."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return lambda: None
    path = Path(tempfile.gettempdir(), f"optiwidgets-{os.getuid()}.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return lambda: os.close(descriptor)


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = Path(folder, f"{name}.part")
    part.write_bytes(content)
    part.rename(Path(folder, name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
