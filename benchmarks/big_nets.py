"""Nets of torchvision with random weights: time to the first number, and bytes of int8 files.

Compare two versions by running this file with each, in turn, on one machine.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import onnxruntime
import torch
import torchvision
from options import read_options

import optiwidgets as ow

NETS = "resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0"
RECIPES = {
    "float": ow.Recipe(),
    "int8": ow.Recipe(bits=8, activation_bits=8, granularity="channel"),
}
CLASSES, SIZE = 10, 64


def main() -> None:
    """Print the table, or JSON."""
    arguments = read_options(__doc__, "nets", default=4, least=1, meaning="how many of the nets")
    rows = [measure(name) for name in NETS[: int(arguments.nets)]]
    versions = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__}
    result = {"rows": rows, "pixels": SIZE, **versions, "cpus": os.cpu_count()}
    print(json.dumps(result, indent=2) if arguments.json else table(rows))


def measure(name: str) -> dict[str, Any]:
    """Measure one net: seconds to the first report and to another, bytes of both files."""
    torch.manual_seed(0)
    net = torchvision.models.get_model(name, num_classes=CLASSES).eval()
    start = time.perf_counter()
    experiment = ow.Experiment(net, images())
    experiment.run(ow.Recipe())
    first = time.perf_counter() - start
    experiment.run(ow.Recipe(0.5))
    again = time.perf_counter() - start - first
    sizes = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, recipe in RECIPES.items():
            path = Path(folder, f"{kind}.onnx")
            experiment.run(recipe).export(path)
            sizes[f"{kind}_bytes"] = path.stat().st_size
    ratio = sizes["float_bytes"] / sizes["int8_bytes"]
    return {"net": name, "first_s": first, "update_s": again, **sizes, "file_ratio": ratio}


def images() -> ow.Dataset:
    """Make noise of the right shape."""
    draw = torch.Generator().manual_seed(0)
    counts = {"train": 20, "calibration": 20, "exploration": 40, "sealed": 20}
    parts = {
        part: (torch.randn(n, 3, SIZE, SIZE, generator=draw), torch.arange(n) % CLASSES)
        for part, n in counts.items()
    }
    return ow.Dataset(**parts, class_names=[f"class {i}" for i in range(CLASSES)])


def table(rows: list[dict[str, Any]]) -> str:
    """One line for each net."""
    lines = [f"{'':20} first number   update   float file    int8 file   ratio"]
    lines += [
        f"{row['net']:20} {row['first_s']:10.1f} s {row['update_s']:6.1f} s "
        f"{row['float_bytes']:12,} {row['int8_bytes']:12,} {row['file_ratio']:7.2f}"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
