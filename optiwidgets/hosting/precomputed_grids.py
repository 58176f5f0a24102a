"""Slider grids that kernels share: computed once in separate processes, stored in files."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import optiwidgets as ow
from optiwidgets.hosting.process_lifetime import die_with

UNHURRIED = 10  # value of `nice`: users have priority


class PrecomputedGrids:
    """Loader of cases and their grids, and maker of missing grids.

    Parameters
    ----------
    folder
        Folder of the files; None makes no grids.
    spare
        Folder to use if the first cannot be used.
    """

    def __init__(self, folder: Path | None, spare: Path) -> None:
        opened = ow.preload(with_grid=True)
        pairs = opened if folder else []
        self._folder = folder if folder and _can_write(folder) else spare
        self._missing = [pair for pair in pairs if not self._load(pair)]
        self._failed = 0
        self._all = len(pairs)
        ow.preload()  # again: a loaded grid closes what was open

    def _file(self, pair: tuple[str, str]) -> Path:
        return self._folder / f"{'-'.join(pair)}.npz"

    def _load(self, pair: tuple[str, str]) -> bool:
        try:
            ow.load_precomputed(self._file(pair))
        except (OSError, ValueError):  # missing, or of another version
            return False
        return True

    def make_next(self) -> int | None:
        """Start making the next missing grid; return the process id, None if no grid is missing."""
        if not self._missing:
            return None
        pair = self._missing[0]
        command = [
            sys.executable,
            "-m",
            "optiwidgets.engine.experiment.precompute",
            *pair,
            str(self._file(pair)),
        ]
        unhurried = partial(_unhurried, os.getpid())
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=unhurried)
        process.returncode = 0  # the forking process reaps this child itself
        return process.pid

    def made(self) -> None:
        """Load the finished grid, so that kernels forked from now on answer from it."""
        self._failed += not self._load(self._missing.pop(0))
        ow.preload()

    @property
    def state(self) -> str:
        """Progress in words."""
        done = self._all - len(self._missing)
        if self._missing:
            return f"being evaluated, {done} of {self._all}"
        return f"{self._failed} of {self._all} could not be made" if self._failed else "ready"


def _unhurried(parent: int) -> None:
    os.nice(UNHURRIED)
    die_with(parent)


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)
