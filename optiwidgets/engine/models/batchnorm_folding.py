"""Folding of BatchNorm into the convolution or linear layer before it."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from optiwidgets.engine.models.layers import check_layers, prunable
from optiwidgets.engine.models.tracing import trace


def fold(model: nn.Module) -> nn.Module:
    """Copy a model in eval mode, every BatchNorm that directly follows a layer folded into it.

    Scale and shift of the BatchNorm move into the layer's weight and bias, so outputs stay the
    same up to rounding; the BatchNorm becomes an Identity and all names stay.

    Source: B. Jacob et al., CVPR 2018, section 3.2 (equation 14).

    Raises
    ------
    ValueError
        The model has no Conv2d or Linear layer, shares one weight between two, holds weights that
        are not finite, or cannot be traced by torch.fx.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    >>> fold(net)[1]
    Identity()
    """
    _check_has_values(model)
    folded = copy.deepcopy(model).cpu().float().eval().requires_grad_(False)
    folded = folded.to(memory_format=torch.contiguous_format)
    check_layers(folded)
    modules = dict(folded.named_modules())
    for node in list(trace(folded).nodes):
        layer = _foldable(node, modules)
        if layer is None:
            continue
        norm = modules[str(node.target)]
        fuse = fuse_conv_bn_eval if isinstance(modules[layer], nn.Conv2d) else fuse_linear_bn_eval
        folded.set_submodule(layer, fuse(modules[layer], norm).requires_grad_(False))
        folded.set_submodule(str(node.target), _rest_of(norm).eval())
    _check_finite(folded)
    return folded


def _foldable(node: fx.Node, modules: Mapping[str, nn.Module]) -> str | None:
    """Find the layer that this node's BatchNorm can be folded into; None if there is none."""
    norm = modules.get(str(node.target)) if node.op == "call_module" else None
    if not isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d) or norm.running_mean is None:
        return None
    before = node.args[0]
    if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) != 1:
        return None
    name, calls = str(before.target), [str(n.target) for n in node.graph.nodes]
    fits = isinstance(modules[name], nn.Conv2d | nn.Linear)
    return name if fits and calls.count(name) == calls.count(str(node.target)) == 1 else None


def _rest_of(norm: nn.Module) -> nn.Module:
    """Return the steps a BatchNorm takes after it: timm's subclasses drop and activate."""
    steps = [getattr(norm, name, None) for name in ("drop", "act")]
    rest = [s for s in steps if isinstance(s, nn.Module) and not isinstance(s, nn.Identity)]
    return nn.Sequential(*rest) if len(rest) > 1 else rest[0] if rest else nn.Identity()


def _check_has_values(model: nn.Module) -> None:
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.is_meta:
            raise ValueError(f"{name!r} of the model is on the meta device, where it has no values")


def _check_finite(model: nn.Module) -> None:
    for name, layer in prunable(model).items():
        for kind, values in (("weights", layer.weight), ("biases", layer.bias)):
            if values is not None and not torch.isfinite(values).all():
                raise ValueError(
                    f"{kind} of layer {name!r} (BatchNorm folded in) are not all finite"
                )
