"""File of a sweep's rows, one line of JSON each, so that a killed process loses at most one row."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.sweep import Trial


class SweepLog:
    """Trials by recipe, read from a file and appended to it; without a file, only in memory.

    The first line identifies the sweep. If a write was interrupted, the incomplete last line is
    dropped and its recipe is run again.

    Parameters
    ----------
    path
        The file, created if it does not exist; None keeps the trials in memory only.
    head
        Identity of the sweep, compared with the first line: its name, then fingerprints by name.

    Raises
    ------
    ValueError
        The file is no sweep, or another one; it is not changed.
    OSError
        The file cannot be read or written.

    Examples
    --------
    >>> results = SweepLog(None, {"sweep": "small on digits"})
    >>> results.add(Trial(Recipe(bits=4), accuracy=0.5))
    >>> Recipe(bits=4) in results.trials
    True
    """

    def __init__(self, path: str | os.PathLike[str] | None, head: Mapping[str, str]) -> None:
        self.path = None if path is None else Path(path)
        self.trials: dict[Recipe, Trial] = {}
        if self.path is None:
            return
        first = _line(head)
        with self.path.open("ab"):  # checks before any work that the file can be written
            pass
        kept = self._read(self.path.read_bytes(), first, head)
        os.truncate(self.path, kept)
        if not kept:
            self._append(first)

    def add(self, trial: Trial) -> None:
        """Store a trial; it is written to disk before this returns."""
        self.trials[trial.recipe] = trial
        self._append(_line(trial.as_dict()))

    def _append(self, line: bytes) -> None:
        if self.path is not None:
            with self.path.open("ab", buffering=0) as stream:
                stream.write(line)
                os.fsync(stream.fileno())

    def _read(self, stored: bytes, first: bytes, head: Mapping[str, str]) -> int:
        """Read all complete lines, and return their length in bytes."""
        whole = stored[: stored.rfind(b"\n") + 1]
        if not whole and first.startswith(stored):
            return 0
        lines = whole.splitlines() or [stored]
        self._check_head(lines[0], head)
        for number, line in enumerate(lines[1:], start=2):
            try:
                trial = Trial.from_dict(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise ValueError(
                    f"{self.path} is not a sweep: line {number} is no row ({error!r})"
                ) from error
            self.trials[trial.recipe] = trial
        return len(whole)

    def _check_head(self, line: bytes, head: Mapping[str, str]) -> None:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.keys() != head.keys():
            raise ValueError(f"{self.path} is not a sweep; name another file")
        if found != head:
            raise ValueError(
                f"{self.path} holds a sweep of {_named(found)}, and this is one of {_named(head)}; "
                "name another file"
            )


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row).encode() + b"\n"


def _named(head: Mapping[str, str]) -> str:
    """Describe a sweep by its name and the first digits of its fingerprints."""
    name, *prints = head.values()
    pairs = (f"{key} {value[:8]}" for key, value in zip([*head][1:], prints, strict=True))
    return f"{name} ({', '.join(pairs)})"
