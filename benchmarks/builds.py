"""Another checkout of the package, run by the same interpreter for comparison."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from math import exp, log
from pathlib import Path

THIS = Path(__file__).resolve().parents[1]
OURS, OTHER = "this build", "that build"


def add_build(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--build`` to a benchmark's command line."""
    meaning = "folder of another checkout: run both in turn, print ratios"
    parser.add_argument("--build", type=checkout, metavar="PATH", help=meaning)


def checkout(text: str) -> Path:
    """Read the folder of a checkout.

    Raises
    ------
    argparse.ArgumentTypeError
        The folder has no package ``optiwidgets`` in it.
    """
    folder = Path(text).resolve()
    if not (folder / "optiwidgets" / "__init__.py").is_file():
        raise argparse.ArgumentTypeError(
            f"{text} has no optiwidgets/__init__.py: give a checkout's folder, such as "
            "`git worktree add PATH COMMIT` makes"
        )
    return folder


def builds(other: Path) -> dict[str, Path]:
    """Return both checkouts by name."""
    return {OURS: THIS, OTHER: other}


def environment(build: Path) -> dict[str, str]:
    """Make the environment in which Python imports a checkout's package."""
    return {**os.environ, "PYTHONPATH": str(build)}


def in_turn(names: Sequence[str], turn: int) -> list[str]:
    """Rotate names, so that each turn begins with another one.

    Examples
    --------
    >>> in_turn(["a", "b"], 1)
    ['b', 'a']
    """
    first = turn % len(names)
    return [*names[first:], *names[:first]]


def geometric_mean(ratios: Sequence[float]) -> float:
    """Compute the geometric mean.

    Examples
    --------
    >>> round(geometric_mean([1.0, 4.0]), 6)
    2.0
    """
    return exp(sum(map(log, ratios)) / len(ratios))
