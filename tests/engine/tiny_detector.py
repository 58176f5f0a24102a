"""An experiment of the package's detector with drawn weights, on a few small scenes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from optiwidgets.engine.data.dataset import PARTS, Dataset
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models.center_detector import CenterDetector, decode
from optiwidgets.engine.models.spec import Spec
from optiwidgets.engine.tasks.detection import Detection
from optiwidgets.engine.types.boxes import ABSENT

SIDE, NAMES = 32, ("cell", "parasite")
COUNTS = {"train": 4, "calibration": 4, "exploration": 12, "sealed": 4}


def own_decode(output: Tensor) -> list[Tensor]:
    """Decode as the package does, by a function that pages do not have."""
    return decode(output)


def tiny_detector(
    decoded: Callable[[Tensor], list[Tensor]] = decode, colours: int = 1
) -> Experiment:
    """Make a detector of two classes on 12 exploration images of 32 x 32 pixels."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        net = CenterDetector(Spec(name="center", channels=colours, size=SIDE, classes=len(NAMES)))
        for layer in net.modules():
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(layer.weight)
        net.head.weight.mul_(0.5)
        net.head.bias = torch.nn.Parameter(torch.tensor([-1.0] * len(NAMES) + [1.0] * 4))
    random = np.random.default_rng(0)
    parts: dict[str, Any] = {part: _part(random, COUNTS[part], colours) for part in PARTS}
    data = Dataset(**parts, class_names=NAMES, mean=0.5, std=0.5, name="tiny")
    return Experiment(net.eval(), data, task=Detection(decode=decoded))


def _part(random: np.random.Generator, count: int, colours: int) -> tuple[Tensor, Tensor]:
    """Draw images with up to three bright squares each, and their boxes."""
    pixels = random.integers(0, 90, (count, colours, SIDE, SIDE)).astype(np.float32)
    targets = np.zeros((count, 3, 6), np.float32)
    targets[..., 4] = ABSENT
    for image in range(count):
        for place in range(random.integers(0 if image else 1, 4)):
            x, y = random.integers(0, SIDE - 12, 2)
            side = random.integers(6, 12)
            pixels[image, :, y : y + side, x : x + side] += 150
            targets[image, place] = [x, y, x + side, y + side, random.integers(2), 0]
    pixels = pixels.clip(0, 255)  # a page has bytes
    return torch.from_numpy((pixels / 255 - 0.5) / 0.5), torch.from_numpy(targets)
