from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from optiwidgets.engine.evaluation.detection_precision import average_precisions
from optiwidgets.engine.models import center_detector
from optiwidgets.engine.models.center_detector import (
    LOWEST,
    MOST,
    STRIDE,
    UNIT,
    CenterDetector,
    decode,
    loss,
)
from optiwidgets.engine.models.spec import Spec
from optiwidgets.engine.types.boxes import ABSENT, Detections, TrueBoxes

NONE = [0.0, 0, 0, 0, ABSENT, 0]


def output_of(n=3, classes=4, height=5, width=6, seed=0, spread=2.0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(n, classes + 4, height, width, generator=random) * spread


def decoded_slowly(output):
    """Find each image's boxes cell by cell: rows of (-score, ...) in the order of ``decode``."""
    found = []
    for image in output.double().tolist():
        kinds, rows = [], []
        kinds, distances = image[:-4], image[-4:]
        height, width = len(kinds[0]), len(kinds[0][0])
        for kind, logits in enumerate(kinds):
            for y in range(height):
                for x in range(width):
                    score = 1 / (1 + math.exp(-logits[y][x]))
                    around = [
                        logits[v][u]
                        for v in range(max(0, y - 1), min(height, y + 2))
                        for u in range(max(0, x - 1), min(width, x + 2))
                    ]
                    if score > LOWEST and logits[y][x] == max(around):
                        left, top, right, bottom = (max(d[y][x], 0) * UNIT for d in distances)
                        cx, cy = (x + 0.5) * STRIDE, (y + 0.5) * STRIDE
                        box = [cx - left, cy - top, cx + right, cy + bottom]
                        rows.append([*box, score, float(kind)])
        rows.sort(key=lambda row: -row[4])
        found.append(rows[:MOST])
    return found


# The network


def test_the_detector_of_the_scenes_has_at_most_60_000_weights_and_one_output():
    net = CenterDetector(Spec(name="center", channels=1, size=96, classes=10)).eval()
    assert sum(parameter.numel() for parameter in net.parameters()) == 41382
    assert net(torch.zeros(2, 1, 96, 96)).shape == (2, 14, 12, 12)
    kinds = {type(module) for module in net.modules() if not list(module.children())}
    assert kinds == {nn.Conv2d, nn.BatchNorm2d, nn.ReLU}


def test_an_untrained_detector_finds_nothing():
    torch.manual_seed(0)
    net = CenterDetector(Spec(name="center", channels=3, size=64, classes=2)).eval()
    assert [len(boxes) for boxes in decode(net(torch.randn(2, 3, 64, 64)))] == [0, 0]


# Decoding


@pytest.mark.parametrize("seed", range(5))
def test_decoding_finds_the_boxes_of_a_slow_loop(seed):
    output = output_of(seed=seed)
    output[2, :-4] = -9  # an image without boxes
    found = decode(output)
    assert [boxes.dtype for boxes in found] == [torch.float32] * 3
    for boxes, expected in zip(found, decoded_slowly(output), strict=True):
        np.testing.assert_allclose(boxes.numpy(), np.reshape(expected, (-1, 6)), rtol=1e-5)


def test_decoding_keeps_the_100_best_of_an_image():
    output = output_of(2, 40, 12, 12, spread=3.0)
    found, expected = decode(output), decoded_slowly(output)
    assert [len(boxes) for boxes in found] == [MOST, MOST]
    np.testing.assert_allclose(found[1].numpy(), expected[1], rtol=1e-5)


def test_decoding_has_a_floor_of_scores():
    output = torch.full((1, 6, 3, 3), -9.0)
    output[0, 0, 0, 0] = math.log(0.049 / 0.951)
    output[0, 1, 2, 2] = math.log(0.051 / 0.949)
    (boxes,) = decode(output)
    assert boxes[:, 4:].tolist() == [[pytest.approx(0.051, abs=1e-6), 1]]


def test_equal_neighbours_are_all_peaks():
    output = torch.full((1, 5, 4, 4), -9.0)
    output[0, 0, 1, 1:3] = 1.0
    assert len(decode(output)[0]) == 2


def test_negative_distances_become_boxes_without_area():
    output = torch.full((1, 5, 3, 3), -9.0)
    output[0, :, 1, 1] = torch.tensor([0.0, -0.5, 0.25, -0.125, 0.5])
    assert decode(output)[0].tolist() == [[12, 8, 12, 20, 0.5, 0]]


def test_one_image_is_decoded_as_among_others():
    output = output_of(4, seed=9)
    for place in range(4):
        assert torch.equal(decode(output[place : place + 1])[0], decode(output)[place])


# Loss


def test_a_centre_is_learned_by_the_focal_loss_worked_by_hand():
    output = torch.zeros(1, 5, 2, 2)  # every score is a half
    output[0, 1:] = 0.5  # 8 pixels
    targets = torch.tensor([[[0.0, 0, 8, 8, 0, 0]]])  # its centre is the middle of cell 0, 0
    output[0, 1:, 0, 0] = 4 / UNIT
    # spread 0.3 cells: a side neighbour's weight is exp(-1 / 0.18), a diagonal one's its square
    side = math.exp(-1 / 0.18)
    shares = 1 + 2 * (1 - side) ** 4 + (1 - side**2) ** 4
    assert side < center_detector.NEAR  # so the box is learned in its own cell alone, where it fits
    assert loss(output, targets).item() == pytest.approx(0.25 * math.log(2) * shares, rel=1e-5)


def test_a_box_is_learned_by_its_generalized_overlap_worked_by_hand():
    output = torch.zeros(1, 5, 1, 1)
    output[0, 0] = 30.0  # a sure centre costs nothing
    output[0, 1:] = torch.tensor([0, 4, 8, 4]).view(4, 1, 1) / UNIT  # 4, 0 to 12, 8
    targets = torch.tensor([[[0.0, 0, 8, 8, 0, 0]]])
    # intersection 4 x 8, union 96, hull 12 x 8 = 96
    assert loss(output, targets).item() == pytest.approx(2 * (1 - 32 / 96), rel=1e-5)
    far = torch.tensor([[[0.0, 0, 2, 2, 0, 0]]])  # intersection 0, union 4 + 64, hull 12 x 8
    assert loss(output, far).item() == pytest.approx(2 * (1 + 28 / 96), rel=1e-5)


def test_images_without_boxes_teach_that_there_is_nothing():
    output = torch.zeros(2, 6, 3, 3)
    empty = torch.tensor([[NONE], [NONE]])
    assert loss(output, empty).item() == pytest.approx(2 * 2 * 9 * 0.25 * math.log(2), rel=1e-5)


def test_rows_of_padding_and_crowds_change_nothing():
    output = output_of(2)
    targets = torch.tensor([[[4.0, 4, 20, 30, 1, 0]], [[8.0, 0, 40, 16, 3, 0]]])
    padded = torch.cat([targets, torch.tensor([[NONE], [[0.0, 0, 30, 30, 2, 1]]])], 1)
    assert loss(output, padded).item() == pytest.approx(loss(output, targets).item(), rel=1e-6)


def test_the_loss_does_not_depend_on_the_order_of_boxes():
    targets = torch.tensor(
        [[[4.0, 4, 20, 30, 1, 0], [8.0, 0, 40, 16, 1, 0], [20.0, 20, 40, 36, 2, 0]]]
    )
    output = output_of(1)
    turned = loss(output, targets.flip(1)).item()
    assert turned == pytest.approx(loss(output, targets).item(), rel=1e-6)


def test_steps_down_the_loss_find_the_boxes():
    targets = torch.tensor(
        [
            [[4.0, 4, 20, 30, 1, 0], [28.0, 0, 48, 16, 3, 0]],
            [[8.0, 8, 40, 36, 0, 0], NONE],
        ]
    )
    output = torch.zeros(2, 8, 5, 6)
    output[:, :-4] = -2
    output[:, -4:] = 0.5
    output.requires_grad_(True)
    optimizer = torch.optim.Adam([output], 0.1)
    for _ in range(150):
        optimizer.zero_grad()
        found = loss(output, targets)
        found.backward()
        optimizer.step()
    boxes = [each.numpy() for each in decode(output.detach())]
    precisions = average_precisions(Detections.of(boxes), TrueBoxes.of(targets.numpy()), 4)
    assert np.nanmin(precisions[:, :8]) == 1  # overlaps up to 0.85
    assert np.isnan(precisions[2]).all()
