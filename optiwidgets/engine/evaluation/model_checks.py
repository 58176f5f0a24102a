"""Checks of a model on its images, and of two datasets' compatibility."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.execution.worker_pool import run_on_new_thread
from optiwidgets.engine.models.layers import class_logits

PROBED = 4
BATCH_TOLERANCE = 1e-3  # of scores, as a share of the largest: batch sizes change summation order
BATCHWISE = (
    "the model's scores of an image depend on the other images in its batch: it normalizes by "
    "the batch's own statistics; use BatchNorm with track_running_stats=True and train it again"
)


def check_scores(scores: Tensor, images: int, classes: int) -> None:
    """Check that scores are (N, K).

    Examples
    --------
    >>> check_scores(torch.zeros(2, 5), images=2, classes=10)
    Traceback (most recent call last):
    ...
    ValueError: the model returns (2, 5) for 2 images, the dataset's 10 classes need scores of ...
    """
    got = tuple(scores.shape)
    if got != (images, classes):
        raise ValueError(
            f"the model returns {got} for {images} images, the dataset's {classes} "
            f"classes need scores of ({images}, {classes})"
        )


def check_fit(
    net: nn.Module,
    images: Tensor,
    classes: int,
    check_output: Callable[[Tensor, int, int], None] = check_scores,
) -> None:
    """Check that a model maps images N C H W to a task's output and does not change the images.

    The check runs on these images and on as many images of normal noise. A ValueError has the
    reason.

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
        except RuntimeError as error:  # torch raises it for shapes that do not match
            shape = " x ".join(map(str, images.shape[1:]))
            raise ValueError(f"the model does not take images of {shape}: {error}") from error
        check_output(scores, len(images), classes)
        if not torch.equal(inputs, given):
            raise ValueError("the model changes the images it is given: its first step is in place")
    check_deterministic(net, images)


def check_deterministic(net: nn.Module, images: Tensor) -> None:
    """Check that scores depend neither on random numbers nor on the batch.

    Images are run together, repeated, one by one, and in reverse order. Repeated runs must give
    equal scores, other batches equal scores up to rounding. A ValueError has the reason.

    Examples
    --------
    >>> class Dropping(nn.Module):
    ...     def forward(self, images):
    ...         return nn.functional.dropout(images.flatten(1))
    >>> check_deterministic(Dropping(), torch.ones(2, 3, 8, 8))
    Traceback (most recent call last):
    ...
    ValueError: the model's scores of the same images change when it is run again: ...
    """
    given = images[:PROBED]
    if len(given) == 1:  # a batch of one image cannot show a dependence on the batch
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
        return  # not comparable; later checks report scores that are not finite
    if repeated.max() > 0:
        raise ValueError(
            "the model's scores of the same images change when it is run again: a step "
            f"is random ({_chancy(net) or 'F.dropout without training=self.training, say'}); "
            "make it depend on self.training"
        )
    if apart.max() > BATCH_TOLERANCE * together.abs().max():
        raise ValueError(f"{BATCHWISE}{_batchwise(net)}")


def _chancy(net: nn.Module) -> str:
    """Name the modules that still drop values in eval mode."""
    kinds = nn.Dropout | nn.Dropout2d | nn.Dropout3d | nn.AlphaDropout | nn.RReLU
    return ", ".join(repr(n) for n, m in net.named_modules() if isinstance(m, kinds) and m.training)


def _batchwise(net: nn.Module) -> str:
    """Name the normalizations that use the batch's statistics."""
    found = [
        repr(name)
        for name, m in net.named_modules()
        if isinstance(m, _BatchNorm) and (m.training or m.running_mean is None)
    ]
    return f" ({', '.join(found)})" if found else ""


def check_default_dtype() -> None:
    """Check that torch's default dtype is float32; raise ValueError otherwise."""
    if (dtype := torch.get_default_dtype()) != torch.float32:
        raise ValueError(
            f"torch's default dtype is {dtype}, and models are optimized in torch.float32: call "
            "torch.set_default_dtype(torch.float32) first"
        )


def check_compatible(dataset: object, own: Dataset) -> None:
    """Check that a model of one dataset can run on another; raise ValueError with the reason."""
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
