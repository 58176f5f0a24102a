"""CPU time of the sparse runtime against ONNX Runtime for several nets, to choose the runtime.

Every round evaluates one net on the same images in ONNX Runtime and in each library of the sparse
runtime that this processor runs, in rotating order. A ratio above 1 means that the sparse runtime
is faster. Nets have random weights, and the smallest weights over all layers are set to zero. The
limits ``MOST_MACS`` of ``engine/sparse_runtime/library.py`` come from this table: the largest nets
that are faster at 50 % zeros.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from statistics import geometric_mean
from typing import Any

import torch
from options import read_options
from torch import Tensor, nn

import optiwidgets as ow
from optiwidgets.engine.evaluation.incremental import IncrementalEvaluator
from optiwidgets.engine.evaluation.sparse_evaluation import SparseEvaluator
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.models.macs import macs
from optiwidgets.engine.models.preparation import prepare
from optiwidgets.engine.sparse_runtime import build
from optiwidgets.engine.sparse_runtime.library import BITS, Library, choose

SPARSITIES = 0.0, 0.5, 0.8, 0.9, 0.95
IMAGES, BATCH = 256, 64
TORCHVISION = {"squeezenet1_1": 64, "mnasnet0_5": 64, "resnet18": 32, "mobilenet_v2": 64}


def main() -> None:
    """Print the table, or JSON."""
    arguments = read_options(__doc__, "rounds", default=5, least=1)
    rows = [measure(name, net, images, arguments.rounds) for name, net, images in nets()]
    print(json.dumps(rows, indent=2) if arguments.json else table(rows))


def nets() -> Iterator[tuple[str, nn.Module, Tensor]]:
    """Make nets by name, each with images of its size, the smallest first."""
    for model in ("small", "wide"):
        experiment = ow.Experiment.load("digits", model=model)
        yield model, experiment.run(ow.Recipe()).model(), experiment.dataset.exploration[0][:IMAGES]
    cells = ow.Experiment.load("smear")
    yield "smear", cells.run(ow.Recipe()).model(), cells.dataset.exploration[0][:IMAGES]
    random = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    for width, size in ((8, 32), (16, 32), (32, 32), (64, 32)):
        images = torch.rand(IMAGES, 3, size, size, generator=random)
        yield f"5 convolutions, {width} to {2 * width} wide", plain(width), images
    from torchvision.models import get_model

    for name, size in TORCHVISION.items():
        images = torch.rand(IMAGES // 4, 3, size, size, generator=random)
        net = get_model(name, weights=None, num_classes=10).eval()
        yield f"{name}, {size} px", prepare(net, images[:4]).net, images


def plain(width: int) -> nn.Module:
    """Build five convolutions of 3 x 3 and a linear layer."""
    body: list[nn.Module] = []
    channels = 3
    for index, wide in enumerate((width, width, 2 * width, 2 * width, 2 * width)):
        body += [nn.Conv2d(channels, wide, 3, padding=1), nn.ReLU()]
        body += [nn.MaxPool2d(2)] if index in (1, 3) else []
        channels = wide
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(channels * 64, 10)).eval()


def measure(name: str, net: nn.Module, images: Tensor, rounds: int) -> dict[str, Any]:
    """Measure the CPU ratios of one net at all sparsities, for every library."""
    net = net.requires_grad_(False)
    batches = images.split(BATCH)
    ways: dict[str, Callable[[nn.Module], Tensor]] = {
        "ONNX Runtime": IncrementalEvaluator(batches, most_bytes=0)
    }
    ways |= {library.name: SparseEvaluator(batches, library) for library in libraries()}
    row = {"net": name, "macs": macs(net, images[:1]), "sparsities": SPARSITIES}
    found: dict[str, list[float]] = {library: [] for library in list(ways)[1:]}
    for sparsity in SPARSITIES:
        zero(net, sparsity)
        times = rounds_of(ways, net, rounds)
        for library, ratios in found.items():
            ratios.append(min(times["ONNX Runtime"]) / min(times[library]))
    means = {library: geometric_mean(ratios) for library, ratios in found.items()}
    return row | {"ratios": found, "means": means}


def libraries() -> Iterator[Library]:
    """Return the libraries that this processor runs, the widest first."""
    for name in BITS:
        try:
            library, _ = choose(build.HERE, name)
        except ValueError:
            continue
        if library:
            yield library


def zero(net: nn.Module, sparsity: float) -> None:
    """Set the smallest weights of all layers to zero."""
    weights = [layer.weight for layer in prunable(net).values()]
    sizes = torch.cat([w.abs().ravel() for w in weights])
    if count := round(sparsity * len(sizes)):
        limit = sizes.kthvalue(count).values
        for weight in weights:
            weight.mul_(weight.abs() > limit)


def rounds_of(
    ways: dict[str, Callable[[nn.Module], Tensor]], net: nn.Module, rounds: int
) -> dict[str, list[float]]:
    """Measure CPU seconds of every way in rotating order; the first round is a warm-up."""
    names = list(ways)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.process_time()
            ways[name](net)
            if turn:
                times[name].append(time.process_time() - start)
    return times


def table(rows: list[dict[str, Any]]) -> str:
    """Return a line for each net and library."""
    shares = " ".join(f"{s:>5.0%}" for s in SPARSITIES)
    lines = [f"{'net':<34} {'MACs':>12}  {'library':<9} {shares}  mean"]
    for row in rows:
        for library, ratios in row["ratios"].items():
            cells = " ".join(f"{ratio:5.2f}" for ratio in ratios)
            mean = row["means"][library]
            lines.append(f"{row['net']:<34} {row['macs']:>12,}  {library:<9} {cells}  {mean:4.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
