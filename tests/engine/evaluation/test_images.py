"""Batches of images for evaluation."""

import pytest
import torch

from optiwidgets.engine.evaluation.images import Images


@pytest.mark.parametrize(("side", "most"), [(28, 64), (64, 64), (65, 16), (96, 16)])
def test_large_images_stand_in_smaller_batches_in_their_order(side, most):
    images = torch.arange(70.0).view(70, 1, 1, 1).expand(70, 1, side, side)
    found = Images.of("exploration", (images, torch.zeros(70).long()))
    assert max(map(len, found.batches)) == most
    assert torch.equal(torch.cat(list(found.batches)), images)
