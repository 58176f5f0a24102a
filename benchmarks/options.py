"""Command line of a benchmark: one number for its duration, and ``--json``."""

from __future__ import annotations

import argparse

from builds import add_build


def read_options(
    doc: str | None,
    name: str,
    *,
    default: float,
    least: float,
    meaning: str = "",
    build: bool = False,
) -> argparse.Namespace:
    """Read the options of a benchmark from its command line.

    Parameters
    ----------
    doc
        Docstring of the benchmark; its first line is the description.
    name
        Name of the number's option, without dashes.
    default, least
        Default of the number, which defines its type, and its lower bound.
    meaning
        Unit of the number, for the help.
    build
        True if the benchmark can compare another checkout with this one.
    """
    parser = argparse.ArgumentParser(description=(doc or "").split("\n")[0])
    help_text = f"{meaning}: {default:g}" if meaning else f"{default:g}"
    parser.add_argument(f"--{name}", type=type(default), default=default, help=help_text)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    if build:
        add_build(parser)
    options = parser.parse_args()
    given = getattr(options, name)
    if not given >= least:
        parser.error(f"--{name} is {least:g} or more, not {given}")
    return options
