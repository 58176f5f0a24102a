"""Inputs and outputs of each layer on calibration images, as matrices (im2col).

A convolution is a matrix product too: every position of its window is one row of inputs. All
methods without labels use these rows: the mean square of an input (WANDA), second moments (least
squares, GPTQ), or the outputs of the baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from optiwidgets.engine.models.copying import copy_net
from optiwidgets.engine.models.layers import layer_hooks, prunable

Layer = nn.Conv2d | nn.Linear
Visit = Callable[[str, Layer, Tensor, Tensor], Tensor | None]
MOST_IMAGES = 512  # calibration images used; all are in memory at once
MOST_ROWS = 16_384  # rows of a layer's inputs; more are sampled at even spacing
DAMPING = 0.01  # relative to the mean of a Hessian's diagonal


def visit_layers(net: nn.Module, images: Tensor, visit: Visit) -> None:
    """Run a net on images once and call ``visit(name, layer, inputs, outputs)`` at each layer.

    ``visit`` may change the layer. If it returns a tensor, that replaces the outputs, so that later
    layers get the outputs of the changed layer. A layer that is called twice is visited only at its
    first call.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).requires_grad_(False)
    >>> visit_layers(net, torch.ones(4, 2), lambda name, _, x, y: print(name, *x.shape, *y.shape))
    0 4 2 4 3
    1 4 3 4 1
    """
    names = {layer: name for name, layer in prunable(net).items()}

    def hook(layer: Layer, inputs: tuple[Tensor, ...], outputs: Tensor) -> Tensor | None:
        name = names.pop(layer, None)
        return None if name is None else visit(name, layer, inputs[0], outputs)

    with layer_hooks(net, hook), torch.no_grad():
        net(images[:MOST_IMAGES])


def input_rows(layer: Layer, inputs: Tensor) -> Tensor:
    """Extract the inputs of each of a layer's groups as rows (G, n, I).

    Each row is a position of the window (Conv2d) or of the input (Linear); at most ``MOST_ROWS``
    rows are sampled, evenly spaced. The product of a row of group g and the flattened weights of
    an output in g is that output before the bias.

    Examples
    --------
    >>> input_rows(nn.Conv2d(1, 1, 2), torch.arange(6.0).view(1, 1, 2, 3))
    tensor([[[0., 1., 3., 4.],
             [1., 2., 4., 5.]]])
    """
    if isinstance(layer, nn.Linear):
        return _sample_rows(_linear_positions(inputs))[None]
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    padded = F.pad(inputs, layer._reversed_padding_repeated_twice, mode)
    windows = padded  # a view of all windows without a copy: N C H' W' h w
    for axis, (size, step, gap) in enumerate(
        zip(layer.kernel_size, layer.stride, layer.dilation, strict=True), start=2
    ):
        windows = windows.unfold(axis, gap * (size - 1) + 1, step)[..., ::gap]
    rows = _sample_rows(windows.movedim(1, 3)).flatten(1)
    return rows.view(len(rows), layer.groups, -1).transpose(0, 1)


def output_rows(layer: Layer, outputs: Tensor) -> Tensor:
    """Extract a layer's outputs as rows (n, O), at the positions of ``input_rows``."""
    if isinstance(layer, nn.Conv2d):
        return _sample_rows(outputs.movedim(1, 3))
    return _sample_rows(_linear_positions(outputs))


def second_moments(rows: Tensor) -> Tensor:
    """Compute the second moments X^T X / n of rows: (..., n, I) -> (..., I, I).

    They are half the Hessian of the mean squared error with respect to one output's weights.

    Examples
    --------
    >>> second_moments(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[ 5.,  7.],
            [ 7., 10.]])
    """
    return rows.mT @ rows / rows.shape[-2]


def damped(moments: Tensor, share: float = DAMPING) -> Tensor:
    """Make second moments (..., I, I) invertible: add a share of their mean diagonal.

    Raises
    ------
    ValueError
        The second moments are not finite.
    """
    mean = _finite(moments).diagonal(dim1=-2, dim2=-1).mean(-1, keepdim=True)
    return moments + torch.diag_embed((share * mean).clamp(min=1e-8).expand_as(moments[..., 0]))


@dataclass(frozen=True, eq=False)
class LayerStatistics:
    """Calibration statistics of the baseline's layers, each computed on first use.

    ``net`` is the folded model, ``images`` are N C H W. Hooks are set on copies of the net, because
    other threads may run or copy it at the same time.
    """

    net: nn.Module
    images: Tensor

    @cached_property
    def outputs(self) -> Mapping[str, Tensor]:
        """Outputs (n, O) of every layer, at the positions of its ``input_rows``."""
        rows = {}
        _check_different(self.images)

        def visit(name: str, layer: Layer, inputs: Tensor, outputs: Tensor) -> None:
            rows[name] = _finite(output_rows(layer, outputs).clone())  # the next may be in-place

        visit_layers(copy_net(self.net), self.images, visit)
        return rows

    @cached_property
    def output_means_and_deviations(self) -> Mapping[str, tuple[Tensor, Tensor]]:
        """Mean and standard deviation (O,) of every layer's outputs."""
        return {name: (y.mean(0), y.std(0, correction=0)) for name, y in self.outputs.items()}

    @cached_property
    def moments(self) -> Mapping[str, Tensor]:
        """Second moments (G, I + 1, I + 1) of every layer's inputs and a last column of ones.

        They are all zero for a layer that runs on no image.
        """
        moments = {name: _zero_moments(layer) for name, layer in prunable(self.net).items()}
        _check_different(self.images)

        def visit(name: str, layer: Layer, inputs: Tensor, outputs: Tensor) -> None:
            moments[name] = _finite(second_moments(with_ones(input_rows(layer, inputs))))

        visit_layers(copy_net(self.net), self.images, visit)
        return moments


def with_ones(rows: Tensor) -> Tensor:
    """Append a column of ones, the input of the bias: rows (..., n, I) -> (..., n, I + 1).

    Examples
    --------
    >>> with_ones(torch.tensor([[5.0, 7.0]]))
    tensor([[5., 7., 1.]])
    """
    return F.pad(rows, (0, 1), value=1.0)


def _check_different(images: Tensor) -> None:
    if len(images) < 2 or bool((images[:MOST_IMAGES] == images[:1]).all()):
        raise ValueError(
            f"calibration images are 2 or more that differ, not {len(images)} that are all equal: "
            "scores, recovery and GPTQ compute their statistics on them"
        )


def _finite(values: Tensor) -> Tensor:
    if not values.isfinite().all():
        raise ValueError("a layer's inputs or outputs on the calibration images are not finite")
    return values


def _zero_moments(layer: Layer) -> Tensor:
    width = layer.weight[0].numel() + 1
    return torch.zeros(layer.groups if isinstance(layer, nn.Conv2d) else 1, width, width)


def _linear_positions(rows: Tensor) -> Tensor:
    """Reshape inputs or outputs of a Linear layer, N I or N ... I, to N H W I."""
    return rows.reshape(len(rows), 1, -1, rows.shape[-1])


def _sample_rows(positions: Tensor) -> Tensor:
    """Select rows (n, ...) of positions (N, H, W, ...): at most ``MOST_ROWS``, evenly spaced."""
    images, height, width = positions.shape[:3]
    total = images * height * width
    if total <= MOST_ROWS:
        return positions.flatten(0, 2)
    chosen = torch.linspace(0, total - 1, MOST_ROWS).long()
    image, pixel = chosen // (height * width), chosen % (height * width)
    return positions[image, pixel // width, pixel % width]
