"""Checks that a model accepts its images, and that two datasets are compatible."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.execution.worker_pool import run_on_new_thread
from optiwidgets.engine.models.layers import class_logits

PROBED = 4
BATCH_TOLERANCE = 1e-3  # of scores, as a share of the largest: other batches add up in other orders
BATCHWISE = (
    "the model answers an image with other scores when others are in its batch: it normalizes by "
    "the batch's own statistics; use BatchNorm with track_running_stats=True and train it again"
)


def check_fit(net: nn.Module, images: Tensor, classes: int) -> None:
    """Raise ValueError, with the reason, unless the model maps images N C H W to scores (N, K).

    It must also leave the images as they are. Both are checked on these images and on as many of
    normal noise.

    Examples
    --------
    >>> in_place = nn.Sequential(nn.ReLU(inplace=True), nn.Flatten())
    >>> check_fit(in_place, torch.zeros(2, 1, 1, 3), classes=3)
    Traceback (most recent call last):
    ...
    ValueError: the model changes the images it is given: its first step is in place
    """
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    for given in (images, noise):
        inputs = given.clone()
        try:
            scores = run_on_new_thread(class_logits, net, inputs)
        except RuntimeError as error:  # torch's word for shapes that do not fit
            shape = " x ".join(map(str, images.shape[1:]))
            raise ValueError(f"the model does not take images of {shape}: {error}") from error
        got = tuple(scores.shape)
        if got != (len(images), classes):
            raise ValueError(
                f"the model answers {len(images)} images with {got}, the dataset's {classes} "
                f"classes need scores of ({len(images)}, {classes})"
            )
        if not torch.equal(inputs, given):
            raise ValueError("the model changes the images it is given: its first step is in place")
    check_deterministic(net, images)


def check_deterministic(net: nn.Module, images: Tensor) -> None:
    """Raise ValueError, with the reason, if scores depend on chance or on the batch.

    Images are run together, again, alone, and in reverse order; the same images must get the same
    scores each time, up to rounding where the batch is another one.

    Examples
    --------
    >>> class Dropping(nn.Module):
    ...     def forward(self, images):
    ...         return nn.functional.dropout(images.flatten(1))
    >>> check_deterministic(Dropping(), torch.ones(2, 3, 8, 8))
    Traceback (most recent call last):
    ...
    ValueError: the model answers the same images with other scores when it is run again: ...
    """
    given = images[:PROBED]
    if len(given) == 1:  # a batch of one's own would show nothing
        given = torch.cat([given, given.flip(-1) + 1])

    def run(batch: Tensor) -> Tensor:
        return class_logits(net, batch.clone())

    def compare() -> tuple[Tensor, Tensor, Tensor]:
        together, again = run(given), run(given)
        try:
            alone = torch.cat([run(image[None]) for image in given])
        except ValueError as error:  # "Expected more than 1 value per channel"
            raise ValueError(f"{BATCHWISE} ({error})") from error
        reverse = run(given.flip(0)).flip(0)
        apart = torch.stack([(other - together).abs() for other in (alone, reverse)])
        return together, (again - together).abs(), apart

    together, repeated, apart = run_on_new_thread(compare)
    if not together.isfinite().all():
        return  # said where it matters: such scores are no proof of anything
    if repeated.max() > 0:
        raise ValueError(
            "the model answers the same images with other scores when it is run again: a step "
            f"draws at random ({_chancy(net) or 'F.dropout without training=self.training, say'}); "
            "make it depend on self.training"
        )
    if apart.max() > BATCH_TOLERANCE * together.abs().max():
        raise ValueError(f"{BATCHWISE}{_batchwise(net)}")


def _chancy(net: nn.Module) -> str:
    """Name the modules that still drop values in eval mode."""
    kinds = nn.Dropout | nn.Dropout2d | nn.Dropout3d | nn.AlphaDropout | nn.RReLU
    return ", ".join(repr(n) for n, m in net.named_modules() if isinstance(m, kinds) and m.training)


def _batchwise(net: nn.Module) -> str:
    """Name the normalizations whose statistics are the batch's."""
    found = [
        repr(name)
        for name, m in net.named_modules()
        if isinstance(m, _BatchNorm) and (m.training or m.running_mean is None)
    ]
    return f" ({', '.join(found)})" if found else ""


def check_default_dtype() -> None:
    """Raise ValueError if tensors made without a dtype are not float32."""
    if (dtype := torch.get_default_dtype()) != torch.float32:
        raise ValueError(
            f"torch's default dtype is {dtype}, and models are optimized in torch.float32: call "
            "torch.set_default_dtype(torch.float32) first"
        )


def check_compatible(dataset: object, own: Dataset) -> None:
    """Raise ValueError, with the reason, for a dataset that the same model cannot be run on."""
    if not isinstance(dataset, Dataset):
        raise ValueError(f"dataset is an optiwidgets Dataset, not {type(dataset).__name__}")
    if dataset.class_names != own.class_names:
        raise ValueError(f"classes are {own.class_names}, not {dataset.class_names}")
    if dataset.positive != own.positive:
        raise ValueError(f"the positive class is {own.positive}, not {dataset.positive}")
    here, there = (tuple(d.shape) for d in (own, dataset))
    if here != there:
        raise ValueError(f"images are {here}, not {there}")
    moments = [(torch.as_tensor(d.mean), torch.as_tensor(d.std)) for d in (own, dataset)]
    if not all(map(torch.equal, *moments)):
        raise ValueError("the images are normalized with another mean and std than the model's")
