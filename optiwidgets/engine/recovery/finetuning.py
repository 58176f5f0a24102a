"""Recovery by training: fine-tuning, iterative pruning, quantization-aware training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from optiwidgets.engine.calibration.layer_statistics import Layer
from optiwidgets.engine.data.validation import Part
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.models.layers import class_logits, prunable
from optiwidgets.texts import text

EPOCHS, LONG_EPOCHS = 5, 20
SPARSE = 0.95  # sparsity from which training takes ``LONG_EPOCHS``
SMOOTHING = 0.05  # of labels
STEPS = ((0.578, 2), (0.875, 2), (0.984, 2), (1.0, 5))  # share of the sparsity, epochs after it
BATCH = 64
PEAK_RATE = 4e-3

smooth_cross_entropy = partial(F.cross_entropy, label_smoothing=SMOOTHING)


@dataclass(frozen=True)
class Phase:
    """Phase of a training: ``epochs`` of ``total`` epochs, after the first ``before``."""

    on_progress: ProgressCallback = lambda _: None
    epochs: int = EPOCHS
    before: int = 0
    total: int = EPOCHS
    started: float = field(default_factory=time.monotonic)

    def report_progress(self, share: float, loss: float) -> None:
        """Report progress: a share (0..1) of this phase is done."""
        done = (self.before + share * self.epochs) / self.total
        epoch = math.ceil(done * self.total - 1e-9)
        left_s = (time.monotonic() - self.started) * (1 - done) / done
        self.on_progress(
            Progress(
                done,
                text("epoch {n} of {all}, loss {loss:.2f}", n=epoch, all=self.total, loss=loss),
                left_s,
            )
        )


def single_phase(on_progress: ProgressCallback, sparsity: float) -> Phase:
    """Make the single phase of fine-tuning: 5 epochs, or 20 at a sparsity of 95 % or more.

    ``sparsity`` is the larger of those of channels and weights.

    Examples
    --------
    >>> single_phase(print, 0.9).epochs, single_phase(print, 0.98).epochs
    (5, 20)
    """
    epochs = LONG_EPOCHS if sparsity >= SPARSE else EPOCHS
    return Phase(on_progress, epochs, total=epochs)


def phases(on_progress: ProgressCallback) -> list[tuple[float, Phase]]:
    """Make the phases of iterative pruning: shares of the sparsity, each with its training phase.

    The shares are 1 - (1 - t)^3 at t = 1/4, 1/2, 3/4 and 1: large steps first, small ones last.

    Source: M. Zhu, S. Gupta, "To prune, or not to prune", ICLR 2018 workshop, equation 1.

    Examples
    --------
    >>> [(share, phase.epochs) for share, phase in phases(print)]
    [(0.578, 2), (0.875, 2), (0.984, 2), (1.0, 5)]
    """
    total, started, before, schedule = sum(n for _, n in STEPS), time.monotonic(), 0, []
    for share, epochs in STEPS:
        schedule.append((share, Phase(on_progress, epochs, before, total, started)))
        before += epochs
    return schedule


def finetune(
    net: nn.Module,
    masks: Mapping[str, Tensor],
    train: Part,
    loss_of: Callable[[Tensor, Tensor], Tensor] = smooth_cross_entropy,
    *,
    seed: int = 0,
    phase: Phase | None = None,
    fake_quantize: Callable[[str, Layer], None] | None = None,
) -> None:
    """Fine-tune a pruned network in place; pruned weights stay 0.

    With ``fake_quantize``, loss and gradients are computed with the rounded weights, and the
    gradients are applied to the exact weights (straight-through estimator).

    Parameters
    ----------
    net
        Pruned model, changed in place.
    masks
        Mask of each prunable layer, in the weight's shape, True where a weight is kept.
    train
        Training images and targets; no other images are used.
    loss_of
        Function (output, targets) -> mean loss of a batch.
    seed
        Seed of the order of the images.
    phase
        Number of epochs, and the progress callback, called after every batch; an exception that it
        raises (``Cancelled``, for example) stops the training.
    fake_quantize
        Function that rounds a layer's weights in place.

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
        exact = _fake_quantize(layers, fake_quantize) if fake_quantize else {}
        scores = class_logits(net, images[chosen])
        loss = loss_of(scores, labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        _set_weights(layers, exact)
        optimizer.step()
        cycle.step()
        _set_weights(layers, {n: torch.where(masks[n], layers[n].weight, 0.0) for n in layers})
        phase.report_progress((step + 1) / steps, loss.item())
    for parameter in parameters:
        parameter.requires_grad_(False)


def _fake_quantize(
    layers: Mapping[str, Layer], fake_quantize: Callable[[str, Layer], None]
) -> dict[str, Tensor]:
    """Round all weights in place; return the exact weights."""
    with torch.no_grad():
        exact = {name: layer.weight.detach().clone() for name, layer in layers.items()}
        for name, layer in layers.items():
            fake_quantize(name, layer)
    return exact


def _set_weights(layers: Mapping[str, Layer], weights: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, weight in weights.items():
            layers[name].weight.copy_(weight)
