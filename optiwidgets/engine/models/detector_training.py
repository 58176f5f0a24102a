"""Training of a detector: fresh images where they are drawn from seeds, AdamW, averaged weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any

import torch
from torch import Tensor, nn

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.data.loaders import count_training_images, draw_training_part
from optiwidgets.engine.execution.progress import ProgressCallback
from optiwidgets.engine.models.center_detector import CENTER, CenterDetector, loss
from optiwidgets.engine.models.spec import Spec
from optiwidgets.engine.models.trained_files import is_trained_file
from optiwidgets.engine.models.training_loop import check_epochs, run_epochs
from optiwidgets.engine.models.zoo import build_trainable, load_model

BATCH = 32
PEAK_RATE, GOING_ON = 6e-3, 0.25  # share of the peak rate, for a detector that was trained before
WARM_UP = 0.15  # share of the steps in which the rate rises
AVERAGED = 500  # steps that the averaged weights reach back


@dataclass(frozen=True)
class DetectorEpoch:
    """Result of one epoch: number from 1, loss on training and on calibration images."""

    number: int
    loss: float
    calibration_loss: float

    @property
    def rank(self) -> tuple[float]:
        """Sort key of epochs, best last: loss on calibration images."""
        return (-self.calibration_loss,)

    @property
    def figure(self) -> str:
        """Loss on calibration images."""
        return f"{self.calibration_loss:.3f}"

    @property
    def meaning(self) -> str:
        """The loss in words."""
        return f"loss {self.figure} on the calibration images"


def train_detector(
    dataset: Dataset,
    name: str | PathLike[str] = CENTER,
    *,
    epochs: int = 60,
    seed: int = 0,
    keep: str = "best",
    on_progress: ProgressCallback = lambda _: None,
    on_epoch: Callable[[DetectorEpoch], None] = lambda _: None,
) -> CenterDetector:
    """Train a detector on images with boxes, with a progress bar.

    Every epoch of ``load_dataset("scenes")`` is trained on new scenes of its training digits, every
    epoch of ``load_dataset("smear-fields")`` on new fields. The weights are averages over the last
    steps. Parameters, interrupts and errors are those of ``train``; the best epoch has the least
    loss on calibration images.

    Parameters
    ----------
    dataset
        Square images with boxes, whose edge is a multiple of 8 pixels.
    name
        "center", or a file written by ``optiwidgets train``, to continue training.

    Returns
    -------
    CenterDetector
        In eval mode.

    Raises
    ------
    ValueError
        An unknown name, a file that does not fit the images, images of another size.

    Examples
    --------
    >>> from optiwidgets.engine.data.loaders import load_dataset
    >>> train_detector(load_dataset("scenes"), epochs=0)
    Traceback (most recent call last):
    ...
    ValueError: epochs are 1 or more, not 0
    """
    check_epochs(epochs, keep)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net, rate = _start(name, dataset)
        fit = _Fit(net, dataset, epochs, rate, seed)
        kept = run_epochs(fit.run, fit.averaged.state_dict, epochs, keep, on_progress, on_epoch)
    net.load_state_dict(kept)
    return net.eval()


def _start(name: str | PathLike[str], dataset: Dataset) -> tuple[CenterDetector, float]:
    """Build a detector for a dataset, new or from a file; return it with its learning rate."""
    channels, height, width = dataset.shape
    if height != width:
        raise ValueError(f"the zoo's detector takes square images, not {(height, width)}")
    spec = Spec(name=CENTER, channels=channels, size=height, classes=len(dataset.class_names))
    if not is_trained_file(name):
        if name != CENTER:
            raise ValueError(
                f"model of images with boxes is {CENTER!r} or a .safetensors file, not {name!r}"
            )
        net = build_trainable(spec)
        assert isinstance(net, CenterDetector)
        return net, PEAK_RATE
    trained, _ = load_model(name)
    if not isinstance(trained, CenterDetector) or trained.spec != spec:
        raise ValueError(f"{fspath(name)} holds {trained.spec}, and these images need {spec}")
    return trained, PEAK_RATE * GOING_ON


class _Fit:
    """Steps of one training, and the averaged weights."""

    def __init__(
        self, net: CenterDetector, dataset: Dataset, epochs: int, rate: float, seed: int
    ) -> None:
        self.net, self.dataset, self.seed = net, dataset, seed
        self.averaged = copy.deepcopy(net)
        self.steps, per_epoch = 0, -(-count_training_images(dataset) // BATCH)
        self.optimizer = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
        self.cycle = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, rate, total_steps=per_epoch * epochs, pct_start=WARM_UP
        )

    def run(self, number: int) -> DetectorEpoch:
        """Train one epoch; return the losses."""
        images, targets = draw_training_part(self.dataset, [self.seed, number])
        self.net.train()
        total = 0.0
        for chosen in torch.randperm(len(images)).split(BATCH):
            found = loss(self.net(images[chosen]), targets[chosen])
            self.optimizer.zero_grad()
            found.backward()
            self.optimizer.step()
            self.cycle.step()
            self._average()
            total += found.item() * len(chosen)
        return DetectorEpoch(number, total / len(images), self._score())

    def _average(self) -> None:
        """Move the averaged weights towards the newest ones."""
        self.steps += 1
        share = max(1 / AVERAGED, 9 / (9 + self.steps))
        with torch.no_grad():
            newest = self.net.state_dict()
            for name, mean in self.averaged.state_dict().items():
                if mean.is_floating_point():
                    mean.lerp_(newest[name], share)
                else:
                    mean.copy_(newest[name])

    def _score(self) -> float:
        """Compute the loss of the averaged weights on the calibration images."""
        images, targets = self.dataset.calibration
        return compute_loss(self.averaged, images, targets)


def compute_loss(net: nn.Module, images: Tensor, targets: Tensor) -> float:
    """Compute the mean loss of a detector over images, in eval mode, batch by batch.

    Examples
    --------
    >>> net = CenterDetector(Spec(name="center", channels=1, size=32, classes=2))
    >>> boxes = torch.tensor([[[4.0, 4, 20, 28, 1, 0]]])
    >>> compute_loss(net, torch.zeros(1, 1, 32, 32), boxes) > 1
    True
    """
    net.eval()
    with torch.no_grad():
        losses: list[Any] = [
            loss(net(batch), true).item() * len(batch)
            for batch, true in zip(images.split(BATCH), targets.split(BATCH), strict=True)
        ]
    return float(sum(losses) / len(images))
