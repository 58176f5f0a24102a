"""Checks that a model accepts its images, and that two datasets are compatible."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.execution.worker_pool import run_on_new_thread


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
        inputs = given.clone(memory_format=torch.channels_last)
        try:
            scores = run_on_new_thread(net, inputs)
        except RuntimeError as error:  # torch's word for shapes that do not fit
            shape = " x ".join(map(str, images.shape[1:]))
            raise ValueError(f"the model does not take images of {shape}: {error}") from error
        got = tuple(scores.shape) if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        if got != (len(images), classes):
            raise ValueError(
                f"the model answers {len(images)} images with {got}, the dataset's {classes} "
                f"classes need scores of ({len(images)}, {classes})"
            )
        if not torch.equal(inputs, given):
            raise ValueError("the model changes the images it is given: its first step is in place")


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
