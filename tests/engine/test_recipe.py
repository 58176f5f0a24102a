from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiwidgets.engine.recipe import BIT_WIDTHS, CHOICES, Recipe, without_idle

RECIPES = st.builds(
    Recipe,
    sparsity=st.floats(0, 0.99),
    pruning=st.sampled_from(CHOICES["pruning"]),
    score=st.sampled_from(CHOICES["score"]),
    bits=st.sampled_from(BIT_WIDTHS),
    grain=st.sampled_from(CHOICES["grain"]),
    clip=st.sampled_from(CHOICES["clip"]),
    seed=st.integers(0, 2**63 - 1),
)


def test_the_defaults_are_the_contracts():
    assert Recipe().as_dict() == {
        "sparsity": 0.0,
        "pruning": "global",
        "score": "magnitude",
        "bits": 32,
        "grain": "tensor",
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


PLANNED = [
    ("pruning", "2:4"),
    ("pruning", "1:4"),
    ("score", "lamp"),
    ("score", "wanda"),
    ("scheme", "codebook"),
    ("scheme", "ternary"),
    ("rounding", "gptq"),
    ("recovery", "finetune"),
    ("recovery", "refit"),
    ("recovery", "qat"),
]


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, v in PLANNED if v not in CHOICES[f]])
def test_what_is_planned_for_later_is_refused_until_it_is_built(field, value):
    with pytest.raises(ValueError, match=f"{field} is one of .* not '{value}'"):
        Recipe(**{field: value})


def test_layers_are_refused_until_they_are_understood():
    with pytest.raises(
        ValueError, match=r"layers can only be \(\) yet, not \(\('head', 0.5, None\),\)"
    ):
        Recipe(layers=(("head", 0.5, None),))


@pytest.mark.parametrize("wrong", [0, 1, 9, 16, 33, -8, 7.5, "8", None, True, float("nan")])
def test_activation_bits_that_there_are_not_are_refused(wrong):
    with pytest.raises(ValueError, match=r"activation.* not ") as caught:
        Recipe(activation_bits=wrong)
    assert str(caught.value).endswith(repr(wrong))


@pytest.mark.parametrize("wrong", [-1, 2**63, 1.5, "0", None, True])
def test_a_seed_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match=r"seed is a whole number from 0 to 2\*\*63 - 1, not "):
        Recipe(seed=wrong)


def test_one_bit_and_affine_name_both_fields():
    with pytest.raises(ValueError, match="bits=1 and scheme='affine' have no meaning together"):
        Recipe(bits=1, scheme="affine")


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
        (Recipe(bits=16, grain="channel", scheme="affine", clip="mse"), Recipe(bits=16)),
        (Recipe(bits=1, grain="channel", clip="mse"), Recipe(bits=1, grain="channel")),
        (Recipe(bits=2, scheme="affine", clip="mse"), Recipe(bits=2, scheme="affine", clip="mse")),
        (Recipe(sparsity=0.1, pruning="layer"), Recipe(sparsity=0.1, pruning="layer")),
    ],
)
def test_without_its_idle_fields_a_recipe_keeps_those_that_act(recipe, acting):
    assert without_idle(recipe) == acting
    assert without_idle(acting) == acting


def test_fields_with_nothing_to_act_on_are_no_error():
    assert Recipe(scheme="affine", grain="channel", clip="mse").bits == 32
    assert Recipe(bits=1, clip="percentile").clip == "percentile"
    assert Recipe(pruning="channel", score="random").sparsity == 0
