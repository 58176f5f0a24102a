"""Fine-tuning: what was pruned stays 0, progress is told, cancelling changes nothing."""

from __future__ import annotations

import pytest
import torch

from optiwidgets import Cancelled, Experiment, Recipe

TUNED = Recipe(sparsity=0.9, recovery="finetune")


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
    fresh.run(Recipe(sparsity=0.9, bits=4, recovery="finetune"), tell=told.append)
    assert told == []


def test_progress_counts_up_to_the_end():
    told = []
    Experiment.load("digits").run(Recipe(sparsity=0.3, recovery="finetune"), tell=told.append)
    shares = [p.done for p in told]
    assert shares == sorted(shares)
    assert (told[-1].done, told[-1].stage[:12], told[-1].left_s) == (1.0, "epoch 5 of 5", 0.0)


def test_two_experiments_fine_tune_to_the_same_weights(fresh):
    other = Experiment.load("digits").run(TUNED).model().state_dict()
    mine = fresh.run(TUNED).model().state_dict()
    assert all(torch.allclose(mine[k], other[k], atol=1e-5) for k in mine)


def test_cancelling_answers_within_a_batch_and_leaves_nothing_behind():
    experiment, told = Experiment.load("digits"), []
    untouched = experiment.run(Recipe()).confusion.counts

    def stop(progress):
        told.append(progress)
        raise Cancelled

    with pytest.raises(Cancelled):
        experiment.run(TUNED, tell=stop)
    assert len(told) == 1
    assert (experiment.run(Recipe()).confusion.counts == untouched).all()
    assert experiment.run(TUNED).confusion.accuracy > 0.9  # starts again from the beginning


def test_without_sparsity_it_still_trains_and_prunes_nothing(fresh):
    rep = fresh.run(Recipe(recovery="finetune"))
    assert rep.pruned_weights == 0
    assert rep.confusion.accuracy > 0.97
