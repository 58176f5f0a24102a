"""Provisioner (jupyter_client) of kernels that are forked from one preloaded process.

A kernelspec names it in its metadata; any Jupyter server with such a kernelspec uses it. If forking
is impossible, ordinary kernels are started, and the log has a message.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

CAN_FORK = sys.platform == "linux" and hasattr(os, "pidfd_open")
SHARED = "OPTIWIDGETS_FORK_SERVER"  # socket of a fork server that is already running
PATIENCE_S = 60.0  # until the fork server has loaded everything
RETRY_S = 0.2
KILLED = -9
FRUGAL = {  # the C library returns free memory: else a kernel keeps 120 MB after a measurement
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "1048576",
    "MALLOC_TRIM_THRESHOLD_": "1048576",
}


class NotForkedError(OSError):
    """Error: no kernel could be forked; the message gives the reason."""


class EndedError(NotForkedError):
    """Error: the forking process took a request and never answered."""


class ForkedKernel:
    """Forked kernel with the part of ``subprocess.Popen``'s interface that a provisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self._connection, self.pid = connection, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal's number; None while the kernel lives."""
        if self.returncode is None:
            try:
                line = self._connection.recv(4096)
            except BlockingIOError:
                return None
            except ConnectionError:
                line = b""
            # connection closed without a status: the forking process was killed, and its kernels
            self.returncode = json.loads(line)["exit"] if line else KILLED
            self._connection.close()
        return self.returncode

    def wait(self) -> int | None:
        """Return the exit status; called only after ``poll`` returned one."""
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel alone."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the kernel."""
        self.send_signal(9)

    def terminate(self) -> None:
        """Send SIGTERM to the kernel."""
        self.send_signal(15)


class ForkServer:
    """Forking process of this server: started on first use, restarted if it was killed.

    If ``OPTIWIDGETS_FORK_SERVER`` names the socket of a running one, that one is used.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = ""

    def start(self) -> str:
        """Return the socket of a forking process, which may still be loading."""
        if shared := os.environ.get(SHARED):
            return shared
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._folder = tempfile.mkdtemp(prefix="optiwidgets-")
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, env=os.environ | FRUGAL
            )
        return os.path.join(self._folder, "forks")

    def _command(self) -> list[str]:
        where = ["--socket", os.path.join(self._folder, "forks"), "--die-with", str(os.getpid())]
        return [sys.executable, "-m", "optiwidgets.hosting.fork_server", *where]

    @property
    def pid(self) -> int | None:
        """Process id of the fork server started here, None if it is not running."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process and running else None

    def stop(self) -> None:
        """Kill the forking process; its kernels end with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""

    async def fork(self, argv: list[str], env: dict[str, str], cwd: str) -> ForkedKernel:
        """Fork a kernel.

        Raises
        ------
        NotForkedError
            The forking process cannot be started, or ended meanwhile.
        """
        request = {"argv": argv, "env": env, "cwd": cwd}
        try:
            return await self._ask_for(request)
        except EndedError:  # killed a moment ago: ask a new one
            return await self._ask_for(request)

    async def _ask_for(self, request: dict[str, Any]) -> ForkedKernel:
        loop, connection = asyncio.get_running_loop(), await self._connect()
        try:
            await loop.sock_sendall(connection, json.dumps(request).encode() + b"\n")
            async with asyncio.timeout(PATIENCE_S):
                line = await loop.sock_recv(connection, 4096)
            if not line:
                raise ConnectionResetError("the forking process ended")
        except (OSError, TimeoutError) as error:
            connection.close()
            raise EndedError(f"no kernel was forked: {error}") from error
        return ForkedKernel(connection, json.loads(line)["pid"])

    async def state(self) -> dict[str, Any]:
        """Return the number of kernels, and the state of the slider grids.

        Raises
        ------
        NotForkedError
            The forking process cannot be reached.
        """
        loop, connection = asyncio.get_running_loop(), await self._connect()
        try:
            await loop.sock_sendall(connection, b"\n")
            async with asyncio.timeout(PATIENCE_S):
                found: dict[str, Any] = json.loads(await loop.sock_recv(connection, 4096))
        except (OSError, TimeoutError, ValueError) as error:
            raise NotForkedError(f"the forking process says nothing: {error}") from error
        finally:
            connection.close()
        return found

    async def _connect(self) -> socket.socket:
        """Connect once the forking process listens."""
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        try:
            await self._reach(connection)
        except BaseException:  # the caller may have been cancelled
            connection.close()
            raise
        return connection

    async def _reach(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_S
        while True:
            try:
                return await loop.sock_connect(connection, self.start())
            except (FileNotFoundError, ConnectionRefusedError) as error:
                if loop.time() > deadline:
                    raise NotForkedError(f"nothing forks at {self.start()}") from error
                await asyncio.sleep(RETRY_S)


FORKS = ForkServer()  # shared by all kernels of this process


class ForkedProvisioner(LocalProvisioner):
    """Provisioner that forks a kernel instead of starting Python anew."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork a kernel; if that is impossible, log the reason and start an ordinary one."""
        cwd, env = kwargs.get("cwd") or os.getcwd(), kwargs.get("env") or dict(os.environ)
        try:
            if not CAN_FORK:
                raise NotForkedError("kernels are forked on Linux only")
            kernel = await FORKS.fork(cmd, env, os.fspath(cwd))
        except NotForkedError as reason:
            self.log.error("An ordinary kernel, slower and larger: %s", reason)
            return await super().launch_kernel(cmd, **kwargs)
        self.process = kernel  # type: ignore[assignment]
        self.pid = self.pgid = kernel.pid
        self.cwd = cwd
        return self.connection_info
