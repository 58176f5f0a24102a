from __future__ import annotations

import pytest
from example_nets import torch_scores

from optiwidgets.engine.calibration import activation_ranges
from optiwidgets.engine.data.loaders import load_dataset
from optiwidgets.engine.models import batchnorm_folding, zoo
from optiwidgets.engine.models.layers import prunable


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def test_calibration_sees_every_layers_input_and_leaves_no_hook(digits):
    net = batchnorm_folding.fold(zoo.load_trained("small"))
    images = digits.calibration[0][:100]
    ranges = activation_ranges.calibrate(net, images)
    hidden = torch_scores(net.features, images)
    assert list(ranges) == list(prunable(net))
    assert ranges["features.0"] == (images.min().item(), images.max().item())
    assert ranges["hidden"] == (0.0, pytest.approx(hidden.max().item()))
    assert not any(module._forward_hooks for module in net.modules())
