"""Bytes of the packed file, encoding by encoding, as multiples of the order-0 estimate.

The order-0 estimate is n x H of every layer's codes, scales and biases, without code tables and
header; a file includes these. ``gaps*`` is an estimate too: gaps and values at their own entropies,
again without tables and header, the usual way to store positions. The table covers both shipped
models and five recipes, and the time to compute the length without writing the file.
"""

from __future__ import annotations

import json
import time
from statistics import median
from typing import Any

import numpy as np
from options import read_options

import optiwidgets as ow
from optiwidgets.engine.serialization.encodings import BITMASK, DENSE, ENTROPY, to_symbols
from optiwidgets.engine.serialization.size_breakdown import estimate_bytes, tutorial_bytes
from optiwidgets.engine.serialization.writer import Packable, pack, packed_parts

RECIPES = ((0.5, 8), (0.8, 8), (0.9, 4), (0.95, 4), (0.9, 2))
TARGETS = {"small": 1.08, "wide": 1.04}
MOST_MS = {"small": 2.0, "wide": 5.0}
COLUMNS = ("dense", "bitmask", "entropy", "gaps*", "zlib", "file")


def main() -> None:
    """Print the table, or JSON."""
    arguments = read_options(__doc__, "rounds", default=51, least=1)
    result = {name: measure(name, arguments.rounds) for name in TARGETS}
    print(json.dumps(result, indent=2) if arguments.json else table(result))


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
    """Measure one row for each recipe."""
    experiment, rows = ow.Experiment.load("digits", model=name), []
    for sparsity, bits in RECIPES:
        recipe = ow.Recipe(sparsity=sparsity, bits=bits)
        packable = experiment._compressor.compress(recipe).packable
        estimate = estimate_bytes(packable)
        rows.append(
            {
                "sparsity": sparsity,
                "bits": bits,
                "estimate_bytes": estimate,
                "file_bytes": len(pack(packable)),
                "multiples": {way: size / estimate for way, size in sizes(packable).items()},
                "target": TARGETS[name],
                "packed_parts_ms": length_ms(packable, rounds),
                "most_ms": MOST_MS[name],
            }
        )
    return rows


def sizes(packable: Packable) -> dict[str, float]:
    """Compute bytes by encoding."""
    found: dict[str, float] = {
        how: sum(packed_parts(packable, how).values()) for how in (DENSE, BITMASK, ENTROPY)
    }
    found["gaps*"] = gap_bytes(packable)
    found["zlib"] = tutorial_bytes(packable)
    found["file"] = len(pack(packable))
    return found


def gap_bytes(packable: Packable) -> float:
    """Compute order-0 entropies of gaps and of values, plus scales and biases, in bytes."""
    parts, bits = packed_parts(packable), 0.0
    for layer in packable.layers.values():
        symbols = to_symbols(layer).ravel()
        places = np.flatnonzero(symbols)
        for stream in (np.diff(places, prepend=-1), symbols[places]):
            _, counts = np.unique(stream, return_counts=True)
            bits += float((counts * np.log2(len(stream) / counts)).sum())
    return bits / 8 + parts["scales"] + parts["biases"]


def length_ms(packable: Packable, rounds: int) -> float:
    """Measure the median time to compute the packed file's length without writing it."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        packed_parts(packable)
        taken.append(time.perf_counter() - start)
    return 1e3 * median(taken)


def table(result: dict[str, list[dict[str, Any]]]) -> str:
    """Format one row for each model and recipe."""
    lines = [
        "multiples of the order-0 estimate (a model: no code tables, no header)",
        "model  sparsity/bits  estimate"
        + "".join(f"{way:>9}" for way in COLUMNS)
        + "  most     ms",
    ]
    for name, rows in result.items():
        for row in rows:
            multiples = "".join(f"{row['multiples'][way]:9.3f}" for way in COLUMNS)
            lines.append(
                f"{name:5}{row['sparsity']:11g}/{row['bits']}{row['estimate_bytes']:12.0f}"
                f"{multiples}{row['target']:6.2f}{row['packed_parts_ms']:7.2f}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
