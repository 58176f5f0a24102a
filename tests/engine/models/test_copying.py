"""Copies of models: equal to the original, and independent of it."""

from __future__ import annotations

import copy
from collections import defaultdict

import pytest
import torch
from torch import fx, nn

from optiwidgets.engine.models.copying import copy_net


class Tied(nn.Module):
    """Net that shares a layer and a tensor, and has attributes of its own."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(3, 3)
        self.again = self.one
        self.other = nn.Linear(3, 3)
        self.other.weight = self.one.weight
        self.norm = nn.BatchNorm1d(3)
        self.notes = defaultdict(list)
        self.shapes, self.hidden = [1, [2]], {"layer": self.one}

    def forward(self, x):
        return self.norm(self.again(self.one(x)) + self.other(x))


class Counted(nn.Linear):
    """Module with its own copy method."""

    def __deepcopy__(self, memo):
        made = Counted(3, 3)
        made.copies = 1
        return made


@pytest.fixture
def tied():
    torch.manual_seed(0)
    return Tied().eval()


def test_a_copy_computes_the_same(tied):
    images = torch.rand(2, 3)
    assert torch.equal(copy_net(tied)(images), tied(images))
    traced = fx.symbolic_trace(tied)
    assert torch.equal(copy_net(traced)(images), tied(images))


def test_a_change_to_the_copy_does_not_reach_the_model(tied):
    copied = copy_net(tied)
    for tensor in copied.state_dict().values():
        tensor.zero_()
    copied.shapes[1].append(3)
    copied.one.register_forward_hook(lambda *_: None)
    assert all(tied.state_dict()[name].any() for name in ("one.weight", "norm.running_var"))
    assert tied.shapes == [1, [2]]
    assert not tied.one._forward_hooks


def test_what_was_shared_is_shared_in_the_copy(tied):
    copied = copy_net(tied)
    assert copied.again is copied.one is copied.hidden["layer"]
    assert copied.other.weight is copied.one.weight
    assert copied.notes["new"] == []


def test_a_copy_has_all_that_deepcopy_gives_it():
    net = nn.Sequential(nn.Conv2d(2, 3, (3, 1), padding="same"), nn.ReLU(), nn.Conv1d(1, 2, 1))
    net.shared = net[1].shared = {}
    for made, wanted in zip(copy_net(net).modules(), copy.deepcopy(net).modules(), strict=True):
        assert {k: type(v) for k, v in vars(made).items()} == {
            k: type(v) for k, v in vars(wanted).items()
        }
        assert str(made) == str(wanted)
    copied = copy_net(net)
    assert copied.shared is copied[1].shared is not net.shared
    for own, given in zip(copied.modules(), net.modules(), strict=True):
        held = [(vars(own)[k], v) for k, v in vars(given).items() if isinstance(v, dict)]
        assert all(mine is not theirs for mine, theirs in held)


def test_a_model_with_its_own_way_of_copying_is_copied_that_way():
    assert copy_net(nn.Sequential(Counted(3, 3)))[0].copies == 1
