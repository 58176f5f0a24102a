"""Magnitude and LAMP rank the trained weights, before BatchNorm folding."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from optiwidgets.engine.data.dataset import Dataset
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models.batchnorm_folding import fold, trained_weights
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.types.recipe import Recipe

NETS = (
    "resnet18",
    "mobilenet_v2",
    "mnasnet0_5",
    "shufflenet_v2_x0_5",
    "mobilenet_v3_small",
    "regnet_y_400mf",
)


def draw_batchnorms(model):
    """Draw every BatchNorm's parameters and statistics, variances log-uniform over 0.01 to 100."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            width = module.num_features
            module.running_var.copy_(10 ** (4 * torch.rand(width, generator=generator) - 2))
            module.running_mean.copy_(torch.randn(width, generator=generator))
            module.weight.data.copy_(torch.rand(width, generator=generator) + 0.5)
            module.bias.data.copy_(torch.randn(width, generator=generator))
    return model.eval()


def few_images(size=32, classes=5):
    draw = torch.Generator().manual_seed(2)

    def part():
        return torch.randn(4, 3, size, size, generator=draw), torch.arange(4) % classes

    names = tuple(map(str, range(classes)))
    return Dataset(
        train=part(), calibration=part(), exploration=part(), sealed=part(), class_names=names
    )


@pytest.mark.parametrize("name", NETS)
def test_masks_are_those_of_torchs_pruning_of_the_unfolded_model(name):
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    model = draw_batchnorms(models.get_model(name, weights=None, num_classes=5))
    experiment = Experiment(model, few_images())
    pruner = experiment._compressor.pruner
    twin = copy.deepcopy(model)
    layers = prunable(twin)
    assert list(pruner.weights) == list(layers)
    for sparsity in (0.37, 0.8):
        pruned = copy.deepcopy(twin)
        prune.global_unstructured(
            [(layer, "weight") for layer in prunable(pruned).values()],
            pruning_method=prune.L1Unstructured,
            amount=int(sparsity * experiment.prunable_weights + 0.5),
        )
        masks = pruner._masks(Recipe(sparsity=sparsity))
        folded = pruner._masks(Recipe(sparsity=sparsity, score="magnitude-folded"))
        theirs = {n: layer.weight_mask.bool() for n, layer in prunable(pruned).items()}
        assert all(torch.equal(masks[n], theirs[n]) for n in masks)
        assert not all(torch.equal(folded[n], theirs[n]) for n in masks)


def test_lamp_ranks_the_weights_as_trained_and_lamp_folded_those_after():
    model = normed()
    experiment = Experiment(model, few_images(8))
    trained, folded = prunable(model), prunable(fold(model))
    for score, layers in (("lamp", trained), ("lamp-folded", folded)):
        values = []
        for layer in layers.values():
            squares = layer.weight.detach().square().flatten().double()
            order = squares.argsort()
            rest = squares[order].flip(0).cumsum(0).flip(0)
            share = torch.empty_like(squares)
            share[order] = squares[order] / rest
            values.append(share)
        threshold = torch.cat(values).sort().values[int(0.5 * experiment.prunable_weights + 0.5)]
        report = experiment.run(Recipe(sparsity=0.5, score=score))
        for value, layer in zip(values, report.weights(), strict=True):
            assert (value >= threshold).numpy().tolist() == layer.kept.ravel().tolist()


def test_channels_are_ranked_by_their_filters_as_trained():
    model = normed()
    experiment = Experiment(model, few_images(8))
    report = experiment.run(Recipe(sparsity=0.5, pruning="channel"))
    sums = model[0].weight.detach().abs().flatten(1).sum(1)
    best = sums.argsort(descending=True)[:3].sort().values
    assert report.weights()[0].outputs.tolist() == best.tolist()
    after = fold(model)[0].weight.abs().flatten(1).sum(1)
    assert after.argsort(descending=True)[:3].sort().values.tolist() != best.tolist()


def test_channels_are_ranked_by_the_scale_of_their_batchnorm():
    model = normed()
    recipe = Recipe(sparsity=0.5, pruning="channel", score="bn-scale")
    experiment = Experiment(model, few_images(8))
    report = experiment.run(recipe)
    best = model[1].weight.detach().abs().argsort(descending=True)[:3].sort().values
    assert report.weights()[0].outputs.tolist() == best.tolist()


def test_a_layer_without_batchnorm_is_named():
    bare = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), *normed()[5:])
    bare[-1] = nn.Linear(4, 5)
    experiment = Experiment(bare.eval(), few_images(8))
    recipe = Recipe(sparsity=0.5, pruning="channel", score="bn-scale")
    with pytest.raises(ValueError, match="layer '0' has none; use score='magnitude' or 'l2'"):
        experiment.run(recipe)
    assert list(experiment.impossible) == ["bn-scale"]


def test_where_every_layer_has_batchnorm_but_no_channel_can_go_the_channels_are_refused():
    layers = list(normed())
    mixing = nn.Sequential(*layers[:2], nn.Softmax(1), *layers[3:5], *layers[6:8])
    experiment = Experiment(mixing.eval(), few_images(8, classes=7))
    assert list(experiment.impossible) == ["channel"]


def test_fisher_scores_are_those_of_the_unfolded_model():
    model, images = normed(), few_images(8)
    layers = prunable(model)
    weights = [layer.weight.requires_grad_() for layer in layers.values()]
    sums = [torch.zeros_like(weight) for weight in weights]
    for image, label in zip(images.train[0].split(1), images.train[1].split(1), strict=True):
        with torch.enable_grad():
            loss = nn.functional.cross_entropy(model(image), label)
        for total, gradient in zip(sums, torch.autograd.grad(loss, weights), strict=True):
            total += gradient.square() / 4
    scores = Experiment(model, images)._compressor.pruner._scores("global", "fisher", 0)
    for name, weight, total in zip(layers, weights, sums, strict=True):
        torch.testing.assert_close(
            scores[name], weight.detach().square() * total, rtol=1e-3, atol=0
        )


def test_wanda_ranks_one_output_alike_in_both_writings_and_outputs_by_the_folded():
    model, images = normed(), few_images(8)
    scores = Experiment(model, images)._compressor.pruner._scores("global", "wanda", 0)["0"]
    patches = nn.functional.unfold(images.calibration[0], 3)
    inputs = patches.square().mean((0, 2)).sqrt().view(1, 3, 3, 3)
    factor = model[1].weight / (model[1].running_var + model[1].eps).sqrt()
    trained = model[0].weight.detach().abs() * inputs
    torch.testing.assert_close(scores, trained * factor.detach().abs().view(-1, 1, 1, 1))
    assert scores.flatten(1).argsort(1).equal(trained.flatten(1).argsort(1))


@pytest.mark.parametrize("score", ["magnitude", "lamp"])
def test_a_model_without_batchnorm_sees_no_difference(own_plain, score):
    one, other = (own_plain.run(Recipe(0.6, score=s)) for s in (score, f"{score}-folded"))
    assert (one.scores == other.scores).all()
    assert one.pruned_weights == other.pruned_weights


def test_folded_weights_are_trained_ones_times_their_factors():
    model = normed()
    trained, folded = trained_weights(model), fold(model)
    for name, factor in trained.factors.items():
        rows = trained.weights[name] * factor.view(-1, 1, 1, 1)
        assert torch.allclose(prunable(folded)[name].weight, rows, rtol=1e-5)
    again = trained.after_training(folded, {})
    assert all(torch.allclose(again.weights[n], w, rtol=1e-5) for n, w in trained.weights.items())


def test_an_experiment_in_another_process_ranks_the_same():
    import pickle

    experiment = Experiment(normed(), few_images(8))
    other = pickle.loads(pickle.dumps(experiment))
    recipe = Recipe(sparsity=0.5, pruning="layer")
    assert (experiment.run(recipe).scores == other.run(recipe).scores).all()
    assert other.about == experiment.about


def normed():
    torch.manual_seed(3)
    return draw_batchnorms(
        nn.Sequential(
            nn.Conv2d(3, 6, 3, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 7, 3),
            nn.BatchNorm2d(7),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(7, 5),
        )
    )


@pytest.fixture(scope="module")
def own_plain():
    torch.manual_seed(4)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 5))
    return Experiment(net.eval(), few_images(8))
