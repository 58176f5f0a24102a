from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch
from torch import nn

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.quantization.weights import encode
from optiwidgets.engine.serialization.bit_packing import pack_bits, unpack_bits
from optiwidgets.engine.serialization.size_breakdown import (
    estimate_bytes,
    reconcile,
    tutorial_bytes,
)
from optiwidgets.engine.serialization.writer import Packable, pack, packed_parts
from optiwidgets.engine.types.recipe import Recipe

RECIPES = [
    Recipe(sparsity=sparsity, bits=bits)
    for sparsity, bits in ((0.5, 8), (0.8, 8), (0.9, 4), (0.95, 4), (0.9, 2))
]


@pytest.fixture(scope="module", params=[("small", 1.08), ("wide", 1.04)], ids=lambda p: p[0])
def case(request):
    name, most = request.param
    return Experiment.load("digits", model=name), most


def one_layer(weight, mask, recipe):
    net = nn.Sequential(nn.Linear(weight.shape[1], weight.shape[0])).requires_grad_(False)
    coded = encode(weight, mask, recipe)
    net[0].weight.copy_(coded.decode())
    return Packable(recipe, net, {"0": coded}, ["a", "b"], None)


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_file_is_close_to_the_estimate_or_below(case, recipe):
    experiment, most = case
    packable = experiment._compressor.compress(recipe).packable
    assert len(pack(packable)) <= most * estimate_bytes(packable)


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_zeros_in_any_order_cost_no_more_than_the_estimate_allows(case, recipe):
    """Without clusters there is no gain, and the loss stays within the same bounds."""
    experiment, most = case
    packable = experiment._compressor.compress(recipe).packable
    shuffled, generator = {}, np.random.default_rng(0)
    for name, coded in packable.layers.items():
        order = torch.from_numpy(generator.permutation(coded.codes.numel()))
        codes = coded.codes.flatten()[order].view_as(coded.codes)
        mask = coded.mask.flatten()[order].view_as(coded.mask)
        shuffled[name] = type(coded)(codes, mask, coded.bits, coded.scale, coded.zero_point)
    mixed = Packable(recipe, packable.net, shuffled, packable.class_names, packable.spec)
    assert estimate_bytes(mixed) == pytest.approx(estimate_bytes(packable))
    assert len(pack(mixed)) <= most * estimate_bytes(mixed)


def test_the_estimate_by_hand():
    # 16 symbols: 12 zeros (two of them kept weights), 3 of code 3, 1 of code -3
    weight = torch.tensor([[1.0, 1.0, 1.0, -1.0], *[[0.0] * 4] * 3])
    mask = weight != 0
    mask[3, :2] = True
    packable = one_layer(weight, mask, Recipe(bits=3))
    bits = 12 * np.log2(16 / 12) + 3 * np.log2(16 / 3) + 1 * np.log2(16)
    assert estimate_bytes(packable) == pytest.approx(bits / 8 + 4 + 4 * 4)


def test_the_estimate_of_floats_is_positions_and_floats():
    weight = torch.tensor([[1.0, 2.0, 0.0, 0.0]])
    packable = one_layer(weight, weight != 0, Recipe())
    assert estimate_bytes(packable) == 4 / 8 + 2 * 4 + 4


def test_scales_and_zero_points_are_in_the_estimate_and_codebooks_are_not():
    weight = torch.eye(4)
    every = torch.ones(4, 4, dtype=torch.bool)
    affine = one_layer(weight, every, Recipe(bits=2, scheme="affine", granularity="channel"))
    book = one_layer(weight, every, Recipe(bits=2, scheme="codebook"))
    # the same two symbols, with four scales and four zero points
    assert estimate_bytes(affine) - estimate_bytes(book) == pytest.approx(4 * (4 + 1))


def test_what_tutorials_report_is_zlib_of_the_floats(case):
    experiment, _ = case
    packable = experiment._compressor.compress(Recipe(sparsity=0.9, bits=4)).packable
    floats = b"".join(t.numpy().tobytes() for t in packable.net.state_dict().values())
    assert zlib.decompress(zlib.compress(floats, 9)) == floats
    assert tutorial_bytes(packable) == len(zlib.compress(floats, 9))
    assert tutorial_bytes(packable) > 1.9 * len(pack(packable))


@pytest.mark.parametrize("recipe", [*RECIPES, Recipe(), Recipe(bits=1, sparsity=0.4)], ids=str)
def test_the_waterfall_ends_at_the_file(case, recipe):
    experiment, _ = case
    packable = experiment._compressor.compress(recipe).packable
    account = reconcile(packable, experiment._compressor.folded)
    steps = {step.name: step.bytes for step in account.steps}
    parameters = sum(t.numel() for t in packable.net.state_dict().values())
    kept = sum(int(c.decode().count_nonzero()) for c in packable.layers.values())
    biases = parameters - sum(c.codes.numel() for c in packable.layers.values())
    assert list(steps) == [
        "raw fp32",
        "non-zero weights only",
        f"at {recipe.bits} bits",
        "+ positions",
        "+ scales and tables",
        "+ header",
        "entropy coded",
        "the file",
    ]
    assert [step.promised for step in account.steps] == 3 * [True] + 5 * [False]
    assert steps["raw fp32"] == 4 * parameters
    assert steps["non-zero weights only"] == 4 * (kept + biases)
    sizes = list(steps.values())
    assert sizes[1] >= sizes[2] <= sizes[3] <= sizes[4] <= sizes[5]
    assert steps["the file"] == len(pack(packable)) == sum(packed_parts(packable).values())
    assert steps["the file"] <= steps["entropy coded"]


def test_the_waterfall_starts_at_the_model_as_it_was_before_channels_were_removed(case):
    experiment, _ = case
    base = experiment.run(Recipe())
    report = experiment.run(Recipe(sparsity=0.5, pruning="channel", bits=8))
    steps = report.reconcile().steps
    assert (steps[0].name, steps[0].bytes) == ("raw fp32", 4 * base.parameters)
    assert (steps[1].name, steps[1].bytes) == (
        "without the removed channels",
        4 * report.parameters,
    )
    assert [step.name for step in steps if step.promised][-2:] == [
        "non-zero weights only",
        "at 8 bits",
    ]
    assert steps[-1].bytes == report.size.total_bytes


def test_the_waterfall_by_hand():
    weight = torch.zeros(3, 20)
    weight[0, ::2], weight[1, 0] = 1.0, -1.0
    packable = one_layer(weight, weight != 0, Recipe(bits=2))
    steps = [step.bytes for step in reconcile(packable, nn.Linear(20, 3)).steps]
    header, biases = packed_parts(packable)["header"], 12
    at_2_bits = 3 + biases
    assert steps[:3] == [4 * 63, 4 * 11 + biases, at_2_bits]
    assert steps[3:6] == [at_2_bits + 8, at_2_bits + 8 + 4, at_2_bits + 8 + 4 + header]


# Deep Compression's format, and the table of the paper

INDEX_BITS = 5  # a relative index reaches 2^5 positions ahead
LENET_5 = {  # weights, share kept, bits, compressed share of 32-bit floats in the paper's table 2
    "conv1": (500, 0.66, 8, 0.785),
    "conv2": (25_000, 0.12, 8, 0.060),
    "ip1": (400_000, 0.08, 5, 0.027),
    "ip2": (5_000, 0.19, 5, 0.069),
}


def to_relative(places):
    """Return indices relative to the one before, and flags of those that are filler zeros."""
    reach = 2**INDEX_BITS
    gaps = np.diff(places, prepend=-1)
    fillers = (gaps - 1) // reach
    indices = np.full(int(fillers.sum()) + len(gaps), reach - 1)
    real = np.arange(len(gaps)) + fillers.cumsum()
    indices[real] = gaps - 1 - reach * fillers
    is_filler = np.ones(len(indices), bool)
    is_filler[real] = False
    return indices, is_filler


def deep_compress(codes, places, bits):
    """Encode codes, relative indices and a codebook of 32-bit floats, as bytes."""
    indices, is_filler = to_relative(places)
    stored = np.zeros(len(indices), np.int64)  # a filler has the code of the centroid 0
    stored[~is_filler] = codes
    codebook = np.linspace(-1, 1, 2**bits, dtype=np.float32).tobytes()
    return codebook, pack_bits(stored, bits), pack_bits(indices, INDEX_BITS), is_filler


def deep_decompress(packed, bits, count):
    _, stored, indices, is_filler = packed
    places = unpack_bits(indices, INDEX_BITS, count).astype(np.int64)
    places = (places + 1).cumsum() - 1
    codes = unpack_bits(stored, bits, count)
    return codes[~is_filler], places[~is_filler]


@pytest.fixture(scope="module")
def lenet_5():
    """Encode every layer of LeNet-5 in Deep Compression's format, kept weights at random places."""
    generator, packed = np.random.default_rng(0), {}
    for name, (weights, share, bits, _) in LENET_5.items():
        places = np.sort(generator.choice(weights, round(share * weights), replace=False))
        codes = generator.integers(1, 2**bits, len(places))
        packed[name] = deep_compress(codes, places, bits), codes, places
    return packed


def left(packed):
    return sum(map(len, packed[0][:3]))


@pytest.mark.parametrize("name", LENET_5)
def test_deep_compressions_format_comes_back(lenet_5, name):
    packed, codes, places = lenet_5[name]
    again = deep_decompress(packed, LENET_5[name][2], len(packed[3]))
    assert np.array_equal(again[0], codes)
    assert np.array_equal(again[1], places)


def test_a_gap_too_wide_gets_filler_zeros():
    indices, is_filler = to_relative(np.array([0, 31, 64, 64 + 65]))
    assert indices.tolist() == [0, 30, 31, 0, 31, 31, 0]
    assert is_filler.tolist() == [False, False, True, False, True, True, False]


@pytest.mark.parametrize("name", LENET_5)
def test_our_coder_of_its_format_agrees_with_the_papers_table(lenet_5, name):
    weights, _, _, paper = LENET_5[name]
    ours = left(lenet_5[name]) / (4 * weights)
    assert 0.95 * paper <= ours <= paper


def test_lenet_5_as_a_whole_shrinks_33_times(lenet_5):
    whole = 4 * sum(weights for weights, *_ in LENET_5.values())
    assert whole / sum(map(left, lenet_5.values())) == pytest.approx(33, abs=1)
