"""Prunable layers of a network: lookup, checks, forward hooks, fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from torch import Tensor, nn


@contextmanager
def layer_hooks(net: nn.Module, hook: Callable[..., Tensor | None]) -> Iterator[None]:
    """Register ``hook`` on every prunable layer, and remove it at the end of the block.

    It is called after each forward pass of a layer; what it returns replaces the outputs, if it is
    not None.
    """
    handles = [layer.register_forward_hook(hook) for layer in prunable(net).values()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def prunable(model: nn.Module) -> dict[str, nn.Conv2d | nn.Linear]:
    """Return the Conv2d and Linear layers by name, in module order: their weights are optimized.

    Examples
    --------
    >>> list(prunable(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Linear(2, 3))))
    ['0', '2']
    """
    return {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}


def check_layers(model: nn.Module) -> None:
    """Raise ValueError, saying why, for a model that has nothing sound to prune."""
    layers = prunable(model)
    if not layers:
        raise ValueError("the model has no Conv2d or Linear layer, so there is nothing to prune")
    if len({id(layer.weight) for layer in layers.values()}) < len(layers):
        raise ValueError("two layers of the model share one weight; each needs its own")


def other_parameters(model: nn.Module) -> dict[str, Tensor]:
    """Return the state without the prunable weights: biases, unfolded BatchNorms, buffers."""
    weights = {f"{name}.weight" for name in prunable(model)}
    return {name: t for name, t in model.state_dict().items() if name not in weights}


def fingerprint(net: nn.Module) -> str:
    """Compute the SHA-256 of a model's structure and of all tensors of its state, by name."""
    digest = hashlib.sha256(repr(net).encode())
    for name, tensor in net.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.numpy()).data)
    return digest.hexdigest()
