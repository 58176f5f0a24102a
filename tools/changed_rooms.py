"""Run the fast tests of the rooms with changed files: ``make test-fast``.

Changed files are those committed since the branch left ``BASE``, staged, unstaged and untracked.
Rooms that import a changed room are left to ``make test-units``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
NESTED = ("engine", "widgets")  # their sub-folders are the rooms
SHARED = ("pyproject.toml", "Makefile", "tests/conftest.py")
PAGES = ("tests/test_docs.py", "tests/test_binder.py", "tests/test_readme.py")
JAVASCRIPT = "tests/javascript"  # run by node instead of pytest
FOLDERS = {  # top-level folder or file -> its tests
    "benchmarks": ("tests/test_benchmarks.py",),
    "binder": ("tests/test_binder.py",),
    "lessons": ("tests/lessons", *PAGES),
    ".github": ("tests/test_repository.py",),
    ".pre-commit-config.yaml": ("tests/test_repository.py",),
    "CITATION.cff": ("tests/test_repository.py",),
    "jsconfig.json": (JAVASCRIPT,),
    ".prettierrc.json": (JAVASCRIPT,),
}
PYTEST = ("-n", "2", "--dist", "loadfile", "-m", "not slow and not browser")
NOTHING_COLLECTED = 5  # pytest's exit code


class NoBaseError(ValueError):
    """Git knows no such commit; the message names ``BASE``."""


@dataclass
class Choice:
    """Tests of changed files.

    Attributes
    ----------
    rooms
        Name of each room, or of a top-level folder or file.
    paths
        Files and folders of tests; some may not exist.
    wider
        Changed files that many rooms share, and the command whose tests cover them.
    """

    rooms: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    wider: dict[str, str] = field(default_factory=dict)

    def add(self, room: str, *paths: str) -> None:
        """Add a room and its tests."""
        self.rooms.add(room)
        self.paths.update(paths)


def choose(files: Iterable[str]) -> Choice:
    """Choose the tests of changed files, given as paths from the repository's root.

    Examples
    --------
    >>> chosen = choose(["optiwidgets/engine/pruning/masks.py", "optiwidgets/cli.py"])
    >>> sorted(chosen.rooms)
    ['cli.py', 'engine/pruning']
    >>> sorted(chosen.paths)[:2]
    ['optiwidgets/cli.py', 'optiwidgets/engine/pruning']
    >>> choose(["pyproject.toml"]).wider
    {'pyproject.toml': 'make test-units'}
    """
    choice = Choice()
    for name in sorted(files):
        path = PurePosixPath(name)
        if name in SHARED:
            choice.wider[name] = "make test-units"
        elif path.parts[0] == "optiwidgets":
            _add_package_file(choice, path.relative_to("optiwidgets"))
        elif path.parts[0] == "tests":
            _add_test_file(choice, path.relative_to("tests"))
        elif path.parts[0] in FOLDERS:
            choice.add(path.parts[0], *FOLDERS[path.parts[0]])
        elif path.suffix == ".md":
            choice.add(name, *PAGES)
        else:  # tools/, .ci/
            choice.add(name, f"tests/test_{path.stem}.py", *_doctests(path))
    return choice


def _add_package_file(choice: Choice, path: PurePosixPath) -> None:
    if len(path.parts) == 1:
        test = "import" if path.stem == "__init__" else path.stem
        choice.add(str(path), f"optiwidgets/{path}", f"tests/test_{test}.py")
        return
    room = _room(path.parent)
    choice.add(room, f"optiwidgets/{room}", f"tests/{room}")
    if path.suffix in (".js", ".css"):
        choice.add("javascript", JAVASCRIPT)


def _room(folder: PurePosixPath) -> str:
    """Name the room of a folder: ``grading/questions`` belongs to ``grading``."""
    return "/".join(folder.parts[: 2 if folder.parts[0] in NESTED else 1])


def _add_test_file(choice: Choice, path: PurePosixPath) -> None:
    folder = path.parent.as_posix()
    if path.parts[0] == "browser":
        choice.wider[f"tests/{path}"] = "make test-browser"
    elif folder in (".", *NESTED) and path.name.startswith("test_"):
        choice.add(str(path), f"tests/{path}")
    elif folder in (".", *NESTED):  # what the rooms' tests share
        choice.wider[f"tests/{path}"] = f".venv/bin/python -m pytest tests/{folder}"
    else:
        choice.add(folder, f"tests/{folder}")


def _doctests(path: PurePosixPath) -> tuple[str, ...]:
    return (str(path),) if path.suffix == ".py" else ()


def changed_files(base: str, root: Path = ROOT) -> set[str]:
    """List the files that differ from the commit where this branch left ``base``.

    Raises
    ------
    NoBaseError
        There is no such commit, or it has no ancestor in common with this one.
    """
    found = _git(root, "merge-base", "HEAD", base)
    if found.returncode:
        raise NoBaseError(
            f"git finds no commit that HEAD and {base!r} have in common; name the branch or commit "
            "that yours began from: make test-fast BASE=main"
        )
    fork = found.stdout.strip()
    commands = (
        ("diff", "--name-only", "--no-renames", "-z", fork),
        ("diff", "--name-only", "--no-renames", "-z", "--cached", fork),
        ("ls-files", "--others", "--exclude-standard", "-z"),
    )
    listed = [_git(root, *command, check=True).stdout.split("\0") for command in commands]
    return {name for names in listed for name in names if name}


def _git(root: Path, *command: str, check: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *command], cwd=root, check=check, capture_output=True, text=True)


def describe(choice: Choice, paths: Sequence[str]) -> str:
    """Describe a choice: its rooms, their tests, and wider tests to run."""
    lines = [f"changed: {', '.join(sorted(choice.rooms)) or 'no room'}"]
    lines += [f"tests: {' '.join(paths) or 'none'}"]
    lines += [f"{name} is shared: run {command} too" for name, command in choice.wider.items()]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the rooms and run their tests; 0 if all pass, 2 without a base."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="origin/main", help="where the branch began")
    parser.add_argument("--list", action="store_true", help="print the choice and run nothing")
    arguments, options = parser.parse_known_args(argv)
    try:
        choice = choose(changed_files(arguments.base))
    except NoBaseError as error:
        print(error, file=sys.stderr)
        return 2
    paths = sorted(path for path in choice.paths if (ROOT / path).exists())
    print(describe(choice, paths), flush=True)
    if arguments.list or not paths:
        return 0
    return max(_run_javascript(paths), _run_pytest(paths, options))


def _run_javascript(paths: Sequence[str]) -> int:
    command = [sys.executable, f"{JAVASCRIPT}/tools.py", "test"]
    return _run(command) if JAVASCRIPT in paths else 0


def _run_pytest(paths: Sequence[str], options: Sequence[str]) -> int:
    python = [path for path in paths if path != JAVASCRIPT]
    ended = _run([sys.executable, "-m", "pytest", *PYTEST, *options, *python]) if python else 0
    if ended == NOTHING_COLLECTED:
        print("these files have no fast tests in Python")
        return 0
    return ended


def _run(command: Sequence[str]) -> int:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
