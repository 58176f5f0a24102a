"""Training of a model: augmentation, AdamW, one learning-rate cycle, best epoch kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.data.targets import BOXES, CLASSES
from optiwidgets.engine.data.validation import Part
from optiwidgets.engine.execution.progress import ProgressCallback
from optiwidgets.engine.models.center_detector import CENTER
from optiwidgets.engine.models.detector_training import train_detector
from optiwidgets.engine.models.spec import Spec
from optiwidgets.engine.models.trained_files import is_trained_file
from optiwidgets.engine.models.training_loop import check_epochs, run_epochs
from optiwidgets.engine.models.zoo import TRAINABLE, build_trainable, load_model

BATCH = 64
PEAK_RATE = {"small": 4e-3, "wide": 4e-3, "resnet18": 2e-3}
GOING_ON = 0.25  # share of the peak rate, for a model that was trained before


@dataclass(frozen=True)
class Epoch:
    """Result of one epoch: number from 1, training loss, calibration accuracy and loss."""

    number: int
    loss: float
    accuracy: float
    calibration_loss: float

    @property
    def rank(self) -> tuple[float, float]:
        """Sort key of epochs, best last: accuracy, then loss, both on calibration images."""
        return self.accuracy, -self.calibration_loss

    @property
    def figure(self) -> str:
        """Accuracy on calibration images."""
        return f"{self.accuracy:.1%}"

    @property
    def meaning(self) -> str:
        """The accuracy in words."""
        return f"right on {self.figure} of the calibration images"


def train(
    dataset: Dataset,
    name: str | PathLike[str] | None = None,
    *,
    epochs: int = 60,
    seed: int = 0,
    keep: str = "best",
    on_progress: ProgressCallback = lambda _: None,
    on_epoch: Callable[[Any], None] = lambda _: None,
) -> Any:
    """Train a model on the training part, with a progress bar.

    An interrupt (Ctrl-C, or the notebook's stop button) after the first epoch ends the training
    early, and the best epoch so far is returned.

    Parameters
    ----------
    dataset
        Square images; the model is trained on ``dataset.train``, and the best epoch is chosen on
        ``dataset.calibration``.
    name
        "small", "wide", or "resnet18" (torchvision's, with random weights); or a file written by
        ``optiwidgets train``, to continue training, with a new head if the number of classes
        differs. For images with boxes "center", a detector of centres and boxes, or such a file.
        If None, "small" or "center".
    epochs
        Passes over the training images, 1 or more.
    seed
        Seed of weights, order and augmentation.
    keep
        "best" keeps the epoch with the highest accuracy on calibration images (then the least
        loss, then the later epoch), "last" the last epoch. Detectors are compared by their loss.
    on_progress
        Called after every epoch; an exception that it raises stops the training.
    on_epoch
        Called after every epoch with its numbers.

    Returns
    -------
    torch.nn.Module
        Model in eval mode; a ``CNN``, torchvision's resnet18, or a ``CenterDetector``.

    Raises
    ------
    ValueError
        An unknown name, a file that does not fit the images, images that are not square, targets
        that are masks.

    Examples
    --------
    >>> from optiwidgets.engine.data.loaders import load_dataset
    >>> train(load_dataset("digits"), "small", epochs=0)
    Traceback (most recent call last):
    ...
    ValueError: epochs are 1 or more, not 0
    """
    check_epochs(epochs, keep)
    if dataset.targets == BOXES:
        start = CENTER if name is None else name
        return train_detector(
            dataset,
            start,
            epochs=epochs,
            seed=seed,
            keep=keep,
            on_progress=on_progress,
            on_epoch=on_epoch,
        )
    if dataset.targets != CLASSES:
        raise ValueError(
            "training learns classes or boxes, and the targets of these images are "
            f"{dataset.targets}"
        )
    start = "small" if name is None else name
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net, rate = _start(start, dataset)
        fit = _Fit(net.train(), dataset.train, dataset.calibration, epochs, rate)
        kept = run_epochs(fit.run, net.state_dict, epochs, keep, on_progress, on_epoch)
    net.load_state_dict(kept)
    return net.eval()


def check_start(name: str | PathLike[str]) -> None:
    """Raise ValueError unless ``name`` is a trainable model or a file of weights.

    Examples
    --------
    >>> check_start("huge")
    Traceback (most recent call last):
    ...
    ValueError: model is one of 'small', 'wide', 'resnet18' or a .safetensors file, not 'huge'
    """
    if not is_trained_file(name) and name not in TRAINABLE:
        known = ", ".join(map(repr, TRAINABLE))
        raise ValueError(f"model is one of {known} or a .safetensors file, not {name!r}")


def _start(name: str | PathLike[str], dataset: Dataset) -> tuple[nn.Module, float]:
    """Build a model for a dataset, new or from a file; return it with its learning rate."""
    check_start(name)
    shape = tuple(dataset.train[0].shape[1:])
    if shape[1] != shape[2]:
        raise ValueError(f"the zoo's models take square images, not {shape[1:]}")
    classes = len(dataset.class_names)
    if not is_trained_file(name):
        spec = Spec(name=fspath(name), channels=shape[0], size=shape[1], classes=classes)
        return build_trainable(spec), PEAK_RATE[spec["name"]]
    trained, _ = load_model(name)
    before: Spec = trained.spec  # type: ignore[assignment]
    spec = Spec(name=before["name"], channels=shape[0], size=shape[1], classes=classes)
    net = build_trainable(spec)
    taken = _check_fits(trained, net, fspath(name), classes == before["classes"])
    net.load_state_dict(taken, strict=False)
    return net, PEAK_RATE[spec["name"]] * GOING_ON


def _check_fits(
    trained: nn.Module, net: nn.Module, path: str, same_classes: bool
) -> dict[str, Tensor]:
    """Return the weights that a new model takes from a trained one: all, or all but the head.

    Raises
    ------
    ValueError
        A shape differs, because the images have another size or other channels.
    """
    taken, fresh = dict(trained.state_dict()), net.state_dict()
    if not same_classes:
        head = ("fc." if hasattr(net, "fc") else "head.",)
        taken = {name: value for name, value in taken.items() if not name.startswith(head)}
    for name, value in taken.items():
        if value.shape != fresh[name].shape:
            old, new = trained.spec, net.spec
            raise ValueError(
                f"{path} was trained on images of {old['channels']} channels and {old['size']} "  # type: ignore[index]
                f"pixels, and these have {new['channels']} and {new['size']}: {name!r} does not fit"  # type: ignore[index]
            )
    return taken


class _Fit:
    """Training loop of one net."""

    def __init__(
        self, net: nn.Module, train: Part, calibration: Part, epochs: int, rate: float
    ) -> None:
        self.net = net
        (self.images, self.labels), self.calibration = train, calibration
        steps = len(_batches(torch.arange(len(self.images))))
        self.optimizer = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
        self.cycle = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, rate, total_steps=steps * epochs
        )

    def run(self, number: int) -> Epoch:
        """Train one epoch; return its numbers."""
        return Epoch(number, self._epoch(), *self._score())

    def _epoch(self) -> float:
        """Train on all training images once; return the mean loss."""
        self.net.train()
        total = 0.0
        for chosen in _batches(torch.randperm(len(self.images))):
            loss = F.cross_entropy(
                self.net(augment(self.images[chosen])), self.labels[chosen], label_smoothing=0.05
            )
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.cycle.step()
            total += loss.item() * len(chosen)
        return total / len(self.images)

    def _score(self) -> tuple[float, float]:
        """Compute accuracy and loss on the calibration images."""
        images, labels = self.calibration
        self.net.eval()
        with torch.no_grad():
            scores = torch.cat([self.net(batch) for batch in images.split(BATCH)])
        accuracy = (scores.argmax(1) == labels).double().mean().item()
        return accuracy, F.cross_entropy(scores, labels).item()


def _batches(order: Tensor) -> list[Tensor]:
    """Split indices into batches; a last batch of one is merged, as BatchNorm needs two images."""
    batches = list(order.split(BATCH))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def augment(images: Tensor) -> Tensor:
    """Apply a small random rotation, shift, scaling and shear to each image of a batch N C H W.

    Examples
    --------
    >>> augment(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 1, 28, 28])
    """
    from torchvision.transforms import InterpolationMode, RandomAffine

    move = RandomAffine(12, (0.1, 0.1), (0.85, 1.15), 8, InterpolationMode.BILINEAR)
    background = images.amin().item()
    move.fill = background
    return torch.stack([move(image) for image in images])
