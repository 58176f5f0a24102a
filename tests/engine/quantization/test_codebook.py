from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from optiwidgets.engine.quantization.weights import encode, find_centroids, nearest
from optiwidgets.engine.types.recipe import Recipe


def book(weight, bits, mask=None):
    mask = torch.ones_like(weight, dtype=torch.bool) if mask is None else mask
    return encode(weight, mask, Recipe(bits=bits, scheme="codebook"))


def inertia(values, centroids):
    return float(((values - centroids[nearest(values, centroids)]) ** 2).sum(dtype=np.float64))


def test_a_codebook_by_hand():
    weight = torch.tensor([[0.1, 0.3, -5.0], [2.0, 2.2, 0.0]])
    mask = torch.tensor([[True, True, False], [True, True, False]])
    # from -0.1 .. 2.2 in four even steps: 0.1, 0.8, 1.5, 2.2; two clusters are empty
    coded = book(weight, 2, mask)
    assert coded.centroids.tolist() == pytest.approx([0.1, 0.3, 2.0, 2.2])
    assert coded.codes.tolist() == [[0, 1, 0], [2, 3, 0]]
    assert torch.equal(coded.decode(), torch.where(mask, weight, 0.0))


def test_lloyd_by_hand():
    # evenly spaced 0, 5, 10, 15; then 1, 6, 11 and 15; then no change
    values = np.array([0, 1, 2, 5, 6, 7, 10, 11, 12, 15], np.float32)
    assert find_centroids(values, 4).tolist() == [1, 6, 11, 15]


@pytest.mark.parametrize("bits", [2, 3, 4, 5])
def test_the_inertia_is_scikit_learns(bits):
    values = np.random.default_rng(bits).normal(size=3000).astype(np.float32)
    start = np.linspace(values.min(), values.max(), 2**bits).reshape(-1, 1)
    theirs = KMeans(2**bits, init=start, n_init=1, algorithm="lloyd", tol=0, max_iter=300)
    theirs.fit(values.reshape(-1, 1).astype(np.float64))
    ours = find_centroids(values, 2**bits)
    assert len(ours) == 2**bits
    assert inertia(values, ours) == pytest.approx(theirs.inertia_, rel=1e-4)


@given(st.lists(st.floats(-9, 9, width=32), max_size=40), st.sampled_from([2, 3, 8]))
def test_a_codebook_is_ascending_and_no_longer_than_its_bits(values, bits):
    weight = torch.tensor([[*values, 1.0]])
    coded = book(weight, bits)
    different = np.unique(weight.numpy())
    assert 1 <= len(coded.centroids) <= min(2**bits, len(different))
    assert (coded.centroids.diff() > 0).all()
    assert 0 <= coded.codes.min() <= coded.codes.max() < len(coded.centroids)
    if len(different) <= 2**bits:
        assert torch.equal(coded.decode(), weight)


@given(st.lists(st.floats(-9, 9, width=32), min_size=1, max_size=60))
def test_every_weight_has_the_nearest_centroid(values):
    weight = torch.tensor([values])
    coded = book(weight, 2)
    best = (weight.double().view(-1, 1) - coded.centroids.double()).abs().amin(1)
    assert torch.equal((coded.decode().double() - weight.double()).abs().view(-1), best)


def test_pruned_weights_are_zero_and_move_no_centroid():
    weight = torch.randn(40, 30, generator=torch.Generator().manual_seed(0))
    mask = weight.abs() > 1
    coded = book(torch.where(mask, weight, 1e6), 3, mask)
    assert torch.equal(coded.decode(), book(weight, 3, mask).decode())
    assert not coded.decode()[~mask].any()


def test_a_layer_with_nothing_left_is_all_zero():
    coded = book(torch.ones(3, 2), 2, torch.zeros(3, 2, dtype=torch.bool))
    assert not coded.decode().any()


def test_the_grain_is_the_layer():
    weight = torch.randn(7, 11, generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(weight, dtype=torch.bool)
    per_channel = encode(weight, mask, Recipe(bits=3, scheme="codebook", granularity="channel"))
    assert torch.equal(per_channel.decode(), book(weight, 3).decode())
    assert per_channel.scale.numel() == 0
