from __future__ import annotations

from threading import Thread

import pytest
import torch
from torch import nn

from optiwidgets.engine.calibration.layer_statistics import LayerStatistics
from optiwidgets.engine.models.copying import copy_net


class Interrupted(nn.Module):
    """Net that lets another thread use it while its statistics are computed."""

    meanwhile = None

    def forward(self, images):
        if (work := Interrupted.meanwhile) is not None:
            Interrupted.meanwhile = None
            thread = Thread(target=work)
            thread.start()
            thread.join()
        return images


@pytest.fixture
def net():
    made = nn.Sequential(Interrupted(), nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    yield made.eval().requires_grad_(False)
    Interrupted.meanwhile = None


@pytest.mark.parametrize("statistic", ["outputs", "moments"])
def test_statistics_are_those_of_the_calibration_images_whoever_runs_the_net_meanwhile(
    net, statistic
):
    images, others = torch.rand(16, 1, 4, 4), torch.zeros(4, 1, 4, 4)
    expected = getattr(LayerStatistics(copy_net(net), images), statistic)
    Interrupted.meanwhile = lambda: net(others)  # as an export does
    found = getattr(LayerStatistics(net, images), statistic)
    for name in ("1", "3"):
        torch.testing.assert_close(found[name], expected[name])


def test_a_copy_made_while_statistics_are_computed_has_no_hooks(net):
    copies = []
    Interrupted.meanwhile = lambda: copies.append(copy_net(net))
    assert LayerStatistics(net, torch.rand(16, 1, 4, 4)).moments
    assert not any(module._forward_hooks for module in copies[0].modules())
