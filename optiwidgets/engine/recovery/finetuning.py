"""Winning accuracy back by training: labels, gradients, seconds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from optiwidgets.engine.calibration.statistics import Layer
from optiwidgets.engine.data.validation import Part
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.models.layers import prunable

EPOCHS, LONG = 5, 20  # the more is gone, the longer it takes
SPARSE = 0.95  # from here on the longer training
STEPS = ((0.578, 2), (0.875, 2), (0.984, 2), (1.0, 5))  # share of the sparsity, epochs after it
BATCH = 64
PEAK_RATE = 4e-3


@dataclass(frozen=True)
class Phase:
    """A part of a longer training: ``epochs`` of ``total``, after ``before`` others."""

    on_progress: ProgressCallback = lambda _: None
    epochs: int = EPOCHS
    before: int = 0
    total: int = EPOCHS
    started: float = field(default_factory=time.monotonic)

    def told(self, share: float, loss: float) -> None:
        """Say that a share (0..1) of this lap is done."""
        done = (self.before + share * self.epochs) / self.total
        epoch = math.ceil(done * self.total - 1e-9)
        left_s = (time.monotonic() - self.started) * (1 - done) / done
        self.on_progress(Progress(done, f"epoch {epoch} of {self.total}, loss {loss:.2f}", left_s))


def single_phase(on_progress: ProgressCallback, sparsity: float) -> Phase:
    """A fine-tune as a whole: 5 epochs, or 20 where 95 % of the weights are gone or more.

    Of channels, or of weights, whichever is the larger share.

    Examples
    --------
    >>> single_phase(print, 0.9).epochs, single_phase(print, 0.98).epochs
    (5, 20)
    """
    epochs = LONG if sparsity >= SPARSE else EPOCHS
    return Phase(on_progress, epochs, total=epochs)


def phases(on_progress: ProgressCallback) -> list[tuple[float, Phase]]:
    """What iterative pruning goes through: shares of the sparsity, and the training after each.

    The shares are 1 - (1 - t)^3 at t = 1/4, 1/2, 3/4 and 1: much at first, little at the end.

    Source: M. Zhu, S. Gupta, "To prune, or not to prune", ICLR 2018 workshop, equation 1.

    Examples
    --------
    >>> [(share, phase.epochs) for share, phase in phases(print)]
    [(0.578, 2), (0.875, 2), (0.984, 2), (1.0, 5)]
    """
    total, started, before, all_phases = sum(n for _, n in STEPS), time.monotonic(), 0, []
    for share, epochs in STEPS:
        all_phases.append((share, Phase(on_progress, epochs, before, total, started)))
        before += epochs
    return all_phases


def finetune(
    net: nn.Module,
    masks: Mapping[str, Tensor],
    train: Part,
    *,
    seed: int = 0,
    phase: Phase | None = None,
    fake_quantize: Callable[[str, Layer], None] | None = None,
) -> None:
    """Train a pruned network a little longer, in place, weights that were pruned staying 0.

    With ``fake_quantize`` training sees the rounded network: loss and gradients are those of the
    rounded weights, and the gradients move the exact ones ("straight through" the rounding).

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
    phase
        How many epochs, and who is told the progress after every batch; what the listener raises
        (``Cancelled``, say) ends the training.
    fake_quantize
        Rounds a layer's weights in place.

    Notes
    -----
    Sources: S. Han et al., NeurIPS 2015, section 3: prune, then retrain the connections left;
    Y. Bengio et al., "Estimating or propagating gradients through stochastic neurons",
    arXiv:1308.3432, section 4 (straight through); B. Jacob et al., CVPR 2018, section 3.
    """
    images, labels = train
    phase, layers = phase or Phase(), prunable(net)
    shuffle = torch.Generator().manual_seed(seed)
    parameters = [p.requires_grad_() for p in net.parameters()]
    optimizer = torch.optim.AdamW(parameters, weight_decay=0.0)
    batches = -(-len(images) // BATCH)
    steps = phase.epochs * batches
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    for step in range(steps):
        if step % batches == 0:
            order = torch.randperm(len(images), generator=shuffle).split(BATCH)
        chosen = order[step % batches]
        exact = _snapped(layers, fake_quantize) if fake_quantize else {}
        loss = F.cross_entropy(net(images[chosen]), labels[chosen], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        _put(layers, exact)
        optimizer.step()
        cycle.step()
        _put(layers, {n: torch.where(masks[n], layers[n].weight, 0.0) for n in layers})
        phase.told((step + 1) / steps, loss.item())
    for parameter in parameters:
        parameter.requires_grad_(False)


def _snapped(
    layers: Mapping[str, Layer], fake_quantize: Callable[[str, Layer], None]
) -> dict[str, Tensor]:
    """Round all weights in place, and return what they were."""
    with torch.no_grad():
        exact = {name: layer.weight.detach().clone() for name, layer in layers.items()}
        for name, layer in layers.items():
            fake_quantize(name, layer)
    return exact


def _put(layers: Mapping[str, Layer], weights: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, weight in weights.items():
            layers[name].weight.copy_(weight)
