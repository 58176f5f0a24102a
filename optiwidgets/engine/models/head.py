"""Head: conversion of a model's output to class scores before softmax."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Pick = Callable[[Any], Tensor] | str | int | tuple[int, ...]
NO_CLASSES = "no classes"  # ending of an output of another task
TINY = torch.finfo(torch.float32).tiny


class NoTensorError(ValueError):
    """A model's output, kept in ``output``, is no tensor.

    Examples
    --------
    >>> NoTensorError("the model returns a list of 2", [1, 2]).output
    [1, 2]
    """

    def __init__(self, text: str, output: Any) -> None:
        super().__init__(text)
        self.output = output


@dataclass(frozen=True)
class Head:
    """Conversion of a model's output to class scores.

    Parameters
    ----------
    pick
        Selection of the scores: a function of the output, a key of a dict (or a field), an index
        of a tuple, or the columns of the classes; None if the output is the scores.
    ends_in
        "logits", the last function of the model ("softmax" or "sigmoid"), "probabilities" of
        another function, or "no classes" if the output is something else.

    Examples
    --------
    >>> Head(pick="out").logits({"out": torch.tensor([[1.0, 2.0]])})
    tensor([[1., 2.]])
    >>> Head(ends_in="softmax").logits(torch.tensor([[0.2, 0.8]])).softmax(1)
    tensor([[0.2000, 0.8000]])
    >>> Head(ends_in="sigmoid").logits(torch.tensor([[0.8]])).softmax(1)  # two classes
    tensor([[0.2000, 0.8000]])
    """

    pick: Pick | None = None
    ends_in: str = "logits"

    @property
    def of_classes(self) -> bool:
        """True if the output is scores of classes."""
        return self.ends_in != NO_CLASSES

    def scores(self, output: Any) -> Tensor:
        """Pick the scores (N, K) or (N, 1) from a model's output.

        Raises
        ------
        ValueError
            The output has no such scores; the message lists its contents and how to select them.
        """
        pick, given = self.pick, output
        if callable(pick):
            output = pick(output)
        elif isinstance(pick, str):
            found = output.get(pick) if isinstance(output, Mapping) else None
            output = getattr(output, pick, None) if found is None else found
        elif isinstance(pick, int):
            output = output[pick] if isinstance(output, tuple | list) else None
        if not isinstance(output, Tensor):
            raise NoTensorError(
                f"the model returns {_described(given)}, and head={pick!r} finds no "
                "tensor of scores in it; give head= a key, an index or a function of the output",
                given,
            )
        if not isinstance(pick, tuple):
            return output
        count = output.shape[1] if output.dim() > 1 else 0
        if max(pick) >= count > 0:
            raise ValueError(
                f"head names score {max(pick)}; the model has {count} scores, 0 to {count - 1}"
            )
        return output[:, list(pick)]

    def logits(self, output: Any) -> Tensor:
        """Compute scores before softmax (N, K) from a model's output.

        A single column is the score of the second of two classes; the first gets the score 0. An
        output that is no scores of classes is returned as it is.
        """
        scores = self.scores(output)
        if not self.of_classes:
            return scores
        if self.ends_in in ("softmax", "probabilities"):
            return scores.clamp(min=TINY).log()
        if self.ends_in == "sigmoid":
            scores = torch.logit(scores, eps=1e-7)
        if scores.dim() == 2 and scores.shape[1] == 1:
            return torch.cat([torch.zeros_like(scores), scores], dim=1)
        return scores


def check_pick(pick: object) -> Pick | None:
    """Validate ``head=``; return a callable, a key, an index, or a tuple of columns.

    Examples
    --------
    >>> check_pick([3, 5])
    (3, 5)
    """
    if pick is None or callable(pick) or isinstance(pick, str):
        return pick
    if isinstance(pick, int) and not isinstance(pick, bool):
        return pick
    if isinstance(pick, list | tuple) and pick and all(type(i) is int and i >= 0 for i in pick):
        return tuple(pick)
    raise ValueError(
        "head is a function of the model's output, a key, an index, or a list of class indices, "
        f"not {pick!r}"
    )


def _described(output: object) -> str:
    if isinstance(output, Mapping):
        return f"a dict of {', '.join(map(repr, output))}"
    if isinstance(output, tuple | list):
        return f"a {type(output).__name__} of {len(output)}"
    return f"a {type(output).__name__}"
