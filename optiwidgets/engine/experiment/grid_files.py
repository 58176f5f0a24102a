"""Files of arrays with names, checked when they are read; grids kept in the user's cache."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.engine.types.recipe_family import RecipeFamily

DAMAGED = (ValueError, KeyError, TypeError, EOFError, NotImplementedError, RuntimeError)
DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error)
log = logging.getLogger("optiwidgets")


@dataclass(frozen=True, eq=False)
class SavedGrid:
    """Base of arrays of a family's recipes, one row each, that are saved in one file.

    ``about`` has the fingerprints of all that the numbers depend on. A subclass names its arrays in
    ``dtypes``; its other fields are tuples of names. ``lacking`` is said of a damaged file.
    """

    dtypes: ClassVar[Mapping[str, type[np.generic]]]
    lacking: ClassVar[str]

    about: Mapping[str, Any]
    family: RecipeFamily

    @classmethod
    def _named(cls) -> dict[str, str]:
        """Map the fields of names to their keys in the file."""
        given = {"about", "family", *cls.dtypes}
        names = (one.name for one in fields(cls) if one.name not in given)
        return {name: name.removesuffix("_names") + "s" for name in names}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one .npz file atomically."""
        names = {key: getattr(self, name) for name, key in self._named().items()}
        names |= {"about": dict(self.about), "family": self.family.as_dict()}
        write_arrays(path, names, {name: getattr(self, name) for name in self.dtypes})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file written by ``save``.

        Raises
        ------
        ValueError
            The file is none of these, or damaged; the message has the reason.
        OSError
            The file cannot be read.
        """
        data = Path(path).read_bytes()
        try:
            names, arrays = read_arrays(data, cls.dtypes)
            named = {name: tuple(names[key]) for name, key in cls._named().items()}
            about, family = dict(names["about"]), RecipeFamily.of(names["family"])
            return cls(about=about, family=family, **named, **arrays)
        except (*DAMAGED, *DAMAGED_ZIP) as error:
            raise ValueError(f"{path} {cls.lacking}: {error}") from error


Grid = TypeVar("Grid", bound=SavedGrid)


def write_arrays(
    path: str | os.PathLike[str], names: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write names (JSON) and arrays to one .npz file, atomically."""
    stream = io.BytesIO()
    np.savez_compressed(stream, names=np.array(json.dumps(names)), **arrays)  # type: ignore[arg-type]
    write_atomically(path, stream.getvalue())


def read_arrays(
    data: bytes, dtypes: Mapping[str, object]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the bytes of ``write_arrays``; one of ``DAMAGED`` or ``DAMAGED_ZIP`` if they differ."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if damaged := archive.testzip():
            raise ValueError(f"{damaged} is not as it was written")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        names = json.loads(str(arrays["names"]))
        if set(arrays) != {"names", *dtypes}:
            raise ValueError(f"it holds {', '.join(sorted(arrays))}")
        return dict(names), {name: arrays[name] for name in dtypes}


def cached_grid(
    of: Mapping[str, Any],
    kind: type[Grid],
    make: Callable[[], Grid],
    folder: Path | None = None,
) -> Grid:
    """Load a grid from the cache, or make it and store it there.

    Parameters
    ----------
    of
        All that the grid depends on, as JSON: its file is named after it.
    kind
        Class of the grid.
    make
        Computes the grid.
    folder
        Folder of the files; the user's cache unless given.
    """
    digest = hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()
    path = _file(folder, f"{digest[:32]}.npz")
    try:
        return kind.load(path)
    except FileNotFoundError:
        log.debug("%s is computed", path)
    except (OSError, ValueError) as error:
        log.warning("computed again: %s", error)
    grid = make()
    _keep(path, grid.save)
    return grid


def cached_bytes(name: str, make: Callable[[], bytes], folder: Path | None = None) -> bytes:
    """Read bytes from the cache by their name, or make and store them there.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> cached_bytes("a", lambda: b"made", folder), cached_bytes("a", lambda: b"again", folder)
    (b'made', b'made')
    """
    path = _file(folder, f"{name[:40]}.bin")
    try:
        stored = path.read_bytes()
        if stored[:4] == zlib.crc32(stored[4:]).to_bytes(4, "big"):
            return stored[4:]
        log.warning("made again: %s is damaged", path)
    except OSError as error:
        log.debug("made: %s", error)
    data = make()
    checked = zlib.crc32(data).to_bytes(4, "big") + data
    _keep(path, lambda path: write_atomically(path, checked))
    return data


def _file(folder: Path | None, name: str) -> Path:
    return (folder or user_cache_path("optiwidgets") / "families") / name


def _keep(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file in a folder that may be new; on a full or read-only disk, go on without it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
    except OSError as error:
        log.warning("not kept for the next time: %s", error)
