"""Train the zoo's models: augmented images, AdamW, one learning-rate cycle."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn
from tqdm.auto import tqdm

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.models.zoo import CNN, Spec, build

BATCH = 64
PEAK_RATE = 4e-3


def train(dataset: Dataset, name: str, *, epochs: int = 60, seed: int = 0) -> CNN:
    """Train a CNN of the zoo on the training part alone, with a progress bar.

    Parameters
    ----------
    dataset
        Square images; only ``dataset.train`` is looked at.
    name
        "small" or "wide".
    epochs
        Passes over the training images, 1 or more.
    seed
        Seeds weights, order and augmentation.

    Returns
    -------
    CNN
        In eval mode.

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
    images, labels = dataset.train
    if images.shape[2] != images.shape[3]:
        raise ValueError(f"the zoo's models take square images, not {tuple(images.shape[2:])}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        spec = Spec(
            name=name,
            channels=images.shape[1],
            size=images.shape[2],
            classes=len(dataset.class_names),
        )
        net = build(spec).train()
        _fit(net, images, labels, epochs)
    return net.eval()


def _fit(net: nn.Module, images: Tensor, labels: Tensor, epochs: int) -> None:
    steps = -(-len(images) // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps * epochs)
    bar = tqdm(range(epochs), "training", unit="epoch")
    for _ in bar:
        order, total = torch.randperm(len(images)), 0.0
        for chosen in order.split(BATCH):
            loss = F.cross_entropy(
                net(augment(images[chosen])), labels[chosen], label_smoothing=0.05
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()
            total += loss.item() * len(chosen)
        bar.set_postfix(loss=f"{total / len(images):.3f}")


def augment(images: Tensor) -> Tensor:
    """Turn, shift, scale and shear every image of a batch (N C H W) a little, each on its own.

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
