"""A model on a set of images, as fast as two cores allow."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from optiwidgets.engine.data import Dataset, Part, fingerprint
from optiwidgets.engine.report import Integers

P = ParamSpec("P")
T = TypeVar("T")

BATCH = 64  # fits the cache; one giant batch is three times slower
THREADS = 2  # Python threads of one torch thread each: a busy neighbour does not stall them


@dataclass(frozen=True, eq=False)
class Images:
    """A part of a dataset, laid out for evaluation.

    ``batches`` are float32 N C H W, ``labels`` (N,) int64, ``part`` the
    part's name and ``fingerprint`` the SHA-256 of it all. ``out_of`` says how many images there
    are where these are but the first.
    """

    part: str
    batches: Sequence[Tensor]
    labels: Integers
    fingerprint: str
    out_of: int

    @classmethod
    def of(cls, name: str, part: Part, first: int | None = None) -> Images:
        """Cut a part into batches, or its ``first`` images in stratified order."""
        images, labels = part
        out_of = len(labels)
        if first is not None:
            chosen = stratified(labels.numpy())[:first]
            images, labels = part = images[chosen], labels[chosen]
        batches = images.contiguous().split(BATCH)
        frozen = labels.numpy().copy()
        frozen.setflags(write=False)
        return cls(name, batches, frozen, fingerprint(part), out_of)


def stratified(labels: Integers) -> Integers:
    """An order of the images in which every first part has all classes in their shares.

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 0, 1, 1])
    >>> labels[stratified(labels)].tolist()
    [0, 1, 0, 0, 1, 0]
    """
    at = np.empty(len(labels))
    random = np.random.default_rng(0)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        at[places] = (random.permutation(len(places)) + 0.5) / len(places)
    order: Integers = np.argsort(at, kind="stable")
    return order


def evaluate(net: nn.Module, batches: Sequence[Tensor]) -> Tensor:
    """Scores before softmax (N, K) of all batches, in order.

    Weights and images are brought into channels_last order: mixed orders run three times slower.

    Examples
    --------
    >>> evaluate(nn.Flatten(), [torch.zeros(2, 1, 1, 3), torch.ones(1, 1, 1, 3)]).shape
    torch.Size([3, 3])
    """
    net = net.to(memory_format=torch.channels_last)

    def forward(batch: Tensor) -> Tensor:
        with torch.inference_mode():  # entered in the worker: it is a thread's own
            scores: Tensor = net(batch.contiguous(memory_format=torch.channels_last))
            return scores

    return torch.cat(each(forward, batches))


def each(work: Callable[..., T], *items: Sequence[Any]) -> list[T]:
    """Call ``work`` with every item (one of each sequence), two at a time; results are in order.

    Examples
    --------
    >>> each(lambda one, other: one * other, [1, 2, 3], [4, 5, 6])
    [4, 10, 18]
    """
    return list(_workers(os.getpid(), _niceness()).map(work, *items))


def check_fit(net: nn.Module, images: Tensor, classes: int) -> None:
    """Raise ValueError, saying why, for a model that does not answer images N C H W as it must.

    It must give scores (N, K), and leave the images as they are: tried on these, and on as many of
    normal noise, whatever their own values are.

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
        seen = given.clone(memory_format=torch.channels_last)
        try:
            scores = aside(net, seen)
        except RuntimeError as error:  # torch's word for shapes that do not fit
            shape = " x ".join(map(str, images.shape[1:]))
            raise ValueError(f"the model does not take images of {shape}: {error}") from error
        got = tuple(scores.shape) if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        if got != (len(images), classes):
            raise ValueError(
                f"the model answers {len(images)} images with {got}, the dataset's {classes} "
                f"classes need scores of ({len(images)}, {classes})"
            )
        if not torch.equal(seen, given):
            raise ValueError("the model changes the images it is given: its first step is in place")


def check_kin(dataset: object, own: Dataset) -> None:
    """Raise ValueError for images that the same model cannot be asked about, saying why."""
    if not isinstance(dataset, Dataset):
        raise ValueError(f"dataset is an optiwidgets Dataset, not {type(dataset).__name__}")
    if dataset.class_names != own.class_names:
        raise ValueError(f"classes are {own.class_names}, not {dataset.class_names}")
    if dataset.positive != own.positive:
        raise ValueError(f"the positive class is {own.positive}, not {dataset.positive}")
    here, there = (tuple(d.exploration[0].shape[1:]) for d in (own, dataset))
    if here != there:
        raise ValueError(f"images are {here}, not {there}")
    moments = [(torch.as_tensor(d.mean), torch.as_tensor(d.std)) for d in (own, dataset)]
    if not all(map(torch.equal, *moments)):
        raise ValueError("the images are normalized with another mean and std than the model's")


def alone(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``work`` on a worker, with one torch thread: small tensors gain nothing from two.

    Examples
    --------
    >>> alone(torch.get_num_threads)
    1
    """
    return _workers(os.getpid(), _niceness()).submit(work, *args, **kwargs).result()


def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As ``alone``, on a thread that ends with the work: a process that forks must leave none.

    Examples
    --------
    >>> from threading import current_thread
    >>> threads, thread = aside(lambda: (torch.get_num_threads(), current_thread()))
    >>> threads, thread.is_alive()
    (1, False)
    """
    with _threads(1) as passing:
        return passing.submit(work, *args, **kwargs).result()


@cache
def _workers(process: int, niceness: int) -> ThreadPoolExecutor:
    """Threads of this process, made on first use: a forked child must make its own.

    Threads have the priority of the thread that started them: those of each priority are apart, so
    that what is urgent never waits for what is not.
    """
    return _threads(THREADS)


def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "evaluate", initializer=torch.set_num_threads, initargs=(1,))


def _niceness() -> int:
    """Of this thread, where threads have one of their own: 0 is usual, more is less urgent."""
    return os.getpriority(os.PRIO_PROCESS, 0) if sys.platform == "linux" else 0
