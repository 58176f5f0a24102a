"""Weights in a report equal those of its model, and are values that the codes represent."""

import numpy as np
import pytest
import torch

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.models.layers import prunable
from optiwidgets.engine.types.recipe import Recipe

RECIPES = [
    Recipe(),
    Recipe(bits=16, sparsity=0.3),
    Recipe(bits=1, sparsity=0.5),
    Recipe(bits=4, sparsity=0.8),
    Recipe(bits=3, granularity="channel"),
    Recipe(bits=4, scheme="affine", granularity="channel", sparsity=0.5, pruning="layer"),
    Recipe(bits=3, scheme="codebook", sparsity=0.4),
    Recipe(bits=2, scheme="ternary", granularity="channel"),
    Recipe(bits=8, pruning="2:4"),
    Recipe(bits=4, pruning="channel", sparsity=0.5, granularity="channel"),
    Recipe(bits=4, rounding="gptq", sparsity=0.5),
    Recipe(sparsity=0.6, bits=8, recovery="refit"),
    Recipe(sparsity=0.6, bits=5, recovery="sequential"),
    Recipe(bits=4, layers=(("head", 0.5, 8), ("hidden", None, 32))),
    Recipe(bits=8, activation_bits=8),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_they_are_the_models_own_and_lie_on_their_grid(digits, recipe):
    report = digits.run(recipe)
    net = report.model()
    weights = {name: m.weight for name, m in net.named_modules() if hasattr(m, "weight")}
    layers = report.weights()
    assert sum(layer.pruned for layer in layers) == report.pruned_weights
    assert sum(layer.before.size for layer in layers) == report.prunable_weights
    for layer in layers:
        own = next(
            w for n, w in weights.items() if n.split(".0.", 1)[-1] == layer.name or n == layer.name
        )
        assert np.array_equal(layer.after, own.detach().numpy())
        assert not layer.after[~layer.kept].any()
        assert layer.bits == recipe.for_layer(layer.name).bits
        assert layer.distinct == len(np.unique(layer.after[layer.kept]))
        if layer.bits >= 16:
            assert layer.values.size == 0
            continue
        assert (np.diff(layer.values, axis=1) > 0).all()
        rows = layer.values.shape[0]
        on_grid = np.take_along_axis(
            layer.values, layer.places.reshape(rows, -1).astype(np.int64), axis=1
        ).reshape(layer.after.shape)
        assert np.array_equal(on_grid[layer.kept], layer.after[layer.kept])
        assert layer.used.sum() == layer.kept.sum()


def test_the_error_is_the_mean_square_of_what_changed(digits):
    for recipe in (Recipe(bits=4, sparsity=0.5), Recipe(bits=4, recovery="sequential")):
        for layer in digits.run(recipe).weights():
            by_hand = np.mean((layer.after.astype(float) - layer.before) ** 2)
            assert layer.error == pytest.approx(by_hand, rel=1e-4)


def test_removed_channels_count_as_zeros_where_they_were(digits):
    report = digits.run(Recipe(pruning="channel", sparsity=0.5))
    untouched = {layer.name: layer.before for layer in digits.run(Recipe()).weights()}
    for layer in report.weights():
        kept = set(layer.outputs.tolist())
        gone = [row for row in range(len(layer.before)) if row not in kept]
        least = np.square(untouched[layer.name][gone].astype(float)).sum()
        total = np.square(untouched[layer.name].astype(float)).sum()
        left = np.square(layer.after.astype(float)).sum()
        assert layer.error * layer.before.size == pytest.approx(total - left, rel=1e-3)
        assert total - left >= least * 0.999


def test_where_channels_went_in_steps_nobody_knows_what_is_compared(own):
    report = own.run(Recipe(pruning="layer", sparsity=0.5, recovery="iterative"))
    assert not any(np.isnan(layer.error) for layer in report.weights())


def test_what_was_just_run_is_known_and_looking_changes_nothing():
    digits = Experiment.load("digits", memory_mb=1)  # memory for about ten models' codes
    recipe = Recipe(bits=6, sparsity=0.33)
    report = digits.run(recipe)
    assert digits.knows_weights(recipe)
    first, again = report.weights(), report.weights()
    assert all(np.array_equal(a.after, b.after) for a, b in zip(first, again, strict=True))
    for bits in (1, 2, 3, 4, 5, 7, 8):
        for sparsity in (0.1, 0.2, 0.7):
            digits.run(Recipe(bits=bits, sparsity=sparsity))
    assert not digits.knows_weights(recipe)
    late = report.weights()
    assert all(np.array_equal(a.after, b.after) for a, b in zip(first, late, strict=True))


def test_before_is_the_folded_model(digits):
    net = digits.run(Recipe()).model()
    for layer, own in zip(
        digits.run(Recipe(bits=2)).weights(), prunable(net).values(), strict=True
    ):
        assert torch.equal(torch.from_numpy(layer.before), own.weight)
