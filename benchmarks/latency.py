"""Latency of one image and of 32, before and after, in torch, ONNX Runtime and the sparse runtime.

Baseline, zeros anywhere, 2:4 zeros, half the channels removed, and int8: each is compared with the
baseline in the same runtime. Its calls alternate with those of the baseline and of a second copy of
the baseline (A/A, the noise of the measurement). Then both runtimes are measured from no zeros to
98 %, in turn with the baseline in ONNX Runtime. All times are CPU times of one thread, because
other processes add more to the wall time of long calls than of short ones. If the sparse runtime is
absent, its rows are left out.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import torch
from options import read_options
from torch import nn

import optiwidgets as ow
from optiwidgets.engine.models import macs
from optiwidgets.engine.onnx_runtime import latency, session
from optiwidgets.engine.sparse_runtime import library
from optiwidgets.engine.sparse_runtime.session import open_sparse_session
from optiwidgets.engine.types.measurements import Latency

MODELS = ("small", "wide")
SPARSITIES = (0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
RECIPES = {
    "baseline again (A/A)": ow.Recipe(),
    "90 % zeros": ow.Recipe(sparsity=0.9),
    "95 % zeros": ow.Recipe(sparsity=0.95),
    "2:4 zeros": ow.Recipe(sparsity=0.5, pruning="2:4"),
    "half the channels": ow.Recipe(sparsity=0.5, pruning="channel"),
    "int8": ow.Recipe(bits=8, activation_bits=8),
}


in_turn = partial(latency.measure, clock=time.process_time)


class Eager:
    """Adapter that runs a torch module like a session of the runtime."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net.to(memory_format=torch.channels_last)

    def run(self, outputs: Sequence[str] | None, feed: dict[str, Any]) -> list[Any]:
        """Compute the scores of the images in ``feed``."""
        images = torch.from_numpy(feed["images"]).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            return [self.net(images).numpy()]

    def get_session_options(self) -> SimpleNamespace:
        """Return options with the number of torch's threads."""
        return SimpleNamespace(intra_op_num_threads=torch.get_num_threads())


def main() -> None:
    """Print the table, or JSON."""
    arguments = read_options(__doc__, "seconds", default=4.0, least=0.01, meaning="for each row")
    torch.set_num_threads(1)
    result = run(arguments.seconds)
    print(json.dumps(result, indent=2) if arguments.json else report(result))


def run(seconds: float) -> dict[str, Any]:
    """Measure all rows, by recipe and by sparsity, and collect versions."""
    versions = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__}
    return {
        "rows": [row for name in MODELS for row in measure(name, seconds)],
        "zeros": [row for name in MODELS for row in zeros(name, seconds)],
        "seconds": seconds,
        **versions,
        "sparse": ow.runtime_info().sparse_status,
        "cpus": os.cpu_count(),
    }


def measure(name: str, seconds: float) -> list[dict[str, Any]]:
    """Measure one row for each engine and recipe."""
    experiment = ow.Experiment.load("digits", model=name)
    images = experiment.dataset.exploration[0]
    base = openers(experiment, ow.Recipe())
    rows = []
    for what, recipe in RECIPES.items():
        plain = experiment.run(recipe).model()
        count, base_count = (
            macs.macs(net, images) for net in (plain, experiment.run(ow.Recipe()).model())
        )
        for engine, opened in openers(experiment, recipe).items():
            timed = in_turn(base[engine], opened, images.numpy(), seconds=seconds)
            fewer = {"macs": count, "macs_ratio": base_count / count}
            rows.append({"model": name, "engine": engine, "what": what, **fewer, **flat(timed)})
    return rows


def zeros(name: str, seconds: float) -> list[dict[str, Any]]:
    """Measure each runtime at each sparsity against ONNX Runtime's baseline."""
    experiment = ow.Experiment.load("digits", model=name)
    images = experiment.dataset.exploration[0].numpy()
    untouched = openers(experiment, ow.Recipe())["ONNX Runtime"]
    rows = []
    for sparsity in SPARSITIES:
        for engine, opened in openers(experiment, ow.Recipe(sparsity=sparsity)).items():
            if engine != "torch":
                timed = in_turn(untouched, opened, images, seconds=seconds)
                rows.append({"model": name, "engine": engine, "sparsity": sparsity, **flat(timed)})
    return rows


def openers(experiment: ow.Experiment, recipe: ow.Recipe) -> dict[str, Callable[[], Any]]:
    """Return functions that open a recipe's model; torch has no int8 kernels here."""
    report, images = experiment.run(recipe), experiment.dataset.exploration[0]
    graph = experiment._compressor.compress(recipe).graph(images[:1])
    ways: dict[str, Callable[[], Any]] = {"ONNX Runtime": partial(session.open_session, graph)}
    if recipe.activation_bits == 32:
        ways["torch"] = lambda: Eager(report.model())
        if library.load():
            ways["sparse runtime"] = partial(open_sparse_session, graph)
    return ways


def flat(timed: Latency) -> dict[str, Any]:
    """Flatten numbers of single images and of batches, by name."""
    parts = {"image": timed, "batch": timed.batch}
    return {
        place: {
            "ratio": part.ratio,
            "interval": [part.low, part.high],
            "control": list(part.control),
            "baseline_ms": part.baseline_ms,
            "optimized_ms": part.optimized_ms,
            "baseline_iqr_ms": list(part.baseline_iqr_ms),
            "optimized_iqr_ms": list(part.optimized_iqr_ms),
            "baseline_p99_ms": part.baseline_p99_ms,
            "optimized_p99_ms": part.optimized_p99_ms,
        }
        for place, part in parts.items()
        if part is not None
    }


def report(result: dict[str, Any]) -> str:
    """Format both tables and the versions."""
    ran = f"sparse runtime: {result['sparse']}, ONNX Runtime {result['onnxruntime']}"
    return "\n\n".join([table(result["rows"]), table_of_zeros(result["zeros"]), ran])


def table_of_zeros(rows: Sequence[dict[str, Any]]) -> str:
    """Format one line for each runtime and sparsity."""
    lines = ["times faster than the untouched model in ONNX Runtime, in turn"]
    for row in rows:
        speeds = "".join(f"{speed(row[place]):28}" for place in ("image", "batch"))
        named = f"{row['model']:6}{row['engine']:16}{100 * row['sparsity']:4.0f} %  "
        lines.append((named + speeds).rstrip())
    return "\n".join(lines)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Format one line for each row."""
    lines = [
        "times faster than the baseline, 95 % interval, and CPU milliseconds; one thread",
        f"{'model':6}{'runtime':16}{'what':22}{'MACs':>6}  {'one image':28}{'batch of 32':28}",
    ]
    for row in rows:
        speeds = "".join(f"{speed(row[place]):28}" for place in ("image", "batch"))
        named = f"{row['model']:6}{row['engine']:16}{row['what']:22}"
        lines.append(f"{named}{row['macs_ratio']:5.2f}x  {speeds}".rstrip())
    return "\n".join(lines)


def speed(part: dict[str, Any]) -> str:
    """Format the ratio, its interval and the optimized model's time."""
    low, high = part["interval"]
    return f"{part['ratio']:.2f}x ({low:.2f}-{high:.2f}) {np.round(part['optimized_ms'], 3)} ms"


if __name__ == "__main__":
    main()
