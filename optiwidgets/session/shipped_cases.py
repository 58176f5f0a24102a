"""Cases to choose from: one experiment per case and model, shared by a process's sessions."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.experiment.precomputed_reports import PrecomputedReports, register
from optiwidgets.engine.models.zoo import shipped_models

CASES = ("digits", "smear", "scenes", "smear-fields")
OWN_CASE = "OPTIWIDGETS_OWN_CASE"  # environment variable: file of a trained model, and its images


def all_openers() -> dict[str, dict[str, Callable[[], Experiment]]]:
    """Return the openers of all cases by name: the shipped cases, and the host's own model.

    Examples
    --------
    >>> list(all_openers())
    ['digits', 'smear', 'scenes', 'smear-fields']
    """
    cases = {case: openers(case) for case in CASES}
    if given := os.environ.get(OWN_CASE):
        path, images = json.loads(given)
        cases[Path(path).stem] = {"trained": partial(_opened_file, path, images)}
    return cases


def openers(case: str) -> dict[str, Callable[[], Experiment]]:
    """Return a function for each model of a case, which loads it once per process.

    Examples
    --------
    >>> list(openers("digits"))
    ['small', 'wide']
    """
    return {name: partial(_opened, case, name) for name in shipped_models(case)}


@cache
def _opened(case: str, name: str) -> Experiment:
    """Load an experiment once, so that all sessions of this process share its caches."""
    return Experiment.load(case, model=name)


@cache
def _opened_file(path: str, images: str | None) -> Experiment:
    return Experiment.load(path, images=images)


def load_precomputed(path: str | os.PathLike[str]) -> None:
    """Load a slider grid's file for all sessions and experiments opened from now on.

    Raises
    ------
    ValueError
        The file is no slider grid, damaged, or of another version.
    OSError
        The file cannot be read.

    Examples
    --------
    ``python -m optiwidgets.engine.experiment.precompute digits small grid.npz`` writes such a file.

    >>> load_precomputed("no-such-grid.npz")
    Traceback (most recent call last):
    FileNotFoundError: ...no-such-grid.npz'
    """
    register(PrecomputedReports.load(path))
    _opened.cache_clear()


def preload(cases: Sequence[str] = CASES, *, with_grid: bool = False) -> list[tuple[str, str]]:
    """Load cases with all their models, for every session of this process and of its forks.

    Parameters
    ----------
    cases
        Names of shipped cases.
    with_grid
        Whether to return only those whose reports a slider grid can store: classifiers.

    Returns
    -------
    list
        Pairs of case and model that were loaded.

    Raises
    ------
    ValueError
        A case does not exist.

    Examples
    --------
    >>> preload(["smear"])
    [('smear', 'small')]
    >>> preload(["smear", "scenes"], with_grid=True)
    [('smear', 'small')]
    """
    if unknown := [case for case in cases if case not in CASES]:
        raise ValueError(f"case is one of {', '.join(CASES)}, not {unknown[0]!r}")
    pairs = [(case, name) for case in cases for name in shipped_models(case)]
    opened = [_opened(*pair) for pair in pairs]
    if not with_grid:
        return pairs
    return [pair for pair, e in zip(pairs, opened, strict=True) if "grid" not in e.task.impossible]
