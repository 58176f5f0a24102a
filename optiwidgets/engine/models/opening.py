"""A model as it came -> one that can be copied, traced and run, or the reason why not."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, jit, nn
from torch.nn.parameter import is_lazy


def open_model(model: nn.Module) -> nn.Module:
    """Copy a model; one wrapped for several devices or compiled is unwrapped.

    Tensors that it kept from a forward pass (feature maps, say) are copied without their history.

    Raises
    ------
    ValueError
        It has no weights yet, is TorchScript, or holds something that cannot be copied.

    Examples
    --------
    >>> open_model(nn.DataParallel(nn.Linear(2, 3)))
    Linear(in_features=2, out_features=3, bias=True)
    """
    while isinstance(inner := _wrapped(model), nn.Module):
        model = inner
    for name, module in model.named_modules():
        if isinstance(module, jit.ScriptModule):
            raise ValueError(
                f"{_place(name)} is TorchScript, whose layers cannot be changed: give the "
                "torch module that it was made from"
            )
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(tensor):
            raise ValueError(
                f"{name!r} of the model is lazy and has no values yet: run the model once on "
                "images, then train it or load its weights"
            )
    try:
        return copy.deepcopy(model, {id(t): t.detach().clone() for t in _kept(model)})
    except Exception as error:
        name, kind = _uncopied(model)
        raise ValueError(
            f"the model cannot be copied: {name} holds a {kind} ({error}); set it to None before, "
            "or give the module a __deepcopy__"
        ) from error


def check_default_dtype() -> None:
    """Raise ValueError if tensors made without a dtype are not float32."""
    if (dtype := torch.get_default_dtype()) != torch.float32:
        raise ValueError(
            f"torch's default dtype is {dtype}, and models are optimized in torch.float32: call "
            "torch.set_default_dtype(torch.float32) first"
        )


def _wrapped(model: nn.Module) -> object:
    """Return what a wrapper of torch's own wraps."""
    if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return model.module
    return getattr(model, "_orig_mod", None)  # torch.compile's


def _kept(model: nn.Module) -> Iterator[Tensor]:
    """Yield the tensors that modules hold beside their state, in lists, tuples and dicts too."""
    rest = [v for m in model.modules() for k, v in vars(m).items() if k not in ("_modules",)]
    while rest:
        value = rest.pop()
        if isinstance(value, Tensor) and not value.is_leaf:
            yield value
        elif isinstance(value, dict):
            rest += value.values()
        elif isinstance(value, list | tuple):
            rest += value


def _uncopied(model: nn.Module) -> tuple[str, str]:
    """Find the attribute that cannot be copied, and its type."""
    for name, module in model.named_modules():
        for key, value in vars(module).items():
            if key == "_modules" or isinstance(value, nn.Module):
                continue
            try:
                copy.deepcopy(value, {id(t): t.detach() for t in _kept(module)})
            except Exception:  # noqa: BLE001 (anything may be raised in copying)
                return f"{key!r} of {_place(name)}", type(value).__name__
    return "it", "value"


def _place(name: str) -> str:
    return f"module {name!r}" if name else "the model"
