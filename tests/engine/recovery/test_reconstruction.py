"""Refit, recalibration, GPTQ: by hand, against slow references, on unusable calibration images."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from optiwidgets.engine.calibration.layer_statistics import (
    MOST_ROWS,
    LayerStatistics,
    damped,
    input_rows,
    output_rows,
    second_moments,
    visit_layers,
    with_ones,
)
from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models.batchnorm_folding import fold
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.models.tracing import rectified
from optiwidgets.engine.pruning.layer_cut import LayerCut
from optiwidgets.engine.quantization import gptq
from optiwidgets.engine.quantization.weights import choose_qparams, encode
from optiwidgets.engine.recovery import reconstruction
from optiwidgets.engine.recovery.reconstruction import solve_kept
from optiwidgets.engine.types.recipe import Recipe

REPAIRS = ("recalibrate", "bias", "refit", "sequential")


@pytest.fixture
def noise():
    return torch.Generator().manual_seed(11)


@pytest.fixture
def definite(noise):
    """Make a positive definite Hessian (6, 6), far from diagonal."""
    rows = torch.randn(40, 6, generator=noise)
    return rows.T @ rows + 0.1 * torch.eye(6)


CONVOLUTIONS = [
    nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2)),
    nn.Conv2d(4, 6, 3, padding="same", padding_mode="reflect", bias=False),
    nn.Conv2d(4, 6, 3, groups=2, padding=1, padding_mode="circular"),
    nn.Conv2d(4, 8, 1, groups=4, bias=False),
]


@pytest.mark.parametrize("layer", CONVOLUTIONS, ids=str)
def test_rows_times_weights_are_what_a_convolution_answers(layer, noise):
    images = torch.randn(3, 4, 7, 8, generator=noise)
    with torch.no_grad():
        wanted = output_rows(layer, layer(images))
        weights = layer.weight.flatten(1).chunk(layer.groups)
        rows = input_rows(layer, images)
        got = torch.cat([x @ w.T for x, w in zip(rows, weights, strict=True)], dim=1)
        got = got if layer.bias is None else got + layer.bias
    assert torch.allclose(got, wanted, atol=1e-5)


def test_rows_are_thinned_alike_for_inputs_and_outputs(noise):
    layer = nn.Conv2d(1, 2, 1, bias=False)
    images = torch.randn(20, 1, 40, 40, generator=noise)
    with torch.no_grad():
        rows, answers = input_rows(layer, images)[0], output_rows(layer, layer(images))
        assert rows.shape == (MOST_ROWS, 1)
        assert torch.allclose(rows @ layer.weight.flatten(1).T, answers, atol=1e-6)


def test_a_layer_that_is_called_twice_is_visited_once():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.again = nn.Linear(3, 3)

        def forward(self, x):
            return self.again(self.again(x))

    seen = []
    visit_layers(Twice(), torch.ones(2, 3), lambda name, *_: seen.append(name))
    assert seen == ["again"]


def test_kept_rows_solve_their_own_part_of_the_system(definite, noise):
    right = torch.randn(5, 6, generator=noise)
    mask = torch.rand(5, 6, generator=noise) < 0.5
    mask[0], mask[1] = False, True  # no input kept, all inputs kept
    solved = solve_kept(definite, right, mask)
    for row, wanted, kept in zip(solved, right, mask, strict=True):
        places = kept.nonzero().flatten().numpy()
        block = definite.double().numpy()[np.ix_(places, places)]
        assert np.allclose(
            row[kept], np.linalg.solve(block, wanted.double().numpy()[places]), atol=1e-4
        )
        assert not row[~kept].any()


def test_rows_that_keep_the_same_are_solved_as_the_others_are(definite, noise):
    right, mask = torch.randn(4, 6, generator=noise), torch.tensor([True, False, True] * 2)
    alike = solve_kept(definite, right, mask.expand(4, 6))
    single = torch.cat([solve_kept(definite, row[None], mask[None]) for row in right])
    assert torch.allclose(alike, single, atol=1e-5)


def surgeon(weights, hessian, mask):
    """Apply optimal brain surgeon as published: one weight at a time, then update the inverse."""
    weights, inverse = weights.double().clone(), torch.linalg.inv(hessian.double())
    for q in (~mask).nonzero().flatten():
        weights = weights - weights[q] / inverse[q, q] * inverse[:, q]
        inverse = inverse - torch.outer(inverse[:, q], inverse[q]) / inverse[q, q]
    return weights * mask


def test_the_refit_is_what_the_surgeon_ends_at_whatever_the_order(definite, noise):
    weights, mask = torch.randn(6, generator=noise), torch.tensor([1, 0, 1, 1, 0, 0]).bool()
    refitted = solve_kept(definite, (weights @ definite)[None], mask[None])[0]
    assert torch.allclose(refitted.double(), surgeon(weights, definite, mask), atol=1e-4)


def tiny_net(noise, bias=True):
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1, bias=bias), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, bias=bias), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3, bias=bias),
    )  # fmt: skip
    net = fold(net)
    for tensor in net.state_dict().values():
        tensor.copy_(torch.randn(tensor.shape, generator=noise) / tensor[0].numel() ** 0.5)
    return net, torch.randn(60, 2, 8, 8, generator=noise)


def pruned(net, share=0.6):
    smaller, cuts = copy.deepcopy(net), {}
    for name, layer in prunable(smaller).items():
        cuts[name] = LayerCut(layer.weight.abs() > layer.weight.abs().flatten().quantile(share))
        layer.weight.mul_(cuts[name].mask)
    return smaller, cuts


def missed(net, other, images):
    return float((net(images) - other(images)).square().mean())


def untouched_code(name, layer, inputs):
    """Quantize nothing."""


def test_every_repair_brings_the_answers_nearer_and_leaves_zeros_at_zero(noise):
    net, images = tiny_net(noise)
    broken, cuts = pruned(net)
    errors = {"none": missed(broken, net, images)}
    for repair in REPAIRS:
        again, seen = copy.deepcopy(broken), LayerStatistics(net, images)
        if repair == "refit":
            reconstruction.refit(again, cuts, seen)
        elif repair == "sequential":
            reconstruction.sequential(again, cuts, seen, untouched_code, rectified(net))
        else:
            spread = repair == "recalibrate"
            reconstruction.recalibrate(again, cuts, seen, untouched_code, spread=spread)
        errors[repair] = missed(again, net, images)
        for name, layer in prunable(again).items():
            assert not layer.weight[~cuts[name].mask].any()
    assert max(errors["sequential"], errors["refit"]) < errors["recalibrate"]
    assert max(errors["recalibrate"], errors["bias"]) < errors["none"]


def test_with_nothing_pruned_a_refit_changes_nothing(noise):
    net, images = tiny_net(noise)
    cuts = {n: LayerCut(torch.ones_like(m.weight).bool()) for n, m in prunable(net).items()}
    same, seen = copy.deepcopy(net), LayerStatistics(net, images)
    reconstruction.refit(same, cuts, seen)
    reconstruction.sequential(same, cuts, seen, untouched_code, rectified(net))
    assert missed(same, net, images) < 1e-6


def test_recalibration_gives_every_output_its_mean_and_spread_again(noise):
    net, images = tiny_net(noise)
    broken, cuts = pruned(net)
    reconstruction.recalibrate(
        broken, cuts, LayerStatistics(net, images), untouched_code, spread=True
    )
    wanted, got = LayerStatistics(net, images).outputs, LayerStatistics(broken, images).outputs
    for name in wanted:
        assert torch.allclose(got[name].mean(0), wanted[name].mean(0), atol=1e-4)
        assert torch.allclose(got[name].std(0), wanted[name].std(0), rtol=1e-3)


def test_bias_correction_moves_means_alone(noise):
    net, images = tiny_net(noise)
    broken, cuts = pruned(net)
    before = {name: layer.weight.clone() for name, layer in prunable(broken).items()}
    reconstruction.recalibrate(
        broken, cuts, LayerStatistics(net, images), untouched_code, spread=False
    )
    wanted, got = LayerStatistics(net, images).outputs, LayerStatistics(broken, images).outputs
    for name, layer in prunable(broken).items():
        assert torch.equal(layer.weight, before[name])
        assert torch.allclose(got[name].mean(0), wanted[name].mean(0), atol=1e-4)


def test_an_output_with_no_kept_input_answers_its_mean(noise):
    net, images = tiny_net(noise)
    broken, cuts = pruned(net)
    cuts["3"].mask[2] = False
    prunable(broken)["3"].weight[2] = 0.0
    for repair in (
        lambda n: reconstruction.refit(n, cuts, LayerStatistics(net, images)),
        lambda n: reconstruction.sequential(
            n, cuts, LayerStatistics(net, images), untouched_code, set()
        ),
        lambda n: reconstruction.recalibrate(
            n, cuts, LayerStatistics(net, images), untouched_code, spread=True
        ),
    ):
        again = copy.deepcopy(broken)
        repair(again)
        layer, wanted = prunable(again)["3"], LayerStatistics(net, images).outputs["3"][:, 2].mean()
        assert not layer.weight[2].any()
        assert layer.bias[2].item() == pytest.approx(wanted.item(), rel=0.05)


@pytest.mark.parametrize("repair", ["none", *REPAIRS])
@pytest.mark.parametrize("rounding", ["nearest", "gptq"])
def test_few_and_huge_calibration_images_give_a_finite_model(make_own, toy, repair, rounding):
    few = toy.calibration[0][:2]
    for images in (few, 1e6 * few, torch.cat([few[:1], torch.zeros_like(few)])):
        labels = torch.arange(len(images)) % 3
        experiment = Experiment(make_own(), replace(toy, calibration=(images, labels)))
        report = experiment.run(Recipe(sparsity=0.6, bits=3, recovery=repair, rounding=rounding))
        assert np.isfinite(report.scores).all()
        assert report.pruned_weights == int(0.6 * 435 + 0.5)


ALIKE = {
    "1": lambda x: x[:1],
    "30": lambda x: x[:1].expand(30, -1, -1, -1).clone(),
    "6": torch.zeros_like,
}


@pytest.mark.parametrize("count", ALIKE)
@pytest.mark.parametrize(
    "recipe",
    [
        *(Recipe(sparsity=0.5, recovery=repair) for repair in REPAIRS),
        *(Recipe(sparsity=0.5, score=score) for score in ("wanda", "obs")),
        Recipe(sparsity=0.5, pruning="channel", score="activation"),
        Recipe(bits=3, rounding="gptq"),
    ],
    ids=str,
)
def test_calibration_images_that_are_all_alike_are_refused(make_own, toy, count, recipe):
    images = ALIKE[count](toy.calibration[0])
    labels = torch.arange(len(images)) % 3
    experiment = Experiment(make_own(), replace(toy, calibration=(images, labels)))
    said = f"calibration images are 2 or more that differ, not {count} that are all equal"
    with pytest.raises(ValueError, match=said):
        experiment.run(recipe)
    assert experiment.run(Recipe(sparsity=0.5)).pruned_weights == int(0.5 * 435 + 0.5)


def test_inputs_beyond_floats_are_refused_and_nothing_is_lost(make_own, toy):
    images = toy.calibration[0].sign() * 3e38
    experiment = Experiment(make_own(), replace(toy, calibration=(images, toy.calibration[1])))
    before = experiment.run(Recipe()).confusion.counts
    with pytest.raises(
        ValueError, match="a layer's inputs or outputs on the calibration images are not"
    ):
        experiment.run(Recipe(sparsity=0.5, recovery="sequential"))
    assert (experiment.run(Recipe()).confusion.counts == before).all()


def test_without_any_bias_bias_correction_says_so_and_the_others_work(noise, toy):
    layers = (
        nn.Conv2d(2, 4, 3, bias=False),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(112, 3, bias=False),
    )
    experiment = Experiment(nn.Sequential(*layers), toy)
    with pytest.raises(ValueError, match="no layer of the model has a bias"):
        experiment.run(Recipe(sparsity=0.5, recovery="bias"))
    for repair in ("recalibrate", "refit", "sequential"):
        model = experiment.run(Recipe(sparsity=0.5, recovery=repair)).model()
        assert all(layer.bias is None for layer in prunable(model).values())


@pytest.mark.parametrize("groups", [2, 4])
def test_grouped_convolutions_are_refitted_group_by_group(noise, groups):
    net = fold(nn.Sequential(nn.Conv2d(4, 8, 3, groups=groups), nn.Flatten(), nn.Linear(72, 3)))
    images = torch.randn(40, 4, 5, 5, generator=noise)
    broken, cuts = pruned(net)
    repaired = copy.deepcopy(broken)
    reconstruction.sequential(repaired, cuts, LayerStatistics(net, images), untouched_code, set())
    assert missed(repaired, net, images) < 0.8 * missed(broken, net, images)


def test_a_repair_told_to_stop_leaves_nothing_behind(make_own, toy):
    for repair, rounding in [(r, "nearest") for r in REPAIRS] + [("none", "gptq")]:
        experiment, told = Experiment(make_own(), toy), []
        recipe = Recipe(sparsity=0.5, bits=3, recovery=repair, rounding=rounding)

        def stop(progress, told=told):
            told.append(progress.stage)
            if len(told) == 2:
                raise Cancelled

        with pytest.raises(Cancelled):
            experiment.run(recipe, on_progress=stop)
        assert told == ["layer 1 of 4", "layer 2 of 4"]
        fresh = Experiment(make_own(), toy).run(recipe)
        assert (experiment.run(recipe).predictions == fresh.predictions).all()


# GPTQ


def column_by_column(layer, mask, recipe, hessian):
    """Apply GPTQ by definition: fix one input, then solve exactly for the free ones."""
    scale, zero_point = (t.double().numpy() for t in choose_qparams(layer.weight, mask, recipe))
    scale, zero_point = (np.broadcast_to(t, len(mask)) for t in (scale, zero_point))
    top = 2**recipe.bits - 1 if recipe.scheme == "affine" else 2 ** (recipe.bits - 1) - 1
    bottom = 0 if recipe.scheme == "affine" else -top
    full, inputs = hessian.double().numpy(), mask.shape[1]
    order = [*np.argsort(-hessian.diagonal()[:inputs].numpy()), inputs]
    codes, biases = np.zeros(mask.shape), np.zeros(len(mask))
    joined = torch.cat([layer.weight, layer.bias[:, None]], dim=1).double().numpy()
    for row, (exact, kept) in enumerate(zip(joined, mask.numpy(), strict=True)):
        now, fixed = exact.copy(), []
        for place in order[:-1]:
            code = np.clip(np.round(now[place] / scale[row]) + zero_point[row], bottom, top)
            codes[row, place] = code
            now[place] = (code - zero_point[row]) * scale[row] * kept[place]
            fixed.append(place)
            free = [p for p in order if p not in fixed]
            shift = full[np.ix_(free, fixed)] @ (exact - now)[fixed]
            now[free] = exact[free] + np.linalg.solve(full[np.ix_(free, free)], shift)
        biases[row] = now[-1]
    return codes, biases


def layer_of(weights, bias=None):
    layer = nn.Linear(weights.shape[1], len(weights), bias=bias is not None).requires_grad_(False)
    layer.weight.copy_(weights)
    if bias is not None:
        layer.bias.copy_(bias)
    return layer


@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
@pytest.mark.parametrize("granularity", ["tensor", "channel"])
@pytest.mark.parametrize("bits", [2, 3, 5])
def test_gptq_is_rounding_with_the_rest_at_its_optimum(definite, noise, scheme, granularity, bits):
    weight, mask = torch.randn(4, 5, generator=noise), torch.rand(4, 5, generator=noise) < 0.8
    layer = layer_of(weight * mask, torch.randn(4, generator=noise))
    recipe = Recipe(bits=bits, scheme=scheme, granularity=granularity, rounding="gptq")
    codes, biases = column_by_column(layer, mask, recipe, damped(definite, gptq.DAMPING))
    coded = gptq.encode_gptq(layer, mask, recipe, definite[None])
    assert (coded.codes.numpy()[mask] == codes[mask.numpy()]).all()
    assert not coded.decode()[~mask].any()
    assert layer.bias.numpy() == pytest.approx(biases, abs=1e-4)


def test_gptq_answers_nearer_than_nearest_rounding(noise):
    rows = torch.randn(300, 20, generator=noise) @ torch.randn(20, 20, generator=noise)
    moments = second_moments(with_ones(rows))
    layer = layer_of(torch.randn(7, 20, generator=noise))
    mask, wanted = torch.ones(7, 20, dtype=torch.bool), rows @ layer.weight.T
    for bits in (2, 3, 4):
        recipe = Recipe(bits=bits, granularity="channel")
        plain = encode(layer.weight, mask, recipe)
        careful = gptq.encode_gptq(layer, mask, recipe, moments[None])
        errors = [(rows @ c.decode().T - wanted).square().mean() for c in (plain, careful)]
        assert errors[1] < 0.7 * errors[0]


def test_gptq_with_independent_inputs_is_nearest_rounding(noise):
    layer, mask = layer_of(torch.randn(5, 9, generator=noise)), torch.ones(5, 9, dtype=torch.bool)
    moments = torch.diag(torch.arange(10.0, 0, -1))[None]
    for recipe in (
        Recipe(bits=3),
        Recipe(bits=2, scheme="affine", granularity="channel"),
        Recipe(bits=1),
    ):
        careful = gptq.encode_gptq(layer, mask, recipe, moments)
        assert torch.equal(careful.codes, encode(layer.weight, mask, recipe).codes)


# Real digits, calibration images only


@pytest.fixture(scope="module")
def wide():
    return Experiment.load("digits", model="wide")


LAMP = Recipe(score="lamp")


@pytest.mark.parametrize(
    ("recipe", "points"),  # with a margin of five images that another processor rounds differently
    [
        (replace(LAMP, sparsity=0.9, recovery="refit"), 1.0),
        (replace(LAMP, sparsity=0.95, recovery="sequential"), 1.9),
        (
            replace(
                LAMP,
                sparsity=0.95,
                bits=4,
                granularity="channel",
                clip="mse",
                recovery="sequential",
            ),
            2.3,
        ),
        (Recipe(bits=2, granularity="channel", clip="mse", rounding="gptq"), 2.5),
    ],
    ids=str,
)
def test_on_digits_it_wins_back_what_it_promises(wide, recipe, points):
    assert wide.run(recipe).drop_from(wide.run(Recipe())).points <= points
    assert (
        wide.run(replace(recipe, recovery="none", rounding="nearest"))
        .drop_from(wide.run(Recipe()))
        .points
        > 10
    )


def test_small_at_90_percent_is_won_back_too(digits):
    recipe = Recipe(sparsity=0.9, score="lamp", recovery="sequential")
    assert digits.run(recipe).drop_from(digits.run(Recipe())).points <= 1.9


def test_at_two_bits_with_all_in_one_scale_bias_correction_cannot_help(wide):
    """A case that a lesson describes."""
    base = wide.run(Recipe())
    drops = [wide.run(Recipe(bits=2, recovery=r)).drop_from(base).points for r in ("none", "bias")]
    assert min(drops) > 80
