"""Training of a model: augmentation, AdamW, one learning-rate cycle, best epoch kept."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn
from tqdm.auto import tqdm

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.data.targets import CLASSES
from optiwidgets.engine.data.validation import Part
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.models.trained_files import is_trained_file
from optiwidgets.engine.models.zoo import TRAINABLE, Spec, build_trainable, load_model

BATCH = 64
PEAK_RATE = {"small": 4e-3, "wide": 4e-3, "resnet18": 2e-3}
GOING_ON = 0.25  # share of the peak rate, for a model that was trained before
KEPT = ("best", "last")


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


def train(
    dataset: Dataset,
    name: str | PathLike[str] = "small",
    *,
    epochs: int = 60,
    seed: int = 0,
    keep: str = "best",
    on_progress: ProgressCallback = lambda _: None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
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
        differs.
    epochs
        Passes over the training images, 1 or more.
    seed
        Seed of weights, order and augmentation.
    keep
        "best" keeps the epoch with the highest accuracy on calibration images (then the least
        loss, then the later epoch), "last" the last epoch.
    on_progress
        Called after every epoch; an exception that it raises stops the training.
    on_epoch
        Called after every epoch with its numbers.

    Returns
    -------
    torch.nn.Module
        Model in eval mode; a ``CNN`` or torchvision's resnet18.

    Raises
    ------
    ValueError
        An unknown name, a file that does not fit the images, images that are not square, targets
        that are boxes or masks.

    Examples
    --------
    >>> from optiwidgets.engine.data.loaders import load_dataset
    >>> train(load_dataset("digits"), "small", epochs=0)
    Traceback (most recent call last):
    ...
    ValueError: epochs are 1 or more, not 0
    """
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"epochs are 1 or more, not {epochs}")
    if keep not in KEPT:
        raise ValueError(f"keep is one of {', '.join(map(repr, KEPT))}, not {keep!r}")
    if dataset.targets != CLASSES:
        raise ValueError(
            f"this trains a classifier, and the targets of these images are {dataset.targets}"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net, rate = _start(name, dataset)
        fit = _Fit(net.train(), dataset.train, dataset.calibration, epochs, rate)
        fit.run(keep, on_progress, on_epoch)
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
        self.net, self.epochs = net, epochs
        (self.images, self.labels), self.calibration = train, calibration
        steps = len(_batches(torch.arange(len(self.images))))
        self.optimizer = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
        self.cycle = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, rate, total_steps=steps * epochs
        )

    def run(
        self, keep: str, on_progress: ProgressCallback, on_epoch: Callable[[Epoch], None]
    ) -> None:
        """Train, and load the state of the kept epoch into the net."""
        best: tuple[Epoch, dict[str, Tensor]] | None = None
        bar = tqdm(range(1, self.epochs + 1), "training", unit="epoch")
        try:
            for number in bar:
                loss = self._epoch()
                done = Epoch(number, loss, *self._score())
                if best is None or keep == "last" or done.rank >= best[0].rank:
                    best = done, copy.deepcopy(self.net.state_dict())
                bar.set_postfix(
                    loss=f"{loss:.3f}", calibration=f"{done.accuracy:.1%}", best=best[0].number
                )
                on_epoch(done)
                on_progress(Progress(number / self.epochs, f"epoch {number} of {self.epochs}"))
        except KeyboardInterrupt:
            if best is None:
                raise
            bar.write(
                f"interrupted: kept epoch {best[0].number} of {self.epochs}, right on "
                f"{best[0].accuracy:.1%} of the calibration images"
            )
        assert best is not None  # at least one epoch
        self.net.load_state_dict(best[1])

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
