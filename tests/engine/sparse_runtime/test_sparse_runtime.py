"""The sparse runtime computes what torch computes, for any shapes and any zeros."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

from optiwidgets.engine.models.batchnorm_folding import fold
from optiwidgets.engine.onnx_runtime.export import floats, template
from optiwidgets.engine.sparse_runtime.library import load
from optiwidgets.engine.sparse_runtime.program import plan
from optiwidgets.engine.sparse_runtime.runtime import NotFiniteError, SparseRuntime

pytestmark = pytest.mark.skipif(load() is None, reason="the library was not built here")


def opened(net, images):
    tensors = {name: tensor.numpy() for name, tensor in floats(net).items()}
    graph = template(net, images[:1])
    constants = {
        i.name: numpy_helper.to_array(i) for i in graph.graph.initializer if i.name not in tensors
    }
    runtime = SparseRuntime(plan(graph, tuple(images.shape[1:]), constants | tensors), load())
    return runtime, constants | tensors


def sparse(net, share, seed=0):
    torch.manual_seed(seed)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
        if parameter.dim() > 1:
            parameter *= torch.rand(parameter.shape) >= share
    return fold(net.eval())


def small(*layers, channels=4):
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3))


class Residual(nn.Module):
    """Sums, products with one number a channel, and concatenated channels."""

    def __init__(self):
        super().__init__()
        self.enter, self.inner = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.gate, self.last = nn.Conv2d(4, 4, 1), nn.Linear(8, 3)

    def forward(self, images):
        features = self.enter(images).relu()
        more = features + self.inner(features)
        gated = more * self.gate(more.mean((2, 3), keepdim=True)).sigmoid()
        both = torch.cat([gated, functional.hardswish(features)], 1)
        return self.last(both.mean((2, 3)))


NETS = {
    "3 x 3": lambda: small(nn.Conv2d(3, 4, 3), nn.ReLU()),
    "stride 2, padding 1": lambda: small(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU6()),
    "stride 3, no square": lambda: small(nn.Conv2d(3, 4, (5, 2), stride=(2, 3), padding=(2, 0))),
    "dilation and groups": lambda: small(nn.Conv2d(3, 6, 3, dilation=2, groups=3), channels=6),
    "depthwise": lambda: small(nn.Conv2d(3, 3, 5, padding=2, groups=3), nn.Hardswish(), channels=3),
    "pooled by its maximum": lambda: small(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)),
    "pooled before the ReLU": lambda: small(nn.Conv2d(3, 4, 2), nn.MaxPool2d(2), nn.ReLU()),
    "other windows": lambda: small(nn.Conv2d(3, 4, 3), nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2, 1)),
    "windows over the edge": lambda: small(nn.Conv2d(3, 4, 3), nn.MaxPool2d(3, 2, ceil_mode=True)),
    "means that count zeros": lambda: small(nn.Conv2d(3, 4, 3), nn.AvgPool2d(3, 2, 1)),
    "means of pixels": lambda: small(
        nn.Conv2d(3, 4, 3), nn.AvgPool2d(3, 2, 1, count_include_pad=False)
    ),
    "linear layers": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(3 * 13 * 11, 40, bias=False), nn.Sigmoid(), nn.Linear(40, 3)
    ),
    "flattened behind a ring": lambda: nn.Sequential(
        nn.Conv2d(3, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 13 * 11, 3)
    ),
    "residual": Residual,
}


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("name", NETS)
def test_scores_are_those_of_torch(name, share):
    torch.manual_seed(1)
    net, images = sparse(NETS[name](), share), torch.randn(19, 3, 13, 11)
    runtime, tensors = opened(net, images)
    blocks = runtime.lay_out(images.numpy())
    for _ in range(2):  # what one run leaves in memory does not reach the next
        np.testing.assert_allclose(runtime.run(tensors, blocks), net(images), atol=2e-5)


@pytest.mark.parametrize("size", [1, 2, 7, 16, 23, 29])
def test_every_width_is_covered_by_tiles(size):
    net = sparse(small(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU()), 0.3)
    images = torch.randn(3, 1, size, size)
    runtime, tensors = opened(net, images)
    scores = runtime.run(tensors, runtime.lay_out(images.numpy()))
    np.testing.assert_allclose(scores, net(images), atol=2e-5)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 3e38])
def test_a_sum_that_is_not_finite_is_refused(value):
    """Zero times infinity is no zero, and a zero is skipped here."""
    net, images = sparse(small(nn.Conv2d(1, 4, 3), nn.ReLU()), 0.5), torch.rand(9, 1, 6, 6) + 1
    runtime, tensors = opened(net, images)
    tensors["0.weight"] = np.full_like(tensors["0.weight"], value)
    with pytest.raises(NotFiniteError):
        runtime.run(tensors, runtime.lay_out(images.numpy()))


def test_a_pixel_that_is_not_finite_is_refused():
    net, images = sparse(small(nn.Conv2d(1, 4, 3)), 0.5), torch.rand(9, 1, 6, 6)
    runtime, _ = opened(net, images)
    images[4, 0, 1, 1] = torch.nan
    with pytest.raises(NotFiniteError, match="pixel"):
        runtime.lay_out(images.numpy())


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (small(nn.Conv2d(3, 4, 3), nn.GELU()), "has no"),
        (small(nn.Conv2d(3, 4, 3), nn.Hardtanh(-1, 1)), "no Clip but that of 0 and 6"),
    ],
)
def test_a_graph_with_other_operations_is_refused_with_the_reason(net, reason):
    with pytest.raises(ValueError, match=reason):
        opened(sparse(net, 0.0), torch.rand(2, 3, 8, 8))
