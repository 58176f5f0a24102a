"""Recipe -> confusion matrix on all exploration images, compared with the usual ways.

Every round runs one recipe in three ways, in rotating order: ours without the report cache; (a) as
in tutorials, with PIL images; (b) the same with a TensorDataset. All use the same model, recipe and
images, and their matrices are compared. Ratios are medians over the rounds. Run it on an idle
machine: other processes slow down the usual ways more, because their threads wait for each other.

If ONNX Runtime evaluates, and a recipe leaves the first layers unchanged, ours starts from the
first changed layer. ``whole`` is the time in milliseconds without that, ``forward`` the time of the
forward pass only, in the runtime that evaluates. A second table shows the time for growing numbers
of images: of all images, and of the first ones that are evaluated while dragging.

With ``--build PATH`` another checkout runs in turn with this one; see recipe_builds.py.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median, quantiles
from typing import Any

import numpy as np
import recipe_builds
import torch
import usual_ways
from options import read_options
from torch.utils.data import TensorDataset
from torch.utils.flop_counter import FlopCounterMode

import optiwidgets as ow
from optiwidgets.engine.serialization.writer import packed_parts

FLOORS = {"small": {"a": 15.0, "b": 6.0}, "wide": {"a": 9.0, "b": 4.5}}
COUNTS = (500, 1500, 5000, 15_000, 50_000)
BITS = 4
SCORE = "magnitude-folded"  # all ways use one folded model, so they rank folded weights
HANDFUL = 5  # images whose class floating-point order may change

Way = Callable[[ow.Recipe], usual_ways.Counts]


def main() -> None:
    """Print the table, or JSON."""
    arguments = read_options(__doc__, "rounds", default=21, least=2, build=True)
    if arguments.build:
        ratios = recipe_builds.compare(arguments.build, arguments.rounds)
        print(json.dumps(ratios, indent=2) if arguments.json else recipe_builds.table(ratios))
        return
    result = {name: measure(name, arguments.rounds) for name in FLOORS}
    rows = growth(5)
    machine = {"rounds": arguments.rounds, "torch": torch.__version__, "cpus": os.cpu_count()}
    found = {**result, "growth": rows, **machine}
    print(json.dumps(found, indent=2) if arguments.json else table(result, rows))


def measure(name: str, rounds: int) -> dict[str, Any]:
    """Measure interleaved rounds on one model of the zoo."""
    experiment = ow.Experiment.load("digits", model=name, memory_mb=0)
    ways = three_ways(experiment)
    strengths = [0.95 * i / rounds for i in range(rounds + 1)]
    recipes = [ow.Recipe(sparsity=s, bits=BITS, score=SCORE) for s in strengths]
    times: dict[str, list[float]] = {way: [] for way in ways}
    moved = 0
    for turn, recipe in enumerate(recipes):  # the first round is a warm-up
        matrices = run_round(ways, recipe, turn, times)
        moved = max(moved, *(moved_images(matrices["ours"], m) for m in matrices.values()))
    if moved > HANDFUL:
        raise AssertionError(f"the ways disagree on {moved} images of {name}: not comparable")
    milliseconds = {way: 1e3 * median(taken[1:]) for way, taken in times.items()}
    limit = arithmetic_limit_ms(experiment)
    return {
        "milliseconds": milliseconds,
        "ratios": {way: median(ratios(times, way)) for way in ("a", "b")},
        "ratio_quartiles": {way: quantiles(ratios(times, way), n=4)[::2] for way in ("a", "b")},
        "floors": FLOORS[name],
        "arithmetic_limit_ms": limit,
        "over_limit": milliseconds["ours"] / limit,
        "size_ms": size_ms(experiment, recipes),
        "whole_ms": 1e3 * median(whole_s(experiment, recipe) for recipe in recipes),
        "forward_ms": forward_ms(experiment, recipes),
        "most_images_moved": moved,
    }


def three_ways(experiment: ow.Experiment) -> dict[str, Way]:
    """Make the three ways: ours, (a) with PIL images and (b) with tensors, on one folded model."""
    model, dataset = experiment.run(ow.Recipe()).model(), experiment.dataset
    images, labels = dataset.exploration
    pictures = usual_ways.Pictures(images, labels, dataset.mean, dataset.std)
    tensors = TensorDataset(images, labels)

    def ours(recipe: ow.Recipe) -> usual_ways.Counts:
        confusion = experiment.run(recipe).confusion
        _ = confusion.precision, confusion.recall, confusion.f1
        return confusion.counts

    def usual(source: Any) -> Way:
        return lambda recipe: usual_ways.evaluate(
            usual_ways.optimize(model, recipe.sparsity, recipe.bits), source
        )

    return {"ours": ours, "a": usual(pictures), "b": usual(tensors)}


def run_round(
    ways: dict[str, Way], recipe: ow.Recipe, turn: int, times: dict[str, list[float]]
) -> dict[str, usual_ways.Counts]:
    """Time every way once, with a different first one each round."""
    names, matrices = list(ways), {}
    for name in names[turn % 3 :] + names[: turn % 3]:
        start = time.perf_counter()
        matrices[name] = ways[name](recipe)
        times[name].append(time.perf_counter() - start)
    return matrices


def moved_images(one: usual_ways.Counts, other: usual_ways.Counts) -> int:
    """Count the images in another cell of the other matrix."""
    return int(np.abs(one - other).sum()) // 2


def ratios(times: dict[str, list[float]], way: str) -> list[float]:
    """Compute the time over ours, for each round after the first."""
    pairs = zip(times[way][1:], times["ours"][1:], strict=True)
    return [theirs / ours for theirs, ours in pairs]


def arithmetic_limit_ms(experiment: ow.Experiment) -> float:
    """Divide the model's FLOPs on all images by the rate of a large matrix product here."""
    images, _ = experiment.dataset.exploration
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        experiment.run(ow.Recipe()).model()(images)
    return 1e3 * counter.get_total_flops() / matmul_rate()


def matmul_rate(size: int = 1024, tries: int = 20) -> float:
    """Measure the FLOP/s of the fastest of several float32 matrix products, all threads."""
    matrix, taken = torch.rand(size, size), []
    for _ in range(tries):
        start = time.perf_counter()
        matrix @ matrix
        taken.append(time.perf_counter() - start)
    return 2 * size**3 / min(taken)


def size_ms(experiment: ow.Experiment, recipes: list[ow.Recipe]) -> float:
    """Measure the time to compute the packed file's length without writing it."""
    taken = []
    for recipe in recipes:
        optimized = experiment._compressor.compress(recipe).packable
        start = time.perf_counter()
        packed_parts(optimized)
        taken.append(time.perf_counter() - start)
    return 1e3 * median(taken)


def whole_s(experiment: ow.Experiment, recipe: ow.Recipe) -> float:
    """Measure the time of a recipe without cached results of the recipe before."""
    experiment._reports.whole.resumer._previous = None
    start = time.perf_counter()
    experiment.run(recipe)
    return time.perf_counter() - start


def forward_ms(experiment: ow.Experiment, recipes: list[ow.Recipe]) -> float:
    """Measure the time of the forward pass on all images, in the runtime that evaluates."""
    evaluator, taken = experiment._reports.whole.resumer, []
    for recipe in recipes:
        net = experiment.run(recipe).model()
        start = time.perf_counter()
        evaluator(net)
        taken.append(time.perf_counter() - start)
    return 1e3 * median(taken)


def growth(rounds: int) -> list[dict[str, Any]]:
    """Measure the time of all images, and of the first ones, for growing numbers of images."""
    digits, rows = ow.load_dataset("digits"), []
    experiment = ow.Experiment.load("digits")
    model = experiment.run(ow.Recipe()).model()
    for count in COUNTS:
        images, labels = (torch.cat([part] * (count // 1500 + 1)) for part in digits.exploration)
        dataset = replace(digits, exploration=(images[:count], labels[:count]))
        session = ow.Session(ow.Experiment(model, dataset, memory_mb=0))
        shown, taken = [], []
        for step in range(rounds + 3):
            recipe = ow.Recipe(sparsity=0.5 + step / 100)
            start = time.perf_counter()
            session.ask(recipe, dragging=True)
            shown.append(time.perf_counter() - start)
            taken.append(whole_s(session.experiment, recipe))
        part = len(session.shown[1].labels)
        ms = 1e3 * median(taken[3:])
        rows.append({"images": count, "all_ms": ms, "ms_per_1000": 1e3 * ms / count})
        rows[-1] |= {"first": part, "shown_ms": 1e3 * median(shown[3:])}
        session.cancel()
    return rows


def table(result: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """Format one row for each model, and for each number of images."""
    lines = [
        "recipe -> confusion matrix, 1,500 images, memory off; (a) PIL pictures, (b) TensorDataset",
        "model   ours ms   (a) ms   (b) ms  (a)/ours  floor  (b)/ours  floor  x limit  size ms  "
        "whole ms  forward ms",
    ]
    for name, row in result.items():
        ms, ratio, floor = row["milliseconds"], row["ratios"], row["floors"]
        lines.append(
            f"{name:6}{ms['ours']:9.1f}{ms['a']:9.1f}{ms['b']:9.1f}"
            f"{ratio['a']:10.2f}{floor['a']:7.1f}{ratio['b']:10.2f}{floor['b']:7.1f}"
            f"{row['over_limit']:9.1f}{row['size_ms']:9.2f}{row['whole_ms']:10.1f}"
            f"{row['forward_ms']:12.1f}"
        )
    lines.append("images   all ms   a thousand   shown while moving      ms")
    lines += [
        f"{row['images']:6,}{row['all_ms']:9.1f}{row['ms_per_1000']:13.1f}"
        f"{row['first']:21,}{row['shown_ms']:8.1f}"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
