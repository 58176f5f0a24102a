"""Recovery without labels and gradients: layer-wise reconstruction, bias correction.

Pruning and rounding change layer outputs. The remaining weights are refitted by least squares on
calibration inputs to restore the original outputs, or biases (and scales) are adjusted to restore
their means (and variances).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from optiwidgets.engine.calibration.layer_statistics import (
    Layer,
    LayerStatistics,
    damped,
    input_rows,
    output_rows,
    second_moments,
    visit_layers,
    with_ones,
)
from optiwidgets.engine.execution.progress import Progress, ProgressCallback
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.pruning.layer_cut import LayerCut
from optiwidgets.texts import text

ROUNDS = 3  # fits before a ReLU: targets below 0 need not be matched exactly
MOST_ENTRIES = 2**25  # entries of the Hessians that are solved in one batch
Quantize = Callable[[str, Layer, Tensor], None]


def refit(
    net: nn.Module,
    cuts: Mapping[str, LayerCut],
    statistics: LayerStatistics,
    on_progress: ProgressCallback = lambda _: None,
) -> None:
    """Refit every layer to the outputs of the baseline by least squares, in place.

    With H the damped second moments of the inputs (the bias is the weight of an input that is
    always 1) and R the kept inputs of an output, w_R = H_RR^-1 (H w)_R: least squares on the
    *baseline's* inputs. It is the exact optimal-brain-surgeon update for any mask.

    Source: B. Hassibi, D. Stork, "Second order derivatives for network pruning: optimal brain
    surgeon", NeurIPS 1992, equation 5, for many weights at once.

    Examples
    --------
    >>> from optiwidgets.engine.models.batchnorm_folding import fold
    >>> net = fold(nn.Sequential(nn.Linear(2, 1, bias=False)))
    >>> _ = net[0].weight.copy_(torch.tensor([[1.0, 2.0]]))
    >>> images = torch.tensor([[1.0, 1.0], [2.0, 2.0]])  # both inputs are alike
    >>> statistics = LayerStatistics(fold(net), images)
    >>> refit(net, {"0": LayerCut(torch.tensor([[False, True]]))}, statistics)
    >>> [round(w, 2) for w in net[0].weight.flatten().tolist()]
    [0.0, 2.99]
    """
    untouched, layers = prunable(statistics.net), prunable(net)
    for count, (name, layer) in enumerate(layers.items(), start=1):
        _refit_layer(layer, untouched[name], cuts[name], statistics.moments[name])
        on_progress(
            Progress(count / len(layers), text("layer {n} of {all}", n=count, all=len(layers)))
        )


def sequential(
    net: nn.Module,
    cuts: Mapping[str, LayerCut],
    statistics: LayerStatistics,
    quantize: Quantize,
    relus: set[str],
) -> None:
    """Refit the layers in order, each on the outputs of the refitted layers before it, in place.

    Every layer is fitted by least squares to the outputs of the baseline, from the inputs that the
    changed layers before it produce, then rounded by ``quantize``, so that later layers compensate
    for rounding too. If a ReLU follows (the layers in ``relus``), a target below 0 is matched by
    any output below 0: such targets are replaced by the fit's outputs in a few rounds.

    Sources: E. Frantar, D. Alistarh, "SparseGPT", ICML 2023, section 3.1 (masked regression);
    Y. He et al., "Channel pruning for accelerating very deep neural networks", ICCV 2017,
    section 3.2 (the compressed inputs); X. Zhang et al., "Accelerating very deep convolutional
    networks", TPAMI 2016, section 3.2 (the ReLU).
    """

    def visit(name: str, layer: Layer, inputs: Tensor, outputs: Tensor) -> Tensor:
        cut = cuts[name]
        targets = _select(statistics.outputs[name].mT, cut.outputs)
        rows = with_ones(input_rows(layer, inputs))
        mask, start = _free_mask(layer, cut), _weights_and_bias(layer)
        fitted = [
            _fit(x, y, w, m, name in relus)
            for x, y, w, m in zip(
                rows, *(_split_groups(t, layer) for t in (targets, start, mask)), strict=True
            )
        ]
        _set_weights_and_bias(layer, torch.cat(fitted))
        quantize(name, layer, inputs)
        return layer.forward(inputs)

    visit_layers(net, statistics.images, visit)


def recalibrate(
    net: nn.Module,
    cuts: Mapping[str, LayerCut],
    statistics: LayerStatistics,
    quantize: Quantize,
    *,
    spread: bool,
) -> None:
    """Restore the mean of every output, and with ``spread`` its variance, in place.

    For each layer, on the calibration images: rows of weights are scaled to restore the variances,
    then rounded by ``quantize``, then biases are shifted to restore the means. A constant output is
    not scaled, and the means of a layer without biases are not restored. Without ``spread`` this is
    bias correction.

    Sources: M. Nagel et al., "Data-free quantization through weight equalization and bias
    correction", ICCV 2019, section 4.2; on a folded net the scaling is equivalent to re-estimating
    BatchNorm.
    """

    def visit(name: str, layer: Layer, inputs: Tensor, outputs: Tensor) -> Tensor:
        original = statistics.output_means_and_deviations[name]
        mean, deviation = (_select(values, cuts[name].outputs) for values in original)
        if spread:
            current = output_rows(layer, outputs).std(0, correction=0)
            factor = torch.where(current > 1e-6, deviation / current, 1.0)
            layer.weight.mul_(factor.view(-1, *[1] * (layer.weight.dim() - 1)))
            bias = 0.0 if layer.bias is None else _per_channel(layer.bias, layer)
            outputs = (outputs - bias) * _per_channel(factor, layer) + bias
        exact = layer.weight.clone()
        quantize(name, layer, inputs)
        if not torch.equal(layer.weight, exact):
            outputs = layer.forward(inputs)
        if layer.bias is None:
            return outputs
        shift = mean - output_rows(layer, outputs).mean(0)
        layer.bias.add_(shift)
        return outputs + _per_channel(shift, layer)

    visit_layers(net, statistics.images, visit)


def solve_kept(hessian: Tensor, right: Tensor, mask: Tensor) -> Tensor:
    """Solve for rows w (O, I) with w_R = H_RR^-1 right_R, R the row's kept inputs; 0 elsewhere.

    One batched Cholesky factorization is used: the kept inputs of each row are gathered, padded to
    the longest row, and the padding of each block is the identity. If all rows keep the same
    inputs, they share one block.

    Parameters
    ----------
    hessian
        (I, I), positive definite.
    right, mask
        (O, I), the mask True where an input is kept.

    Examples
    --------
    >>> hessian = torch.tensor([[2.0, 1.0], [1.0, 2.0]])
    >>> solve_kept(hessian, torch.tensor([[2.0, 3.0]]), torch.tensor([[True, False]]))
    tensor([[1., 0.]])
    """
    return _Solver(hessian, mask)(right)


class _Solver:
    """Solver with Cholesky factors of the kept blocks, for any number of right-hand sides."""

    def __init__(self, hessian: Tensor, mask: Tensor) -> None:
        alike = bool((mask == mask[:1]).all())
        mask = mask[:1] if alike else mask
        longest = int(mask.sum(1).max())
        self.indices = mask.int().argsort(dim=1, descending=True, stable=True)[:, :longest]
        self.real = mask.gather(1, self.indices)
        pairs = self.real[:, :, None] & self.real[:, None, :]
        blocks = hessian[self.indices[:, :, None], self.indices[:, None, :]]
        self.factors = torch.linalg.cholesky(torch.where(pairs, blocks, torch.eye(longest)))

    def __call__(self, right: Tensor) -> Tensor:
        indices, real = self.indices.expand(len(right), -1), self.real.expand(len(right), -1)
        kept = torch.where(real, right.gather(1, indices), 0.0)
        if len(self.factors) == 1:
            solved = torch.cholesky_solve(kept.mT, self.factors[0]).mT
        else:
            solved = torch.cholesky_solve(kept.unsqueeze(-1), self.factors).squeeze(-1)
        return torch.zeros_like(right).scatter_(1, indices, torch.where(real, solved, 0.0))


def _refit_layer(layer: Layer, untouched: Layer, cut: LayerCut, moments: Tensor) -> None:
    hessians, mask = damped(moments), _free_mask(layer, cut)
    original = _split_groups(_weights_and_bias(untouched), untouched)
    rights = [w @ h for w, h in zip(original, hessians, strict=True)]
    right = _select(torch.cat(rights), cut.outputs)
    if cut.columns is not None:
        right = right[:, cut.with_bias]
    hessians = cut.of_inputs(hessians)
    groups = zip(hessians, _split_groups(right, layer), _split_groups(mask, layer), strict=True)
    fitted = [
        torch.cat([solve_kept(h, *part) for part in _split_rows(h, r, m)]) for h, r, m in groups
    ]
    _set_weights_and_bias(layer, torch.cat(fitted))


def _fit(rows: Tensor, targets: Tensor, start: Tensor, mask: Tensor, relu: bool) -> Tensor:
    """Fit targets (O, n) from rows (n, I) by least squares, damped towards ``start`` (O, I)."""
    moments = second_moments(rows)
    hessian = damped(moments)
    pull = start * (hessian - moments).diagonal()
    return torch.cat(
        [
            _fit_rows(hessian, rows, y, p, m, ROUNDS if relu else 0)
            for y, p, m in _split_rows(hessian, targets, pull, mask)
        ]
    )


def _fit_rows(
    hessian: Tensor, rows: Tensor, targets: Tensor, pull: Tensor, mask: Tensor, rounds: int
) -> Tensor:
    solve = _Solver(hessian, mask)
    fitted = solve(targets @ rows / len(rows) + pull)
    for _ in range(rounds):
        below = (fitted @ rows.mT).clamp(max=0.0)
        fitted = solve(torch.where(targets > 0, targets, below) @ rows / len(rows) + pull)
    return fitted


def _split_rows(hessian: Tensor, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Split tensors (O, ...) into chunks of rows that are solved in one batch."""
    most = max(1, MOST_ENTRIES // hessian.numel())
    return zip(*(t.split(most) for t in tensors), strict=True)


def _split_groups(rows: Tensor, layer: Layer) -> tuple[Tensor, ...]:
    """Split rows (O, ...), one for each output of a layer, into its groups."""
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    return rows.chunk(groups)


def _per_channel(values: Tensor, layer: Layer) -> Tensor:
    """Reshape values (O,) of output channels to broadcast with a layer's outputs."""
    return values.view(-1, 1, 1) if isinstance(layer, nn.Conv2d) else values


def _select(rows: Tensor, indices: Tensor | None) -> Tensor:
    return rows if indices is None else rows[indices]


def _weights_and_bias(layer: Layer) -> Tensor:
    """Concatenate weights and bias, (O, I + 1)."""
    bias = torch.zeros(len(layer.weight)) if layer.bias is None else layer.bias
    return torch.cat([layer.weight.flatten(1), bias[:, None]], dim=1)


def _free_mask(layer: Layer, cut: LayerCut) -> Tensor:
    """Return the mask (O, I + 1) of fitted weights: kept weights, and the bias if there is one."""
    free = torch.full((len(layer.weight), 1), layer.bias is not None)
    return torch.cat([cut.mask.flatten(1), free], dim=1)


def _set_weights_and_bias(layer: Layer, rows: Tensor) -> None:
    layer.weight.copy_(rows[:, :-1].view_as(layer.weight))
    if layer.bias is not None:
        layer.bias.copy_(rows[:, -1])
