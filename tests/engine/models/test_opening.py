from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from optiwidgets.engine.models.opening import check_default_dtype, open_model


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))


class Keeping(nn.Module):
    """A model that keeps its feature maps, as for Grad-CAM."""

    def __init__(self, keep):
        super().__init__()
        self.conv, self.head, self.keep = nn.Conv2d(1, 2, 3), nn.Linear(8, 3), keep

    def forward(self, x):
        maps = self.conv(x)
        self.kept = self.keep(maps)
        return self.head(maps.flatten(1))


@pytest.mark.parametrize("wrap", [nn.DataParallel, lambda m: nn.DataParallel(torch.compile(m))])
def test_wrappers_are_taken_off_and_what_was_given_stays(wrap):
    net = plain()
    opened = open_model(wrap(net))
    assert isinstance(opened, nn.Sequential)
    assert all(map(torch.equal, opened.parameters(), net.parameters()))
    opened[0].weight.data.zero_()
    assert net[0].weight.any()


@pytest.mark.parametrize("keep", [lambda maps: maps, lambda maps: {"maps": [(maps, maps + 1)]}])
def test_tensors_kept_from_a_forward_pass_are_copied(keep):
    net, images = Keeping(keep), torch.randn(2, 1, 4, 4)
    expected = net(images)
    opened = open_model(net)
    assert torch.equal(opened(images), expected)
    assert opened.head.weight is not net.head.weight


def holding(value):
    net = plain()
    net[0].extra = value
    return net


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: holding(threading.Lock()), "'extra' of module '0' holds a lock"),
        (lambda: holding(x for x in ()), "'extra' of module '0' holds a generator"),
        (lambda: torch.jit.script(plain()), "the model is TorchScript"),
        (lambda: nn.Sequential(torch.jit.script(plain())), "module '0' is TorchScript"),
        (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), "'1.weight' of the model is lazy"),
        (lambda: nn.Sequential(nn.LazyConv2d(2, 3)), "'0.weight' of the model is lazy"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_opened_is_refused_with_its_place(make, said):
    with pytest.raises(ValueError, match=said):
        open_model(make())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_another_default_dtype_is_refused(dtype):
    check_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with pytest.raises(ValueError, match=f"default dtype is {dtype}, .* in torch.float32"):
            check_default_dtype()
    finally:
        torch.set_default_dtype(torch.float32)
