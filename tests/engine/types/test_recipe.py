from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiwidgets.engine.types.recipe import BIT_WIDTHS, CHOICES, Recipe, without_idle

NAMES = ("features.0", "hidden")
OVERRIDES = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.none() | st.floats(0, 0.99),
        st.none() | st.sampled_from(BIT_WIDTHS),
    ),
    max_size=2,
    unique_by=lambda entry: entry[0],
).map(tuple)


def recipe_or_none(**fields):
    try:
        return Recipe(**fields)
    except ValueError:  # an excluded combination
        return None


RECIPES = st.builds(
    recipe_or_none,
    sparsity=st.floats(0, 0.99),
    pruning=st.sampled_from(CHOICES["pruning"]),
    score=st.sampled_from(CHOICES["score"]),
    bits=st.sampled_from(BIT_WIDTHS),
    granularity=st.sampled_from(CHOICES["granularity"]),
    scheme=st.sampled_from(CHOICES["scheme"]),
    clip=st.sampled_from(CHOICES["clip"]),
    rounding=st.sampled_from(CHOICES["rounding"]),
    recovery=st.sampled_from(CHOICES["recovery"]),
    layers=OVERRIDES,
    seed=st.integers(0, 2**63 - 1),
).filter(bool)


def test_the_defaults_are_the_contracts():
    assert Recipe().as_dict() == {
        "sparsity": 0.0,
        "pruning": "global",
        "score": "magnitude",
        "bits": 32,
        "granularity": "tensor",
        "scheme": "symmetric",
        "clip": "minmax",
        "rounding": "nearest",
        "activation_bits": 32,
        "recovery": "none",
        "layers": (),
        "seed": 0,
    }


@given(RECIPES)
def test_a_recipe_survives_json_and_keeps_its_hash(recipe):
    fields = json.loads(json.dumps(recipe.as_dict()))
    again = Recipe(**{**fields, "layers": tuple(fields["layers"])})
    assert again == recipe
    assert hash(again) == hash(recipe)


@given(RECIPES)
def test_what_is_printed_makes_the_same_recipe(recipe):
    assert eval(str(recipe), {"Recipe": Recipe}) == recipe


@given(RECIPES, RECIPES)
def test_recipes_are_equal_exactly_when_all_fields_are(one, other):
    assert (one == other) == (one.as_dict() == other.as_dict())


def test_a_recipe_cannot_be_changed():
    recipe = Recipe(bits=4)
    with pytest.raises(FrozenInstanceError):
        recipe.bits = 8
    assert replace(recipe, bits=8).bits == 8


@pytest.mark.parametrize("same", [0.5, np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
def test_numbers_of_other_kinds_are_the_same_sparsity(same):
    assert Recipe(sparsity=same) == Recipe(sparsity=0.5)
    assert type(Recipe(sparsity=same).sparsity) is float


def test_whole_numbers_of_numpy_are_plain_ones():
    recipe = Recipe(sparsity=-0.0, bits=np.int64(4), seed=np.uint8(3))
    assert (type(recipe.bits), type(recipe.seed)) == (int, int)
    assert str(recipe) == "Recipe(bits=4, seed=3)"


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        (-0.1, "-0.1"),
        (1.0, "1.0"),
        (0.991, "0.991"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        ("half", "'half'"),
        (None, "None"),
        (True, "True"),
        ([0.5], "[0.5]"),
        (1j, "1j"),
    ],
)
def test_a_sparsity_out_of_range_is_refused(wrong, shown):
    with pytest.raises(ValueError, match="sparsity") as caught:
        Recipe(sparsity=wrong)
    assert str(caught.value) == f"sparsity is a fraction from 0 to 0.99, not {shown}"


@pytest.mark.parametrize(
    ("percent", "fraction"), [(80, "0.8"), (80.0, "0.8"), (99, "0.99"), (2, "0.02")]
)
def test_percent_by_mistake_is_told_the_fraction(percent, fraction):
    with pytest.raises(ValueError, match=r"from 0 to 0.99, not 100; 100 percent would be 1$"):
        Recipe(sparsity=100)
    with pytest.raises(ValueError, match=f"not {percent}; for .* percent write {fraction}$"):
        Recipe(sparsity=percent)


@pytest.mark.parametrize("wrong", [0, 9, 33, -4, 4.5, 4.0, "4", None, True, float("nan"), 10**6])
def test_a_bit_width_that_there_is_not_is_refused_with_those_there_are(wrong):
    with pytest.raises(ValueError, match="bits per weight are 1 to 8, 16 or 32, not ") as caught:
        Recipe(bits=wrong)
    assert str(caught.value).endswith(repr(wrong))


@pytest.mark.parametrize("field", CHOICES)
@pytest.mark.parametrize("wrong", ["middle", "", None, 3, ["global"], {"a": 1}, float("nan")])
def test_an_unknown_choice_is_answered_with_the_known_ones(field, wrong):
    with pytest.raises(ValueError, match=f"^{field} is one of ") as caught:
        Recipe(**{field: wrong})
    assert all(repr(known) in str(caught.value) for known in CHOICES[field])
    assert str(caught.value).endswith(f"not {wrong!r}")


@pytest.mark.parametrize(
    ("fields", "named", "why"),
    [
        ({"bits": 1, "scheme": "affine"}, "bits=1 and scheme='affine'", "a sign times a scale"),
        ({"bits": 1, "scheme": "codebook"}, "bits=1 and scheme='codebook'", "a sign times"),
        ({"bits": 4, "scheme": "ternary"}, "bits=4 and scheme='ternary'", "take 2 bits"),
        (
            {"bits": 4, "scheme": "codebook", "rounding": "gptq"},
            "rounding='gptq' and scheme='codebook'",
            "chosen for the weights as they are",
        ),
        ({"bits": 16, "recovery": "qat"}, "bits=16 and recovery='qat'", "no codes to train for"),
        ({"recovery": "qat"}, "bits=32 and recovery='qat'", "no codes to train for"),
        ({"sparsity": 0.6, "pruning": "2:4"}, "sparsity=0.6 and pruning='2:4'", "it is 0.5"),
        ({"sparsity": 0.5, "pruning": "1:4"}, "sparsity=0.5 and pruning='1:4'", "it is 0.75"),
        (
            {"sparsity": 0.5, "pruning": "channel", "score": "lamp"},
            "score='lamp' and pruning='channel'",
            "channels are scored by 'magnitude'",
        ),
        (
            {"sparsity": 0.5, "score": "l2"},
            "score='l2' and pruning='global'",
            "single weights are scored by 'magnitude'",
        ),
        (
            {"pruning": "2:4", "layers": (("head", 0.1, None),)},
            "layers=(('head', 0.1, None),) and pruning='2:4'",
            "every layer is cut 0.5",
        ),
        (
            {"bits": 8, "scheme": "affine", "layers": (("head", None, 1),)},
            "bits=1 and scheme='affine'",
            "a sign times a scale",
        ),
    ],
)
def test_a_combination_without_meaning_names_both_fields(fields, named, why):
    with pytest.raises(ValueError, match="have no meaning together") as caught:
        Recipe(**fields)
    assert str(caught.value).startswith(named)
    assert why in str(caught.value)


def test_training_for_codes_is_possible_where_some_layer_has_codes():
    assert Recipe(bits=4, recovery="qat", layers=(("head", None, 32),)).quantizes
    assert Recipe(recovery="qat", layers=(("head", None, 4),)).quantizes


@pytest.mark.parametrize(("pruning", "sparsity"), [("2:4", 0.5), ("1:4", 0.75)])
def test_a_pattern_fills_in_its_own_sparsity(pruning, sparsity):
    assert Recipe(pruning=pruning).sparsity == sparsity
    assert Recipe(pruning=pruning, sparsity=sparsity) == Recipe(pruning=pruning)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("head", "layers are tuples (name, sparsity or None, bits or None), not 'head'"),
        ((("head", 0.5),), "layers are tuples (name, sparsity or None, bits or None), not"),
        (((3, 0.5, None),), "layers are tuples (name, sparsity or None, bits or None), not"),
        ((("head", 50, None),), "sparsity is a fraction from 0 to 0.99, not 50; for 50 percent"),
        ((("head", None, 9),), "bits per weight are 1 to 8, 16 or 32, not 9"),
        ((("head", 0.5, None), ("head", None, 4)), "layers names 'head' twice"),
        ({"head": 0.5}, "layers are tuples (name, sparsity or None, bits or None), not"),
    ],
)
def test_overrides_that_are_none_are_refused(wrong, message):
    with pytest.raises(ValueError, match=r"layers|sparsity|bits") as caught:
        Recipe(layers=wrong)
    assert str(caught.value).startswith(message)


def test_a_layers_own_numbers_hold_for_it_alone():
    recipe = Recipe(
        sparsity=0.8, bits=4, granularity="channel", layers=(("a", 0.2, None), ("b", None, 8))
    )
    assert recipe.for_layer("a") == Recipe(sparsity=0.2, bits=4, granularity="channel")
    assert recipe.for_layer("b") == Recipe(sparsity=0.8, bits=8, granularity="channel")
    assert recipe.for_layer("c") == Recipe(sparsity=0.8, bits=4, granularity="channel")


@pytest.mark.parametrize("wrong", [0, 1, 9, 16, 33, -8, 7.5, "8", None, True, float("nan")])
def test_activation_bits_that_there_are_not_are_refused(wrong):
    with pytest.raises(ValueError, match=r"activation.* not ") as caught:
        Recipe(activation_bits=wrong)
    assert str(caught.value).endswith(repr(wrong))


@pytest.mark.parametrize("wrong", [-1, 2**63, 1.5, "0", None, True])
def test_a_seed_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match=r"seed is a whole number from 0 to 2\*\*63 - 1, not "):
        Recipe(seed=wrong)


@pytest.mark.parametrize(
    "field", ["sparsity", "bits", "activation_bits", "seed", "pruning", "layers"]
)
@pytest.mark.parametrize(
    "huge",
    [10**400, -(10**5000), "x" * 10**6, list(range(10**5))],
    ids=["1e400", "-1e5000", "text", "list"],
)
def test_a_message_stays_short_whatever_it_is_about(field, huge):
    spoken = {"activation_bits": "bits per activation"}.get(field, field)
    with pytest.raises(ValueError, match=spoken) as caught:
        Recipe(**{field: huge})
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("recipe", "acting"),
    [
        (Recipe(pruning="layer", score="random", seed=3), Recipe()),
        (Recipe(sparsity=0.5, seed=3), Recipe(sparsity=0.5)),
        (
            Recipe(sparsity=0.5, score="random", seed=3),
            Recipe(sparsity=0.5, score="random", seed=3),
        ),
        (Recipe(bits=16, granularity="channel", scheme="affine", clip="mse"), Recipe(bits=16)),
        (Recipe(bits=1, granularity="channel", clip="mse"), Recipe(bits=1, granularity="channel")),
        (Recipe(bits=2, scheme="affine", clip="mse"), Recipe(bits=2, scheme="affine", clip="mse")),
        (Recipe(sparsity=0.1, pruning="layer"), Recipe(sparsity=0.1, pruning="layer")),
        (Recipe(bits=32, rounding="gptq", recovery="sequential"), Recipe()),
        (Recipe(bits=4, recovery="refit"), Recipe(bits=4)),
        (Recipe(bits=2, rounding="gptq", recovery="qat"), Recipe(bits=2, recovery="qat")),
        (Recipe(bits=4, recovery="sequential"), Recipe(bits=4, recovery="sequential")),
        (Recipe(bits=2, scheme="ternary", clip="mse"), Recipe(bits=2, scheme="ternary")),
        (
            Recipe(pruning="layer", layers=(("a", 0.5, None),)),
            Recipe(pruning="layer", layers=(("a", 0.5, None),)),
        ),
        (
            Recipe(granularity="channel", clip="mse", layers=(("a", None, 4),)),
            Recipe(granularity="channel", clip="mse", layers=(("a", None, 4),)),
        ),
        (
            Recipe(score="lamp", recovery="finetune", seed=3),
            Recipe(recovery="finetune", seed=3),
        ),
    ],
)
def test_without_its_idle_fields_a_recipe_keeps_those_that_act(recipe, acting):
    assert without_idle(recipe) == acting
    assert without_idle(acting) == acting


def test_fields_with_nothing_to_act_on_are_no_error():
    assert Recipe(scheme="affine", granularity="channel", clip="mse").bits == 32
    assert Recipe(bits=1, clip="percentile").clip == "percentile"
    assert Recipe(pruning="channel", score="random").sparsity == 0
