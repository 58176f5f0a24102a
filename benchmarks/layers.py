"""Slider of one layer -> scores on all exploration images, from that layer and from the start.

Every round evaluates two models that differ in one layer in both ways, in rotating order; scores
must be bit-identical. "all" changes every layer, like the slider of the whole model: nothing can be
reused, and the time must not increase. Ratios are medians over the rounds.
"""

from __future__ import annotations

import json
import os
import time
from statistics import median, quantiles
from typing import Any

import torch
from options import read_options
from torch import Tensor, nn

import optiwidgets as ow
from optiwidgets.engine.evaluation.incremental import IncrementalEvaluator

MODELS = ("small", "wide")
WARM_UP = 2  # rounds; nothing is cached yet in the first


def main() -> None:
    """Print the table, or JSON."""
    arguments = read_options(__doc__, "rounds", default=21, least=2)
    result = {name: measure(name, arguments.rounds) for name in MODELS}
    machine = {"rounds": arguments.rounds, "torch": torch.__version__, "cpus": os.cpu_count()}
    print(json.dumps({**result, **machine}, indent=2) if arguments.json else table(result))


def measure(model: str, rounds: int) -> dict[str, Any]:
    """Measure every layer of one model of the zoo."""
    experiment = ow.Experiment.load("digits", model=model, memory_mb=0)
    layers = [None, *experiment._compressor.pruner.weights]
    return {layer or "all": drag(experiment, layer, rounds) for layer in layers}


def drag(experiment: ow.Experiment, layer: str | None, rounds: int) -> dict[str, Any]:
    """Measure milliseconds of both ways and their ratio while one layer's sparsity grows."""
    batches = experiment._reports.whole.images.batches
    resumer = IncrementalEvaluator(batches)
    ways = {"whole": IncrementalEvaluator(batches, most_bytes=0), "resumed": resumer}
    times: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(rounds + WARM_UP):
        names = list(ways) if turn % 2 else list(ways)[::-1]
        taken = {way: timed(ways[way], net_at(experiment, layer, turn, rounds)) for way in names}
        if not torch.equal(taken["whole"][0], taken["resumed"][0]):
            raise AssertionError(f"other scores from {layer} on: not comparable")
        for way, (_, seconds) in taken.items():
            times[way] += [seconds] if turn >= WARM_UP else []
    ratios = [whole / resumed for whole, resumed in zip(*times.values(), strict=True)]
    return {
        "milliseconds": {way: 1e3 * median(taken) for way, taken in times.items()},
        "ratio": median(ratios),
        "ratio_quartiles": quantiles(ratios, n=4)[::2],
    }


def net_at(experiment: ow.Experiment, layer: str | None, turn: int, rounds: int) -> nn.Module:
    """Make the model at one slider position, of one layer or of all layers."""
    sparsity = 0.2 + 0.7 * turn / (rounds + WARM_UP)
    recipe = ow.Recipe(layers=((layer, sparsity, None),)) if layer else ow.Recipe(sparsity, bits=4)
    return experiment._compressor.compress(recipe).simulation()


def timed(way: Any, net: nn.Module) -> tuple[Tensor, float]:
    """Return scores and the seconds to compute them."""
    start = time.perf_counter()
    scores: Tensor = way(net)
    return scores, time.perf_counter() - start


def table(result: dict[str, Any]) -> str:
    """Format one row for each layer."""
    lines = [
        "one layer changed -> scores on 1,500 images",
        "model  layer       whole ms  resumed ms  times faster  quartiles",
    ]
    for model, layers in result.items():
        for layer, row in layers.items():
            ms, (low, high) = row["milliseconds"], row["ratio_quartiles"]
            lines.append(
                f"{model:7}{layer:12}{ms['whole']:8.1f}{ms['resumed']:12.1f}{row['ratio']:14.2f}"
                f"   {low:.2f} to {high:.2f}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
