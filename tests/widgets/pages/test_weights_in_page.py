"""Histograms of weights of a page without a kernel: the payload of the live page."""

import random
from dataclasses import replace

import numpy as np
import pytest
from node_answers import answers  # tests/widgets

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.widgets.panels.layer_weights import weights_payload

RECIPES = (
    Recipe(),
    Recipe(sparsity=0.5),
    Recipe(bits=16),
    Recipe(sparsity=0.99, bits=1),
    Recipe(bits=1, granularity="channel"),
    Recipe(sparsity=0.3, bits=4, scheme="affine"),
    Recipe(bits=3, granularity="channel"),
    Recipe(bits=8, scheme="affine", granularity="channel"),
    Recipe(sparsity=0.5, pruning="channel"),
    Recipe(sparsity=0.6, pruning="channel", bits=5, granularity="channel"),
    Recipe(sparsity=0.9, pruning="layer", score="random", bits=8),
    Recipe(bits=4, scheme="codebook"),
    Recipe(bits=2, scheme="ternary"),
)


def as_given(layer):
    """Write a layer as weights_payload.js takes it."""
    return {
        "name": layer.name,
        "bits": layer.bits,
        "rowsBefore": len(layer.before),
        "rows": len(layer.after),
        "before": layer.before.ravel(),
        "after": layer.after.ravel(),
        "kept": layer.kept.ravel().astype(np.uint8),
        "values": list(layer.values),
        "places": layer.places.ravel().astype(np.int16),
        "outputs": layer.outputs.astype(np.int32),
        "error": layer.error,
    }


def cases(layers):
    """List layers and channels that the menus offer."""
    for index, layer in enumerate(layers):
        yield index, None
        if len(layer.values) > 1:
            yield index, int(random.Random(index).choice(list(layer.outputs)))


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_each_layer_and_channel_has_the_payload_of_the_live_page(digits, recipe):
    layers = digits.run(recipe).weights()
    given = [as_given(layer) for layer in layers]
    found = answers(
        "pages/weights_payload.js",
        [["weightsPayload", given, *case] for case in cases(layers)],
    )
    assert found == [weights_payload(layers, *case) for case in cases(layers)]


def test_an_unknown_error_is_null(digits):
    layers = tuple(
        replace(layer, error=float("nan")) for layer in digits.run(Recipe(bits=4)).weights()
    )
    (found,) = answers(
        "pages/weights_payload.js",
        [["weightsPayload", [as_given(each) for each in layers], 0, None]],
    )
    assert found == weights_payload(layers, 0, None)
    assert found["layers"][0]["error"] is None
