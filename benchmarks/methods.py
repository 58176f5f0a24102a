"""All methods at all strengths: points of accuracy lost, milliseconds, and targets.

A drop is measured against the baseline on the same 1,500 exploration images, with its paired 95 %
interval. Random methods (random scores, order of training images) are run with three seeds: the
table has the mean, half the difference between the worst and the best, and the mean ends of the
intervals.

The time is that of ``Experiment.run`` (compression, evaluation and size) without report cache, on
an experiment that ran the method before at another strength. ``first`` is the time on a new
experiment, which includes calibration statistics. ``untouched`` is the time of a baseline run:
evaluation and size only. Targets' times are medians of interleaved repetitions. Run it on an idle
machine; it takes a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from math import isclose
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch
from method_list import JOINT, METHODS, MODELS, TARGETS, Method, Target, find
from method_tables import line, tables

import optiwidgets as ow
from optiwidgets.engine.types.recipe import BY_TRAINING, N_OF_M, without_idle

SEEDS = (0, 1, 2)
QUICK = ((0.9, 32), (0.95, 32), (0, 2), JOINT)
WARM = 0.3  # sparsity at which a method is run once before timing
Row = dict[str, Any]


def main() -> None:
    """Print the tables, or JSON; draw the picture if requested."""
    arguments = parsed()
    read = arguments.read and json.loads(arguments.read.read_text())
    result = read or measure(quick=arguments.quick)
    text = json.dumps(result, indent=2)
    if arguments.json and arguments.json != "-":
        Path(arguments.json).write_text(text + "\n")
    print(text if arguments.json == "-" else tables(result))
    if wrong := contradictions(result):
        raise AssertionError("figures that contradict each other: " + "; ".join(wrong))
    if arguments.picture:
        from curves import draw

        draw(result).savefig(arguments.picture, dpi=120)


def parsed() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="fewer strengths, no training, targets once"
    )
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE", help="JSON into a file, or printed"
    )
    parser.add_argument("--picture", metavar="FILE", help="draw accuracy against sparsity")
    parser.add_argument("--read", metavar="FILE", type=Path, help="an earlier run's JSON, no run")
    arguments = parser.parse_args()
    if arguments.quick and arguments.picture:
        parser.error("--picture needs a whole run, not --quick")
    if arguments.read and not arguments.read.is_file():
        parser.error(f"--read is a file that --json wrote, not {arguments.read}")
    return arguments


def measure(quick: bool) -> dict[str, Any]:
    """Measure all rows of both models, then the targets."""
    before = os.getloadavg()[0]
    models = {name: all_rows(name, quick) for name in MODELS}
    rows = {key(row): row for model in models.values() for row in model["rows"]}
    times = repeated(1 if quick else 3)
    load = [before, os.getloadavg()[0]]
    return {
        "quick": quick,
        "machine": {"torch": torch.__version__, "cpus": os.cpu_count(), "load": load},
        "models": models,
        "targets": [judged(t, rows, times) for t in TARGETS if rows.keys() >= {*places(t)}],
    }


def all_rows(model: str, quick: bool) -> Row:
    """Measure every method at all its strengths, on one model of the zoo."""
    experiment = ow.Experiment.load("digits", model=model, memory_mb=0)
    base = experiment.run(ow.Recipe())
    rows = []
    for method in METHODS:
        for sparsity, bits in strengths(method, quick):
            row = one_row(experiment, base, method, sparsity, bits)
            rows.append({"model": model, **row})
            print(f"{model:6}{line(row)}", file=sys.stderr, flush=True)
    return {
        "accuracy": base.confusion.accuracy,
        "interval": base.accuracy_interval,
        "images": len(base.labels),
        "weights": base.prunable_weights,
        "layers": len(experiment._compressor.pruner.weights),
        "rows": rows,
    }


def strengths(method: Method, quick: bool) -> Iterator[tuple[float, int]]:
    """Return sparsities and bits of a method's rows."""
    for sparsity, bits in method.strengths:
        if not quick or (not trains(method) and (sparsity, bits) in QUICK):
            yield sparsity, bits


def trains(method: Method) -> bool:
    """Return True if a method trains, which takes seconds."""
    return method.fields.get("recovery") in BY_TRAINING


def one_row(
    experiment: ow.Experiment, base: ow.Report, method: Method, sparsity: float, bits: int
) -> Row:
    """Measure one method at one strength: mean, and spread if seeds matter."""
    recipe = ow.Recipe(sparsity=sparsity, bits=bits, **method.fields)
    seeds = SEEDS if without_idle(replace(recipe, seed=1)).seed else SEEDS[:1]
    experiment.run(used_before(recipe))
    runs = [one_run(experiment, base, replace(recipe, seed=seed)) for seed in seeds]
    points = [run["points"] for run in runs]
    return {
        "method": method.name,
        "group": method.group,
        "sparsity": sparsity,
        "bits": bits,
        "recipe": str(recipe),
        **{name: fmean(run[name] for run in runs) for name in ("points", "low", "high")},
        "spread": (max(points) - min(points)) / 2,
        "ms": median(run["ms"] for run in runs),
        "runs": runs,
    }


def one_run(experiment: ow.Experiment, base: ow.Report, recipe: ow.Recipe) -> Row:
    """Run and time one recipe: points lost, and a fingerprint of the scores."""
    report, ms = timed(experiment, recipe)
    return {
        **asdict(report.drop_from(base)),
        "ms": ms,
        "bytes": report.size.total_bytes,
        "pruned_weights": report.pruned_weights,
        "answers": zlib.crc32(report.scores.tobytes()),
    }


def timed(experiment: ow.Experiment, recipe: ow.Recipe) -> tuple[ow.Report, float]:
    """Return a report, and the milliseconds to compute it."""
    start = time.perf_counter()
    report = experiment.run(recipe)
    return report, 1e3 * (time.perf_counter() - start)


def used_before(recipe: ow.Recipe) -> ow.Recipe:
    """Return a recipe that computes ranks and calibration statistics without the timed work."""
    if recipe.recovery in BY_TRAINING:
        recipe = replace(recipe, recovery="none")
    free = recipe.prunes and recipe.pruning not in N_OF_M
    return replace(recipe, sparsity=WARM) if free else recipe


def repeated(times: int) -> dict[Any, dict[str, float]]:
    """Time the recipes of targets in rotating order, each on a new experiment; return medians."""
    asked = [(*at, find(*at[1:])) for target in TARGETS for at in places(target)]
    asked = [one for one in asked if not trains(one[-1])]
    taken: dict[Any, list[dict[str, float]]] = {}
    for turn in range(times):
        for model, name, sparsity, bits, method in asked[turn:] + asked[:turn]:
            recipe = ow.Recipe(sparsity=sparsity, bits=bits, **method.fields)
            taken.setdefault((model, name, sparsity, bits), []).append(three_times(model, recipe))
    return {at: {n: median(one[n] for one in ones) for n in ones[0]} for at, ones in taken.items()}


def three_times(model: str, recipe: ow.Recipe) -> dict[str, float]:
    """Time a baseline run, a recipe's first run, and a later run, in milliseconds."""
    new, used = (ow.Experiment.load("digits", model=model, memory_mb=0) for _ in range(2))
    for experiment in (new, used):
        experiment.run(ow.Recipe())
    used.run(used_before(recipe))
    return {
        "untouched_ms": timed(new, ow.Recipe())[1],
        "first_ms": timed(new, recipe)[1],
        "ms": timed(used, recipe)[1],
    }


def places(target: Target) -> list[tuple[Any, ...]]:
    """Return the keys of a target's rows."""
    return [(target.model, name, target.sparsity, target.bits) for name in target.methods]


def key(row: Row) -> tuple[Any, ...]:
    """Return the key of a row."""
    return row["model"], row["method"], row["sparsity"], row["bits"]


def judged(target: Target, rows: dict[Any, Row], times: dict[Any, Any]) -> Row:
    """Compare a target with its measured row; a method that trains was timed with its row."""
    found = [rows[at] for at in places(target)]
    found = [{**row, **times.get(key(row), {})} for row in found]
    if target.best:
        found.sort(key=lambda row: row["points"])
    names = ("method", "points", "spread", "low", "high", "ms", "first_ms", "untouched_ms")
    measured = [{name: row.get(name) for name in names} for row in found]
    asked = asdict(target)
    return {**asked, "measured": measured, "met": is_met(asked, measured[0])}


def is_met(asked: Row, measured: Row) -> bool:
    """Return True if points, and milliseconds if they are limited, are within the target."""
    quick_enough = asked["ms"] is None or measured["ms"] <= asked["ms"]
    return bool(measured["points"] <= asked["points"] and quick_enough)


def contradictions(result: Row) -> list[str]:
    """Describe figures that contradict each other."""
    wrong = []
    for name, model in result["models"].items():
        for row in model["rows"]:
            at = f"{name}, {row['method']}, sparsity {row['sparsity']}, {row['bits']} bits"
            wrong += [f"{at}: {why}" for why in faults(row, model)]
    for target in result["targets"]:
        if target["met"] != is_met(target, target["measured"][0]):
            wrong.append(f"{target['model']}, {target['methods'][0]}: met is {target['met']}")
    return wrong


def faults(row: Row, model: Row) -> Iterator[str]:
    """Describe errors of a row: counts of images, intervals, weights pruned."""
    promised = row["sparsity"] * model["weights"]
    slack = 0.01 * promised if ":" in row["method"] else model["layers"] / 2 + 1
    for run in row["runs"]:
        if not isclose(run["points"], 100 * (run["lost"] - run["gained"]) / model["images"]):
            yield f"{run['points']} points, lost {run['lost']}, gained {run['gained']}"
        if not run["low"] <= run["points"] <= run["high"]:
            yield f"{run['points']} points are not within {run['low']} to {run['high']}"
        if abs(run["pruned_weights"] - promised) > slack:
            yield f"{run['pruned_weights']} weights are pruned, not {promised:.0f}"
    for name in ("points", "low", "high"):
        if not isclose(row[name], fmean(run[name] for run in row["runs"])):
            yield f"{name} is {row[name]}, not the mean of its runs"


if __name__ == "__main__":
    main()
