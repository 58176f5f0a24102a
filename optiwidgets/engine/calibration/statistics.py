"""What a model's layers see and answer on calibration images, as plain matrices.

A convolution is a matrix product too: every place that its window visits is one row of inputs. All
methods that need no labels work on these rows: how strong an input is (WANDA), how inputs go
together (least squares, GPTQ), what the answers were before anything was changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from optiwidgets.engine.models.layers import layer_hooks, prunable

Layer = nn.Conv2d | nn.Linear
Visit = Callable[[str, Layer, Tensor, Tensor], Tensor | None]
MOST_IMAGES = 512  # calibration images looked at; all are in memory at once
MOST_ROWS = 16_384  # of a layer's inputs: evenly spaced ones stand for the others
DAMPING = 0.01  # of the mean of a Hessian's diagonal


def visit_layers(net: nn.Module, images: Tensor, visit: Visit) -> None:
    """Run images through a net once; ``visit(name, layer, inputs, outputs)`` sees every layer.

    A visit may change the layer. What it returns, if anything, goes on in the outputs' place, so
    that later layers see what the changed ones make of the images. A layer that is called twice is
    visited once, the first time.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).requires_grad_(False)
    >>> visit_layers(net, torch.ones(4, 2), lambda name, _, x, y: print(name, *x.shape, *y.shape))
    0 4 2 4 3
    1 4 3 4 1
    """
    names = {layer: name for name, layer in prunable(net).items()}

    def look(layer: Layer, inputs: tuple[Tensor, ...], outputs: Tensor) -> Tensor | None:
        name = names.pop(layer, None)
        return None if name is None else visit(name, layer, inputs[0], outputs)

    with layer_hooks(net, look), torch.no_grad():
        net(images[:MOST_IMAGES])


def input_rows(layer: Layer, inputs: Tensor) -> Tensor:
    """What each group of a layer's outputs is computed from: (G, n, I).

    One row a place that a window visits (Conv2d) or an image (Linear), at most ``MOST_ROWS`` evenly
    spaced ones; the weights of output o in group g, flattened, times a row of g is its answer
    before the bias.

    Examples
    --------
    >>> input_rows(nn.Conv2d(1, 1, 2), torch.arange(6.0).view(1, 1, 2, 3))
    tensor([[[0., 1., 3., 4.],
             [1., 2., 4., 5.]]])
    """
    if isinstance(layer, nn.Linear):
        return _thinned(_like_places(inputs))[None]
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    padded = F.pad(inputs, layer._reversed_padding_repeated_twice, mode)
    windows = padded  # a view of all windows, none of them copied: N C H' W' h w
    for axis, (size, step, gap) in enumerate(
        zip(layer.kernel_size, layer.stride, layer.dilation, strict=True), start=2
    ):
        windows = windows.unfold(axis, gap * (size - 1) + 1, step)[..., ::gap]
    rows = _thinned(windows.movedim(1, 3)).flatten(1)
    return rows.view(len(rows), layer.groups, -1).transpose(0, 1)


def output_rows(layer: Layer, outputs: Tensor) -> Tensor:
    """A layer's answers (n, O) at the places of ``input_rows``."""
    if isinstance(layer, nn.Conv2d):
        return _thinned(outputs.movedim(1, 3))
    return _thinned(_like_places(outputs))


def second_moments(rows: Tensor) -> Tensor:
    """X^T X over the number of rows: (..., n, I) -> (..., I, I).

    Half the Hessian of the squared error with respect to one output's weights.

    Examples
    --------
    >>> second_moments(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[ 5.,  7.],
            [ 7., 10.]])
    """
    return rows.mT @ rows / rows.shape[-2]


def damped(moments: Tensor, share: float = DAMPING) -> Tensor:
    """Second moments (..., I, I) with a share of their mean diagonal added to it: invertible.

    Raises
    ------
    ValueError
        They are not finite.
    """
    mean = _finite(moments).diagonal(dim1=-2, dim2=-1).mean(-1, keepdim=True)
    return moments + torch.diag_embed((share * mean).clamp(min=1e-8).expand_as(moments[..., 0]))


@dataclass(frozen=True, eq=False)
class LayerStatistics:
    """The untouched model on its calibration images, each matter looked at on first use.

    ``net`` is the folded model, ``images`` are N C H W.
    """

    net: nn.Module
    images: Tensor

    @cached_property
    def answers(self) -> Mapping[str, Tensor]:
        """Every layer's answers (n, O), at the places of its ``input_rows``."""
        answers = {}
        _check_different(self.images)

        def visit(name: str, layer: Layer, inputs: Tensor, outputs: Tensor) -> None:
            answers[name] = _finite(output_rows(layer, outputs).clone())  # the next may be in place

        visit_layers(self.net, self.images, visit)
        return answers

    @cached_property
    def spread(self) -> Mapping[str, tuple[Tensor, Tensor]]:
        """Mean and standard deviation (O,) of every layer's answers."""
        return {name: (y.mean(0), y.std(0, correction=0)) for name, y in self.answers.items()}

    @cached_property
    def moments(self) -> Mapping[str, Tensor]:
        """Second moments (G, I + 1, I + 1) of every layer's inputs, a column of ones at the end.

        All zero for a layer that no image reaches.
        """
        moments = {name: _nothing(layer) for name, layer in prunable(self.net).items()}
        _check_different(self.images)

        def visit(name: str, layer: Layer, inputs: Tensor, outputs: Tensor) -> None:
            moments[name] = _finite(second_moments(with_ones(input_rows(layer, inputs))))

        visit_layers(self.net, self.images, visit)
        return moments


def with_ones(rows: Tensor) -> Tensor:
    """Rows (..., n, I) with a column of ones after them, which a bias multiplies: (..., n, I + 1).

    Examples
    --------
    >>> with_ones(torch.tensor([[5.0, 7.0]]))
    tensor([[5., 7., 1.]])
    """
    return F.pad(rows, (0, 1), value=1.0)


def _check_different(images: Tensor) -> None:
    if len(images) < 2 or bool((images[:MOST_IMAGES] == images[:1]).all()):
        raise ValueError(
            f"calibration images are 2 or more that differ, not {len(images)} that are all alike: "
            "scores, repairs and GPTQ that look at them have nothing to go by"
        )


def _finite(values: Tensor) -> Tensor:
    if not values.isfinite().all():
        raise ValueError("what a layer sees or answers on the calibration images is not finite")
    return values


def _nothing(layer: Layer) -> Tensor:
    width = layer.weight[0].numel() + 1
    return torch.zeros(layer.groups if isinstance(layer, nn.Conv2d) else 1, width, width)


def _like_places(rows: Tensor) -> Tensor:
    """What a Linear reads or answers, N I or N ... I, as N H W I."""
    return rows.reshape(len(rows), 1, -1, rows.shape[-1])


def _thinned(places: Tensor) -> Tensor:
    """Rows (n, ...) out of images' places (N, H, W, ...): at most ``MOST_ROWS``, evenly spaced."""
    images, height, width = places.shape[:3]
    total = images * height * width
    if total <= MOST_ROWS:
        return places.flatten(0, 2)
    chosen = torch.linspace(0, total - 1, MOST_ROWS).long()
    image, place = chosen // (height * width), chosen % (height * width)
    return places[image, place // width, place % width]
