from __future__ import annotations

import pytest
import torch
from torch import nn

from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.mixed_precision.sensitivity import (
    Point,
    Sensitivity,
    check_levels,
    with_layer,
)
from optiwidgets.engine.types.recipe import Recipe


class Odd(nn.Module):
    """Net with a layer of one weight, one of zeros, one that is never called, and a normal one."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(1, 1, 1)
        self.zero = nn.Conv2d(2, 1, (1, 3))
        self.never = nn.Linear(4, 4)
        self.head = nn.Linear(6 * 9, 3)
        self.zero.weight.data.zero_()
        self.one.weight.data.fill_(1.0)

    def forward(self, images):
        return self.head(
            (self.one(images[:, :1]) + self.zero(images).mean((2, 3), True)).flatten(1)
        )


@pytest.fixture(scope="module")
def odd(toy):
    torch.manual_seed(2)
    return Experiment(Odd(), toy)


def curve(*accuracies):
    levels = (0.2, 0.5, 0.9)
    return tuple(Point(s, a, a - 0.01, a + 0.01) for s, a in zip(levels, accuracies, strict=False))


def found(**curves):
    return Sensitivity("sparsity", (0.2, 0.5, 0.9), Recipe(), 0.95, curves, {}, 3 * len(curves))


def test_layers_are_ranked_by_the_last_level_whose_drop_is_under_the_threshold():
    result = found(
        robust=curve(0.95, 0.95, 0.94),
        fragile=curve(0.60, 0.50, 0.10),
        middling=curve(0.95, 0.94, 0.20),
        worse=curve(0.95, 0.93, 0.10),
    )
    assert result.ranking(2.0) == ("fragile", "worse", "middling", "robust")
    assert result.holds(2.0) == {"robust": 0.9, "fragile": None, "middling": 0.5, "worse": 0.5}
    assert result.ranking(1.0) == ("fragile", "worse", "middling", "robust")
    assert result.holds(0.0)["worse"] == 0.2


def test_a_curve_that_comes_back_up_does_not_count_as_held():
    assert found(back=curve(0.95, 0.10, 0.95)).holds(1.0) == {"back": 0.2}


def test_a_curve_that_is_not_whole_is_not_ranked_yet():
    assert found(whole=curve(0.95, 0.1, 0.1), begun=curve(0.95)).ranking(1.0) == ("whole",)


@pytest.mark.parametrize("by", ["sparsity", "bits"])
def test_every_point_is_what_running_the_recipe_says(odd, by):
    result = odd.sensitivity(by)
    for name, points in result.curves.items():
        assert [p.level for p in points] == list(result.levels)
        for point in points:
            report = odd.run(with_layer(Recipe(), name, by, point.level))
            assert point.accuracy == report.confusion.accuracy
            assert (point.low, point.high) == report.accuracy_interval


def test_layers_that_could_not_be_changed_are_named_and_never_ranked(odd):
    result = odd.sensitivity("sparsity", [0.2, 0.4])
    assert list(result.curves) == ["head"]
    assert result.ranking(5.0) == ("head",)
    assert result.unchanged == {
        "one": "too few weights for any of these sparsities to prune one: it has 1",
        "zero": "all its weights are 0 already",
    }
    assert [row.module for row in odd.check().having("left out")] == ["never"]
    assert odd.sensitivity("bits", [8]).unchanged["one"] == (
        "its weights are the same at all of these bits"
    )


def test_a_layer_that_is_already_there_is_named(own):
    ground = Recipe(layers=(("deep", 0.5, 2),))
    assert "deep" in own.sensitivity("sparsity", [0.5], ground=ground).unchanged
    assert "deep" in own.sensitivity("bits", [2], ground=ground).unchanged
    assert "deep" in own.sensitivity("bits", [1, 2], ground=ground).curves


def test_channels_of_the_answer_are_named_with_the_reason(own):
    result = own.sensitivity("sparsity", [0.5], ground=Recipe(pruning="channel"))
    reason = "channels of 'head' cannot be removed: they are the model's outputs"
    assert result.unchanged["head"] == reason
    assert set(result.ranking(1.0)) == {"wide", "deep", "hidden"}


def test_it_grows_point_by_point_and_is_remembered(make_own, toy):
    experiment = Experiment(make_own(), toy)
    told = []
    result = experiment.sensitivity("bits", [4, 2], on_progress=told.append)
    assert [round(p.done * result.total) for p in told] == list(range(result.total + 1))
    asked = []
    build, experiment._reports.build = experiment._reports.build, lambda *a: asked.append(a)
    assert experiment.sensitivity("bits", [4, 2]) == result
    assert not asked
    experiment._reports.build = build


def test_who_tells_it_to_stop_is_heard(own):
    def stop(progress):
        if progress.done > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        own.sensitivity(on_progress=stop)


@pytest.mark.parametrize(
    ("by", "levels", "message"),
    [
        ("weights", None, "by is 'sparsity' or 'bits', not 'weights'"),
        ("bits", [9], "bits per weight are 1 to 8, 16 or 32, not 9"),
        ("sparsity", [50], "sparsity is a fraction from 0 to 0.99, not 50"),
        ("bits", [], "levels are one or more numbers, not none"),
    ],
)
def test_levels_that_cannot_be_are_refused(by, levels, message):
    with pytest.raises(ValueError, match=message):
        check_levels(by, levels)
