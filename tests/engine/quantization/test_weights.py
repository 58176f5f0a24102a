from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import optiwidgets as ow
from optiwidgets.engine.quantization import weights
from optiwidgets.engine.quantization.weights import choose_range, choose_scale, encode, to_codes
from optiwidgets.engine.types.recipe import Recipe

LOW_BITS = range(2, 9)
EVERY = [
    Recipe(bits=bits, granularity=granularity, scheme=scheme, clip=clip)
    for bits, granularity, scheme, clip in itertools.product(
        LOW_BITS, ("tensor", "channel"), ("symmetric", "affine"), ("minmax", "percentile", "mse")
    )
]


@pytest.fixture(scope="module")
def weight():
    """Make a weight (5, 3, 2, 3) whose channels differ in range: one positive, one negative."""
    weight = torch.randn(5, 3, 2, 3, generator=torch.Generator().manual_seed(2))
    weight *= torch.tensor([1.0, 0.01, 3.0, 0.2, 7.0]).view(-1, 1, 1, 1)
    weight[1].abs_()
    weight[3] = -weight[3].abs()
    return weight


@pytest.fixture(scope="module")
def mask(weight):
    """Make a mask that keeps 55 of 90 weights, but not the largest."""
    mask = torch.rand(weight.shape, generator=torch.Generator().manual_seed(5)) < 0.6
    mask[weight.abs() == weight.abs().max()] = False
    return mask


def everything(weight):
    return torch.ones_like(weight, dtype=torch.bool)


def code_bounds(recipe):
    top = 2 ** (recipe.bits - 1) - 1 if recipe.scheme == "symmetric" else 2**recipe.bits - 1
    return (-top if recipe.scheme == "symmetric" else 0), top


@pytest.mark.parametrize("recipe", EVERY, ids=str)
def test_the_weights_are_exactly_those_of_torchs_fake_quantize(weight, recipe):
    coded = encode(weight, everything(weight), recipe)
    zero_point = coded.zero_point if coded.zero_point.numel() else torch.zeros_like(coded.scale)
    bounds = code_bounds(recipe)
    if recipe.granularity == "tensor":
        expected = torch.fake_quantize_per_tensor_affine(
            weight, coded.scale.item(), int(zero_point.item()), *bounds
        )
    else:
        expected = torch.fake_quantize_per_channel_affine(
            weight, coded.scale, zero_point.to(torch.int32), 0, *bounds
        )
    assert torch.equal(coded.decode(), expected)


@pytest.mark.parametrize("granularity", ["tensor", "channel"])
@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
@pytest.mark.parametrize("turned", [False, True])
def test_codes_are_those_of_the_range_the_scale_and_the_rounding_one_by_one(
    weight, mask, granularity, scheme, turned
):
    """Bit-identical for any memory order, at both ends of float32, and where no weight is kept."""
    for bits, size in itertools.product(LOW_BITS, (1.0, 1e-42, 3e38 / weight.abs().max().item())):
        recipe = Recipe(bits=bits, granularity=granularity, scheme=scheme)
        sized, kept = weight * size, mask.clone()
        kept[2] = False
        if turned:
            sized = sized.contiguous(memory_format=torch.channels_last)
        coded = encode(sized, kept, recipe)
        rows = torch.where(kept, sized, 0.0).reshape(5 if granularity == "channel" else 1, -1)
        scale, zero_point = choose_scale(*choose_range(rows, rows != 0, recipe), recipe)
        codes = to_codes(rows, scale, zero_point, recipe).view(weight.shape)
        assert torch.equal(coded.codes, codes.short())
        assert torch.equal(coded.scale.view(torch.int32), scale.view(torch.int32))
        stored = zero_point if scheme == "affine" else torch.empty(0)
        assert torch.equal(coded.zero_point, stored.short())
        assert coded.codes.dtype == coded.zero_point.dtype == torch.int16


def test_symmetric_codes_by_hand():
    weight = torch.tensor([[1.5, -3.0, 0.2], [0.5, 0.0, -0.9]])
    coded = encode(weight, everything(weight), Recipe(bits=3))
    assert coded.scale.tolist() == [1.0]
    assert coded.codes.tolist() == [[2, -3, 0], [0, 0, -1]]  # halves are rounded to the even code
    assert coded.decode().tolist() == [[2.0, -3.0, 0.0], [0.0, 0.0, -1.0]]


def test_affine_codes_by_hand():
    weight = torch.tensor([[-1.0, 0.1, 0.5], [0.0, 0.4, -0.4]])
    coded = encode(weight, everything(weight), Recipe(bits=2, scheme="affine"))
    assert (coded.scale.tolist(), coded.zero_point.tolist()) == ([0.5], [2])
    assert coded.codes.tolist() == [[0, 2, 3], [2, 3, 1]]
    assert coded.decode().tolist() == [[-1.0, 0.0, 0.5], [0.0, 0.5, -0.5]]


def test_one_scale_a_channel_belongs_to_an_output():
    weight = torch.tensor([[3.0, -1.0, 0.4], [0.1, 0.3, -0.3]])
    coded = encode(weight, everything(weight), Recipe(bits=3, granularity="channel"))
    assert coded.scale.tolist() == pytest.approx([1.0, 0.1])
    assert coded.codes.tolist() == [[3, -1, 0], [1, 3, -3]]


@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_one_bit_is_the_sign_times_the_mean_of_the_kept(granularity):
    weight = torch.tensor([[1.0, -2.0, 9.0], [-0.5, 8.0, 0.0]])
    mask = torch.tensor([[True, True, False], [True, False, True]])
    decoded = encode(weight, mask, Recipe(bits=1, granularity=granularity)).decode()
    first, second = (1.5, 0.25) if granularity == "channel" else (0.875, 0.875)
    assert decoded.tolist() == [[first, -first, 0.0], [-second, 0.0, second]]


def test_one_bit_ignores_how_the_range_is_chosen(weight, mask):
    plain = encode(weight, mask, Recipe(bits=1)).decode()
    for clip in ("percentile", "mse"):
        assert torch.equal(encode(weight, mask, Recipe(bits=1, clip=clip)).decode(), plain)


def test_sixteen_bits_are_ieee_halves_and_thirty_two_are_untouched(weight, mask):
    half = encode(weight, mask, Recipe(bits=16, scheme="affine", clip="mse")).decode()
    assert np.array_equal(half.numpy(), weight.numpy().astype(np.float16) * mask.numpy())
    assert torch.equal(encode(weight, mask, Recipe(granularity="channel")).decode(), weight * mask)


@pytest.mark.parametrize("recipe", EVERY, ids=str)
def test_codes_stay_within_their_bits_and_zero_points_are_codes(weight, mask, recipe):
    coded, (bottom, top) = encode(weight, mask, recipe), code_bounds(recipe)
    assert bottom <= coded.codes.min()
    assert coded.codes.max() <= top
    assert coded.scale.shape == ((5,) if recipe.granularity == "channel" else (1,))
    assert coded.zero_point.dtype == torch.int16
    assert ((coded.zero_point >= 0) & (coded.zero_point <= top)).all()
    assert coded.zero_point.numel() == (coded.scale.numel() if recipe.scheme == "affine" else 0)


@pytest.mark.parametrize("recipe", EVERY, ids=str)
def test_pruned_weights_are_zero_and_do_not_widen_the_range(weight, mask, recipe):
    with_outliers = torch.where(mask, weight, 1e6)
    coded = encode(with_outliers, mask, recipe)
    without = encode(torch.where(mask, weight, 0.0), mask, recipe)
    assert torch.equal(coded.decode(), without.decode())
    assert not coded.decode()[~mask].any()


@pytest.mark.parametrize("clip", ["minmax", "percentile", "mse"])
def test_affine_ranges_contain_zero(weight, clip):
    recipe = Recipe(bits=4, scheme="affine", granularity="channel", clip=clip)
    low, high = choose_range(weight.flatten(1), everything(weight.flatten(1)), recipe)
    assert (low <= 0).all()
    assert (high >= 0).all()
    assert low[1] == 0 < high[1]
    assert low[3] < 0 == high[3]


def test_the_percentile_is_that_of_the_kept_magnitudes():
    kept = torch.randn(1, 3001, generator=torch.Generator().manual_seed(0))
    rows = torch.cat([kept, torch.full((1, 500), 50.0)], 1)
    mask = rows < 40
    expected = np.quantile(kept.abs().numpy(), 0.999)
    low, high = choose_range(rows, mask, Recipe(bits=4, clip="percentile"))
    assert high.item() == pytest.approx(expected, rel=1e-5)
    assert low.item() == -high.item()


def test_the_affine_percentile_cuts_both_tails_alike():
    rows = torch.randn(2, 3001, generator=torch.Generator().manual_seed(0)) + 0.5
    recipe = Recipe(bits=4, clip="percentile", scheme="affine", granularity="channel")
    low, high = choose_range(rows, everything(rows), recipe)
    np.testing.assert_allclose(low, np.quantile(rows.numpy(), 0.0005, axis=1), rtol=1e-4)
    np.testing.assert_allclose(high, np.quantile(rows.numpy(), 0.9995, axis=1), rtol=1e-4)


@pytest.mark.parametrize("bits", LOW_BITS)
@pytest.mark.parametrize("granularity", ["tensor", "channel"])
@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
def test_the_least_squared_error_is_never_above_minmaxs(weight, bits, granularity, scheme):
    def error(clip):
        recipe = Recipe(bits=bits, granularity=granularity, scheme=scheme, clip=clip)
        return (encode(weight, everything(weight), recipe).decode() - weight).square().sum()

    assert error("mse") <= error("minmax")


def test_the_least_squared_error_cuts_an_outlier_off():
    weight = torch.cat([torch.linspace(-1, 1, 200), torch.tensor([4.0])]).view(3, 67)
    low, high = choose_range(
        weight.view(1, -1), everything(weight.view(1, -1)), Recipe(bits=2, clip="mse")
    )
    tried = [4.0 * step / 64 for step in range(1, 65)]
    errors = [
        (torch.fake_quantize_per_tensor_affine(weight, t, 0, -1, 1) - weight).square().sum()
        for t in tried
    ]
    assert high.item() == tried[int(np.argmin(errors))] < 4.0
    assert low.item() == -high.item()


@pytest.mark.parametrize("bits", [1, *LOW_BITS, 16, 32])
@pytest.mark.parametrize("clip", ["minmax", "percentile", "mse"])
@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
def test_a_channel_with_nothing_left_is_all_zero(weight, mask, bits, clip, scheme):
    none_left = mask.clone()
    none_left[2] = False
    scheme = "symmetric" if bits == 1 else scheme
    recipe = Recipe(bits=bits, granularity="channel", clip=clip, scheme=scheme)
    coded = encode(weight, none_left, recipe)
    assert not coded.decode()[2].any()
    assert coded.decode().isfinite().all()
    assert coded.scale.isfinite().all()


@pytest.mark.parametrize("clip", ["minmax", "percentile", "mse"])
@pytest.mark.parametrize("tiny", [0.0, 1e-44, 1e-38])
def test_weights_near_zero_give_no_infinities(tiny, clip):
    weight = torch.full((2, 3), tiny)
    for scheme in ("symmetric", "affine"):
        decoded = encode(
            weight, everything(weight), Recipe(bits=8, scheme=scheme, clip=clip)
        ).decode()
        assert decoded.isfinite().all()
        assert decoded.abs().max() <= 1.01 * tiny


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=30),
    st.sampled_from(LOW_BITS),
    st.sampled_from(["symmetric", "affine"]),
)
def test_minmax_is_never_off_by_more_than_half_a_step(values, bits, scheme):
    weight = torch.tensor([values])
    coded = encode(weight, everything(weight), Recipe(bits=bits, scheme=scheme))
    # after rounding of the zero point, the last step may be half a step short
    steps = 0.5 if scheme == "symmetric" else 1.0
    worst = (coded.decode() - weight).abs().max().item()
    assert worst <= steps * coded.scale.item() * (1 + 1e-4) + 1e-37


@given(st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=30), st.sampled_from(LOW_BITS))
def test_zero_is_always_a_code(values, bits):
    weight = torch.tensor([[*values, 0.0]])
    for scheme in ("symmetric", "affine"):
        coded = encode(weight, everything(weight), Recipe(bits=bits, scheme=scheme))
        assert coded.decode()[0, -1] == 0.0


def test_quantizing_changes_neither_weight_nor_mask(weight, mask):
    before = weight.clone(), mask.clone()
    for recipe in (*EVERY, Recipe(bits=1), Recipe(bits=16), Recipe()):
        encode(weight, mask, recipe).decode().zero_()
    assert torch.equal(weight, before[0])
    assert torch.equal(mask, before[1])


@pytest.mark.parametrize(("value", "said"), [(70_000.0, "70,000"), (-1e9, "1e[+]09")])
def test_weights_that_16_bits_do_not_hold_are_refused(value, said):
    weight = torch.tensor([[1.0, value]])
    with pytest.raises(ValueError, match=f"size {said} does not fit 16 bits.* 65,504"):
        encode(weight, torch.ones(1, 2, dtype=torch.bool), Recipe(bits=16))
    gone = encode(weight, torch.tensor([[True, False]]), Recipe(bits=16))  # pruned, so allowed
    assert gone.decode().tolist() == [[1.0, 0.0]]
    last = torch.tensor([[65_519.0, 65_504.0]])  # the largest that round to the greatest half
    kept = encode(last, torch.ones(1, 2, dtype=torch.bool), Recipe(bits=16))
    assert kept.decode().tolist() == [[65_504.0, 65_504.0]]


@pytest.mark.parametrize("granularity", ["tensor", "channel"])
@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
def test_percentiles_of_more_weights_than_torch_takes(monkeypatch, granularity, scheme):
    weight = torch.randn(6, 700, generator=torch.Generator().manual_seed(0))
    kept = torch.rand(6, 700, generator=torch.Generator().manual_seed(1)) < 0.7
    kept[2] = False
    recipe = Recipe(bits=8, scheme=scheme, granularity=granularity, clip="percentile")
    monkeypatch.setattr(weights, "MOST_QUANTILE", 100)
    scale, _ = weights.choose_qparams(weight, kept, recipe)
    rows = [(weight, kept)] if granularity == "tensor" else zip(weight, kept, strict=True)
    for found, (row, mask) in zip(scale.tolist(), rows, strict=True):
        values = row[mask].double().numpy()
        if not len(values):
            assert found == 1
        elif scheme == "symmetric":
            assert found == pytest.approx(np.quantile(abs(values), 0.999) / 127, rel=1e-5)
        else:
            low, high = np.quantile(values, [0.0005, 0.9995])
            assert found == pytest.approx((high - low) / 255, rel=1e-5)


def test_an_experiment_names_the_layer_that_16_bits_do_not_hold():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Linear(3, 2))
    net[1].weight.data[1, 2] = 1e5
    part = torch.randn(8, 1, 2, 2), torch.arange(8) % 2
    dataset = ow.Dataset(
        train=part, calibration=part, exploration=part, sealed=part, class_names=["a", "b"]
    )
    exp = ow.Experiment(net, dataset)
    with pytest.raises(ValueError, match=r"layer '1': a weight of size 100,000 does not fit 16"):
        exp.run(Recipe(bits=16))
    exp.run(Recipe(bits=16, layers=(("1", None, 32),)))
    net[1].weight.data.fill_(3e38)  # finite weights, but infinite scores
    report = ow.Experiment(net, dataset).run(Recipe())
    lost = int((~net(part[0]).isfinite()).any(1).sum())
    assert report.not_finite == lost > 0
    assert f"{lost} of them with scores that are not finite" in repr(report)
