"""Folder of a site: refused where it holds anything else, replaced as a whole."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

MARK = ".optiwidgets-site.json"  # lists the files of the site that was written last
NAMED = 3  # files that a refusal names


def hashed_name(name: str, data: bytes) -> str:
    """Put a hash of its content into the name of a file, so that browsers keep it for good.

    Examples
    --------
    >>> hashed_name("page.css", b"")
    'page-e3b0c44298fc.css'
    """
    stem, dot, ending = name.partition(".")
    return f"{stem}-{hashlib.sha256(data).hexdigest()[:12]}{dot}{ending}"


def check_folder(out: Path) -> None:
    """Check that a folder may be replaced: it is absent, empty, or a site written here.

    Raises
    ------
    ValueError
        It holds files that are not of a site, or it is a file or a link.
    """
    if not out.exists() and not out.is_symlink():
        return
    if out.is_symlink() or not out.is_dir():
        raise ValueError(
            f"OUT is a folder, and {out} is {'a link' if out.is_symlink() else 'none'}"
        )
    ours = _listed(out)
    others = sorted(name for name in _files(out) if name not in ours)
    if others:
        some = ", ".join(others[:NAMED]) + (", ..." if len(others) > NAMED else "")
        raise ValueError(f"{out} holds {len(others)} files that are not of a site: {some}")


def write_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """Replace a folder by one with these files; a reader sees the old one or the new one.

    Parameters
    ----------
    out
        The folder. An older site in it is removed once the new one is complete.
    files
        Content by path, with "/" between folders.

    Raises
    ------
    OSError, ValueError
        The folder cannot be written, or see `check_folder`; it is then as it was.
    """
    check_folder(out)
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as work:
        new, old = Path(work, "new"), Path(work, "old")
        new.mkdir()
        for name, data in files.items():
            path = new / _inside(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (new / MARK).write_text(json.dumps(sorted(files), indent=0) + "\n", encoding="utf-8")
        if out.exists():
            os.replace(out, old)
        try:
            os.replace(new, out)
        except OSError:
            if old.exists():
                os.replace(old, out)
            raise


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name!r} is outside of the site")
    return path


def _files(folder: Path) -> list[str]:
    return [p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()]


def _listed(folder: Path) -> set[str]:
    """Read the files that the site in a folder has; none where there is no list of them."""
    try:
        read = json.loads((folder / MARK).read_text("utf-8"))
    except (OSError, ValueError):
        return set()
    return {MARK, *map(str, read)} if isinstance(read, list) else set()


def copy_tree(source: Path, name: str) -> dict[str, bytes]:
    """Read all files of a folder, for a folder of a site."""
    found = sorted(_files(source))
    return {f"{name}/{path}": (source / path).read_bytes() for path in found}


def packed_json(value: object) -> bytes:
    """Compress JSON as a page unpacks it.

    >>> zlib.decompress(packed_json({"bits": 4}))
    b'{"bits":4}'
    """
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(written.encode(), 9)
