"""Plain copy of a model: wrappers removed, weights as parameters, attention with layers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from optiwidgets.engine.models.attention import ProjectedAttention
from optiwidgets.engine.models.copying import copy_net
from optiwidgets.engine.types.model_check import CheckRow

COMPUTED = ("WeightNorm", "SpectralNorm", "BasePruningMethod")  # torch hooks that set a weight


def write_plainly(model: nn.Module) -> tuple[nn.Module, list[CheckRow]]:
    """Copy a model in eval mode, on the CPU, in float32, with plain tensors as weights.

    Wrappers are removed, parametrizations and masks are replaced by the weights that they compute,
    and attention gets projection layers. Returns the copy, and a row for each of these changes.
    """
    rows: list[CheckRow] = []
    given, wrapper = _unwrap(model)
    if wrapper:
        rows.append(CheckRow("", "repaired", f"The model was taken out of its {wrapper}"))
    _check_kind(given)
    others = {str(p.dtype).removeprefix("torch.") for p in given.parameters()} - {"float32"}
    if others:
        reason = f"Weights in {' and '.join(sorted(others))} run, and are weighed, in float32"
        rows.append(CheckRow("", "repaired", reason))
    net = _copy(given).cpu().float().eval().requires_grad_(False)
    net = net.to(memory_format=torch.contiguous_format)
    for name, module in list(net.named_modules()):
        rows += [CheckRow(name, "repaired", reason) for reason in _bake(module)]
        if isinstance(module, nn.MultiheadAttention) and ProjectedAttention.replaces(module):
            if name:
                net.set_submodule(name, ProjectedAttention(module))
            rows.append(CheckRow(name, "repaired", "Attention has its projections as layers"))
    return net, rows


def _unwrap(model: nn.Module) -> tuple[nn.Module, str]:
    """Remove the wrappers of torch.compile, DataParallel and DistributedDataParallel."""
    wrappers: list[str] = []
    while True:
        inner = getattr(model, "_orig_mod", None)
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model, " and ".join(wrappers)
        wrappers.append("torch.compile" if hasattr(model, "_orig_mod") else type(model).__name__)
        model = inner


def _check_kind(model: nn.Module) -> None:
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError(
            "a TorchScript module cannot be taken apart; give the nn.Module that it was made from"
        )
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if nn.parameter.is_lazy(tensor):
            raise ValueError(
                f"{name!r} of the model is lazy and has no shape yet; run it on an image first"
            )
        if tensor.is_meta:
            raise ValueError(f"{name!r} of the model is on the meta device, where it has no values")


def _copy(model: nn.Module) -> nn.Module:
    """Copy a model, including tensors that it stored in an earlier forward pass.

    Raises
    ------
    ValueError
        An attribute of the model cannot be copied.
    """
    try:
        return copy_net(model, {id(t): t.detach().clone() for t in _kept(model)})
    except (TypeError, RuntimeError, NotImplementedError) as error:
        culprit = next(_uncopyable(model), "an attribute of it")
        raise ValueError(
            f"the model cannot be copied: {culprit} ({error}); remove it first"
        ) from error


def _kept(model: nn.Module) -> Iterator[Tensor]:
    """Yield the non-leaf tensors in modules' attributes, also in lists, tuples and dicts."""
    rest = [v for m in model.modules() for k, v in vars(m).items() if k not in ("_modules",)]
    while rest:
        value = rest.pop()
        if isinstance(value, Tensor) and not value.is_leaf:
            yield value
        elif isinstance(value, dict):
            rest += value.values()
        elif isinstance(value, list | tuple):
            rest += value


def _uncopyable(model: nn.Module) -> Iterator[str]:
    for name, module in model.named_modules():
        for attribute, value in vars(module).items():
            if attribute.startswith("_") or isinstance(value, Tensor | nn.Module):
                continue
            try:
                copy.deepcopy(value)
            except (TypeError, RuntimeError, NotImplementedError):
                yield f"attribute {attribute!r} of {name or 'the model'}"


def _bake(module: nn.Module) -> list[str]:
    """Replace computed weights of a module by plain parameters; return a reason for each."""
    reasons = []
    if parametrize.is_parametrized(module):
        _separate_class(module)
        made: Any = module.parametrizations
        for tensor in list(made):
            kinds = [type(parametrization).__name__ for parametrization in made[tensor]]
            value = getattr(module, tensor).detach().clone()
            parametrize.remove_parametrizations(module, tensor, leave_parametrized=True)
            _set_plain(module, tensor, value)
            reasons.append(f"{tensor} was computed by {' and '.join(kinds)}; now a plain tensor")
    hooks: dict[int, Callable[..., Any]] = dict(module._forward_pre_hooks)
    for key, hook in hooks.items():
        kinds = [base.__name__ for base in type(hook).__mro__]
        if not any(kind in COMPUTED for kind in kinds):
            continue
        tensor = str(getattr(hook, "_tensor_name", None) or getattr(hook, "name", "weight"))
        hook(module, ())
        value = getattr(module, tensor).detach().clone()
        del module._forward_pre_hooks[key]
        _set_plain(module, tensor, value)
        reasons.append(f"{tensor} was computed by {kinds[0]}; now a plain tensor")
    for parameter in module.parameters(recurse=False):
        parameter.requires_grad_(False)
    return reasons


def _separate_class(module: nn.Module) -> None:
    """Make a new class for a parametrized copy, which shares one with the original module."""
    shared = type(module)
    kept = {k: v for k, v in vars(shared).items() if k not in ("__dict__", "__weakref__")}
    module.__class__ = type(shared.__name__, shared.__bases__, kept)


def _set_plain(module: nn.Module, name: str, value: Tensor) -> None:
    """Set the parameter of this name, before all others, and delete the tensors it came from."""
    for part in (name, *(f"{name}_{end}" for end in ("orig", "g", "v", "mask", "u"))):
        module._parameters.pop(part, None)
        module._buffers.pop(part, None)
        vars(module).pop(part, None)
    others = dict(module._parameters)
    module._parameters.clear()
    module._parameters[name] = nn.Parameter(value, requires_grad=False)
    module._parameters.update(others)
