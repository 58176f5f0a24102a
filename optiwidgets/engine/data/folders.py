"""Search of a folder for part folders, class folders and picture files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

EXTENSIONS = {
    *(".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".webp"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
}
SYSTEM = {"__macosx", "__pycache__", "$recycle.bin", "system volume information", "lost+found"}
SYSTEM |= {"@eadir", "thumbs.db", "desktop.ini"}
USUAL = {  # folder's name -> part
    "train": "train",
    "training": "train",
    "val": "exploration",
    "valid": "exploration",
    "validation": "exploration",
    "test": "sealed",
    "testing": "sealed",
    "calibration": "calibration",
    "exploration": "exploration",
    "sealed": "sealed",
}


@dataclass(frozen=True)
class Listing:
    """Picture files with class index and part ("" without part folders)."""

    files: Sequence[Path]
    labels: Sequence[int]
    parts: Sequence[str]
    class_names: Sequence[str]


def list_pictures(
    path: Path, classes: Sequence[str] | None, folders: Mapping[str, str] | None
) -> Listing:
    """List the pictures of a folder of classes, or of a folder of parts of classes.

    Parameters
    ----------
    path
        Folder that holds one folder per class, or folders ``train``, ``val``, ``test`` that do.
    classes
        Names of the class folders to read, in this order; all if None.
    folders
        Folder name of each part; None finds the usual names.

    Raises
    ------
    ValueError
        Not a folder of class folders; the message has the reason.
    """
    found = _part_folders(path, folders)
    roots = found or {"": path}
    names = list(classes) if classes is not None else _class_names(roots)
    files, labels, parts, nested = [], [], [], []
    for part, root in roots.items():
        for label, folder in _class_folders(root, names, classes is not None).items():
            pictures = pictures_in(folder)
            if not pictures and not found:
                raise _no_pictures(path, folder)
            nested += [sub for sub in _folders_in(folder) if pictures_in(sub)]
            files += pictures
            labels += [label] * len(pictures)
            parts += [part] * len(pictures)
    if nested:
        within = ", ".join(str(sub.relative_to(path)) for sub in nested[:3])
        warnings.warn(
            f"pictures in folders below the classes of {path} are left out: {within}", stacklevel=4
        )
    return Listing(files, labels, parts, names)


def pictures_in(folder: Path) -> list[Path]:
    """List the picture files directly in a folder, sorted by name."""
    files = (Path(e.path) for e in os.scandir(folder) if e.is_file() and not _hidden(e.name))
    return sorted(file for file in files if file.suffix.lower() in EXTENSIONS)


def _folders_in(folder: Path) -> list[Path]:
    """List the subfolders of a folder, sorted by name, without hidden and system folders."""
    entries = (Path(e.path) for e in os.scandir(folder) if e.is_dir() and not _hidden(e.name))
    return sorted(entries, key=lambda entry: entry.name)


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in SYSTEM


def _part_folders(path: Path, folders: Mapping[str, str] | None) -> dict[str, Path]:
    """Find the part folders of a dataset; empty if the subfolders are classes."""
    if folders is not None:
        asked = {part: path / name for part, name in folders.items()}
        for part, folder in asked.items():
            if part not in USUAL.values() or not folder.is_dir():
                raise ValueError(
                    f"parts are folders of {path} for train, calibration, exploration and sealed; "
                    f"not {part!r}: {folder.name!r}"
                )
        return asked
    there = _folders_in(path)
    usual = [folder for folder in there if folder.name.lower() in USUAL]
    if there and len(usual) == len(there) and any(map(pictures_in, usual)):
        named = ", ".join(folder.name for folder in usual)
        raise ValueError(
            f"{path} is not a folder of classes: {named} hold pictures, and should each hold one "
            "folder of pictures per class"
        )
    found: dict[str, Path] = {}
    for folder in usual:
        if not any(map(pictures_in, _folders_in(folder))) or pictures_in(folder):
            continue
        part = USUAL[folder.name.lower()]
        if part in found:
            raise ValueError(
                f"{found[part].name} and {folder.name} of {path} are both for {part}; choose one: "
                f"parts={{{part!r}: {folder.name!r}, ...}}"
            )
        found[part] = folder
    others = [folder.name for folder in there if folder not in found.values()]
    if found and others:
        warnings.warn(f"not parts of {path} and left out: {', '.join(others)}", stacklevel=5)
    return found


def _class_names(roots: Mapping[str, Path]) -> list[str]:
    """Return the class names: folder names in the training folder, or in the first root."""
    first = roots["train"] if "train" in roots else next(iter(roots.values()))
    folders = _folders_in(first)
    _check_classes(first, folders)
    return [folder.name for folder in folders]


def _check_classes(path: Path, folders: Sequence[Path]) -> None:
    if not folders:
        loose = len(pictures_in(path))
        held = f"it holds {loose} pictures and no folder" if loose else "it holds no folder"
        raise ValueError(f"{path} is not a folder of classes: {held} of pictures for each class")
    if len(folders) == 1 and pictures_in(folders[0]):
        raise ValueError(
            f"{path} is not a folder of classes: it holds {folders[0].name} alone, and a dataset "
            "has 2 classes or more, not 1"
        )
    empty = [folder for folder in folders if not pictures_in(folder)]
    if empty:
        raise _no_pictures(path, empty[0])


def _no_pictures(path: Path, folder: Path) -> ValueError:
    below = [sub for sub in _folders_in(folder) if pictures_in(sub)]
    deeper = f", but {folder.name}/{below[0].name} does" if below else ""
    return ValueError(
        f"{path} is not a folder of classes: {folder.name} holds no picture{deeper}; give the "
        "folder whose folders are the classes, or classes=[...], or parts={'train': 'folder', ...}"
    )


def _class_folders(root: Path, names: Sequence[str], chosen: bool) -> dict[int, Path]:
    """Find the folder of every class; ValueError for an unknown or missing class."""
    there = {folder.name: folder for folder in _folders_in(root)}
    missing = [name for name in names if name not in there]
    unknown = [name for name in there if name not in names and pictures_in(there[name])]
    if chosen and missing:
        raise ValueError(f"{root} has no class {missing[0]!r}; it has {', '.join(there)}")
    if unknown and not chosen:
        raise ValueError(f"{root} has a class {unknown[0]!r}, which the training images have not")
    return {label: there[name] for label, name in enumerate(names) if name in there}
