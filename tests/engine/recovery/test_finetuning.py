"""Fine-tuning: pruned weights stay 0, progress is reported, cancelling changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from optiwidgets.engine.execution.progress import Cancelled
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models.batchnorm_folding import fold
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.models.zoo import load_trained
from optiwidgets.engine.recovery.finetuning import Phase, finetune
from optiwidgets.engine.types.recipe import Recipe

TUNED = Recipe(sparsity=0.9, recovery="finetune")


@pytest.fixture(scope="module")
def make_quick(digits: Experiment) -> Callable[[], Experiment]:
    """Make an experiment on the digits that trains on a third of the images, to save time."""
    images, labels = digits.dataset.train
    few = replace(digits.dataset, train=(images[::3].clone(), labels[::3].clone()))
    return lambda: Experiment(load_trained("small"), few, memory_mb=0)


@pytest.fixture(scope="module")
def fresh() -> Experiment:
    return Experiment.load("digits", memory_mb=0)


def test_fine_tuning_wins_accuracy_back(fresh):
    before = fresh.run(Recipe(sparsity=0.9)).confusion.accuracy
    assert fresh.run(TUNED).confusion.accuracy > before + 0.3


def test_the_same_weights_are_zero_as_without_it(fresh):
    plain, tuned = fresh.run(Recipe(sparsity=0.9)).model(), fresh.run(TUNED).model()
    for (name, a), b in zip(plain.state_dict().items(), tuned.state_dict().values(), strict=True):
        if name.endswith("weight"):
            assert torch.equal(b[a == 0], torch.zeros_like(b[a == 0]))
            assert not torch.equal(a, b)


def test_removed_channels_are_fine_tuned_as_the_smaller_model_they_are(fresh):
    recipe = Recipe(sparsity=0.5, pruning="channel", recovery="finetune")
    rep = fresh.run(recipe)
    assert rep.confusion.accuracy > 0.9
    assert rep.model().hidden.out_features == 32


def test_the_result_is_remembered_and_bits_do_not_tune_again(fresh):
    told = []
    fresh.run(TUNED)
    fresh.run(Recipe(sparsity=0.9, bits=4, recovery="finetune"), on_progress=told.append)
    assert told == []


def test_progress_counts_up_to_the_end(make_quick):
    told = []
    make_quick().run(Recipe(sparsity=0.3, recovery="finetune"), on_progress=told.append)
    shares = [p.done for p in told]
    assert shares == sorted(shares)
    assert (told[-1].done, told[-1].stage[:12], told[-1].left_s) == (1.0, "epoch 5 of 5", 0.0)


def test_two_experiments_fine_tune_to_the_same_weights(make_quick):
    experiments = make_quick(), make_quick()
    mine, other = (made.run(TUNED).model().state_dict() for made in experiments)
    assert all(torch.allclose(mine[k], other[k], atol=1e-5) for k in mine)


def test_cancelling_answers_within_a_batch_and_leaves_nothing_behind(make_quick):
    experiment, told = make_quick(), []
    untouched = experiment.run(Recipe()).confusion.counts

    def stop(progress):
        told.append(progress)
        raise Cancelled

    with pytest.raises(Cancelled):
        experiment.run(TUNED, on_progress=stop)
    assert len(told) == 1
    assert (experiment.run(Recipe()).confusion.counts == untouched).all()
    assert experiment.run(TUNED).confusion.accuracy > 0.9  # training starts from the beginning


def test_without_sparsity_it_still_trains_and_prunes_nothing(fresh):
    rep = fresh.run(Recipe(recovery="finetune"))
    assert rep.pruned_weights == 0
    assert rep.confusion.accuracy > 0.97


def zeros(report):
    return [int((m.weight == 0).sum()) for m in prunable(report.model()).values()]


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(sparsity=0.7),
        Recipe(sparsity=0.7, pruning="layer", score="lamp"),
        Recipe(pruning="2:4"),
        Recipe(sparsity=0.5, score="random", seed=4),
        Recipe(sparsity=0.5, layers=(("head", 0.2, None),)),
    ],
    ids=str,
)
def test_iterative_pruning_ends_at_the_sparsity_that_was_asked(make_own, toy, recipe):
    experiment = Experiment(make_own(), toy)
    at_once, in_steps = (experiment.run(r) for r in (recipe, replace(recipe, recovery="iterative")))
    assert in_steps.pruned_weights == at_once.pruned_weights == sum(zeros(in_steps))


def test_iterative_removal_of_channels_leaves_as_many_as_at_once(make_own, toy):
    recipe = Recipe(sparsity=0.6, pruning="channel", layers=(("deep", 0.3, None),))
    experiment = Experiment(make_own(), toy)
    shapes = [
        [m.weight.shape for m in prunable(experiment.run(r).model()).values()]
        for r in (recipe, replace(recipe, recovery="iterative"))
    ]
    assert shapes[0] == shapes[1]


def test_iterative_pruning_tells_one_training_of_eleven_epochs(make_own, toy):
    told = []
    experiment = Experiment(make_own(), toy)
    experiment.run(Recipe(sparsity=0.5, recovery="iterative"), on_progress=told.append)
    shares = [p.done for p in told]
    assert shares == sorted(shares)
    assert told[0].stage.startswith("epoch 1 of 11")
    assert (told[-1].done, told[-1].stage[:14]) == (1.0, "epoch 11 of 11")


def test_the_longer_training_is_for_the_sparsest(make_own, toy):
    for sparsity, epochs in ((0.94, 5), (0.95, 20)):
        told = []
        experiment = Experiment(make_own(), toy)
        experiment.run(Recipe(sparsity=sparsity, recovery="finetune"), on_progress=told.append)
        assert told[-1].stage.startswith(f"epoch {epochs} of {epochs}")


def test_how_long_it_trains_hangs_on_the_weights_gone_and_not_on_how_that_was_said(make_own, toy):
    layers = tuple((name, 0.95, None) for name in ("wide", "deep", "hidden", "head"))
    for recipe in (
        Recipe(pruning="layer", layers=layers),
        Recipe(sparsity=0.97, pruning="channel"),
    ):
        told = []
        experiment = Experiment(make_own(), toy)
        experiment.run(replace(recipe, recovery="finetune"), on_progress=told.append)
        assert told[-1].stage.startswith("epoch 20 of 20")


def test_rounding_by_gptq_after_training_does_not_undo_it(fresh):
    coded = Recipe(bits=2, granularity="channel", clip="mse", recovery="finetune")
    nearest, careful = (
        fresh.run(replace(coded, rounding=r)).confusion.accuracy for r in ("nearest", "gptq")
    )
    assert careful > nearest - 0.05


@pytest.mark.parametrize("coded", [Recipe(bits=2), Recipe(bits=1, granularity="channel")], ids=str)
def test_training_for_the_codes_beats_rounding_afterwards(fresh, coded):
    plain, aware = fresh.run(coded), fresh.run(replace(coded, recovery="qat"))
    assert aware.confusion.accuracy > plain.confusion.accuracy + 0.2
    assert aware.size.parts["scales"] == plain.size.parts["scales"]
    for layer in prunable(aware.model()).values():
        assert len(layer.weight.unique()) <= 3 * len(layer.weight)


def test_training_for_the_codes_keeps_pruned_weights_at_zero(make_own, toy):
    experiment = Experiment(make_own(), toy)
    cut = Recipe(sparsity=0.6)
    coded = replace(cut, bits=4, scheme="affine", recovery="qat")
    before, after = experiment.run(cut), experiment.run(coded)
    for a, b in zip(*(prunable(r.model()).values() for r in (before, after)), strict=True):
        assert not b.weight[a.weight == 0].any()
    assert after.pruned_weights == before.pruned_weights == sum(zeros(before))


def test_the_straight_through_gradient_is_that_of_the_rounded_weights():
    net = fold(nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False)))
    net[1].weight.copy_(torch.tensor([[0.4, -0.3], [0.2, 0.6]]))
    images, labels = torch.tensor([[1.0, 2.0]]).view(1, 1, 1, 2), torch.tensor([1])
    rounded = net[1].weight.round().requires_grad_()
    wanted = torch.autograd.grad(
        nn.functional.cross_entropy(images.flatten(1) @ rounded.T, labels, label_smoothing=0.05),
        rounded,
    )[0]
    exact = net[1].weight.clone()

    def fake_quantize(name, layer):
        layer.weight.copy_(layer.weight.round())

    masks = {"1": torch.ones(2, 2, dtype=torch.bool)}
    finetune(
        net, masks, (images, labels), phase=Phase(epochs=3, total=3), fake_quantize=fake_quantize
    )
    moved = net[1].weight - exact
    assert torch.equal(
        moved.sign(), -wanted.sign()
    )  # rounded they stay as they were: so does the sign
