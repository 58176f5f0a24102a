"""Atomic file writes: temporary file, fsync, rename."""

from __future__ import annotations

import os
from pathlib import Path
from threading import get_ident


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file atomically: to a temporary file beside it, which is then renamed.

    Raises
    ------
    OSError
        It cannot be written; the error names ``path``, and what was there before still is.

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
    except OSError as error:  # it names the temporary file, which nobody has heard of
        raise OSError(error.errno, error.strerror or str(error), target) from error
