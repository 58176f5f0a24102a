"""Memory and time of loading a folder of pictures: `python benchmarks/loading.py [--json F]`.

The benchmark writes 2,000 JPEG pictures of about 300 x 260 pixels into a temporary folder (or reads
a given folder), loads them at 224 px in a separate process, and prints, without the memory of
imports:

- the peak of the resident memory during loading (limit: 0.5 GB);
- the resident memory with the exploration images returned as float32, also as a multiple of these
  floats (limit: 1.3), then the same with the training images.

Linux only: it reads /proc/self/status.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

PICTURES, CLASSES = 2000, 4


def write_pictures(folder: Path, count: int) -> None:
    """Write smooth noise, which compresses like photographs."""
    random = np.random.default_rng(0)
    for index in range(count):
        home = folder / f"class {index % CLASSES}"
        home.mkdir(exist_ok=True)
        coarse = random.integers(0, 256, (26, 30, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((300, 260), Image.Resampling.BICUBIC)
        picture.save(home / f"{index}.jpg", quality=90)


def resident(key: str = "VmRSS") -> float:
    """Return resident memory now, or its peak (VmHWM), in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) / 1024


def measure(folder: str, size: int) -> dict[str, float]:
    """Load a folder in this process and measure memory and time."""
    import torch
    import torchvision  # noqa: F401 (exclude imports from the measurement)

    import optiwidgets as ow

    ow.load_dataset, ow.Experiment  # noqa: B018 (imported on first use)
    torch.zeros(1) + 1
    imports, began = resident(), time.perf_counter()
    data = ow.load_dataset(folder, size=size)
    found = {
        "pictures": float(
            sum(len(data.labels(p)) for p in ("train", "calibration", "exploration", "sealed"))
        ),
        "seconds": time.perf_counter() - began,
        "peak MB above imports": resident("VmHWM") - imports,
        "MB after loading": resident() - imports,
    }
    for part in ("exploration", "train"):
        images = getattr(data, part)[0]
        floats = images.numel() * 4 / 2**20
        found[f"{part}: float32 MB"] = floats
        found[f"{part}: MB in use"] = resident() - imports
        found[f"{part}: times its float32"] = (resident() - imports) / floats
        del images
    return found


def main() -> None:
    """Write the pictures, measure in another process, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help="pictures of your own, a folder for each class")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        print(json.dumps(measure(arguments.folder, arguments.size)))
        return
    with tempfile.TemporaryDirectory() as made:
        if arguments.folder is None:
            write_pictures(Path(made), PICTURES)
        folder = arguments.folder or made
        command = [sys.executable, __file__, folder, "--size", str(arguments.size), "--inside"]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    found = json.loads(output.splitlines()[-1])
    for name, value in found.items():
        print(f"{name:28} {value:10,.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
