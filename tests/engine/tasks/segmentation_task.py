"""A task that the package does not know: segmentation, judged by the mean IoU of its classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import nn

from optiwidgets import Dataset, Experiment
from optiwidgets.engine.types.measurements import Confusion, Counted, Drop

MEAN, STD = 0.4, 0.25
SIDE, CLASSES, RESAMPLES = 16, ("ground", "square"), 400
PIXELS = Counted("pixels", ("{n:,} pixel", "{n:,} pixels"), flipped="pixels")


@dataclass(frozen=True, eq=False)
class Masks:
    """Numbers of a run: ``counts`` (N, K, K) are pixels by image, truth and prediction."""

    targets: np.ndarray
    masks: np.ndarray
    class_names: tuple[str, ...]
    not_finite: int = 0

    is_compared = is_counted = True
    task, metric, names = "segmentation", "mean_iou", ("Mean IoU", "mean IoU")
    counted = PIXELS

    @property
    def count(self):
        return len(self.masks)

    @cached_property
    def counts(self):
        k = len(self.class_names)
        cells = k * self.targets.reshape(self.count, -1) + self.masks.reshape(self.count, -1)
        cells += k * k * np.arange(self.count)[:, None]
        return np.bincount(cells.ravel(), minlength=self.count * k * k).reshape(-1, k, k)

    @cached_property
    def confusion(self):
        return Confusion(self.counts.sum(0), self.class_names, PIXELS)

    @property
    def recall(self):
        return self.confusion.recall

    @cached_property
    def mean_iou(self):
        return float(mean_iou(self.confusion.counts))

    @cached_property
    def resampled(self):
        drawn = np.random.default_rng(0).integers(self.count, size=(RESAMPLES, self.count))
        return mean_iou(self.counts[drawn].sum(1))

    @property
    def interval(self):
        low, high = np.percentile(self.resampled, (2.5, 97.5)).tolist()
        return low, high

    @property
    def words(self):
        return f"mean IoU {self.mean_iou:.3f}"

    @property
    def nbytes(self):
        return self.targets.nbytes + self.masks.nbytes

    @property
    def order(self):
        return np.arange(self.count)

    def drop_from(self, base):
        right, before = (o.masks == o.targets for o in (self, base))
        losses = 100 * (base.resampled - self.resampled)
        rarer = min((losses <= 0).sum(), (losses >= 0).sum())
        return Drop(
            100 * (base.mean_iou - self.mean_iou),
            *np.percentile(losses, (2.5, 97.5)).tolist(),
            lost=int((before & ~right).sum()),
            gained=int((right & ~before).sum()),
            p=min(1.0, 2 * (1 + int(rarer)) / (1 + len(losses))),
        )

    def is_beside(self, other):
        return np.array_equal(self.targets, other.targets)

    def first(self, order):
        return replace(self, targets=self.targets[order], masks=self.masks[order])

    def flip_rate(self, other):
        return float((self.masks != other.masks).mean())

    def without_scores(self):
        return self


def mean_iou(counts):
    """Compute the mean over classes of intersection / union, for counts (..., K, K)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return (hits / (counts.sum(-1) + counts.sum(-2) - hits)).mean(-1)


@dataclass(frozen=True)
class Segmentation:
    """Task of a network N C H W -> (N, K, H, W), with targets int64 (N, H, W)."""

    name = "segmentation"
    of_classes = False

    @property
    def impossible(self):
        return {"budget": "no budget for masks", "grid": "no grid for masks"}

    def check_targets(self, part, targets, classes):
        if targets.dim() != 3:
            raise ValueError(f"{part} has no masks: {tuple(targets.shape)}")

    def check_output(self, output, images, classes):
        if output.dim() != 4 or output.shape[:2] != (images, classes):
            raise ValueError(f"the model returns {tuple(output.shape)}, no scores of pixels")

    def order(self, targets):
        return np.arange(len(targets))

    def loss(self, output, targets, *, smoothing=0.0):
        return F.cross_entropy(output, targets, label_smoothing=smoothing)

    def outcome(self, output, targets, class_names, positive=None):
        lost = int((~torch.isfinite(output.flatten(1)).all(1)).sum())
        return Masks(targets, output.argmax(1).numpy(), tuple(class_names), lost)


def squares(images: int, seed: int):
    """Draw noisy images (N, 1, H, W) of one bright square each, and their masks."""
    random = np.random.default_rng(seed)
    masks = np.zeros((images, SIDE, SIDE), np.int64)
    for mask in masks:
        (top, left), side = random.integers(0, SIDE // 2, 2), random.integers(3, SIDE // 2)
        mask[top : top + side, left : left + side] = 1
    pixels = (0.3 + 0.4 * masks + random.normal(0, 0.2, masks.shape)).clip(0, 1)
    images = ((pixels - MEAN) / STD).astype(np.float32)[:, None]
    return torch.from_numpy(images), torch.from_numpy(masks)


def squares_dataset() -> Dataset:
    """Make a dataset of squares."""
    counts = {"train": 1024, "calibration": 48, "exploration": 64, "sealed": 32}
    parts = {name: squares(n, seed) for seed, (name, n) in enumerate(counts.items())}
    return Dataset(**parts, class_names=CLASSES, mean=MEAN, std=STD, name="squares")


class Segmenter(nn.Module):
    """A few convolutions, one of them at half the size."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.down = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.wide = nn.Conv2d(width, width, 3, padding=1)
        self.head = nn.Conv2d(width, len(CLASSES), 1)

    def forward(self, x):
        x = torch.relu(self.norm(self.stem(x)))
        x = torch.relu(self.wide(torch.relu(self.down(x))))
        return self.head(F.interpolate(x, scale_factor=2.0, mode="nearest"))


def trained_segmenter(data: Dataset, steps: int = 60) -> Segmenter:
    """Train a segmenter, in about a second."""
    torch.manual_seed(0)
    net, (images, masks) = Segmenter(), data.train
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for step in range(steps):
        part = slice(64 * (step % 4), 64 * (step % 4 + 1))
        loss = F.cross_entropy(net(images[part]), masks[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()


def segmentation_experiment() -> Experiment:
    """Open a trained segmenter on squares."""
    data = squares_dataset()
    return Experiment(trained_segmenter(data), data, task=Segmentation())
