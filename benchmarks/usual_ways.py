"""The inner loop as in tutorials: the reference that inner_loop.py compares with."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import classification_report, confusion_matrix
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

Counts = NDArray[np.int64]
Moments = Sequence[float]


class Pictures(Dataset[tuple[Tensor, int]]):
    """Images like torchvision's MNIST: PIL image, ToTensor, Normalize."""

    def __init__(self, images: Tensor, labels: Tensor, mean: Moments, std: Moments) -> None:
        pixels = images * torch.tensor(std).view(-1, 1, 1) + torch.tensor(mean).view(-1, 1, 1)
        self.data = (pixels * 255).round().to(torch.uint8)[:, 0]
        self.targets = labels
        self.transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize(tuple(mean), tuple(std))]
        )

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.data[index].numpy())
        return self.transform(picture), int(self.targets[index])


def optimize(model: nn.Module, sparsity: float, bits: int) -> nn.Module:
    """Prune globally by magnitude, then quantize symmetrically, one scale a tensor."""
    optimized = copy.deepcopy(model)
    layers = [m for m in optimized.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    parameters = [(layer, "weight") for layer in layers]
    total = sum(layer.weight.numel() for layer in layers)
    amount = int(sparsity * total + 0.5)  # halves up; given a share, torch rounds to even
    prune.global_unstructured(parameters, pruning_method=prune.L1Unstructured, amount=amount)
    for layer in layers:
        prune.remove(layer, "weight")
        layer.weight.data = fake_quantize(layer.weight.data, bits)
    return optimized


def fake_quantize(weight: Tensor, bits: int) -> Tensor:
    """Round to the nearest of 2^bits - 1 evenly spaced values."""
    top = 2 ** (bits - 1) - 1
    scale = weight.abs().max() / top
    return (weight / scale).round().clamp(-top, top) * scale


def evaluate(model: nn.Module, dataset: Dataset[Any]) -> Counts:
    """Compute confusion matrix and scikit-learn's report, batch by batch."""
    truths, predictions = [], []
    with torch.no_grad():
        for images, labels in DataLoader(dataset, batch_size=64, num_workers=0):
            predictions.append(model(images).argmax(1))
            truths.append(labels)
    truth, predicted = torch.cat(truths).numpy(), torch.cat(predictions).numpy()
    classification_report(truth, predicted, zero_division=0.0)
    return confusion_matrix(truth, predicted)
