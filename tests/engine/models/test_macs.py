from __future__ import annotations

import torch
from example_nets import SMALL, folded_resnet

from optiwidgets.engine.models import batchnorm_folding, macs, zoo


def test_multiply_accumulates_of_the_zoo_by_hand():
    net = batchnorm_folding.fold(zoo.build(SMALL).eval())
    by_hand = 28 * 28 * 9 * 8 + 14 * 14 * 9 * 8 * 16 + 7 * 7 * 9 * 16 * 32 + 288 * 64 + 64 * 10
    assert macs.macs(net, torch.zeros(3, 1, 28, 28)) == by_hand == 527_104


def test_multiply_accumulates_are_half_of_torchs_flops():
    from torch.utils.flop_counter import FlopCounterMode

    net, images = folded_resnet(), torch.zeros(1, 3, 32, 32)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(images)
    assert 2 * macs.macs(net, images) == counter.get_total_flops()
