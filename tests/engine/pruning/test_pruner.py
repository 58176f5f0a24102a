"""Pruner: layers with their own sparsity, and scores computed from data."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models.batchnorm_folding import fold, trained_weights
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.pruning.pruner import Pruner
from optiwidgets.engine.types.recipe import Recipe

SIZES = {"wide": 60, "deep": 105, "hidden": 252, "head": 18}


def make_pruner(model, dataset):
    return Pruner(fold(model), dataset, trained_weights(model))


def zeros(report):
    return {n: int((m.weight == 0).sum()) for n, m in prunable(report.model()).items()}


@pytest.mark.parametrize("pruning", ["global", "layer"])
@pytest.mark.parametrize("score", ["magnitude", "lamp", "wanda", "fisher", "obs"])
def test_every_score_prunes_exactly_the_promised_number(own, pruning, score):
    report = own.run(Recipe(sparsity=0.37, pruning=pruning, score=score))
    cut = [435] if pruning == "global" else SIZES.values()
    assert report.pruned_weights == sum(int(0.37 * n + 0.5) for n in cut)


def test_a_layer_with_its_own_sparsity_leaves_the_global_count(own):
    report = own.run(Recipe(sparsity=0.5, layers=(("deep", 0.9, None),)))
    found = zeros(report)
    assert found["deep"] == int(0.9 * 105 + 0.5)
    assert report.pruned_weights - found["deep"] == int(0.5 * (435 - 105) + 0.5)


@pytest.mark.parametrize("score", ["magnitude", "lamp-folded", "random"])
@pytest.mark.parametrize("pruning", ["global", "layer"])
def test_masks_of_a_moving_hand_are_those_of_sorting_every_time(make_own, toy, pruning, score):
    """Recipes in sequence, with and without layer overrides, as a dragged slider requests them."""
    pruner = make_pruner(make_own(), toy)
    scores = pruner._scores(pruning, score, 0)
    overrides = ((), (("deep", 0.7, None),), (("deep", 0.2, 3), ("wide", 0.0, None)))
    every = tuple((name, 0.4, None) for name in SIZES)
    for own in (*overrides, every, overrides[1]):
        for sparsity in (0.5, 0.0, 0.31, 0.99):
            recipe = Recipe(sparsity=sparsity, pruning=pruning, score=score, layers=own)
            _, cuts = pruner.prune(recipe)
            apart = {name: s for name, s, _ in own if s is not None}
            rest = [name for name in SIZES if name not in apart]
            groups = [rest] if pruning == "global" else [[name] for name in rest]
            for names in filter(None, (*groups, *([name] for name in apart))):
                ranked = torch.cat([scores[name].flatten() for name in names]).tolist()
                order = sorted(range(len(ranked)), key=ranked.__getitem__)
                gone = int(apart.get(names[0], sparsity) * len(ranked) + 0.5)
                kept = torch.cat([cuts[name].mask.flatten() for name in names])
                assert (~kept).nonzero().flatten().tolist() == sorted(order[:gone])


def test_the_rest_is_ranked_as_if_that_layer_were_not_there(own):
    recipe = Recipe(sparsity=0.5, score="magnitude-folded", layers=(("hidden", 0.0, None),))
    spared = prunable(own.run(recipe).model())
    rest = torch.cat([m.weight.flatten() for n, m in spared.items() if n != "hidden"])
    before = prunable(own.run(Recipe()).model())
    whole = torch.cat([m.weight.flatten() for n, m in before.items() if n != "hidden"])
    assert whole[rest == 0].abs().max() <= whole[rest != 0].abs().min()
    assert torch.equal(spared["hidden"].weight, before["hidden"].weight)


def test_a_layers_own_bits_are_its_own_codes(own):
    report = own.run(Recipe(bits=8, layers=(("head", None, 1),)))
    layers = prunable(report.model())
    assert len(layers["head"].weight.abs().unique()) == 1
    assert len(layers["hidden"].weight.abs().unique()) > 10


def test_nothing_but_one_layer_changes(own):
    before, after = (
        prunable(own.run(r).model()) for r in (Recipe(), Recipe(layers=(("deep", 0.5, 4),)))
    )
    same = {n: torch.equal(before[n].weight, after[n].weight) for n in SIZES}
    assert same == {"wide": True, "deep": False, "hidden": True, "head": True}


def test_channels_of_one_layer_alone(own):
    report = own.run(Recipe(pruning="channel", layers=(("deep", 0.5, None),)))
    assert [len(m.weight) for m in prunable(report.model()).values()] == [5, 3, 6, 3]
    with pytest.raises(
        ValueError, match="channels of 'head' cannot be removed: they are the model's outputs"
    ):
        own.run(Recipe(pruning="channel", layers=(("head", 0.5, None),)))


def test_a_layer_that_there_is_not_is_answered_with_those_there_are(own):
    with pytest.raises(
        ValueError, match="layers of this model are 'wide', 'deep', 'hidden', 'head', not 'hed'"
    ):
        own.run(Recipe(layers=(("hed", 0.5, None),)))


def test_one_layer_of_another_width_is_no_int8_model(own):
    mixed = Recipe(bits=8, activation_bits=8, layers=(("head", None, 4),))
    assert own.run(mixed).simulated is None
    assert own.run(Recipe(bits=8, activation_bits=8)).simulated is not None


def test_gradients_are_squared_image_by_image(make_own, toy):
    pruner = make_pruner(make_own(), toy)
    net = copy.deepcopy(pruner.folded).requires_grad_()
    wanted = torch.zeros_like(net.head.weight)
    for image, label in zip(*toy.train, strict=True):
        loss = nn.functional.cross_entropy(net(image[None]), label[None])
        wanted += torch.autograd.grad(loss, net.head.weight)[0].square() / len(toy.train[1])
    assert torch.allclose(pruner.gradients["head"], wanted, rtol=1e-4)


def test_wanda_sees_the_inputs_on_calibration_images(make_own, toy):
    pruner, seen = make_pruner(make_own(), toy), []
    net = copy.deepcopy(pruner.folded)
    net.head.register_forward_hook(lambda layer, inputs, out: seen.append(inputs[0].clone()))
    net(toy.calibration[0])
    scores = pruner._scores("global", "wanda", 0)["head"]
    wanted = net.head.weight.abs() * seen[0].square().mean(0).sqrt()
    assert torch.allclose(scores, wanted, rtol=1e-4)


def test_channels_of_least_activity_go_first(make_own, toy):
    experiment = Experiment(make_own(), toy)
    by_activity = experiment.run(Recipe(sparsity=0.4, pruning="channel", score="activation"))
    pruner = experiment._compressor.pruner
    busy = pruner.seen.outputs["wide"].clamp(min=0).mean(0)
    kept = busy.argsort()[2:].sort().values
    untouched = pruner.folded.wide.weight[kept]
    assert torch.equal(by_activity.model().wide.weight, untouched)


@pytest.mark.parametrize("score", ["wanda", "fisher", "obs"])
def test_a_layer_that_no_image_reaches_is_not_counted(toy, score):
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Linear(108, 3), nn.Linear(4, 4)

        def forward(self, images):
            return self.used(images.flatten(1))

    report = Experiment(Idle(), toy).run(Recipe(sparsity=0.5, score=score))
    assert report.pruned_weights == int(0.5 * 324 + 0.5)
