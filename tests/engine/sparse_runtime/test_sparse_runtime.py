"""The sparse runtime agrees with torch, for any shapes and any zeros."""

from __future__ import annotations

from functools import cache

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


@cache
def exported(name):
    """Export the graph of a net; it does not depend on the weights."""
    return template(sparse(NETS[name](), 0.0), torch.randn(1, 3, 13, 11))


def opened(net, images, graph=None):
    tensors = {name: tensor.numpy() for name, tensor in floats(net).items()}
    graph = graph or template(net, images[:1])
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
    """Sums, products with one number for each channel, and concatenated channels."""

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


class Shuffled(nn.Module):
    """Half of the channels convolved, all shuffled, and a norm without a convolution before it."""

    def __init__(self):
        super().__init__()
        self.enter, self.inner = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm, self.last = nn.BatchNorm2d(8), nn.Linear(8, 3)
        nn.init.uniform_(self.norm.running_mean)
        nn.init.uniform_(self.norm.running_var, 0.5, 2)

    def forward(self, images):
        one, two = self.enter(images).chunk(2, 1)
        both = torch.cat([one, self.inner(two)], 1)
        n, _, h, w = both.shape
        mixed = both.view(n, 2, 4, h, w).transpose(1, 2).reshape(n, 8, h, w)
        return self.last(functional.silu(self.norm(mixed)).mean((2, 3)))


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
    "stride 2, in groups": lambda: small(
        nn.Conv2d(3, 6, 3, stride=2, padding=1, groups=3), nn.Hardsigmoid(), channels=6
    ),
    "stride 2, pooled by its maximum": lambda: small(
        nn.Conv2d(3, 4, 3, stride=(1, 2), padding=1), nn.ReLU(), nn.MaxPool2d(2)
    ),
    "dilated, with strides": lambda: small(nn.Conv2d(3, 4, 3, stride=3, dilation=2, padding=2)),
    "linear layers": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(3 * 13 * 11, 40, bias=False), nn.Sigmoid(), nn.Linear(40, 3)
    ),
    "flattened behind a ring": lambda: nn.Sequential(
        nn.Conv2d(3, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 13 * 11, 3)
    ),
    "flattened at the end": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ),
    "maxima over the edge, fused": lambda: small(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)
    ),
    "one pixel with a stride": lambda: nn.Sequential(
        nn.Conv2d(3, 4, (12, 10)),
        nn.ReLU(),
        nn.Conv2d(4, 5, 1, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(5, 3),
    ),
    "residual": Residual,
    "shuffled": Shuffled,
}


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("name", NETS)
def test_scores_are_those_of_torch(name, share):
    torch.manual_seed(1)
    net, images = sparse(NETS[name](), share), torch.randn(19, 3, 13, 11)
    runtime, tensors = opened(net, images, exported(name))
    blocks, filled = runtime.lay_out(images.numpy()), runtime.fill(tensors)
    for _ in range(2):  # values left in memory by one run do not affect the next
        np.testing.assert_allclose(runtime.run(tensors, blocks), net(images), atol=2e-5)
        for image, scores in zip(images[:2], net(images), strict=False):
            np.testing.assert_allclose(filled.run_one(image.numpy()), scores, atol=2e-5)
    np.testing.assert_array_equal(filled.predict(images.numpy()), filled.run(blocks))
    np.testing.assert_array_equal(filled.predict(images.numpy(), threads=1), filled.run(blocks))


@pytest.mark.parametrize("size", [1, 2, 7, 16, 23, 29])
def test_every_width_is_covered_by_tiles(size):
    net = sparse(small(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU()), 0.3)
    images = torch.randn(3, 1, size, size)
    runtime, tensors = opened(net, images)
    filled = runtime.fill(tensors)
    np.testing.assert_allclose(filled.predict(images.numpy()), net(images), atol=2e-5)
    one = np.stack([filled.run_one(image.numpy()) for image in images])
    np.testing.assert_allclose(one, net(images), atol=2e-5)


def test_the_images_of_a_map_reach_its_border_where_windows_do():
    """A ceil_mode window at an odd border does not read rows outside, for any of the shapes."""
    for size in (5, 6, 7, 9):
        for convolution in (nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 3, padding=1)):
            net = small(convolution, nn.MaxPool2d(2, ceil_mode=True), nn.ReLU())
            net, images = sparse(net, 0.2), torch.randn(9, 3, size, size + 3) - 2
            runtime, tensors = opened(net, images)
            filled, expected = runtime.fill(tensors), net(images)
            np.testing.assert_allclose(filled.predict(images.numpy()), expected, atol=2e-5)
            alone = filled.run_one(images[0].numpy())
            np.testing.assert_allclose(alone, expected[0], atol=2e-5)


def test_a_sigmoid_far_below_zero_is_zero():
    net = small(nn.Conv2d(1, 4, 1), nn.SiLU())
    net, images = sparse(net, 0.0), torch.full((9, 1, 4, 4), -1e37)
    images[:, :, ::2] = -90
    net[0].weight[:], net[0].bias[:] = 1, 0
    runtime, tensors = opened(net, images)
    expected = net(images)
    scores = runtime.run(tensors, runtime.lay_out(images.numpy()))
    np.testing.assert_allclose(scores, expected, atol=1e-6)


class OneBias(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 4))
        self.bias = nn.Parameter(torch.randn(1))

    def forward(self, images):
        return functional.linear(images.mean((2, 3)), self.weight, self.bias)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 3e38])
def test_a_sum_that_is_not_finite_is_refused(value):
    """Zero times infinity is not zero, but products with zero weights are skipped here."""
    net, images = sparse(small(nn.Conv2d(1, 4, 3), nn.ReLU()), 0.5), torch.rand(9, 1, 6, 6) + 1
    runtime, tensors = opened(net, images)
    tensors["0.weight"] = np.full_like(tensors["0.weight"], value)
    filled = runtime.fill(tensors)
    with pytest.raises(NotFiniteError):
        runtime.run(tensors, runtime.lay_out(images.numpy()))
    with pytest.raises(NotFiniteError):
        filled.predict(images.numpy())
    with pytest.raises(NotFiniteError):
        filled.run_one(images[0].numpy())


def test_after_a_sum_that_is_not_finite_the_next_run_is_right():
    """The next run reuses the memory of the failed run, also where no output is written."""
    net = sparse(small(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU()), 0.5)
    images = torch.rand(9, 3, 7, 9)
    runtime, tensors = opened(net, images)
    filled = runtime.fill(tensors)
    with pytest.raises(NotFiniteError):
        filled.run_one(np.full((3, 7, 9), 3e38, np.float32))
    with pytest.raises(NotFiniteError):
        filled.predict(np.full((3, 3, 7, 9), 3e38, np.float32))
    np.testing.assert_allclose(filled.run_one(images[0].numpy()), net(images)[0], atol=2e-5)
    np.testing.assert_allclose(filled.predict(images.numpy()), net(images), atol=2e-5)


def test_images_of_another_shape_are_refused():
    images = torch.rand(2, 3, 8, 8)
    runtime, tensors = opened(sparse(small(nn.Conv2d(3, 4, 3)), 0.5), images)
    filled = runtime.fill(tensors)
    with pytest.raises(ValueError, match=r"\(3, 8, 8\), not \(3, 9, 8\)"):
        filled.run_one(np.zeros((3, 9, 8), np.float32))
    with pytest.raises(ValueError, match=r"\(3, 8, 8\), not \(8, 8\)"):
        filled.predict(np.zeros((5, 8, 8), np.float32))


def test_a_sum_of_values_that_is_not_finite_is_refused():
    """A zero weight after it would hide it."""
    net, images = sparse(Residual(), 0.0), torch.rand(9, 3, 6, 6)
    runtime, tensors = opened(net, images)
    tensors["enter.bias"] = np.full(4, 2.5e38, np.float32)
    tensors["inner.weight"] = np.zeros_like(tensors["inner.weight"])
    tensors["inner.bias"] = np.full(4, 2.5e38, np.float32)
    tensors["gate.weight"], tensors["last.weight"] = (
        np.zeros_like(tensors[name]) for name in ("gate.weight", "last.weight")
    )
    filled = runtime.fill(tensors)
    with pytest.raises(NotFiniteError):
        filled.predict(images.numpy())
    with pytest.raises(NotFiniteError):
        filled.run_one(images[0].numpy())


def test_a_pixel_that_is_not_finite_is_refused():
    net, images = sparse(small(nn.Conv2d(1, 4, 3)), 0.5), torch.rand(9, 1, 6, 6)
    runtime, tensors = opened(net, images)
    images[4, 0, 1, 1] = torch.nan
    filled = runtime.fill(tensors)
    with pytest.raises(NotFiniteError, match="pixel"):
        runtime.lay_out(images.numpy())
    with pytest.raises(NotFiniteError):
        filled.predict(images.numpy())
    with pytest.raises(NotFiniteError):
        filled.run_one(images[4].numpy())


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (small(nn.Conv2d(3, 4, 3), nn.GELU()), "has no"),
        (small(nn.Conv2d(3, 4, 3), nn.Hardtanh(-1, 1)), "only the Clip from 0 to 6"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), OneBias()), "one bias for several outputs"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), "one score per class"),
    ],
)
def test_a_graph_with_other_operations_is_refused_with_the_reason(net, reason):
    with pytest.raises(ValueError, match=reason):
        opened(sparse(net, 0.0), torch.rand(2, 3, 8, 8))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 7, 9])
@pytest.mark.parametrize("pooled", [False, True])
def test_any_number_of_channels_without_zeros(channels, pooled):
    """If no weight is zero, several channels are computed at once."""
    pool = [nn.MaxPool2d(2)] if pooled else []
    layers = [nn.Conv2d(2, channels, 3, padding=1), nn.ReLU6(), *pool]
    net, images = sparse(small(*layers, channels=channels), 0.0), torch.randn(9, 2, 9, 7)
    runtime, tensors = opened(net, images)
    filled = runtime.fill(tensors)
    np.testing.assert_allclose(filled.predict(images.numpy()), net(images), atol=2e-5)
    np.testing.assert_allclose(filled.run_one(images[0].numpy()), net(images)[0], atol=2e-5)
