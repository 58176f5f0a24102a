"""Folding of BatchNorm into the convolution or linear layer before it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from optiwidgets.engine.models.copying import copy_net
from optiwidgets.engine.models.layers import check_layers, prunable
from optiwidgets.engine.models.tracing import trace


@dataclass(frozen=True, eq=False)
class TrainedWeights:
    """Weights as trained, before BatchNorm folding.

    A folded weight is the trained weight with each output's row multiplied by its factor. Pruning
    ranks the trained weights, as the papers do; all other operations use the folded weights.

    Parameters
    ----------
    weights
        Weight of every prunable layer by name, in the layer's shape.
    factors
        (O,) for each layer with a folded BatchNorm: BatchNorm scale over standard deviation.
    norm_scales
        (O,) for the same layers: the BatchNorm scale (its weight) without the deviation.
    """

    weights: Mapping[str, Tensor]
    factors: Mapping[str, Tensor]
    norm_scales: Mapping[str, Tensor]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all weights and factors, by name."""
        digest = hashlib.sha256()
        for values in (self.weights, self.factors, self.norm_scales):
            for name, tensor in values.items():
                digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def after_training(
        self, net: nn.Module, outputs: Mapping[str, Tensor | None]
    ) -> TrainedWeights:
        """Undo the folding in a net that was trained further, possibly with fewer channels.

        Parameters
        ----------
        net
            The folded net after training.
        outputs
            Indices of the kept output channels of each layer; None for all.
        """

        def kept(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
            chosen = {name: outputs.get(name) for name in values}
            return {n: v if chosen[n] is None else v[chosen[n]] for n, v in values.items()}

        factors = kept(self.factors)
        weights = {
            name: _scale_rows(layer.weight.detach(), _inverse(factors[name]))
            if name in factors
            else layer.weight.detach()
            for name, layer in prunable(net).items()
        }
        return TrainedWeights(weights, factors, kept(self.norm_scales))


def trained_weights(model: nn.Module) -> TrainedWeights:
    """Collect a model's weights before folding, and the factors that ``fold`` applies.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(1, 2, bias=False), nn.BatchNorm1d(2, eps=0.0)).eval()
    >>> _ = net[0].weight.data.copy_(torch.tensor([[3.0], [4.0]]))
    >>> _ = net[1].running_var.copy_(torch.tensor([4.0, 16.0]))
    >>> trained = trained_weights(net)
    >>> trained.weights["0"].flatten(), trained.factors["0"]
    (tensor([3., 4.]), tensor([0.5000, 0.2500]))
    >>> fold(net)[0].weight.flatten()
    tensor([1.5000, 1.0000])
    """
    modules, factors, scales = dict(model.named_modules()), {}, {}
    for layer, norm_name in _foldable_pairs(model):
        norm = modules[norm_name]
        assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
        assert norm.running_var is not None
        variance = norm.running_var.detach().cpu().float()
        scale = torch.ones_like(variance) if norm.weight is None else norm.weight.detach()
        scales[layer] = scale.cpu().float().clone()
        factors[layer] = scales[layer] / (variance + norm.eps).sqrt()
    weights = {n: layer.weight.detach().cpu().float() for n, layer in prunable(model).items()}
    return TrainedWeights({n: w.clone() for n, w in weights.items()}, factors, scales)


def fold(model: nn.Module) -> nn.Module:
    """Copy a model in eval mode, and fold each BatchNorm that directly follows a layer into it.

    Scale and shift of the BatchNorm are merged into the layer's weight and bias, so outputs are
    equal up to rounding. The BatchNorm is replaced by an Identity, and all names are kept. A model
    that torch.fx cannot trace keeps its BatchNorms.

    Source: B. Jacob et al., CVPR 2018, section 3.2 (equation 14).

    Raises
    ------
    ValueError
        The model has no Conv2d or Linear layer, two layers share a weight, or weights are not
        finite.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    >>> fold(net)[1]
    Identity()
    """
    _check_has_values(model)
    folded = copy_net(model).cpu().float().eval().requires_grad_(False)
    folded = folded.to(memory_format=torch.contiguous_format)
    check_layers(folded)
    modules = dict(folded.named_modules())
    for layer, norm in _foldable_pairs(folded):
        fuse = fuse_conv_bn_eval if isinstance(modules[layer], nn.Conv2d) else fuse_linear_bn_eval
        folded.set_submodule(layer, fuse(modules[layer], modules[norm]).requires_grad_(False))
        folded.set_submodule(norm, _rest_of(modules[norm]).eval())
    _check_finite(folded)
    return folded


def _foldable_pairs(model: nn.Module) -> list[tuple[str, str]]:
    """List the names of the layers that a BatchNorm directly follows, and of that BatchNorm."""
    modules = dict(model.named_modules())
    try:
        nodes = list(trace(model).nodes)
    except ValueError:  # the model check reports it
        return []
    found = ((_foldable(node, modules), str(node.target)) for node in nodes)
    return [(layer, norm) for layer, norm in found if layer is not None]


def _inverse(factors: Tensor) -> Tensor:
    """Invert factors; 0 stays 0, for channels with a BatchNorm scale of 0."""
    return torch.where(factors == 0, 0.0, 1 / factors)


def _scale_rows(weight: Tensor, factors: Tensor) -> Tensor:
    return weight * factors.view(-1, *[1] * (weight.dim() - 1))


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
    """Return the dropout and activation of timm's BatchNorm subclasses; Identity for others."""
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
