"""Fork server: a process that has imported and loaded everything, and forks kernels from itself.

It listens on a unix socket. One connection belongs to one kernel: the client sends a line of JSON,
``{"argv", "env", "cwd"}``, and receives ``{"pid": ...}`` at once and ``{"exit": ...}`` when the
kernel has ended. Closing the connection before that kills the kernel. An empty line requests the
state of the server.

The process has one thread and never evaluates a model: thread pools do not survive a fork.
Linux only.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import resource
import selectors
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from optiwidgets.hosting.precomputed_grids import PrecomputedGrids
from optiwidgets.hosting.process_lifetime import die_with

PATIENCE_S = 2.0  # to receive the rest of a request
LONGEST_REQUEST = 2**20  # bytes
GRIDS = "OPTIWIDGETS_GRIDS"  # folder of slider grids; empty: no grids
MEMORY_MB = "OPTIWIDGETS_MEMORY_MB"  # memory that a kernel may add; set in its environment
LEFT_OUT = ("JPY_PARENT_PID", "OPTIWIDGETS_FORK_SERVER")  # the first would end it: not its parent
POOL_BYTES, POOL_HEADER_BYTES = 2**14, 48  # of the pools of CPython's small objects
MOST_HOLES = 2**18  # holes to fill, per object size
OOM_SCORE = "500"  # when memory runs out, the system kills kernels before the server


@dataclass(frozen=True)
class Request:
    """Request for a kernel: command (python -m MODULE ...), environment, folder."""

    argv: list[str]
    env: dict[str, str]
    cwd: str

    @classmethod
    def read(cls, connection: socket.socket) -> Request:
        """Read a request from a connection.

        Raises
        ------
        ValueError
            The line is no request, or an incomplete one.
        """
        connection.settimeout(PATIENCE_S)
        with connection.makefile("rb") as lines:
            line = lines.readline(LONGEST_REQUEST)
        try:
            request: Request = cls(**json.loads(line))
        except TypeError as error:
            raise ValueError(f"not a request for a kernel: {error}") from error
        return request


@dataclass
class Forker:
    """Loop that forks a kernel for every request, and reports its exit status to the client."""

    listener: socket.socket
    grids: PrecomputedGrids
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _kernels: dict[socket.socket, int] = field(default_factory=dict)
    _filling: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._selector.register(self.listener, selectors.EVENT_READ, self._answer)

    def serve(self) -> Request:
        """Fork until the process ends; return only in a child, with its request."""
        self._make_grids()
        while True:
            for key, _ in self._selector.select():
                mine: Request | None = key.data(key.fileobj)
                if mine:
                    return mine

    def _make_grids(self) -> None:
        """Start making the next missing grid; meanwhile kernels are forked without it."""
        gc.collect()
        self._filling += fill_holes()
        gc.freeze()  # children then share these objects instead of copying them
        pid = self.grids.make_next()
        if pid is not None:
            self._when_ended(pid, lambda _: self._adopt_grid())

    def _adopt_grid(self) -> None:
        self.grids.made()
        self._make_grids()

    def _when_ended(self, pid: int, told: Callable[[int], object]) -> None:
        """Register a callback for the exit status of a child, negative for a signal's number."""

        def reap(ended: int) -> None:
            self._selector.unregister(ended)
            os.close(ended)
            told(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

        self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, reap)

    def _answer(self, listener: socket.socket) -> Request | None:
        connection, _ = listener.accept()
        try:
            request = Request.read(connection)
        except (ValueError, OSError):  # not a request for a kernel: answer with the state
            _send(connection, {"kernels": len(self._kernels), "grids": self.grids.state})
            connection.close()
            return None
        parent, pid = os.getpid(), os.fork()
        if not pid:
            self._forget([connection])
            die_with(parent)
            return request
        connection.setblocking(False)
        self._kernels[connection] = pid
        self._selector.register(connection, selectors.EVENT_READ, self._given_up)
        self._when_ended(pid, lambda status: self._tell_end(connection, status))
        _send(connection, {"pid": pid})
        return None

    def _given_up(self, connection: socket.socket) -> None:
        """Kill the kernel of a client that closed its connection."""
        self._selector.unregister(connection)
        os.kill(self._kernels[connection], signal.SIGKILL)

    def _tell_end(self, connection: socket.socket, status: int) -> None:
        del self._kernels[connection]
        if connection in self._selector.get_map():
            self._selector.unregister(connection)
            _send(connection, {"exit": status})
        connection.close()

    def _forget(self, connections: Sequence[socket.socket]) -> None:
        """Close all sockets and descriptors of the parent."""
        ends = [key.fd for key in self._selector.get_map().values() if isinstance(key.fileobj, int)]
        for end in ends:
            os.close(end)
        for connection in (self.listener, *connections, *self._kernels):
            connection.close()
        self._selector.close()


def _send(connection: socket.socket, answer: dict[str, Any]) -> None:
    try:
        connection.sendall(json.dumps(answer).encode() + b"\n")
    except OSError:  # the client is gone; its socket reports that too
        return


def become(request: Request) -> None:
    """Turn this forked child into the requested kernel, and run it until it ends."""
    from optiwidgets.hosting.lean_kernel import run
    from optiwidgets.texts import first_language

    os.setsid()
    os.environ.clear()
    os.environ.update({k: v for k, v in request.env.items() if k not in LEFT_OUT})
    first_language()  # that of its own page
    os.chdir(request.cwd)
    Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    limit_memory(os.environ.get(MEMORY_MB))
    reseed()
    gc.enable()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    run(request.argv[3:])  # after python -m ipykernel_launcher


def limit_memory(most_mb: str | None) -> None:
    """Limit this process to so many MB more than it has now; None sets no limit.

    A lower limit that the process has already stays: it cannot be raised.
    """
    if most_mb is None:
        return
    status = Path("/proc/self/status").read_text()
    (had_kb,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmData")]
    most = 1024 * int(had_kb) + int(float(most_mb) * 1e6)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def reseed() -> None:
    """Seed the random number generators of this process anew."""
    import numpy as np
    import torch

    random.seed()
    np.random.seed()
    torch.seed()


def preload() -> None:
    """Import the modules that kernels need."""
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # no debugger in lessons
    import ipykernel.debugger
    import ipykernel.zmqshell  # noqa: F401
    import IPython.core.completerlib
    import IPython.core.debugger
    import IPython.extensions.storemagic  # noqa: F401
    import matplotlib_inline.backend_inline  # noqa: F401
    import onnx  # noqa: F401
    import onnxruntime  # noqa: F401
    import seaborn  # noqa: F401
    import torch
    import tornado.platform.asyncio  # noqa: F401

    import optiwidgets as ow
    import optiwidgets.hosting.lean_kernel
    from optiwidgets.texts import read_all

    read_all()
    torch.set_num_threads(1)
    for name in ow.__all__:
        getattr(ow, name)


def fill_holes() -> list[object]:
    """Fill the free slots between Python's small objects, and return the filling, to be kept.

    New objects of a kernel then lie together on new pages. Without the filling, each would go into
    a free slot and copy a whole shared page for a few bytes. CPython keeps objects of one size, in
    steps of 16 bytes up to 512, in pools (Objects/obmalloc.c), and begins a new pool when all are
    full.
    """
    made: list[object] = []
    for size in range(16, 513, 16):
        make = {16: object, 32: complex}.get(size, partial(bytes, size - sys.getsizeof(b"")))
        own, pool_holds = Counter[int](), (POOL_BYTES - POOL_HEADER_BYTES) // size
        for _ in range(MOST_HOLES):
            made.append(make())
            pool = id(made[-1]) // POOL_BYTES
            own[pool] += 1
            if own[pool] == pool_holds:  # a pool of new objects only is a new pool
                break
    return made


def rehearse() -> None:
    """Run an explorer without a page: kernels then share the modules and code that it loads."""
    import ipywidgets

    import optiwidgets as ow

    explorer = ow.Explorer()
    for percent in range(0, 100, 5):
        explorer.controls.sparsity.value = percent
    explorer.session.slow.end()
    ipywidgets.Widget.close_all()


def listen(path: str) -> socket.socket:
    """Bind a unix socket for this user only, and listen; replace a stale socket at the path."""
    listener = socket.socket(socket.AF_UNIX)
    Path(path).unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(512)
    return listener


def main(arguments: Sequence[str] | None = None) -> None:
    """Load everything, then fork kernels until the process is told to end."""
    parser = argparse.ArgumentParser("optiwidgets.hosting.fork_server", description=__doc__)
    parser.add_argument("--socket", required=True, help="where to listen, a path")
    parser.add_argument("--die-with", type=int, metavar="PID", help="end when this parent does")
    chosen: Any = parser.parse_args(arguments)
    if chosen.die_with is not None:
        die_with(chosen.die_with)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the server
    gc.disable()  # until a child enables it
    listener = listen(chosen.socket)  # early clients wait
    preload()
    kept = os.environ.get(GRIDS, str(user_cache_path("optiwidgets") / "grids"))
    grids = PrecomputedGrids(Path(kept) if kept else None, Path(chosen.socket).parent)
    print(f"forking at {chosen.socket}", flush=True)  # noqa: T201 (the parent waits for it)
    rehearse()
    forker = Forker(listener, grids)  # kept in the kernel too: freeing it frees the slots
    become(forker.serve())


if __name__ == "__main__":
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    main()
