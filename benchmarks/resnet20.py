"""ResNet-20 with its published weights on CIFAR-10: sparsities, and removal of channels.

    python benchmarks/resnet20.py DATA_FOLDER

DATA_FOLDER holds resnet20/resnet20-12fca82f.th (github.com/akamaster/pytorch_resnet_cifar10) and
cifar10-2000.npz: 500 training images for calibration, and 1,500 test images for exploration.
"""

from __future__ import annotations

import argparse
import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

import optiwidgets as ow
from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.models.preparation import prepare
from optiwidgets.engine.pruning.pruner import Pruner

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SPARSITIES = 0.3, 0.5, 0.6, 0.7, 0.8
PARTS = "images", "labels"


class Block(nn.Module):
    """Two convolutions and a shortcut; if the width doubles, the shortcut is sliced and padded."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.padded = outputs // 4 if stride > 1 else 0

    def forward(self, x: Tensor) -> Tensor:
        """Run the block."""
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.padded:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.padded, self.padded))
        return F.relu(y + x)


class ResNet20(nn.Module):
    """Three stages of three blocks: 0.27 M weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(Block(16, 16, 1) for _ in range(3)))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Run the net."""
        x = F.relu(self.bn1(self.conv1(x)))
        return self.linear(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


def load(folder: Path) -> tuple[nn.Module, Dataset]:
    """Load the net with its weights, and the images."""
    file = torch.load(folder / "resnet20/resnet20-12fca82f.th", "cpu", weights_only=True)
    net = ResNet20()
    net.load_state_dict({k.removeprefix("module."): v for k, v in file["state_dict"].items()})
    arrays = np.load(folder / "cifar10-2000.npz")
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))

    def part(kind: str) -> tuple[Tensor, Tensor]:
        pixels, labels = (torch.from_numpy(arrays[f"{kind}_{what}"]) for what in PARTS)
        return (pixels.permute(0, 3, 1, 2) / 255 - mean) / std, labels

    seen, names = part("train"), tuple(map(str, arrays["class_names"]))
    parts = {"train": seen, "calibration": seen, "exploration": part("test"), "sealed": seen}
    return net.eval(), Dataset(**parts, class_names=names, mean=MEAN, std=STD)


def zeroed(net: nn.Module, data: Dataset, recipe: ow.Recipe) -> nn.Module:
    """Copy the original net, with the channels to remove zeroed after BatchNorms and sums."""
    prepared = prepare(net, data.calibration[0])
    _, cuts = Pruner(prepared.net, data, prepared.trained).prune(recipe)
    silent = copy.deepcopy(net)
    for name, cut in cuts.items():
        block, _, layer = name.rpartition(".")
        if cut.outputs is not None:
            place = block if layer == "conv2" else f"{block}.bn1".strip(".")
            count = len(net.get_parameter(f"{name}.weight"))
            stay = torch.zeros(count).index_fill(0, cut.outputs, 1).view(-1, 1, 1)
            silent.get_submodule(place).register_forward_hook(lambda m, i, y, stay=stay: y * stay)
    return silent


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DATA_FOLDER")
    net, data = load(parser.parse_args().folder)
    warnings.simplefilter("ignore")
    exp = ow.Experiment(net, data)
    base = exp.run(ow.Recipe())
    images, labels = data.exploration
    print(f"{100 * base.confusion.accuracy:.1f} % of {len(labels):,} pictures right untouched\n")

    def lost(**fields: Any) -> str:
        accuracy = exp.run(ow.Recipe(**fields)).confusion.accuracy
        return f"{100 * (base.confusion.accuracy - accuracy):8.1f}"

    print(f"{'points lost at':30}" + "".join(f"{100 * s:6.0f} %" for s in SPARSITIES))
    for pruning in ("global", "layer"):
        for score in ("magnitude", "magnitude-folded"):
            row = [lost(sparsity=s, pruning=pruning, score=score) for s in SPARSITIES]
            print(f"{pruning + ', ' + score:30}" + "".join(row))
    print("\nLAMP at 50 %")
    for recovery in ("none", "sequential"):
        print(f"{recovery:30}" + lost(sparsity=0.5, score="lamp", recovery=recovery))
    print("\n30 % of channels")
    for recovery in ("none", "refit", "sequential"):
        print(f"{recovery:30}" + lost(sparsity=0.3, pruning="channel", recovery=recovery))
    with torch.inference_mode():
        scores = zeroed(net, data, ow.Recipe(sparsity=0.3, pruning="channel"))(images)
    right = (scores.argmax(1) == labels).float().mean().item()
    print(f"{'the same channels zeroed':30}{100 * (base.confusion.accuracy - right):8.1f}")


if __name__ == "__main__":
    main()
