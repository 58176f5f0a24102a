"""Atomic file writes: temporary file, fsync, rename."""

from __future__ import annotations

import os
from pathlib import Path
from threading import get_ident


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
