"""Winning accuracy back without labels and without gradients, layer by layer.

What was pruned or rounded changes what a layer answers. The weights that stay can make up for most
of it: calibration images say what the layer answered before, and what it is asked now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from optiwidgets.engine.calibration.statistics import (
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

ROUNDS = 3  # of fitting where a ReLU follows: what is below zero need not be met
MOST_ENTRIES = 2**25  # of Hessians solved at once
Code = Callable[[str, Layer, Tensor], None]


def refit(
    net: nn.Module,
    cuts: Mapping[str, LayerCut],
    seen: LayerStatistics,
    on_progress: ProgressCallback = lambda _: None,
) -> None:
    """Give every layer the weights whose answers come nearest to those it gave before, in place.

    With H the damped second moments of the inputs (the bias counts as the weight of an input that
    is always 1) and R the inputs that an output kept, w_R = H_RR^-1 (H w)_R: least squares on the
    *untouched* model's inputs. It is the exact optimal-brain-surgeon update for any mask.

    Source: B. Hassibi, D. Stork, "Second order derivatives for network pruning: optimal brain
    surgeon", NeurIPS 1992, equation 5, for many weights at once.

    Examples
    --------
    >>> from optiwidgets.engine.models.batchnorm_folding import fold
    >>> net = fold(nn.Sequential(nn.Linear(2, 1, bias=False)))
    >>> _ = net[0].weight.copy_(torch.tensor([[1.0, 2.0]]))
    >>> images = torch.tensor([[1.0, 1.0], [2.0, 2.0]])  # both inputs are alike
    >>> seen = LayerStatistics(fold(net), images)
    >>> refit(net, {"0": LayerCut(torch.tensor([[False, True]]))}, seen)
    >>> [round(w, 2) for w in net[0].weight.flatten().tolist()]
    [0.0, 2.99]
    """
    untouched, layers = prunable(seen.net), prunable(net)
    for place, (name, layer) in enumerate(layers.items(), start=1):
        _refit_layer(layer, untouched[name], cuts[name], seen.moments[name])
        on_progress(Progress(place / len(layers), f"layer {place} of {len(layers)}"))


def sequential(
    net: nn.Module, cuts: Mapping[str, LayerCut], seen: LayerStatistics, code: Code, relus: set[str]
) -> None:
    """Refit layer by layer, each on what the layers before it, already refitted, hand on; in place.

    Every layer is fitted by least squares to the answers the untouched model gave, from the inputs
    it gets now, then rounded by ``code``, so that later layers make up for that too. Where a ReLU
    follows (``relus`` names those layers), an answer below zero need not be met by another below
    zero: such targets follow the fit for a few rounds.

    Sources: E. Frantar, D. Alistarh, "SparseGPT", ICML 2023, section 3.1 (masked regression);
    Y. He et al., "Channel pruning for accelerating very deep neural networks", ICCV 2017,
    section 3.2 (the compressed inputs); X. Zhang et al., "Accelerating very deep convolutional
    networks", TPAMI 2016, section 3.2 (the ReLU).
    """

    def visit(name: str, layer: Layer, inputs: Tensor, outputs: Tensor) -> Tensor:
        cut = cuts[name]
        targets = _kept(seen.outputs[name].mT, cut.outputs)
        rows, mask, start = with_ones(input_rows(layer, inputs)), _mask(layer, cut), _joined(layer)
        fitted = [
            _fit(x, y, w, m, name in relus)
            for x, y, w, m in zip(
                rows, *(_grouped(t, layer) for t in (targets, start, mask)), strict=True
            )
        ]
        _write(layer, torch.cat(fitted))
        code(name, layer, inputs)
        return layer.forward(inputs)

    visit_layers(net, seen.images, visit)


def recalibrate(
    net: nn.Module, cuts: Mapping[str, LayerCut], seen: LayerStatistics, code: Code, *, spread: bool
) -> None:
    """Give every output the mean, and with ``spread`` the variance, it had before; in place.

    Layer by layer on the calibration images: rows of weights are stretched so that the variances
    agree, then rounded by ``code``, then biases are moved so that the means agree. An output that
    never changes is not stretched, a layer without biases keeps its means. Without ``spread`` this
    is bias correction.

    Sources: M. Nagel et al., "Data-free quantization through weight equalization and bias
    correction", ICCV 2019, section 4.2; on a folded net the stretch is what estimating BatchNorm
    anew would do.
    """

    def visit(name: str, layer: Layer, inputs: Tensor, outputs: Tensor) -> Tensor:
        mean, deviation = (
            _kept(values, cuts[name].outputs) for values in seen.output_means_and_deviations[name]
        )
        if spread:
            narrow = output_rows(layer, outputs).std(0, correction=0)
            stretch = torch.where(narrow > 1e-6, deviation / narrow, 1.0)
            layer.weight.mul_(stretch.view(-1, *[1] * (layer.weight.dim() - 1)))
            bias = 0.0 if layer.bias is None else _of_channels(layer.bias, layer)
            outputs = (outputs - bias) * _of_channels(stretch, layer) + bias
        exact = layer.weight.clone()
        code(name, layer, inputs)
        if not torch.equal(layer.weight, exact):
            outputs = layer.forward(inputs)
        if layer.bias is None:
            return outputs
        shift = mean - output_rows(layer, outputs).mean(0)
        layer.bias.add_(shift)
        return outputs + _of_channels(shift, layer)

    visit_layers(net, seen.images, visit)


def solve_kept(hessian: Tensor, right: Tensor, mask: Tensor) -> Tensor:
    """Rows w (O, I) with w_R = H_RR^-1 right_R and 0 elsewhere, R the row's kept inputs.

    One batched Cholesky: rows are gathered to the length of the longest, the rest of their block is
    the identity. Where all rows keep the same inputs, there is one block for all.

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
    """Factors the kept blocks once, and solves for as many right-hand sides as are asked."""

    def __init__(self, hessian: Tensor, mask: Tensor) -> None:
        alike = bool((mask == mask[:1]).all())
        mask = mask[:1] if alike else mask
        longest = int(mask.sum(1).max())
        self.places = mask.int().argsort(dim=1, descending=True, stable=True)[:, :longest]
        self.real = mask.gather(1, self.places)
        pairs = self.real[:, :, None] & self.real[:, None, :]
        blocks = hessian[self.places[:, :, None], self.places[:, None, :]]
        self.factors = torch.linalg.cholesky(torch.where(pairs, blocks, torch.eye(longest)))

    def __call__(self, right: Tensor) -> Tensor:
        places, real = self.places.expand(len(right), -1), self.real.expand(len(right), -1)
        wanted = torch.where(real, right.gather(1, places), 0.0)
        if len(self.factors) == 1:
            solved = torch.cholesky_solve(wanted.mT, self.factors[0]).mT
        else:
            solved = torch.cholesky_solve(wanted.unsqueeze(-1), self.factors).squeeze(-1)
        return torch.zeros_like(right).scatter_(1, places, torch.where(real, solved, 0.0))


def _refit_layer(layer: Layer, untouched: Layer, cut: LayerCut, moments: Tensor) -> None:
    hessians, mask, whole = damped(moments), _mask(layer, cut), _joined(untouched)
    rights = [w @ h for w, h in zip(_grouped(whole, untouched), hessians, strict=True)]
    right = _kept(torch.cat(rights), cut.outputs)
    if cut.columns is not None:
        right, hessians = right[:, cut.with_bias], cut.of_inputs(hessians)
    fitted = [
        torch.cat([solve_kept(h, *part) for part in _portions(h, r, m)])
        for h, r, m in zip(hessians, _grouped(right, layer), _grouped(mask, layer), strict=True)
    ]
    _write(layer, torch.cat(fitted))


def _fit(rows: Tensor, targets: Tensor, start: Tensor, mask: Tensor, relu: bool) -> Tensor:
    """Least squares for targets (O, n) from rows (n, I); in doubt near to ``start`` (O, I)."""
    moments = second_moments(rows)
    hessian = damped(moments)
    pull = start * (hessian - moments).diagonal()
    return torch.cat(
        [
            _fit_portion(hessian, rows, y, p, m, ROUNDS if relu else 0)
            for y, p, m in _portions(hessian, targets, pull, mask)
        ]
    )


def _fit_portion(
    hessian: Tensor, rows: Tensor, targets: Tensor, pull: Tensor, mask: Tensor, rounds: int
) -> Tensor:
    solve = _Solver(hessian, mask)
    fitted = solve(targets @ rows / len(rows) + pull)
    for _ in range(rounds):
        below = (fitted @ rows.mT).clamp(max=0.0)
        fitted = solve(torch.where(targets > 0, targets, below) @ rows / len(rows) + pull)
    return fitted


def _portions(hessian: Tensor, *of: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Cut tensors (O, ...) into as many rows as may be solved at once."""
    most = max(1, MOST_ENTRIES // hessian.numel())
    return zip(*(t.split(most) for t in of), strict=True)


def _grouped(rows: Tensor, layer: Layer) -> tuple[Tensor, ...]:
    """What belongs to a layer's outputs (O, ...), group by group."""
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    return rows.chunk(groups)


def _of_channels(values: Tensor, layer: Layer) -> Tensor:
    """Values (O,), one an output channel, to be joined with a layer's answers."""
    return values.view(-1, 1, 1) if isinstance(layer, nn.Conv2d) else values


def _kept(rows: Tensor, places: Tensor | None) -> Tensor:
    return rows if places is None else rows[places]


def _joined(layer: Layer) -> Tensor:
    """Weights and bias side by side, (O, I + 1)."""
    bias = torch.zeros(len(layer.weight)) if layer.bias is None else layer.bias
    return torch.cat([layer.weight.flatten(1), bias[:, None]], dim=1)


def _mask(layer: Layer, cut: LayerCut) -> Tensor:
    """What may be fitted, (O, I + 1): the weights that stayed, and the bias if there is one."""
    free = torch.full((len(layer.weight), 1), layer.bias is not None)
    return torch.cat([cut.mask.flatten(1), free], dim=1)


def _write(layer: Layer, joined: Tensor) -> None:
    layer.weight.copy_(joined[:, :-1].view_as(layer.weight))
    if layer.bias is not None:
        layer.bias.copy_(joined[:, -1])
