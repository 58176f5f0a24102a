"""Preparation of a model: copy it, make its weights plain, and check it on a few images.

The engine assumes that a model's weights are plain tensors of layers that run, and that its scores
depend on them. This module establishes each assumption if there is one correct way, or verifies
it, or refuses the model with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from optiwidgets.engine.execution.worker_pool import run_on_new_thread
from optiwidgets.engine.models import batchnorm_folding, endings, macs, tracing
from optiwidgets.engine.models.batchnorm_folding import TrainedWeights
from optiwidgets.engine.models.copying import copy_net
from optiwidgets.engine.models.head import NO_CLASSES, Head, Pick
from optiwidgets.engine.models.layers import (
    Layer,
    ModelInterface,
    interface_of,
    prunable,
    set_interface,
)
from optiwidgets.engine.models.plain_copy import write_plainly
from optiwidgets.engine.types.model_check import CheckRow, ModelCheck

PROBED = 8  # images
MOST_PROBED = endings.ONE_COLUMN  # largest number of images that ``prepare`` uses
FIRST = "multiply-accumulates are those of the first image"
MOST_SECONDS = 5.0  # for perturbing weights that are counted in any case
SQUASHING: dict[Any, str] = {
    torch.softmax: "softmax",
    F.softmax: "softmax",
    Tensor.softmax: "softmax",
    torch.sigmoid: "sigmoid",
    F.sigmoid: "sigmoid",
    Tensor.sigmoid: "sigmoid",
}


@dataclass(frozen=True, eq=False)
class PreparedModel:
    """Prepared copy of a model.

    Parameters
    ----------
    net
        Folded copy of the model, with its interface.
    trained
        Weights before folding.
    check
        Findings about the model.
    """

    net: nn.Module
    trained: TrainedWeights
    check: ModelCheck


def prepare(
    model: nn.Module, images: Tensor, pick: Pick | None = None, *, of_classes: bool = True
) -> PreparedModel:
    """Prepare a copy of a model for pruning and quantization; the original is not changed.

    Parameters
    ----------
    model
        Any torch classifier with Conv2d or Linear weights.
    images
        Images N C H W: the first 8 are used, or 64 if the single output may be a probability.
    pick
        Selection of the scores in the output, see ``Head``.
    of_classes
        Whether the output is scores of classes; any other output is used as it is.

    Raises
    ------
    ValueError
        The model cannot be copied or run, has nothing to prune, or recomputes its weights in every
        forward pass.

    Examples
    --------
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(2, 3), nn.Softmax(1))
    >>> prepared = prepare(net, torch.rand(4, 1, 1, 2))
    >>> print(prepared.check.summary)
    1 layer with 6 weights is pruned and quantized. The scores are read before the last softmax.
    """
    net, rows = write_plainly(model)
    probe = images[:PROBED].clone()
    usage = _observe(net, probe)
    head = Head(pick) if of_classes else Head(pick, NO_CLASSES)
    interface, found = _describe(net, usage, head, probe)
    endings.check_one_column(net, interface.head, images[: endings.ONE_COLUMN])
    rows += found
    set_interface(net, interface)
    trained = batchnorm_folding.trained_weights(net)
    folded = batchnorm_folding.fold(net)
    own = interface_of(folded)  # with the layers of the copy
    set_interface(folded, replace(own, channels_last=_takes_channels_last(folded, probe)))
    if reason := untraceable(folded):
        rows.append(CheckRow("", "limited", f"BatchNorm is not folded into its layers: {reason}"))
        if names := macs.names_of_some_images(folded, probe):
            rows.append(CheckRow("", "limited", f"{names} run for some images only: {FIRST}"))
    return PreparedModel(folded, trained, ModelCheck(tuple(rows)))


def restore(model: nn.Module, names: Sequence[str]) -> nn.Module:
    """Prepare a new instance of a model with known layers, to load stored weights into.

    Parameters
    ----------
    model
        New instance of the model.
    names
        Names of the layers of the prepared model.

    Raises
    ------
    ValueError
        The model cannot be copied, has no prunable layers, or has weights that are not finite.
    """
    net, _ = write_plainly(model)
    parameters = dict(net.named_parameters())
    functional = {
        name: _stand_in(parameters[name])
        for name in names
        if name in parameters and parameters[name].dim() in (2, 4)
    }
    known = prunable(net).keys() | functional.keys()
    if names and set(names) <= known:
        set_interface(net, ModelInterface(tuple(names), functional))
    return batchnorm_folding.fold(net)


def untraceable(net: nn.Module) -> str:
    """Return the reason why torch.fx cannot trace a model; empty if it can."""
    try:
        tracing.trace(net)
    except ValueError as error:
        return str(error)
    return ""


@dataclass
class _Usage:
    """Use of a model's weights in a forward pass, and the last function of its output."""

    called: dict[nn.Module, int]
    functional: dict[int, str]  # id of a weight used by a function -> name of that function
    made_by: dict[int, str]  # id of a tensor -> "softmax" or "sigmoid" that returned it
    kept: list[Tensor]  # keeps tensors alive, so that their ids stay valid
    output: Any = None


class _Watch(TorchFunctionMode):
    """Context that records weights of ``F.linear`` and ``F.conv2d``, softmax and sigmoid calls."""

    def __init__(self, usage: _Usage) -> None:
        super().__init__()
        self.usage = usage

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """Run the function and record its use."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func in (F.linear, F.conv2d):
            weight = args[1] if len(args) > 1 else kwargs["weight"]
            self.usage.functional[id(weight)] = "F.linear" if func is F.linear else "F.conv2d"
        elif func in SQUASHING:
            self.usage.made_by[id(result)] = SQUASHING[func]
            self.usage.kept.append(result)
        return result


def _observe(net: nn.Module, images: Tensor) -> _Usage:
    """Run a model once on images and record its use of weights.

    Raises
    ------
    ValueError
        The model does not take the images, or changes its own weights or buffers.
    """
    usage = _Usage({}, {}, {}, [])

    def count(layer: nn.Module, inputs: object, output: object) -> None:
        usage.called[layer] = usage.called.get(layer, 0) + 1
        usage.functional.pop(id(layer.weight), None)

    layers = prunable(net)
    handles = [layer.register_forward_hook(count) for layer in layers.values()]
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}

    def run() -> Any:
        with torch.no_grad(), _Watch(usage):
            return net(images)

    try:
        usage.output = run_on_new_thread(run)
    except ValueError:
        raise
    except Exception as error:
        shape = " x ".join(map(str, images.shape[1:]))
        raise ValueError(f"the model does not take images of {shape}: {error}") from error
    finally:
        for handle in handles:
            handle.remove()
    for name, tensor in net.state_dict().items():
        if name not in before or torch.equal(tensor, before[name]):
            continue
        if not torch.equal(tensor.nan_to_num(), before[name].nan_to_num()):
            raise ValueError(
                f"the model changes {name!r} while it evaluates (a hook, or a layer in training "
                "mode), so it would overwrite optimized weights; make it constant or remove the "
                "hook"
            )
    return usage


def _rows_of_model(repair: str, has_functional: bool) -> list[CheckRow]:
    """Return the rows on the whole model: a repaired head, and limits of functional weights."""
    rows = [CheckRow("", "repaired", repair)] if repair else []
    if has_functional:
        reason = (
            "Weights used by functions are pruned and quantized; their inputs cannot be rounded, "
            "so activation_bits stays at 32"
        )
        rows.append(CheckRow("", "limited", reason))
    return rows


def _describe(
    net: nn.Module, usage: _Usage, head: Head, images: Tensor
) -> tuple[ModelInterface, list[CheckRow]]:
    """Build the interface, and a row for each layer that runs, that does not, and other weights."""
    layers = prunable(net)
    _check_computed(layers)
    ending = endings.find_ending(head, usage.output, usage.made_by)
    acts = _Perturbation(net, images, head)
    owners = {id(layer.weight): name for name, layer in layers.items()}
    rows: list[CheckRow] = []
    counted: dict[str, Layer] = {}
    functional: dict[str, Layer] = {}
    for name, parameter in net.named_parameters():
        by = usage.functional.get(id(parameter))
        owner = owners.get(id(parameter))
        if owner is not None:
            layer = layers[owner]
            if layer in usage.called:
                counted[owner] = layer
                rows.append(_counted(owner, layer, type(layer).__name__, acts))
            elif by:
                counted[owner] = functional[owner] = layer
                rows.append(_counted(owner, layer, f"{type(layer).__name__}, used by {by}", acts))
            else:
                reason = "it runs on none of the images tried"
                if acts(layer.weight):
                    reason = "the scores depend on it in a way that cannot be traced"
                rows.append(CheckRow(owner, "left out", reason, layer.weight.numel()))
        elif by and parameter.dim() in (2, 4):
            counted[name] = functional[name] = _stand_in(parameter)
            rows.append(_counted(name, counted[name], f"parameter, used by {by}", acts))
        elif parameter.dim() > 1:
            rows += _of_another_kind(net, name, parameter)
    rows += _rows_of_model(endings.describe(ending), bool(functional))
    return ModelInterface(tuple(counted), functional, ending), rows


def _of_another_kind(net: nn.Module, name: str, parameter: nn.Parameter) -> list[CheckRow]:
    """Return the row of a weight that does not belong to a Conv2d or Linear layer."""
    place, _, own = name.rpartition(".")
    module = net.get_submodule(place)
    if isinstance(module, nn.LayerNorm):
        return []  # scales, as in a BatchNorm, but with several axes
    kind = type(module).__name__
    reason = f"its kind is {kind}" if own == "weight" else f"it is a parameter of {kind}"
    reason += "; the weights of Conv2d and Linear are pruned and quantized"
    return [CheckRow(place if own == "weight" else name, "left out", reason, parameter.numel())]


def _check_computed(layers: Mapping[str, Layer]) -> None:
    """Raise ValueError for a layer whose weight is not a parameter."""
    for name, layer in layers.items():
        if not isinstance(layer._parameters.get("weight"), nn.Parameter):
            raise ValueError(
                f"the weight of layer {name!r} is computed from other tensors by its hooks, and "
                "not a parameter; make it one first (torch.nn.utils has a remove_... for each)"
            )


def _counted(name: str, layer: Layer, reason: str, acts: _Perturbation) -> CheckRow:
    if acts.in_time and not acts(layer.weight):
        reason += "; the scores on these images do not depend on it"
    return CheckRow(name, "counted", reason, layer.weight.numel())


class _Perturbation:
    """Test of whether scores depend on a weight, by a perturbation in a seeded random direction.

    Two step sizes are tried, because a large step can activate a ReLU that is 0. If torch can
    differentiate the model, one backward pass finds all weights with a gradient, and only the
    others are perturbed.
    """

    def __init__(self, net: nn.Module, images: Tensor, head: Head) -> None:
        self.net, self.images, self.head = net, images[:2], head
        self.before = self._scores()
        self.started = time.monotonic()
        self.sloped = self._sloped()

    @property
    def in_time(self) -> bool:
        """True if there is time left for optional perturbations."""
        return time.monotonic() - self.started < MOST_SECONDS

    def __call__(self, weight: Tensor) -> bool:
        """Return True if the scores depend on a weight; the weight is restored afterwards."""
        if id(weight) in self.sloped:
            return True
        kept, draw = weight.clone(), torch.Generator().manual_seed(0)
        direction = torch.randn(weight.shape, generator=draw) * weight.abs().mean().clamp(min=1e-3)
        try:
            for size in (0.1, 10.0):
                weight.copy_(kept + size * direction)
                if not torch.equal(self._scores(), self.before):
                    return True
            return False
        finally:
            weight.copy_(kept)

    def _sloped(self) -> set[int]:
        """Find the ids of the weights with a gradient of a seeded linear combination of scores."""
        own = [p for p in self.net.parameters() if p.dim() > 1]
        net = copy_net(self.net)  # tensors stored by a forward pass would keep the graph alive
        weights = [p for p in net.parameters() if p.dim() > 1]
        mixture = torch.randn(self.before.shape, generator=torch.Generator().manual_seed(0))
        try:
            for weight in weights:
                weight.requires_grad_()
            with torch.enable_grad():
                mixed = (self.head.scores(net(self.images.clone())) * mixture).sum()
            slopes = torch.autograd.grad(mixed, weights, allow_unused=True)
        except Exception:  # noqa: BLE001 (user code may raise anything): perturb every weight
            return set()
        found = zip(own, slopes, strict=True)
        return {id(w) for w, slope in found if slope is not None and bool(slope.any())}

    def _scores(self) -> Tensor:
        with torch.no_grad():
            return self.head.scores(self.net(self.images)).nan_to_num().clone()


def _stand_in(parameter: nn.Parameter) -> Layer:
    """Make a substitute layer that shares a parameter used as a weight by functions."""
    outputs, inputs = parameter.shape[:2]
    layer: Layer
    if parameter.dim() == 2:
        layer = nn.Linear(inputs, outputs, bias=False, device="meta")
    else:
        size = (parameter.shape[2], parameter.shape[3])
        layer = nn.Conv2d(inputs, outputs, size, bias=False, device="meta")
    layer.weight = parameter
    return layer.eval()


def _takes_channels_last(net: nn.Module, images: Tensor) -> bool:
    """Return True if a model runs on images in channels_last order; ``x.view`` does not."""
    images = images[:2]
    try:
        ordered = copy_net(net).to(memory_format=torch.channels_last)
        with torch.no_grad():
            ordered(images.contiguous(memory_format=torch.channels_last))
    except RuntimeError:  # torch raises it for a view's strides, or the weight of a Conv3d
        return False
    return True
