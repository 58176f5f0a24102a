from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from optiwidgets.engine.evaluation.model_checks import (
    check_default_dtype,
    check_deterministic,
    check_fit,
)

IMAGES = torch.randn(5, 2, 6, 6, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """Net of a convolution, one unusual operation, and a classifier."""

    def __init__(self, step):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.step, self.head = nn.Conv2d(2, 4, 3), step, nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.step(self.conv(x)).mean((2, 3)))


class Step(nn.Module):
    def __init__(self, call):
        super().__init__()
        self.call = call

    def forward(self, x):
        return self.call(x)


CHANCY = [
    lambda x: functional.dropout(x, 0.3),
    lambda x: functional.rrelu(x, training=True),
    lambda x: x + 1e-3 * torch.randn_like(x),
]
BATCHWISE = [
    lambda x: x - x.mean(0, keepdim=True),
    lambda x: x / x.abs().max(),
    lambda x: functional.batch_norm(x, None, None, training=True),
    lambda x: x.roll(1, 0),  # mixes neighbouring images of the batch
]


@pytest.mark.parametrize("call", CHANCY)
def test_chance_is_refused(call):
    with pytest.raises(ValueError, match="change when it is run again: a step is random"):
        check_fit(Net(Step(call)).eval(), IMAGES, classes=3)


@pytest.mark.parametrize("call", BATCHWISE)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_dependence_on_the_batch_is_refused(call, count):
    with pytest.raises(ValueError, match="depend on the other images in its batch"):
        check_deterministic(Net(Step(call)).eval(), IMAGES[:count])


def test_a_batchnorm_without_statistics_is_named():
    net = Net(nn.BatchNorm2d(4, track_running_stats=False)).eval()
    with pytest.raises(ValueError, match=r"other images in its batch: .* \('step'\)"):
        check_fit(net, IMAGES, classes=3)


@pytest.mark.parametrize(
    "step",
    [nn.BatchNorm2d(4), nn.InstanceNorm2d(4), nn.GroupNorm(2, 4), nn.Dropout(), nn.Softmax(1)],
)
def test_what_depends_on_the_image_alone_is_taken(step):
    check_fit(Net(step).eval(), IMAGES, classes=3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_another_default_dtype_is_refused(dtype):
    check_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with pytest.raises(ValueError, match=f"default dtype is {dtype}, .* in torch.float32"):
            check_default_dtype()
    finally:
        torch.set_default_dtype(torch.float32)
