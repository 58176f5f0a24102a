"""Faults planted in a copy of the package's JavaScript, which comparisons with Python must see."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT, WIDGETS = Path(__file__).parents[2], "optiwidgets/widgets"
Fault = tuple[
    str, str, str
]  # module of optiwidgets/widgets/pages, its text, and a fault in its place


def unseen_faults(
    faults: Iterable[Fault], script: str, folder: Path, is_seen: Callable[[str], bool]
) -> list[tuple[str, str]]:
    """List the faults that a comparison does not see.

    Parameters
    ----------
    faults
        One is planted at a time.
    script
        Name of the module in tests/javascript that the comparison calls.
    folder
        Folder for the copy.
    is_seen
        Tells whether the comparison fails; its argument is the script's path for ``answers``.
    """
    for part in (WIDGETS, "tests/javascript"):
        shutil.copytree(ROOT / part, folder / part, ignore=only_javascript)
    path = os.path.relpath(folder / "tests/javascript" / script, ROOT / WIDGETS)
    assert not is_seen(path)
    unseen = []
    for name, right, fault in faults:
        file = folder / WIDGETS / f"pages/{name}.js"
        source = file.read_text()
        assert right in source, f"{name} has no {right}"
        file.write_text(source.replace(right, fault))
        unseen += [] if is_seen(path) else [(name, fault)]
        file.write_text(source)
    return unseen


def only_javascript(folder: str, names: list[str]) -> list[str]:
    """List the names that a copy leaves out: installed packages, and all but modules."""
    kept = (each for each in names if each.endswith(".js") or (Path(folder) / each).is_dir())
    return [*{*names} - {*kept}, "node_modules"]
