"""Outputs of lessons, kept by what they are of: notebook, package, versions of the libraries."""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from platformdirs import user_cache_path

from optiwidgets.engine.execution.atomic_write import write_atomically
from optiwidgets.publishing.lesson_run import Job, run_lessons
from optiwidgets.publishing.static_cells import StaticCell
from optiwidgets.texts import language

PACKAGE = Path(__file__).parents[1]
CODE = (".py", ".js", ".css", ".yaml", ".json", ".po", ".cpp", ".onnx", ".safetensors", ".wasm")
LIBRARIES = ("torch", "numpy", "onnxruntime", "ipywidgets", "anywidget", "matplotlib", "nbconvert")
Tell = Callable[[str], None]


@cache
def package_fingerprint() -> str:
    """Hash the package's files and the versions of Python and the libraries that give numbers.

    Examples
    --------
    >>> len(package_fingerprint())
    64
    """
    found = hashlib.sha256(sys.version.encode())
    for library in LIBRARIES:
        found.update(f"{library} {version(library)}\n".encode())
    for path in sorted(path for path in PACKAGE.rglob("*") if path.suffix in CODE):
        found.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


class LessonStore:
    """Folder of lessons' outputs.

    Parameters
    ----------
    folder
        By default in the user's cache folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or user_cache_path("optiwidgets") / "site"
        self.experiments = self.folder / "experiments"

    def outputs(
        self, lessons: Mapping[Path, Mapping[str, StaticCell]], tell: Tell
    ) -> dict[str, dict[str, Any]]:
        """Return the outputs of lessons by their names; those that are not kept are run.

        Raises
        ------
        LessonError
            A cell failed.
        """
        files = {path: self._file(path, cells) for path, cells in lessons.items()}
        missing = [path for path, file in files.items() if not self._complete(file)]
        tell(f"{len(lessons) - len(missing)} of {len(lessons)} lessons are as they were")
        self._run(missing, files, lessons, tell)
        return {path.stem: _read(file) for path, file in files.items()}

    def _run(
        self,
        missing: Sequence[Path],
        files: Mapping[Path, Path],
        lessons: Mapping[Path, Mapping[str, StaticCell]],
        tell: Tell,
    ) -> None:
        if not missing:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory() as work:
            jobs = [
                Job(
                    path,
                    Path(work, f"{path.stem}.json"),
                    self.experiments,
                    tuple(name for name, cell in lessons[path].items() if cell.needs_python),
                )
                for path in missing
            ]
            for done, (job, ran) in enumerate(zip(jobs, run_lessons(jobs), strict=True), 1):
                for old in self.folder.glob(f"{ran.stem}.*"):
                    old.unlink()
                write_atomically(files[ran], zlib.compress(job.output.read_bytes()))
                tell(f"{ran.stem} was run ({done} of {len(jobs)})")

    def _complete(self, file: Path) -> bool:
        """Tell whether a lesson's outputs are kept, with the experiments that they need."""
        if not file.is_file():
            return False
        needed = [one for pair in _read(file)["experiments"].values() for one in pair]
        return all((self.experiments / one).is_file() for one in needed)

    def _file(self, path: Path, cells: Mapping[str, StaticCell]) -> Path:
        """Name the file of a lesson's outputs by all that they depend on."""
        shown = repr((language(), sorted(cells.items())))
        parts = (package_fingerprint(), path.read_text("utf-8"), shown)
        key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
        return self.folder / f"{path.stem}.{key}.z"


def _read(file: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(zlib.decompress(file.read_bytes()))
    except (ValueError, zlib.error) as error:
        file.unlink()
        raise ValueError(f"{file} was damaged and is removed: build again ({error})") from error
    return read
