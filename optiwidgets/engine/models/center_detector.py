"""One-stage detector of centres and boxes: its network, decoding and loss.

The network computes one tensor (N, K + 4, h, w): for each cell of 8 x 8 pixels the logit of every
class having its object's centre there, and the distances from the cell's centre to the left, top,
right and bottom of the object's box. The form follows CenterNet ("Objects as Points",
arXiv:1904.07850); boxes are learned near the centre too, by their overlap, as in TTFNet
(arXiv:1909.00700).
"""

from __future__ import annotations

from itertools import product
from math import log

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from numpy.typing import NDArray
from torch import Tensor, nn

from optiwidgets.engine.models.spec import Spec
from optiwidgets.engine.types.boxes import ABSENT, Integers

CENTER = "center"
WIDTHS = {CENTER: (8, 16, 32, 48, 48)}  # channels of each convolution; the first three halve
HALVINGS = 3
STRIDE = 2**HALVINGS  # pixels of a cell's edge
UNIT = 16.0  # pixels of a distance of 1
LOWEST, MOST = 0.05, 100  # score of a detection; detections of an image
RARE = 0.01  # score of every cell before training
WIDE, LEAST = 0.13, 0.3  # spread of a centre: share of the box's edge; cells
NEAR = 0.05  # least weight of a cell in which a box is learned
BOXES = 2.0  # weight of the boxes' loss


class CenterDetector(nn.Module):
    """Convolutions with BatchNorm and ReLU, the first three of stride 2, and a 1 x 1 head.

    Parameters
    ----------
    spec
        Images are ``channels`` x ``size`` x ``size`` pixels, ``size`` a multiple of 8.

    Examples
    --------
    >>> net = CenterDetector(Spec(name="center", channels=1, size=96, classes=10))
    >>> sum(parameter.numel() for parameter in net.parameters())
    41382
    >>> net.eval()(torch.zeros(2, 1, 96, 96)).shape
    torch.Size([2, 14, 12, 12])
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        widths = WIDTHS[spec["name"]]
        blocks: list[nn.Module] = []
        for depth, (into, out) in enumerate(zip((spec["channels"], *widths), widths, strict=False)):
            stride = 2 if depth < HALVINGS else 1
            blocks += [
                nn.Conv2d(into, out, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(out),
                nn.ReLU(inplace=True),
            ]
        self.features = nn.Sequential(*blocks)
        self.head = nn.Conv2d(widths[-1], spec["classes"] + 4, 1)
        with torch.no_grad():
            self.head.weight.mul_(0.1)
        bias = torch.ones(spec["classes"] + 4)
        bias[:-4] = log(RARE / (1 - RARE))
        self.head.bias = nn.Parameter(bias)

    @staticmethod
    def decode(output: Tensor) -> list[Tensor]:
        """Find the boxes of each image, as the function ``decode``."""
        return decode(output)

    @staticmethod
    def loss(output: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss, as the function ``loss``."""
        return loss(output, targets)

    def forward(self, images: Tensor) -> Tensor:
        """Compute logits and distances (N, K + 4, h, w) of images N C H W."""
        output: Tensor = self.head(self.features(images))
        return output


def decode(output: Tensor) -> list[Tensor]:
    """Find the boxes of each image: cells whose logit none of the 8 around it exceeds.

    A negative distance, which few bits can produce, counts as 0.

    Parameters
    ----------
    output
        (N, K + 4, h, w) of a ``CenterDetector``.

    Returns
    -------
    list
        For each image (n, 6) float32: x0, y0, x1, y1 in pixels, score, class; scores fall, are at
        least 0.05, and n is at most 100.

    Examples
    --------
    >>> output = torch.full((1, 14, 12, 12), -9.0)
    >>> output[:, -4:] = 0.5  # 8 pixels
    >>> output[0, 7, 2, 3] = 0.0
    >>> decode(output)[0].tolist()
    [[20.0, 12.0, 36.0, 28.0, 0.5, 7.0]]
    """
    values = output.detach().numpy()
    image, kind, row, column = _peaks(values[:, :-4], log(LOWEST / (1 - LOWEST)))
    scores = torch.from_numpy(values[image, kind, row, column]).sigmoid().numpy()
    order = np.lexsort((-scores, image))
    image, kind, row, column = (each[order] for each in (image, kind, row, column))
    counts = np.bincount(image, minlength=len(values))
    rank = np.arange(len(image)) - (counts.cumsum() - counts)[image]
    away = values[image, -4:, row, column].clip(min=0)
    distances, *cells = map(torch.from_numpy, (away, row, column))
    boxes = _boxes_at(distances, *cells).numpy()
    found = np.column_stack([boxes, scores[order], kind.astype(np.float32)])
    kept = torch.from_numpy(found[rank < MOST])
    return list(kept.split(counts.clip(max=MOST).tolist()))


def _peaks(logits: NDArray[np.float32], least: float) -> tuple[Integers, ...]:
    """Find cells above ``least`` that none of the 8 around exceeds: image, class, row, column.

    Only the cells above ``least`` are compared: they are few. In numpy, because torch's threads
    wait for each other where other processes use the cores.
    """
    height, width = logits.shape[2:]
    flat = np.ascontiguousarray(logits).ravel()
    places = np.flatnonzero(flat > least)
    row, column = places // width % height, places % width
    corner, own = places - row * width - column, flat[places]
    highest = np.ones(len(places), bool)
    for down, right in product((-1, 0, 1), repeat=2):  # beyond an edge, the cells at the edge
        near = (row + down).clip(0, height - 1) * width + (column + right).clip(0, width - 1)
        highest &= own >= flat[corner + near]
    return np.unravel_index(places[highest], logits.shape)


def _boxes_at(distances: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Compute boxes (n, 4) in pixels from the distances (n, 4) of cells."""
    centre = (torch.stack([column, row], 1) + 0.5) * STRIDE
    away = distances * UNIT
    return torch.cat([centre - away[:, :2], centre + away[:, 2:]], 1)


def loss(output: Tensor, targets: Tensor) -> Tensor:
    """Compute the loss of centres (penalty-reduced focal loss) and boxes (generalized overlap).

    Parameters
    ----------
    output
        (N, K + 4, h, w) of a ``CenterDetector``.
    targets
        (N, M, 6): x0, y0, x1, y1 in pixels, class (-1: no box), crowd. Regions of a crowd are not
        learned.

    Examples
    --------
    >>> targets = torch.tensor([[[20.0, 12, 36, 28, 7, 0], [0, 0, 0, 0, -1, 0]]])
    >>> output = torch.full((1, 14, 12, 12), -9.0)
    >>> worse = loss(output, targets)
    >>> output[:, -4:], output[0, 7, 2, 3] = 0.5, 9.0
    >>> bool(loss(output, targets) < worse / 1000)
    True
    """
    single = (targets[..., 4] != ABSENT) & (targets[..., 5] == 0)
    image, which = single.nonzero(as_tuple=True)
    boxes = targets[image, which]
    shape = output.shape[-2:]
    near = _near(boxes, shape)
    heat = torch.zeros_like(output[:, :-4])
    for place in range(targets.shape[1]):  # at most one box of each image
        rows = which == place
        at = image[rows], boxes[rows, 4].long()
        heat[at] = torch.maximum(heat[at], near[rows])
    centres = _focal(output[:, :-4], heat) / max(1, len(boxes))
    if not len(boxes):
        return centres
    of, row, column = (near > NEAR).nonzero(as_tuple=True)
    guessed = _boxes_at(output[image[of], -4:, row, column], row, column)
    weight = near[of, row, column]
    return centres + BOXES * (weight * _apart(guessed, boxes[of, :4])).sum() / weight.sum()


def _near(boxes: Tensor, shape: torch.Size) -> Tensor:
    """Compute Gaussians (n, h, w) about the cells of the boxes' centres, 1 in these cells."""
    centres = (boxes[:, :2] + boxes[:, 2:4]) / 2 / STRIDE
    spread = ((boxes[:, 2:4] - boxes[:, :2]) / STRIDE * WIDE).clamp(min=LEAST)
    along = []
    for axis, length in ((0, shape[1]), (1, shape[0])):
        cell = centres[:, axis].floor().clamp(0, length - 1)
        steps = torch.arange(length) - cell[:, None]
        along.append((-((steps / spread[:, axis, None]) ** 2) / 2).exp())
    near: Tensor = along[1][:, :, None] * along[0][:, None, :]
    return near


def _focal(logits: Tensor, heat: Tensor) -> Tensor:
    """Sum CenterNet's focal loss: exponents 2 and 4."""
    scores, centre = logits.sigmoid(), heat == 1
    hit = F.logsigmoid(logits) * (1 - scores) ** 2
    miss = F.logsigmoid(-logits) * scores**2 * (1 - heat) ** 4
    total: Tensor = -torch.where(centre, hit, miss).sum()
    return total


def _apart(a: Tensor, b: Tensor) -> Tensor:
    """Compute 1 minus the generalized intersection over union (arXiv:1902.09630) of pairs."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).clamp(min=0).prod(1) for box in (a, b)]
    union = areas[0] + areas[1] - shared
    hull = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    whole = hull.clamp(min=1e-3).prod(1)
    return 1 - shared / union.clamp(min=1e-3) + (whole - union) / whole
