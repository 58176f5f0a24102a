from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.mixed_precision import knapsack, layer_cost
from optiwidgets.engine.mixed_precision.budget import FIXED, RECOVERY, Goal
from optiwidgets.engine.mixed_precision.knapsack import pareto_front
from optiwidgets.engine.mixed_precision.layer_cost import layer_bytes, measure_layer_cost
from optiwidgets.engine.types.recipe import Recipe


@pytest.fixture
def few(monkeypatch):
    """Restrict the options to six for each layer."""
    monkeypatch.setattr(layer_cost, "SPARSITIES", (0.5, 0.9))
    monkeypatch.setattr(layer_cost, "BITS", (2, 4))


@pytest.fixture
def tiny(make_own, toy, few):
    return Experiment(make_own(), toy)


def best_by_force(options, budget):
    sums = [np.sum(picked, axis=0) for picked in product(*options)]
    return min((lost for cost, lost in sums if cost <= budget), default=None)


@pytest.mark.parametrize("seed", range(20))
def test_the_frontier_is_what_trying_everything_finds(seed):
    random = np.random.default_rng(seed)
    options = [random.integers(1, 30, (n, 2)).tolist() for n in random.integers(1, 6, 4)]
    best = pareto_front(options)
    for budget in range(4, 120, 3):
        force = best_by_force(options, budget)
        if force is None:
            with pytest.raises(ValueError, match=f"more than {budget}"):
                best.best_within(budget)
            continue
        place = best.best_within(budget)
        picked = [own[k] for own, k in zip(options, best.picks[place], strict=True)]
        assert tuple(np.sum(picked, axis=0)) == (best.sizes[place], best.costs[place])
        assert best.costs[place] == force


def test_more_bytes_never_do_more_damage():
    random = np.random.default_rng(1)
    best = pareto_front(random.random((6, 12, 2)).tolist())
    assert (np.diff(best.sizes) > 0).all()
    assert (np.diff(best.costs) < 0).all()


def test_a_frontier_too_long_is_thinned_and_keeps_both_ends(monkeypatch):
    sizes = 1 + 9 * np.random.default_rng(2).random((5, 9))
    options = np.stack([sizes, 1 / sizes], axis=2).tolist()  # more bytes, less loss
    whole = pareto_front(options)
    monkeypatch.setattr(knapsack, "MOST_POINTS", 40)
    thinned = pareto_front(options)
    assert len(thinned.sizes) <= 40 < len(whole.sizes)
    assert thinned.sizes[0] == whole.sizes[0]
    assert thinned.costs[-1] == whole.costs[-1]
    middle = float(whole.sizes.mean())
    assert (
        thinned.costs[thinned.best_within(middle)] <= 1.3 * whole.costs[whole.best_within(middle)]
    )


@pytest.mark.slow
def test_damage_is_the_divergence_of_one_layer_changed(tiny):
    images = tiny.dataset.calibration[0]
    options = measure_layer_cost(tiny._compressor.folded, tiny._compressor.compress, images, FIXED)
    assert {len(own) for own in options.values()} == {6}
    untouched = next(o for o in options["deep"] if (o.sparsity, o.bits) == (0.0, 32))
    assert untouched.cost == pytest.approx(0.0, abs=1e-6)
    option = next(o for o in options["head"] if (o.sparsity, o.bits) == (0.9, 2))
    fitted = Recipe(0.9, pruning="layer", score="obs", bits=2, clip="mse", recovery="refit")
    packable = tiny._compressor.compress(fitted).packable
    net = tiny.run(Recipe()).model()
    before = net(images).softmax(1)
    net.head.load_state_dict(packable.net.head.state_dict())
    after = net(images).softmax(1)
    divergence = (before * (before.log() - after.log())).sum(1).mean().item()
    assert option.cost == pytest.approx(divergence, rel=1e-3)
    assert option.bytes == layer_bytes(packable.layers["head"])


def test_expected_bytes_of_the_layers_are_near_the_real_file(digits):
    for recipe in (
        Recipe(bits=3),
        Recipe(0.8, bits=4, granularity="channel"),
        Recipe(0.9, bits=32),
    ):
        report = digits.run(recipe)
        apart = report.size.parts["biases"] + report.size.parts["header"]
        expected = apart + sum(report.size.layers.values())
        assert report.size.total_bytes == pytest.approx(expected, rel=0.02)


def test_a_budget_is_kept_to_by_the_real_file_and_says_what_it_chose(tiny, tmp_path):
    whole = tiny.run(Recipe()).size.total_bytes
    found = tiny.fit_budget(bytes=whole // 2)
    assert found.bytes == found.report.size.total_bytes <= whole // 2
    assert found.report.recipe == found.recipe
    assert [c.layer for c in found.choices] == list(tiny.layers)
    assert found.recipe.layers == tuple((c.layer, c.sparsity, c.bits) for c in found.choices)
    assert found.recipe.recovery == RECOVERY
    tiny.run(found.recipe).save(tmp_path / "m.owz")
    assert (tmp_path / "m.owz").stat().st_size == found.bytes


def test_with_room_for_everything_nothing_is_lost(tiny):
    found = tiny.fit_budget(bytes=10 * tiny.run(Recipe()).size.total_bytes)
    assert found.report.confusion.accuracy >= found.baseline.confusion.accuracy


def test_a_larger_drop_never_takes_more_bytes(tiny):
    drops = (0.0, 10.0, 60.0)
    found = [tiny.fit_budget(drop=drop) for drop in drops]
    assert all(f.drop <= drop for f, drop in zip(found, drops, strict=True))
    sizes = [f.bytes for f in found]
    assert sizes == sorted(sizes, reverse=True)


def test_fewer_bytes_than_any_file_are_refused_with_the_least(tiny):
    with pytest.raises(ValueError, match="bytes=10 is less than the smallest file") as error:
        tiny.fit_budget(bytes=10)
    least = int(str(error.value).rsplit(" ", 1)[1])
    assert tiny.fit_budget(bytes=least).bytes == least


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give bytes or drop, exactly one of them, not bytes=None and drop=None"),
        ({"bytes": 9, "drop": 1}, "exactly one of them, not bytes=9 and drop=1"),
        ({"bytes": 1.5}, r"bytes is a whole number above 0, not 1\.5"),
        ({"bytes": True}, "bytes is a whole number above 0, not True"),
        ({"bytes": 0}, "bytes is a whole number above 0, not 0"),
        ({"drop": -1}, "drop is 0 to 100 points of accuracy, not -1"),
        ({"drop": 100.5}, r"drop is 0 to 100 points of accuracy, not 100\.5"),
        ({"drop": float("nan")}, "drop is 0 to 100 points of accuracy, not nan"),
    ],
)
def test_goals_that_cannot_be_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Goal(**given)


@pytest.mark.parametrize("after", [0.0, 0.2, 0.5, 0.8])
def test_it_can_be_stopped_at_every_stage(tiny, after):
    told = []

    def stop(progress):
        told.append(progress.done)
        if progress.done >= after:
            raise Cancelled

    with pytest.raises(Cancelled):
        tiny.fit_budget(drop=5.0, on_progress=stop)
    assert told == sorted(told)
    assert tiny.openings == []


class Lonely(nn.Module):
    """Net with a layer of one weight, and a layer whose output is multiplied by zero."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(1, 1, 1)
        self.mute = nn.Linear(4, 4)
        self.head = nn.Linear(6 * 9, 3)

    def forward(self, images):
        muted = 0.0 * self.mute(images.flatten(1)[:, :4]).sum(1, keepdim=True)
        return self.head(torch.relu(self.one(images[:, :1])).flatten(1)) + muted


def test_odd_layers_get_something_too(toy, few):
    found = Experiment(Lonely(), toy).fit_budget(drop=5.0)
    mute = next(c for c in found.choices if c.layer == "mute")
    assert mute.cost == pytest.approx(0.0, abs=1e-6)
    assert mute.bits == 2


@pytest.mark.slow
def test_it_beats_the_best_uniform_recipe_and_sealed_images_confirm_it(digits):
    experiment = Experiment.load("digits")
    uniform = [
        experiment.run(Recipe(s, bits=b, score="obs", clip="mse", recovery=RECOVERY))
        for s in (0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97)
        for b in (2, 3, 4, 5, 6)
    ]
    found, rivals = [], []
    for most in (1400, 1550):
        fits = [r for r in uniform if r.size.total_bytes <= most]
        rivals.append(max(fits, key=lambda r: r.confusion.accuracy))
        found.append(experiment.fit_budget(bytes=most))
        assert found[-1].bytes <= most
        assert found[-1].report.confusion.accuracy > rivals[-1].confusion.accuracy + 0.02
    assert experiment.openings == []
    sealed = [experiment.open_sealed(found[0].recipe), experiment.open_sealed(rivals[0].recipe)]
    assert sealed[0].confusion.accuracy > sealed[1].confusion.accuracy
