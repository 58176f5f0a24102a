"""Atomic file writes: temporary file, fsync, rename; a lock for files that many processes write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_ident

try:
    import fcntl
except ImportError:  # Windows has no fcntl, and no lock
    fcntl = None  # type: ignore[assignment]


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file atomically: write a temporary file in the same folder, then rename it.

    Raises
    ------
    OSError
        The file cannot be written. The error names ``path``; an existing file there is unchanged.

    Examples
    --------
    >>> write_atomically("no such folder/m.owz", b"")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'no such folder/m.owz'
    """
    target = os.fspath(path)
    temporary = Path(f"{target}.{os.getpid()}-{get_ident()}.part")
    try:
        try:
            with temporary.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:  # names the temporary file; the caller only knows ``path``
        raise OSError(error.errno, error.strerror or str(error), target) from error


@contextmanager
def locked(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a lock on a folder, so that one process or thread at a time changes a file in it.

    Nothing is held on a system or a file system without locks, or where the folder is absent.

    Examples
    --------
    >>> with locked("."):
    ...     pass
    """
    descriptor = -1
    if fcntl is not None:
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if descriptor >= 0:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a copy in a fork would keep it
            os.close(descriptor)
