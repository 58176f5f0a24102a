"""Groups of coupled channels: the smaller net's scores equal those with zeros in their place."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from optiwidgets.engine.models.channel_groups import find_groups
from optiwidgets.engine.models.channel_removal import (
    channels_of_shapes,
    removable_channels,
    remove_channels,
)
from optiwidgets.engine.models.layers import prunable


class Net(nn.Module):
    """Net made of named parts and a forward function."""

    def __init__(self, forward, **parts):
        super().__init__()
        self.run = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x):
        return self.run(self, x)


def conv(inputs, outputs, size=3, **kwargs):
    return nn.Conv2d(inputs, outputs, size, padding=size // 2, **kwargs)


def head(x, net):
    return net.head(x.mean((2, 3)))


def squeezed(net, x):
    x = F.relu(net.a(x))
    return head(x * torch.sigmoid(net.up(F.relu(net.down(x.mean((2, 3), keepdim=True))))), net)


def shuffled(net, x):
    x = F.relu(net.a(x))
    n, c, h, w = x.shape
    x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
    left, right = x.chunk(2, dim=1)
    return head(torch.cat([left, F.relu(net.b(right))], 1), net)


def option_a(net, x):
    x = F.relu(net.a(x))
    return head(F.relu(net.b(x)) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2)), net)


def silent(net, channels, *, readers):
    """Copy a net, with zero weights for some inputs of the named layers."""
    twin = copy.deepcopy(net)
    for name in readers:
        prunable(twin)[name].weight.data[:, channels] = 0
    return twin


NETS = {
    "residual": (
        lambda n, x: head(F.relu(F.relu(n.a(x)) + n.b(F.relu(n.a(x)))), n),
        {"a": conv(3, 8), "b": conv(8, 8), "head": nn.Linear(8, 4)},
        [2, 5], ["b", "head"], 2 * (3 * 9 + 1) + (64 - 36) * 9 + 2 + 2 * 4,
    ),
    "depthwise": (
        lambda n, x: head(n.c(F.relu(n.b(F.relu(n.a(x))))), n),
        {"a": conv(3, 8), "b": conv(8, 8, groups=8), "c": conv(8, 5), "head": nn.Linear(5, 4)},
        [0, 7], ["c"], 2 * 28 + 2 * 10 + 2 * 5 * 9,
    ),
    "squeeze and excite": (
        squeezed,
        {"a": conv(3, 8), "down": conv(8, 4, 1), "up": conv(4, 8, 1), "head": nn.Linear(8, 4)},
        [1, 3], ["down", "head"], 2 * 28 + 2 * 4 + 2 * 5 + 2 * 4,
    ),
    "whole groups": (
        lambda n, x: head(n.c(F.relu(n.b(F.relu(n.a(x))))), n),
        {"a": conv(3, 8), "b": conv(8, 12, groups=4), "c": conv(12, 5), "head": nn.Linear(5, 4)},
        [2, 3], None, 2 * 28 + 3 * 19 + 3 * 5 * 9,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("forward", "parts", "gone", "readers", "fewer"), NETS.values(), ids=NETS)
def test_coupled_channels_go_together(forward, parts, gone, readers, fewer):
    torch.manual_seed(0)
    net, images = Net(forward, **copy.deepcopy(parts)).eval(), torch.randn(2, 3, 8, 8)
    groups = removable_channels(net, images)
    smaller = remove_channels(net, np.unique(groups.of_outputs("a")[gone]), groups)
    if readers is None:  # the three outputs of the third group of four
        twin = silent(net, [3, 4, 5], readers=["c"])
    else:
        twin = silent(net, gone, readers=readers)
    torch.testing.assert_close(smaller(images), twin(images))
    counts = [sum(p.numel() for p in n.parameters()) for n in (net, smaller)]
    assert counts[0] - counts[1] == fewer
    layers = prunable(smaller).items()
    rebuilt = remove_channels(
        net, channels_of_shapes(net, groups, [(n, m.weight.shape) for n, m in layers]), groups
    )
    assert [m.weight.shape for m in prunable(rebuilt).values()] == [
        m.weight.shape for _, m in layers
    ]


@pytest.mark.parametrize(
    ("forward", "parts"),
    [
        (shuffled, {"a": conv(3, 12), "b": conv(6, 6), "head": nn.Linear(12, 4)}),
        (option_a, {"a": conv(3, 8), "b": conv(8, 12, stride=2), "head": nn.Linear(12, 4)}),
    ],
)
def test_channels_are_followed_through_shuffles_slices_and_padding(forward, parts):
    torch.manual_seed(0)
    net, images = Net(forward, **copy.deepcopy(parts)).eval(), torch.randn(2, 3, 8, 8)
    groups = removable_channels(net, images)
    gone = np.concatenate([s[::3] for s in groups.sets])
    twin = copy.deepcopy(net)
    for name, tensor in twin.named_parameters():
        for axis, ids in enumerate(groups.tensors[name]):
            tensor.data.index_fill_(axis, torch.from_numpy(np.flatnonzero(np.isin(ids, gone))), 0)
    smaller = remove_channels(net, gone, groups)
    torch.testing.assert_close(smaller(images), twin(images))
    assert len(smaller.a.weight) < len(net.a.weight)


def test_the_parts_of_a_concatenation_go_each_by_themselves():
    torch.manual_seed(0)
    net = Net(
        lambda n, x: head(torch.cat([n.a(x), n.b(x)], 1), n),
        a=conv(3, 4), b=conv(3, 6), head=nn.Linear(10, 4),
    ).eval()  # fmt: skip
    images = torch.randn(2, 3, 8, 8)
    groups = removable_channels(net, images)
    smaller = remove_channels(net, groups.of_outputs("b")[[0, 5]], groups)
    torch.testing.assert_close(smaller(images), silent(net, [4, 9], readers=["head"])(images))
    assert [len(channels) for channels in groups.sets] == [4, 6]


def test_a_layer_norm_sees_the_kept_channels_only():
    torch.manual_seed(0)
    net = Net(
        lambda n, x: head(n.norm(n.a(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2), n),
        a=conv(3, 6), norm=nn.LayerNorm(6), head=nn.Linear(6, 4),
    ).eval()  # fmt: skip
    net.norm.weight.data.uniform_(0.5, 2)
    images, stay = torch.randn(2, 3, 8, 8), [0, 2, 3, 5]
    groups = removable_channels(net, images)
    smaller = remove_channels(net, groups.of_outputs("a")[[1, 4]], groups)
    x = F.conv2d(images, net.a.weight[stay], net.a.bias[stay], padding=1).permute(0, 2, 3, 1)
    x = F.layer_norm(x, (4,), net.norm.weight[stay], net.norm.bias[stay]).mean((1, 2))
    right = F.linear(x, net.head.weight[:, stay], net.head.bias)
    torch.testing.assert_close(smaller(images), right)


def test_grey_images_are_pooled_in_either_order_of_memory():
    net = nn.Sequential(conv(1, 6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)).eval()
    images = torch.randn(2, 1, 8, 8)
    for order in (torch.contiguous_format, torch.channels_last):
        groups = removable_channels(net, images.to(memory_format=order))
        assert len(groups.set_of("0")) == 6


def test_a_linear_over_the_last_axis_is_none_over_channels():
    torch.manual_seed(0)
    net = Net(
        lambda n, x: n.head(F.relu(n.rows(F.relu(n.a(x)))).flatten(1)),
        a=conv(1, 4), rows=nn.Linear(12, 6), head=nn.Linear(4 * 12 * 6, 4),
    ).eval()  # fmt: skip
    images = torch.randn(2, 1, 12, 12)
    groups = removable_channels(net, images)
    smaller = remove_channels(net, groups.of_outputs("a")[[1]], groups)
    twin = copy.deepcopy(net)
    twin.head.weight.data.view(4, 4, 12, 6)[:, 1] = 0
    torch.testing.assert_close(smaller(images), twin(images))
    assert not len(groups.set_of("rows"))


def test_a_size_written_into_the_code_keeps_its_channels():
    net = Net(
        lambda n, x: n.head(n.b(F.relu(n.a(x))).view(-1, 6 * 64)),
        a=conv(1, 4), b=conv(4, 6), head=nn.Linear(6 * 64, 3),
    ).eval()  # fmt: skip
    groups = removable_channels(net, torch.randn(2, 1, 8, 8))
    assert len(groups.set_of("a")) == 4
    assert not len(groups.set_of("b"))


def test_a_model_whose_channels_all_stay_is_refused():
    net = nn.Sequential(conv(1, 4), nn.Flatten(), nn.Softmax(1), nn.Linear(256, 3))
    with pytest.raises(ValueError, match=r"none of its channels .*softmax.*use pruning='global'"):
        removable_channels(net, torch.randn(2, 1, 8, 8))


def test_the_answer_is_named():
    net = nn.Sequential(conv(1, 4), nn.Flatten(), nn.Linear(256, 3))
    assert find_groups(net, torch.randn(2, 1, 8, 8)).answer == {"2"}


def tokens(w, x, heads, scale):
    """Compute a transformer block on patches from its weights by name."""
    x = F.conv2d(x, w["patch.weight"], w["patch.bias"], stride=4).flatten(2).transpose(1, 2)
    y = F.layer_norm(x, x.shape[-1:], w["norm1.weight"], w["norm1.bias"])
    q, k, v = F.linear(y, w["qkv.weight"], w["qkv.bias"]).unflatten(-1, (3, heads, -1)).unbind(2)
    near = torch.softmax(torch.einsum("nqhd,nkhd->nhqk", q, k) * scale, -1)
    mixed = torch.einsum("nhqk,nkhd->nqhd", near, v).flatten(2)
    x = x + F.linear(mixed, w["proj.weight"], w["proj.bias"])
    y = F.layer_norm(x, x.shape[-1:], w["norm2.weight"], w["norm2.bias"])
    y = F.linear(
        F.gelu(F.linear(y, w["up.weight"], w["up.bias"])), w["down.weight"], w["down.bias"]
    )
    x = F.layer_norm((x + y).mean(1), x.shape[-1:], w["norm3.weight"], w["norm3.bias"])
    return F.linear(x, w["head.weight"], w["head.bias"])


def attending(net, x):
    """Compute the same block by calling its modules."""
    x = net.patch(x).flatten(2).transpose(1, 2)
    q, k, v = net.qkv(net.norm1(x)).unflatten(-1, (3, 2, -1)).permute(2, 0, 3, 1, 4)
    near = (q @ k.transpose(-2, -1) * 0.5).softmax(-1)
    x = x + net.proj((near @ v).transpose(1, 2).flatten(2))
    return net.head(net.norm3((x + net.down(F.gelu(net.up(net.norm2(x))))).mean(1)))


def test_a_transformer_block_equals_one_of_the_kept_slices():
    torch.manual_seed(0)
    net = Net(
        attending,
        patch=nn.Conv2d(3, 8, 4, 4), norm1=nn.LayerNorm(8), qkv=nn.Linear(8, 24),
        proj=nn.Linear(8, 8), norm2=nn.LayerNorm(8), up=nn.Linear(8, 12), down=nn.Linear(12, 8),
        norm3=nn.LayerNorm(8), head=nn.Linear(8, 4),
    ).eval()  # fmt: skip
    for norm in (net.norm1, net.norm2, net.norm3):
        norm.weight.data.uniform_(0.5, 2)
        norm.bias.data.normal_()
    images = torch.randn(2, 3, 8, 8)
    stream, wide, width = [0, 2, 3, 5, 6], [1, 2, 3, 4, 6, 7, 9, 11], [0, 3]  # of 8, of 12, of 4
    heads = torch.arange(24).view(3, 2, 4)[..., width].flatten()
    mixed = torch.arange(8).view(2, 4)[:, width].flatten()
    rows = {
        "patch": stream, "qkv": heads, "proj": stream, "up": wide, "down": stream,
        "norm1": stream, "norm2": stream, "norm3": stream,
    }  # fmt: skip
    columns = {"qkv": stream, "proj": mixed, "up": stream, "down": wide, "head": stream}
    twin = {}
    for name, tensor in net.named_parameters():
        layer, _, kind = name.rpartition(".")
        twin[name] = tensor[rows[layer]] if layer in rows else tensor
        if kind == "weight" and layer in columns:
            twin[name] = twin[name][:, columns[layer]]
    groups = removable_channels(net, images)
    lost = [("patch", [1, 4, 7]), ("up", [0, 5, 8, 10]), ("qkv", [1, 2])]
    gone = np.concatenate([groups.of_outputs(name)[places] for name, places in lost])
    smaller = remove_channels(net, gone, groups)
    torch.testing.assert_close(net(images), tokens(dict(net.named_parameters()), images, 2, 0.5))
    torch.testing.assert_close(smaller(images), tokens(twin, images, 2, 0.5))


def test_a_group_norm_loses_as_many_of_each_group():
    torch.manual_seed(0)
    net = Net(
        lambda n, x: head(F.relu(n.norm(n.a(x))), n),
        a=conv(3, 8), norm=nn.GroupNorm(2, 8), head=nn.Linear(8, 4),
    ).eval()  # fmt: skip
    net.norm.weight.data.uniform_(0.5, 2)
    images, stay = torch.randn(2, 3, 8, 8), [0, 2, 3, 4, 6, 7]
    groups = removable_channels(net, images)
    smaller = remove_channels(net, groups.of_outputs("a")[[5]], groups)
    x = F.conv2d(images, net.a.weight[stay], net.a.bias[stay], padding=1)
    x = F.relu(F.group_norm(x, 2, net.norm.weight[stay], net.norm.bias[stay])).mean((2, 3))
    torch.testing.assert_close(
        smaller(images), F.linear(x, net.head.weight[:, stay], net.head.bias)
    )


def test_an_attention_whose_scale_follows_its_width_keeps_it():
    torch.manual_seed(0)

    def forward(net, x):
        x = net.patch(x).flatten(2).transpose(1, 2)
        q, k, v = (p(x).unflatten(-1, (2, -1)).transpose(1, 2) for p in (net.q, net.k, net.v))
        x = x + net.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return net.head(x.mean(1))

    parts = {name: nn.Linear(8, 8) for name in ("q", "k", "v", "proj")}
    net = Net(forward, patch=nn.Conv2d(3, 8, 4, 4), **parts, head=nn.Linear(8, 4)).eval()
    images = torch.randn(2, 3, 8, 8)
    groups = removable_channels(net, images)
    assert [len(groups.set_of(name)) for name in ("q", "k", "v", "patch")] == [0, 0, 4, 8]
    assert "the scale of an attention depends on their number" in groups.pinned
    smaller = remove_channels(net, groups.of_outputs("v")[[0]], groups)  # of both heads
    torch.testing.assert_close(smaller(images), silent(net, [0, 4], readers=["proj"])(images))


def test_a_norm_without_weights_keeps_its_channels():
    net = Net(
        lambda n, x: head(n.b(F.relu(n.norm(n.a(x)))), n),
        a=conv(3, 8), norm=nn.GroupNorm(2, 8, affine=False), b=conv(8, 6), head=nn.Linear(6, 4),
    ).eval()  # fmt: skip
    groups = removable_channels(net, torch.randn(2, 3, 8, 8))
    assert not len(groups.set_of("a"))
    assert len(groups.set_of("b")) == 6
