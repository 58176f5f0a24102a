"""Weights panel of a page without a kernel: layers as Python prunes and rounds them."""

import random

import pytest
from page_runtime import page_runtime, run_node  # tests/widgets

from optiwidgets.engine.types.recipe import BIT_WIDTHS, Recipe
from optiwidgets.widgets.panels.layer_weights import weights_payload


def drawn_recipes(count):
    """Draw recipes that a page computes, with layers apart and idle fields."""
    draw, made = random.Random(4), [Recipe(), Recipe(0.5, bits=8, activation_bits=8)]
    while len(made) < count:
        pruning = draw.choice(("global", "layer", "channel"))
        bits = draw.choice(BIT_WIDTHS)
        made.append(
            Recipe(
                draw.randrange(100) / 100,
                pruning,
                draw.choice(("magnitude", "random", *(("lamp",) if pruning != "channel" else ()))),
                bits,
                scheme="symmetric" if bits == 1 else draw.choice(("symmetric", "affine")),
                granularity=draw.choice(("tensor", "channel")),
                layers=(("head", None, 8),) if bits > 1 and draw.random() < 0.3 else (),
            )
        )
    return [*made, Recipe(0.5, bits=4, recovery="refit"), Recipe(0.9, recovery="refit")]


@pytest.fixture(scope="module")
def runtime(digits):
    return page_runtime(digits, (0.5, 0.9))


def told(runtime, cases, folder):
    given = [[recipe.as_dict(), *rest] for recipe, *rest in cases]
    return run_node("layers_answer.js", {**runtime, "cases": given}, folder)


def in_hex(payload):
    return {
        name: value.hex() if isinstance(value, bytes) else value for name, value in payload.items()
    }


def test_layers_are_pruned_rounded_and_counted_as_by_python(digits, runtime, tmp_path):
    draw, cases, expected = random.Random(9), [], []
    for recipe in drawn_recipes(60):
        layers = digits.run(recipe).weights()
        index = draw.randrange(len(layers))
        outputs = list(layers[index].outputs) if len(layers[index].values) > 1 else [None]
        channel = draw.choice(outputs)
        cases.append([recipe, index, channel if channel is None else int(channel)])
        expected.append(in_hex(weights_payload(layers, *cases[-1][1:])))
    for found, wanted, case in zip(told(runtime, cases, tmp_path), expected, cases, strict=True):
        errors = [[layer.pop("error") for layer in one["layers"]] for one in (found, wanted)]
        assert errors[0] == pytest.approx(errors[1], rel=1e-12), case[0]
        assert found == {**wanted, "range": list(wanted["range"])}, case[0]


def test_a_recipe_that_the_page_cannot_compute_has_no_layers(runtime, tmp_path):
    cases = [[Recipe(bits=4, rounding="gptq"), 0, None], [Recipe(0.55, recovery="refit"), 0, None]]
    assert told(runtime, cases, tmp_path) == [None, None]
