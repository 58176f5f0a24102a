"""Prunable layers of a network: lookup, interface, checks, forward hooks, fingerprint."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, fx, nn
from torch.overrides import TorchFunctionMode

from optiwidgets.engine.models.head import Head

Layer = nn.Conv2d | nn.Linear
INTERFACE = "_optiwidgets_interface"  # attribute of prepared copies of a model


@dataclass(frozen=True, eq=False)
class ModelInterface:
    """Interface of a prepared model: its layers, and the conversion of outputs to class scores.

    ``preparation.prepare`` finds it by running the model; every copy of the model keeps it.

    Parameters
    ----------
    layers
        Names of the layers that are counted, pruned and quantized, in order.
    functional
        Layers that are not called, but whose weight is used by ``F.linear`` or ``F.conv2d``: a
        layer of the model, or a substitute layer that shares the tensor of a parameter.
    head
        Conversion of the model's output to class scores.
    channels_last
        True if the model accepts images in channels_last order.
    """

    layers: tuple[str, ...]
    functional: Mapping[str, Layer] = field(default_factory=dict)
    head: Head = field(default_factory=Head)
    channels_last: bool = True

    def __deepcopy__(self, memo: dict[int, Any]) -> ModelInterface:
        """Copy the layers and the head's function; the other fields are immutable."""
        if not self.functional and not callable(self.head.pick):
            return self
        functional = copy.deepcopy(self.functional, memo)
        return replace(self, functional=functional, head=copy.deepcopy(self.head, memo))

    @property
    def reads_tensor(self) -> bool:
        """True if the model's output is one tensor, as an ONNX graph requires."""
        return self.head.pick is None or isinstance(self.head.pick, tuple)


def interface_of(net: nn.Module) -> ModelInterface:
    """Return a model's interface; for a model that was not prepared, one with all its layers."""
    return _attached(net) or ModelInterface(tuple(_all_layers(net)))


def set_interface(net: nn.Module, interface: ModelInterface) -> None:
    """Attach an interface to a model; copies of the model get a copy of it."""
    object.__setattr__(net, INTERFACE, interface)
    if isinstance(net, fx.GraphModule):  # copies keep ``meta``, but not other attributes
        net.meta[INTERFACE] = interface


def _attached(net: nn.Module) -> ModelInterface | None:
    found: ModelInterface | None = getattr(net, INTERFACE, None)
    return net.meta.get(INTERFACE) if found is None and isinstance(net, fx.GraphModule) else found


def class_logits(net: nn.Module, images: Tensor) -> Tensor:
    """Compute class scores before softmax (N, K) of images N C H W.

    Examples
    --------
    >>> import torch
    >>> class_logits(nn.Flatten(), torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[1., 2.]])
    """
    return interface_of(net).head.logits(net(images))


@contextmanager
def layer_hooks(net: nn.Module, hook: Callable[..., Tensor | None]) -> Iterator[None]:
    """Register ``hook`` on every prunable layer, and remove it at the end of the block.

    After each forward pass of a layer, by module call or by function, ``hook(layer, inputs,
    output)`` is called. If it returns a tensor, that replaces the output.
    """
    functional = interface_of(net).functional
    called = (layer for name, layer in prunable(net).items() if name not in functional)
    handles = [layer.register_forward_hook(hook) for layer in called]
    by_function = _FunctionHooks(functional.values(), hook) if functional else nullcontext()
    try:
        with by_function:
            yield
    finally:
        for handle in handles:
            handle.remove()


class _FunctionHooks(TorchFunctionMode):
    """Context that calls a hook after ``F.linear`` and ``F.conv2d`` with given layers' weights."""

    def __init__(self, layers: Iterable[Layer], hook: Callable[..., Tensor | None]) -> None:
        super().__init__()
        self.layers, self.hook = {id(layer.weight): layer for layer in layers}, hook

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Run the function, then the hook."""
        kwargs = kwargs or {}
        outputs = func(*args, **kwargs)
        if func not in (F.linear, F.conv2d):
            return outputs
        weight = args[1] if len(args) > 1 else kwargs["weight"]
        layer = self.layers.get(id(weight))
        if layer is None:
            return outputs
        replaced = self.hook(layer, (args[0] if args else kwargs["input"],), outputs)
        return outputs if replaced is None else replaced


def prunable(model: nn.Module) -> dict[str, Layer]:
    """Return the layers whose weights are pruned and quantized, by name, in order.

    These are all Conv2d and Linear layers; for a prepared model, only the layers that run, and
    substitute layers for weights that functions use.

    Examples
    --------
    >>> list(prunable(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Linear(2, 3))))
    ['0', '2']
    """
    interface = _attached(model)
    if interface is None:
        return _all_layers(model)
    modules = dict(model.named_modules())
    return {n: interface.functional.get(n) or modules[n] for n in interface.layers}


def _all_layers(model: nn.Module) -> dict[str, Layer]:
    return {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}


def check_layers(model: nn.Module) -> None:
    """Raise ValueError for a model without prunable layers, or with a shared weight."""
    layers = prunable(model)
    if not layers:
        raise ValueError("the model has no Conv2d or Linear layer, so there is nothing to prune")
    if len({id(layer.weight) for layer in layers.values()}) < len(layers):
        raise ValueError("two layers of the model share one weight; each needs its own")


def other_parameters(model: nn.Module) -> dict[str, Tensor]:
    """Return the state without the prunable weights: biases, unfolded BatchNorms, buffers.

    A tensor with several names is returned once, under its first name.
    """
    seen = {id(layer.weight) for layer in prunable(model).values()}
    others = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            others[name] = tensor.detach()
    return others


def fingerprint(net: nn.Module) -> str:
    """Compute the SHA-256 of a model's structure and of all tensors of its state, by name."""
    digest = hashlib.sha256(repr(net).encode())
    for name, tensor in net.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.numpy()).data)
    return digest.hexdigest()
