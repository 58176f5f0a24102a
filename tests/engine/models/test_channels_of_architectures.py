"""Channels removed from published architectures: scores equal those with zeros in their place.

In the net with zeros, norms over channels are replaced by norms over the kept channels only.
"""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from optiwidgets.engine.models.channel_removal import removable_channels, remove_channels
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.models.preparation import prepare

pytestmark = pytest.mark.slow
TIMM = (
    "test_resnet", "lcnet_050", "tinynet_e", "mobilenetv3_small_050", "ghostnet_050", "regnetx_002",
    "test_convnext", "repvgg_a0",
)  # fmt: skip
TORCHVISION = ("squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v2", "resnet18")


class KeptNorm(nn.Module):
    """LayerNorm whose mean and variance use the kept channels only, written out."""

    def __init__(self, norm, keeps):
        super().__init__()
        self.norm, self.keeps = norm, keeps

    def forward(self, x):
        last = not type(self.norm).__name__.endswith("2d")  # timm's naming of norms over N C H W
        rows = x if last else x.movedim(1, -1)
        mean = (rows * self.keeps).sum(-1, keepdim=True) / self.keeps.sum()
        spread = ((rows - mean).square() * self.keeps).sum(-1, keepdim=True) / self.keeps.sum()
        rows = (rows - mean) / (spread + self.norm.eps).sqrt()
        rows = (rows * self.norm.weight + self.norm.bias) * self.keeps
        return rows if last else rows.movedim(-1, 1)


def built(source, name):
    module = pytest.importorskip(source, reason=f"{source} is not installed")
    torch.manual_seed(0)
    make = module.create_model if source == "timm" else module.models.get_model
    net = make(name, num_classes=10)
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                tensor.data.uniform_(0.5, 1.5)
        elif isinstance(norm, nn.LayerNorm):
            norm.weight.data.uniform_(0.5, 1.5)
    return net.eval(), torch.randn(2, 3, 64, 64)


def stays(groups, name, axis, gone):
    return torch.from_numpy(~np.isin(groups.tensors[f"{name}.weight"][axis], gone)).float()


def zeroed(net, groups, gone):
    """Copy a net whose layers read zeros for the removed channels."""
    twin = copy.deepcopy(net)
    for name, layer in prunable(twin).items():
        if getattr(layer, "groups", 1) == 1:
            reads, across = stays(groups, name, 1, gone), isinstance(layer, nn.Conv2d)
            reads = reads.view(-1, 1, 1) if across else reads
            layer.register_forward_pre_hook(lambda _, x, reads=reads: (x[0] * reads,))
    for name, norm in list(twin.named_modules()):
        if isinstance(norm, nn.LayerNorm):
            twin.set_submodule(name, KeptNorm(norm, stays(groups, name, 0, gone)))
    return twin


@pytest.mark.parametrize(
    ("source", "name"), [("timm", n) for n in TIMM] + [("torchvision", n) for n in TORCHVISION]
)
def test_channels_are_removed_as_zeros_would_be(source, name):
    net, images = built(source, name)
    net = prepare(net, images).net
    groups = removable_channels(net, images)
    gone = np.concatenate([s[: len(s) // 3 : 1 + i % 2] for i, s in enumerate(groups.sets)])
    smaller = remove_channels(net, gone, groups)
    with torch.inference_mode():
        scores, right = smaller(images), zeroed(net, groups, gone)(images)
    assert (scores - right).abs().max() < 1e-4 * right.abs().max()
    before, after = (sum(p.numel() for p in n.parameters()) for n in (net, smaller))
    lost = sum(
        tensor.numel()
        - np.prod([np.sum(~np.isin(ids, gone)) for ids in groups.tensors[path]], dtype=int)
        for path, tensor in net.named_parameters()
    )
    assert before - after == lost
    assert after < 0.95 * before
