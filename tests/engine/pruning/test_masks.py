from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune as reference

from optiwidgets.engine.pruning.masks import (
    keep_highest,
    keep_masks,
    keep_n_of_m,
    kept_channels,
    pruned_count,
    rank,
    sort_together,
)
from optiwidgets.engine.pruning.scores import (
    at_random,
    channel_scores,
    fisher,
    lamp,
    magnitude,
    obs,
    wanda,
)
from optiwidgets.engine.types.recipe import Recipe

SHAPES = ((5, 2, 3, 2), (7, 5, 1, 3), (3, 11))
SPARSITIES = (0.0, 0.05, 0.3, 0.5, 0.75, 0.9, 0.99)


@pytest.fixture(scope="module")
def weights():
    """Make three layers without equal magnitudes."""
    random = torch.Generator().manual_seed(8)
    return [torch.randn(shape, generator=random) for shape in SHAPES]


def masks_of(weights, pruning, sparsity, score="magnitude", seed=0):
    random = at_random([w.shape for w in weights], seed)
    scores = {"magnitude": magnitude, "lamp": lamp}.get(score, lambda _: random)(weights)
    return keep_masks(scores, pruning, sparsity)


def layers_of(model):
    """Return the Conv2d and Linear weights of a model."""
    return [m.weight for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


@pytest.mark.parametrize(
    ("sparsity", "total", "count"),
    [
        (0.5, 5, 3),
        (0.5, 3, 2),
        (0.25, 2, 1),
        (0.1, 4, 0),
        (0.99, 7, 7),
        (0.0, 9, 0),
        (0.29, 100, 29),
    ],
)
def test_the_count_is_the_nearest_whole_number_halves_up(sparsity, total, count):
    assert pruned_count(sparsity, total) == count


def test_equal_scores_go_lower_index_first():
    tied = torch.tensor([[2.0, 1.0, 1.0], [1.0, 2.0, 1.0]])
    assert rank(tied).tolist() == [[4, 0, 1], [2, 5, 3]]
    assert keep_masks([tied], "layer", 0.5)[0].tolist() == [
        [True, False, False],
        [False, True, True],
    ]


def test_equal_scores_of_two_layers_go_in_module_order():
    first, second = keep_masks([torch.ones(2, 2), torch.ones(3)], "global", 0.7)
    assert not first.any()
    assert second.tolist() == [False, True, True]


def test_equal_scores_go_by_index_whatever_the_order_in_memory():
    scores = torch.tensor([[1.0, 1.0, 2.0], [1.0, 0.0, 1.0]])
    turned = scores.T.contiguous().T
    for pruning in ("global", "layer"):
        (kept,) = keep_masks([turned], pruning, 0.5)
        assert kept.tolist() == [[False, False, True], [True, False, True]]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_a_rank_is_the_place_in_python_own_stable_sort(scores):
    places = rank(torch.tensor(scores, dtype=torch.float32))
    order = sorted(range(len(scores)), key=scores.__getitem__)
    assert [order[place] for place in places] == list(range(len(scores)))


@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.5, float("inf"), float("nan")]), max_size=30),
    st.integers(0, 30),
)
def test_as_many_of_the_lowest_go_as_was_said_nan_last(scores, pruned):
    pruned = min(pruned, len(scores))
    numbers = [i for i in range(len(scores)) if not math.isnan(scores[i])]
    order = sorted(numbers, key=scores.__getitem__)
    order += [i for i in range(len(scores)) if math.isnan(scores[i])]
    layers = [part.clone() for part in torch.tensor(scores).split(7)]
    for ascending in (None, sort_together(layers)):
        kept = torch.cat(keep_highest(layers, pruned, ascending))
        assert [i for i in range(len(scores)) if not kept[i]] == sorted(order[:pruned])


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_global_masks_are_those_of_torch(weights, sparsity):
    layers = [nn.Module() for _ in weights]
    for layer, weight in zip(layers, weights, strict=True):
        layer.weight = nn.Parameter(weight.clone())
    count = pruned_count(sparsity, sum(w.numel() for w in weights))
    reference.global_unstructured(
        [(layer, "weight") for layer in layers], reference.L1Unstructured, amount=count
    )
    for mask, layer in zip(masks_of(weights, "global", sparsity), layers, strict=True):
        assert torch.equal(mask, layer.weight_mask.bool())


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_layer_masks_are_those_of_torch(weights, sparsity):
    for mask, weight in zip(masks_of(weights, "layer", sparsity), weights, strict=True):
        layer = nn.Module()
        layer.weight = nn.Parameter(weight.clone())
        reference.l1_unstructured(layer, "weight", amount=pruned_count(sparsity, weight.numel()))
        assert torch.equal(mask, layer.weight_mask.bool())


@pytest.mark.parametrize("score", ["magnitude", "random", "lamp"])
@pytest.mark.parametrize("pruning", ["global", "layer"])
def test_masks_of_one_seed_nest(weights, pruning, score):
    denser = masks_of(weights, pruning, 0.0, score, seed=4)
    for sparsity in SPARSITIES:
        sparser = masks_of(weights, pruning, sparsity, score, seed=4)
        for fewer, more in zip(sparser, denser, strict=True):
            assert not (fewer & ~more).any()
        denser = sparser


def test_random_scores_depend_on_the_seed_alone(weights):
    torch.manual_seed(1)
    one = masks_of(weights, "global", 0.5, "random", seed=6)
    torch.manual_seed(2)
    again = masks_of([-w for w in weights], "global", 0.5, "random", seed=6)
    other = masks_of(weights, "global", 0.5, "random", seed=7)
    assert all(map(torch.equal, one, again))
    assert not all(map(torch.equal, one, other))


def test_global_ranks_ignore_which_layer_a_weight_is_in():
    small, large = torch.full((2, 3), 0.1), torch.full((4,), 9.0)
    first, second = masks_of([small, large], "global", 0.6)
    assert not first.any()
    assert second.all()


def test_a_channels_magnitude_is_the_sum_of_its_filter():
    filters = torch.tensor([[[[1.0, -2.0]]], [[[0.5, 0.0]]], [[[-4.0, 0.0]]]])
    assert channel_scores([filters], "magnitude")[0].tolist() == [3.0, 0.5, 4.0]
    assert channel_scores([filters], "l2")[0].tolist() == pytest.approx([5**0.5, 0.5, 4.0])


@pytest.mark.parametrize(
    ("channels", "sparsity"), [(5, 0.5), (7, 0.5), (8, 0.99), (1, 0.9), (4, 0.1)]
)
def test_channels_removed_are_the_contracts_count_and_never_all(channels, sparsity):
    kept = kept_channels(rank(torch.arange(float(channels)).flip(0)), sparsity)
    removed = min(int(sparsity * channels + 0.5), channels - 1)
    assert kept.tolist() == list(range(channels - removed))


def test_the_weakest_channels_go_and_the_rest_stays_in_order():
    kept = kept_channels(rank(torch.tensor([3.0, 1.0, 1.0, 5.0, 1.0])), 0.4)
    assert kept.tolist() == [0, 3, 4]


@pytest.mark.parametrize("pruning", ["global", "layer"])
@pytest.mark.parametrize("score", ["magnitude", "random"])
def test_an_experiment_prunes_exactly_the_promised_number(own, pruning, score):
    sizes = [60, 105, 252, 18]
    for sparsity in SPARSITIES:
        report = own.run(Recipe(sparsity=sparsity, pruning=pruning, score=score))
        cut = [sum(sizes)] if pruning == "global" else sizes
        assert report.pruned_weights == sum(int(sparsity * n + 0.5) for n in cut)
        assert report.prunable_weights == sum(sizes)


def test_pruned_weights_of_channels_count_the_next_layers_inputs(own):
    report = own.run(Recipe(sparsity=0.5, pruning="channel"))
    shapes = [tuple(weight.shape) for weight in layers_of(report.model())]
    assert shapes == [(2, 2, 3, 2), (3, 2, 1, 3), (3, 18), (3, 3)]
    assert report.pruned_weights == 435 - (24 + 18 + 54 + 9)
    assert report.removed_channels == (3 + 4 + 3, 5 + 7 + 6)


@pytest.mark.parametrize("bits", [1, 2, 5, 8, 16])
@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
def test_pruned_weights_stay_at_plus_zero_whatever_the_codes(own, bits, scheme):
    scheme = "symmetric" if bits == 1 else scheme
    cut = Recipe(sparsity=0.7, granularity="channel")
    only_pruned = layers_of(own.run(cut).model())
    quantized = layers_of(own.run(replace(cut, bits=bits, scheme=scheme)).model())
    assert sum(int((w == 0).sum()) for w in only_pruned) == own.run(cut).pruned_weights
    for before, after in zip(only_pruned, quantized, strict=True):
        assert not after[before == 0].any()
        assert not after[before == 0].signbit().any()


def test_a_code_that_rounds_to_0_is_not_counted_as_pruned(own):
    report = own.run(Recipe(bits=2))
    assert report.pruned_weights == 0
    assert any((w == 0).any() for w in layers_of(report.model()))


def test_lamp_is_each_square_over_those_that_rank_no_lower(weights):
    for weight, scores in zip(weights, lamp(weights), strict=True):
        squares = weight.flatten().double() ** 2
        slow = [float(s / squares[squares >= s].sum()) for s in squares]
        assert scores.flatten().tolist() == pytest.approx(slow, rel=1e-5)


def test_lamp_keeps_the_largest_weight_of_every_layer(weights):
    tiny = [weights[0] * 1e-4, *weights[1:]]
    assert all(mask.any() for mask in masks_of(tiny, "global", 0.9, "lamp"))
    assert not all(mask.any() for mask in masks_of(tiny, "global", 0.9, "magnitude"))


def test_wanda_fisher_and_obs_weigh_by_input_gradient_and_slack():
    weight = torch.tensor([[3.0, -2.0], [1.0, 4.0]])
    values = torch.tensor([[4.0, 25.0], [1.0, 9.0]])
    assert wanda([weight], [values])[0].tolist() == [[6.0, 10.0], [1.0, 12.0]]
    assert fisher([weight], [values])[0].tolist() == [[36.0, 100.0], [1.0, 144.0]]
    slack = weight.square() / values
    assert torch.allclose(obs([weight], [values])[0], lamp([slack.sqrt()])[0])


@pytest.mark.parametrize("shape", [(3, 8), (2, 6, 3, 2), (2, 3, 3, 3), (4, 3), (1, 1)])
@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 4)])
def test_n_of_m_keeps_the_best_of_every_group_and_at_least_its_share_of_the_last(shape, n, m):
    scores = torch.rand(shape, generator=torch.Generator().manual_seed(3))
    mask = keep_n_of_m(scores, n, m)
    assert mask.shape == scores.shape
    rows, masks = (t.movedim(1, -1).reshape(-1, shape[1]) for t in (scores, mask))
    for row, kept in zip(rows, masks, strict=True):
        for group, stays in zip(row.split(m), kept.split(m), strict=True):
            count = -(-len(group) * n // m)
            assert int(stays.sum()) == count
            assert set(group[stays].tolist()) == set(group.sort().values[-count:].tolist())


def test_a_layer_that_reads_one_channel_has_no_neighbours_to_choose_from():
    assert keep_n_of_m(torch.rand(8, 1, 3, 3), 2, 4).all()


def test_of_equal_scores_in_a_group_the_lower_index_goes():
    assert keep_n_of_m(torch.ones(1, 4), 1, 4).tolist() == [[False, False, False, True]]
