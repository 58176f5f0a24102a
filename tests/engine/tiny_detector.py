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
    """Make a detector of two classes on 12 exploration images of 32 x 32 pixels.

    It finds bright squares, with a few right boxes and a few wrong ones.
    """
    net = CenterDetector(Spec(name="center", channels=colours, size=SIDE, classes=len(NAMES)))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        layers = [each for each in net.features if isinstance(each, torch.nn.Conv2d)]
        for layer in layers:
            weights = torch.rand_like(layer.weight) ** 4
            if layer.stride == (1, 1):  # a blurred square has no peak of its own
                weights *= torch.tensor([[0, 0, 0], [0, 1, 0], [0, 0, 0.0]])
            layer.weight.copy_(weights / weights.sum((1, 2, 3), keepdim=True))
        head = torch.rand_like(net.head.weight) / net.head.weight.shape[1]
        head *= torch.tensor([16.0] * len(NAMES) + [0.1] * 4)[:, None, None, None]
        net.head.weight.copy_(head)
        # a cell sees the pixels about its upper left corner
        biases = [-4.0] * len(NAMES) + [0.5, 0.5, 0.0, 0.0]
        net.head.bias = torch.nn.Parameter(torch.tensor(biases))
    random = np.random.default_rng(0)
    parts: dict[str, Any] = {part: _part(random, COUNTS[part], colours) for part in PARTS}
    data = Dataset(**parts, class_names=NAMES, name="tiny", mean=0.5, std=0.5)
    return Experiment(net.eval(), data, task=Detection(decode=decoded))


def _part(random: np.random.Generator, count: int, colours: int) -> tuple[Tensor, Tensor]:
    """Draw images with up to three bright squares each, and their boxes."""
    pixels = random.integers(0, 90, (count, colours, SIDE, SIDE)).astype(np.float32)
    targets = np.zeros((count, 3, 6), np.float32)
    targets[..., 4] = ABSENT
    for image in range(count):
        for place in range(random.integers(0 if image else 1, 4)):
            x, y = 8 * random.integers(0, 3, 2) + random.integers(2, 5, 2)
            side = random.integers(7, 12)
            pixels[image, :, y : y + side, x : x + side] = random.integers(150, 255)
            targets[image, place] = [x, y, x + side, y + side, random.integers(2), 0]
    return torch.from_numpy((pixels / 255 - 0.5) / 0.5), torch.from_numpy(targets)
