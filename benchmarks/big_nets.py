"""Nets of torchvision with random weights in two builds: time to the numbers, and int8 files.

Times are CPU seconds. Each figure is measured in a fresh process, the two builds in turn. The
earlier build is a source folder, for example one made by ``git worktree add ../old 7a2873f``.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NETS = "resnet18", "mobilenet_v2", "efficientnet_b0"
DEEP = "resnet50"
CLASSES, SIZE, IMAGES = 10, 64, 200
DEEP_SIZE, DEEP_IMAGES, PARTS = 224, 16, (4, 8)
DRAGS = 0.41, 0.47, 0.53
HERE = Path(__file__).resolve()


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--against", type=Path, help="folder of the earlier build")
    parser.add_argument("--rounds", type=int, default=2, help="of both builds in turn: 2")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--only", choices=("times", "int8"), help="one of the two tables")
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)  # used by the fresh process
    options = parser.parse_args()
    if options.part:
        kind, net = options.part
        print(json.dumps(KINDS[kind](net)))
        return
    if options.against is None and options.only != "int8":
        parser.error("--against is the folder of an earlier build, to compare with")
    builds = {"new": HERE.parents[1], "old": options.against}
    rows: list[dict[str, Any]] = []
    if options.only != "int8":
        rows = [compare(builds, "times", net, options.rounds) for net in NETS]
        rows.append(compare(builds, "deep", DEEP, options.rounds))
    files = [] if options.only == "times" else [run(builds["new"], "int8", n) for n in NETS]
    result = {"times": rows, "int8": files, "cpus": os.cpu_count()}
    print(json.dumps(result, indent=2) if options.json else table(rows, files))


def compare(builds: dict[str, Path], kind: str, net: str, rounds: int) -> dict[str, Any]:
    """Measure one net in both builds, in turn; return medians, and old ÷ new."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in builds}
    for _ in range(rounds):
        for name, build in builds.items():
            found[name].append(run(build, kind, net))
    row: dict[str, Any] = {"net": net}
    for figure in found["new"][0]:
        if figure.endswith("_s"):
            old, new = (statistics.median(r[figure] for r in found[b]) for b in ("old", "new"))
            row[figure] = {"old": old, "new": new, "ratio": old / new}
    return row


def run(build: Path, kind: str, net: str) -> dict[str, Any]:
    """Measure one net in a fresh process of a build."""
    env = {**os.environ, "PYTHONPATH": str(build), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE), "--part", kind, net]
    done = subprocess.run(command, env=env, cwd=build, check=True, stdout=subprocess.PIPE)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{kind} {net}: {result}", file=sys.stderr, flush=True)
    return result


def seconds(work: Callable[[], object]) -> float:
    """Measure the CPU seconds of this process for some work."""
    began = time.process_time()
    work()
    return time.process_time() - began


def measure_times(name: str) -> dict[str, float]:
    """Measure the time to the first report, to update all images, and to update while dragging."""
    import optiwidgets as ow

    net, data = model(name), images(IMAGES, SIZE)
    made: list[Any] = []

    def first() -> None:
        made.append(ow.Experiment(net, data))
        made[0].run(ow.Recipe())

    first_s = seconds(first)
    experiment = made[0]
    experiment.run(ow.Recipe(0.3))
    whole_s = statistics.median(seconds(lambda s=s: experiment.run(ow.Recipe(s))) for s in DRAGS)
    return {"first_s": first_s, "whole_s": whole_s, "drag_s": drag(experiment)}


def drag(experiment: Any) -> float:
    """Measure CPU seconds of an update while dragging; the work after dragging is cancelled."""
    import optiwidgets as ow

    try:
        from optiwidgets.session.session import Session
    except ImportError:  # a build without that package
        from optiwidgets.session import Session  # type: ignore[attr-defined, no-redef]
    session = Session(experiment)
    for idle in ("on_idle", "idle"):
        getattr(session, idle, []).clear()
    hurried = "dragging" if "dragging" in inspect.signature(session.ask).parameters else "hurried"

    def move(sparsity: float) -> None:
        session.ask(ow.Recipe(sparsity, bits=8), **{hurried: True})
        session.cancel()

    for sparsity in (0.1, 0.15, 0.2):  # until the speed is known
        move(sparsity)
    return statistics.median(seconds(lambda s=s: move(s)) for s in DRAGS)


def measure_deep(name: str) -> dict[str, float]:
    """Measure the first part of the images, and the share of time independent of its size."""
    import optiwidgets as ow

    experiment = ow.Experiment(model(name), images(DEEP_IMAGES, DEEP_SIZE))
    estimates = "estimate_size" in inspect.signature(experiment.run).parameters
    more = {"estimate_size": True} if estimates else {}

    def part(count: int, sparsity: float) -> float:
        return seconds(lambda: experiment.run(ow.Recipe(sparsity), first=count, **more))

    few, more_images = (
        statistics.median([part(count, s) for s in (0.1, *DRAGS)][1:]) for count in PARTS
    )
    return {"part_s": few, "fixed_s": max(2 * few - more_images, 0.0)}


def measure_int8(name: str) -> dict[str, Any]:
    """Measure the bytes of both files, and the speed of int8 against float with its interval."""
    import optiwidgets as ow

    experiment = ow.Experiment(model(name), images(IMAGES, SIZE))
    with tempfile.TemporaryDirectory() as folder:
        sizes = []
        for recipe in (ow.Recipe(), ow.Recipe(bits=8, activation_bits=8, granularity="channel")):
            report = experiment.run(recipe)
            path = Path(folder, f"{recipe.bits}.onnx")
            report.export(path)
            sizes.append(path.stat().st_size)
    timed = experiment.measure(report).latency
    assert timed is not None
    return {
        "net": name,
        "real": report.simulated is not None,
        "file_ratio": sizes[0] / sizes[1],
        "speed": [timed.ratio, timed.low, timed.high],
    }


KINDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "times": measure_times,
    "deep": measure_deep,
    "int8": measure_int8,
}


def model(name: str) -> Any:
    """Build a net of torchvision with seeded weights."""
    import torch
    import torchvision

    torch.manual_seed(0)
    return torchvision.models.get_model(name, num_classes=CLASSES).eval()


def images(count: int, size: int) -> Any:
    """Make noise images of the given shape."""
    import torch

    import optiwidgets as ow

    draw = torch.Generator().manual_seed(0)
    counts = {"train": 20, "calibration": 20, "exploration": count, "sealed": 20}
    parts = {
        part: (torch.rand(n, 3, size, size, generator=draw), torch.arange(n) % CLASSES)
        for part, n in counts.items()
    }
    return ow.Dataset(**parts, class_names=[f"class {i}" for i in range(CLASSES)])


NAMES = {
    "first_s": "first number",
    "drag_s": "update while dragging",
    "whole_s": "update, all images",
    "part_s": "first part, 4 images",
    "fixed_s": "of it without images",
}


def table(rows: list[dict[str, Any]], files: list[dict[str, Any]]) -> str:
    """Format one line for each figure and each int8 file; mark slower ones."""
    lines = []
    if rows:
        lines.append(f"{'CPU seconds':16} {'':22} {'old':>7} {'new':>7} {'ratio':>6}")
    for row in rows:
        lines += [
            f"{row['net']:16} {name:22} {row[key]['old']:7.2f} {row[key]['new']:7.2f} "
            f"{row[key]['ratio']:6.1f}"
            for key, name in NAMES.items()
            if key in row
        ]
    if files:
        lines.append(f"{'int8 ÷ float':16} {'file':>8} {'speed':>7}   95 % interval")
    for found in files:
        ratio, low, high = found["speed"]
        note = "" if found["real"] else "  simulated in torch"
        note += "  SLOWER than float" if high < 1 else "  no proven gain" if low <= 1 else ""
        sizes = f"{found['file_ratio']:8.2f} {ratio:7.2f}   {low:.2f} to {high:.2f}"
        lines.append(f"{found['net']:16} {sizes}{note}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
