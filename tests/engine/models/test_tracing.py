from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import torch
from torch import nn

from optiwidgets.engine.models.batchnorm_folding import fold
from optiwidgets.engine.models.channel_groups import find_groups
from optiwidgets.engine.models.layers import other_parameters, prunable
from optiwidgets.engine.models.tracing import trace

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class Steps(nn.Module):
    """A convolution, a function, and a linear layer, for operations that are not modules."""

    def __init__(self, between, inputs, after=lambda scores: scores):
        super().__init__()
        self.conv, self.head = nn.Conv2d(2, 4, (3, 2)), nn.Linear(inputs, 3)
        self.between, self.after = between, after

    def forward(self, images):
        return self.after(self.head(self.between(self.conv(images))))


class Twice(nn.Module):
    """Net that calls one convolution twice."""

    def __init__(self):
        super().__init__()
        self.first, self.again, self.norm = (
            nn.Conv2d(2, 4, 1),
            nn.Conv2d(4, 4, 1),
            nn.BatchNorm2d(4),
        )

    def forward(self, images):
        return self.norm(self.again(self.again(self.first(images))))


def excite(model, seed=0):
    """Set the statistics of every BatchNorm far from the identity."""
    random = torch.Generator().manual_seed(seed)
    for norm in model.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            for tensor in (*norm.parameters(), *norm.buffers()):
                if tensor.dim():
                    tensor.data.copy_(torch.rand(tensor.shape, generator=random) + 0.5)
    return model.eval()


FOLDABLE = {
    "convolution": nn.Sequential(nn.Conv2d(2, 5, (3, 2)), nn.BatchNorm2d(5), nn.ReLU()),
    "without a bias": nn.Sequential(nn.Conv2d(2, 5, 3, bias=False), nn.BatchNorm2d(5)),
    "without scale and shift": nn.Sequential(nn.Conv2d(2, 5, 3), nn.BatchNorm2d(5, affine=False)),
    "grouped, strided, dilated": nn.Sequential(
        nn.Conv2d(2, 6, 3, stride=2, groups=2, dilation=2, padding=1), nn.BatchNorm2d(6)
    ),
    "linear": nn.Sequential(nn.Flatten(), nn.Linear(108, 7, bias=False), nn.BatchNorm1d(7)),
    "nested": nn.Sequential(nn.Sequential(nn.Conv2d(2, 3, 1)), nn.Sequential(nn.BatchNorm2d(3))),
}


@pytest.mark.parametrize("model", FOLDABLE.values(), ids=FOLDABLE)
def test_a_folded_model_answers_as_the_unfolded_one_and_has_no_batchnorm(model):
    images = torch.randn(3, 2, 6, 9)
    folded = fold(excite(model))
    torch.testing.assert_close(folded(images), model(images), rtol=1e-4, atol=1e-5)
    assert not any(isinstance(m, NORMS) for m in folded.modules())
    assert prunable(folded).keys() == prunable(model).keys()


def test_folding_by_hand_scales_every_output():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2, eps=0.0)).eval()
    model[0].weight.data, model[0].bias.data = (
        torch.tensor([3.0, 5.0]).view(2, 1, 1, 1),
        torch.ones(2),
    )
    model[1].running_var, model[1].running_mean = torch.tensor([4.0, 1.0]), torch.tensor([0.0, 2.0])
    folded = fold(model)
    assert folded[0].weight.flatten().tolist() == [1.5, 5.0]
    assert folded[0].bias.tolist() == [0.5, -1.0]


class Shortcut(nn.Module):
    """Net in which a BatchNorm and a shortcut both use a convolution's outputs."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)

    def forward(self, images):
        features = self.conv(images)
        return self.norm(features) + features


STAYS = {
    "behind a layer that others read too": Shortcut(),
    "behind a ReLU": nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)),
    "before the first layer": nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 4, 3)),
    "the second of two": nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4)),
    "behind a layer called twice": Twice(),
    "without running statistics": nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)
    ),
}


@pytest.mark.parametrize("model", STAYS.values(), ids=STAYS)
def test_a_batchnorm_that_cannot_be_folded_stays_and_the_answer_is_the_same(model):
    images = torch.randn(3, 2, 6, 9)
    folded = fold(excite(model))
    torch.testing.assert_close(folded(images), model(images), rtol=1e-4, atol=1e-5)
    assert sum(isinstance(m, NORMS) for m in folded.modules()) == 1


def test_folding_changes_nothing_of_the_model_it_is_given(make_own):
    model = make_own().train()
    before = copy.deepcopy(model.state_dict())
    folded = fold(model)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(m.training for m in model.modules())
    assert all(p.requires_grad for p in model.parameters())
    assert not any(m.training for m in folded.modules())


def test_a_half_precision_model_is_folded_in_single_precision():
    folded = fold(FOLDABLE["convolution"].half())
    FOLDABLE["convolution"].float()
    assert {t.dtype for t in folded.state_dict().values()} == {torch.float32}


def test_prunable_layers_come_in_module_order_first_and_last_included(make_own):
    own = fold(make_own())
    assert list(prunable(own)) == ["wide", "deep", "hidden", "head"]
    assert not {f"{name}.weight" for name in prunable(own)} & other_parameters(own).keys()
    assert {"wide.bias", "after.running_var", "enter.weight", "head.bias"} <= other_parameters(
        own
    ).keys()


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 2)

    def forward(self, images):
        return self.head(images) if images.sum() > 0 else images


def shared():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    return model


def unsound(attribute):
    model = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))
    getattr(model[0 if attribute == "weight" else 1], attribute).data[1] = torch.nan
    return model


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            nn.Sequential(nn.Flatten(), nn.ReLU()),
            "no Conv2d or Linear layer, so there is nothing to prune",
        ),
        (shared(), "two layers of the model share one weight"),
        (unsound("weight"), "weights of layer '0' .*are not all finite"),
        (unsound("running_mean"), "biases of layer '0' .*not all finite"),
        (unsound("running_var"), "weights of layer '0' .*not all finite"),
    ],
)
def test_a_model_with_nothing_sound_to_prune_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        fold(model)


def test_a_model_without_values_is_refused():
    with pytest.raises(ValueError, match=r"'0.weight' of the model is on the meta device"):
        fold(nn.Sequential(nn.Linear(3, 2, device="meta")))


def test_a_model_runs_in_one_thread_while_another_is_traced_in_a_second():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 4 * 4, 3))
    images, stop, failed = torch.zeros(2, 1, 6, 6), Event(), []

    def run():
        while not stop.is_set():
            try:
                net(images)
            except Exception as error:  # noqa: BLE001 (any exception is counted)
                failed.append(error)

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run) for _ in range(2)]
        try:
            steps = [[node.op for node in trace(net).nodes] for _ in range(60)]
        finally:
            stop.set()
        for future in runs:
            future.result(120)
    assert failed == []
    assert all(step == steps[0] for step in steps)


def test_a_batchnorm_with_its_activation_inside_is_folded():
    class BatchNormAct2d(nn.BatchNorm2d):
        """Copy of timm's BatchNormAct2d."""

        def __init__(self, channels):
            super().__init__(channels)
            self.drop, self.act = nn.Identity(), nn.SiLU()

        def forward(self, x):
            return self.act(self.drop(super().forward(x)))

    norm = BatchNormAct2d(4)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    net = nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), norm).eval()
    folded, images = fold(net), torch.randn(2, 2, 6, 6)
    torch.testing.assert_close(folded(images), net(images))
    assert isinstance(folded[1], nn.SiLU)


class Caching(nn.Module):
    """Net that stores a product of its weights for the next call, as timm's levit does."""

    def __init__(self):
        super().__init__()
        self.layer, self.cache, self.last = nn.Linear(2, 3), {}, None

    def forward(self, images):
        if "product" not in self.cache:
            self.cache["product"] = self.layer.weight * 2
        self.last = images @ self.cache["product"].T
        return self.last


def test_a_model_that_keeps_tensors_keeps_none_of_a_trace():
    net, images = Caching(), torch.rand(4, 2)
    assert len(trace(net).nodes)
    assert (net.cache, net.last) == ({}, None)
    torch.testing.assert_close(net(images), images @ (net.layer.weight * 2).T)
    trace(net)
    assert list(net.cache) == ["product"]


def test_traces_of_both_kinds_at_once_leave_torchs_module_as_it_was():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)).eval()
    before = nn.Module.__getattr__, nn.Module.__call__
    with ThreadPoolExecutor(3) as pool:
        made = [pool.submit(trace, net) for _ in range(40)]
        made += [pool.submit(find_groups, net, torch.zeros(2, 1, 4, 4)) for _ in range(8)]
        made += [pool.submit(trace, net) for _ in range(40)]
    assert all(future.exception() is None for future in made)
    assert (nn.Module.__getattr__, nn.Module.__call__) == before
