from __future__ import annotations

import pytest
import torch
from torch import nn

from optiwidgets.engine.calibration.activation_ranges import calibrate
from optiwidgets.engine.models.macs import positions


class Watched(nn.Module):
    """Notes, while it runs, how many hooks the layer of the model that was given carries."""

    seen: list[int]
    given: nn.Linear

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(108, 3).requires_grad_(False)
        type(self).seen, type(self).given = [], self.head

    def forward(self, images):
        self.seen.append(len(self.given._forward_hooks))
        return self.head(images.flatten(1))


@pytest.mark.parametrize("look", [positions, calibrate])
def test_looking_at_a_model_leaves_it_alone_even_while_it_looks(look):
    model = Watched()  # another thread may be copying it at that moment, hooks and all
    look(model, torch.randn(5, 2, 6, 9))
    assert set(model.seen) == {0}


def test_positions_and_ranges_by_hand():
    net = nn.Sequential(nn.Conv2d(2, 5, (3, 2)), nn.Flatten(), nn.Linear(160, 3))
    net[0].weight.data.fill_(-1.0)
    net[0].bias.data.zero_()
    images = torch.ones(4, 2, 6, 9)
    images[1, 0, 0, 0] = 3.0
    assert positions(net, images) == [4 * 8, 1]
    assert calibrate(net, images) == {"0": (0.0, 3.0), "2": (-14.0, 0.0)}
