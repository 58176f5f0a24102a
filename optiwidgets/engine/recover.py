"""Winning accuracy back after pruning."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from optiwidgets.engine.data import Part
from optiwidgets.engine.network import prunable

EPOCHS = 5
BATCH = 64
PEAK_RATE = 4e-3


class Cancelled(Exception):  # noqa: N818 (somebody's wish, no error)
    """Somebody asked long work to stop; nothing was changed."""


@dataclass(frozen=True)
class Progress:
    """How far long work has come: ``done`` 0..1, the epoch of how many, loss, seconds left."""

    done: float
    epoch: int
    epochs: int
    loss: float
    left_s: float


Listener = Callable[[Progress], None]
AT_START = Progress(0.0, 1, EPOCHS, float("nan"), float("nan"))  # nothing is known yet


def finetune(
    net: nn.Module,
    masks: Sequence[Tensor],
    train: Part,
    *,
    seed: int = 0,
    epochs: int = EPOCHS,
    tell: Listener = lambda _: None,
) -> None:
    """Train a pruned network a little longer, in place, weights that were pruned staying 0.

    Parameters
    ----------
    net
        The pruned model; a copy that may be changed.
    masks
        One a prunable layer, in its weight's shape, True where a weight stays.
    train
        Training images and labels; no others are looked at.
    seed
        Seeds the order of the images.
    epochs
        Passes over the images.
    tell
        Told the progress after every batch; what it raises (``Cancelled``, say) ends the training.

    Notes
    -----
    Source: S. Han et al., NeurIPS 2015, section 3: prune, then retrain the connections left.
    """
    images, labels = train
    layers = list(prunable(net).values())
    shuffle = torch.Generator().manual_seed(seed)
    parameters = [p.requires_grad_() for p in net.parameters()]
    optimizer = torch.optim.AdamW(parameters, weight_decay=0.0)
    batches = -(-len(images) // BATCH)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=epochs * batches)
    started = time.monotonic()
    for step in range(epochs * batches):
        if step % batches == 0:
            order = torch.randperm(len(images), generator=shuffle).split(BATCH)
        chosen = order[step % batches]
        loss = _step(net, optimizer, images[chosen], labels[chosen])
        cycle.step()
        _mask(layers, masks)
        tell(_progress(step + 1, batches, epochs, loss, time.monotonic() - started))
    for parameter in parameters:
        parameter.requires_grad_(False)


def _step(
    net: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor
) -> float:
    loss = F.cross_entropy(net(images), labels, label_smoothing=0.05)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def _mask(layers: Sequence[nn.Conv2d | nn.Linear], masks: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for layer, mask in zip(layers, masks, strict=True):
            layer.weight.copy_(torch.where(mask, layer.weight, 0.0))


def _progress(step: int, batches: int, epochs: int, loss: float, spent_s: float) -> Progress:
    done = step / (epochs * batches)
    return Progress(done, -(-step // batches), epochs, loss, spent_s * (1 - done) / done)
