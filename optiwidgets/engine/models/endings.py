"""Detection of a model's last function: scores, softmax, sigmoid or probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from optiwidgets.engine.models.head import Head

ONE_COLUMN = 64  # images; a score is expected to leave 0..1 on some of them


def find_ending(head: Head, output: Any, made_by: Mapping[int, str]) -> Head:
    """Return the head with ``ends_in`` set from a model's output.

    Parameters
    ----------
    head
        Head that picks the scores from the output.
    output
        Output of the model for a few images.
    made_by
        "softmax" or "sigmoid" by the id of each tensor that such a function returned.

    Examples
    --------
    >>> find_ending(Head(), torch.tensor([[0.25, 0.75]]), {}).ends_in
    'probabilities'
    """
    if not head.of_classes:
        return head
    whole = output if isinstance(head.pick, tuple) else head.scores(output)  # with all columns
    ends = made_by.get(id(whole), "logits")
    if ends != "sigmoid" and whole.dim() == 2:
        unknown = "probabilities" if ends == "logits" else ends
        ends = unknown if whole.shape[1] > 1 and _are_probabilities(whole) else "logits"
    return replace(head, ends_in=ends)


def describe(head: Head) -> str:
    """Describe the conversion of outputs to scores; empty if the outputs are the scores.

    Examples
    --------
    >>> describe(Head(ends_in="softmax"))
    'The scores are read before the last softmax'
    """
    if head.ends_in == "probabilities":
        return "The outputs are probabilities; the scores are their logarithms"
    if head.ends_in == "logits" or not head.of_classes:
        return ""
    return f"The scores are read before the last {head.ends_in}"


def check_one_column(net: nn.Module, head: Head, images: Tensor) -> None:
    """Raise ValueError for a single output that may be a probability or a score.

    Parameters
    ----------
    net, head
        Model and its head.
    images
        Images N C H W to evaluate.
    """
    if head.ends_in != "logits":
        return
    with torch.no_grad():
        scores = head.scores(net(images[:1].clone()))
        if scores.dim() != 2 or scores.shape[1] != 1:
            return
        scores = head.scores(net(images.clone()))
    if bool(((scores >= 0) & (scores <= 1)).all()):
        raise ValueError(
            f"the model's one output is in 0..1 on all of {len(images)} images and no sigmoid "
            "computes it, so it may be a probability or a score; give both classes: "
            "head=lambda p: torch.cat([1 - p, p], 1) if it is the probability of the second class, "
            "head=lambda s: torch.cat([0 * s, s], 1) if it is its score"
        )


def _are_probabilities(scores: Tensor) -> bool:
    sums = scores.sum(1)
    return bool((scores >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-3)
