"""Estimated sizes while a slider is dragged: close to those of the file, and marked."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from optiwidgets.engine.quantization.weights import encode
from optiwidgets.engine.serialization import size_estimate, writer
from optiwidgets.engine.serialization.size_estimate import estimate_parts
from optiwidgets.engine.types.recipe import Recipe

RECIPES = (
    Recipe(),
    Recipe(0.5),
    Recipe(0.9, bits=16),
    Recipe(0.8, bits=8, granularity="channel"),
    Recipe(0.3, bits=4, scheme="affine", granularity="channel"),
    Recipe(0.6, bits=3, scheme="affine"),
    Recipe(0.6, bits=4, scheme="codebook"),
    Recipe(bits=2, scheme="ternary"),
    Recipe(0.4, bits=1),
)


def packable(recipe):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 40, 3), nn.ReLU(), nn.Flatten(), nn.Linear(360, 250)).eval()
    net.requires_grad_(False)
    layers = {}
    for name in ("0", "3"):
        weight = net.get_submodule(name).weight
        weight.copy_(torch.randn(weight.shape))
        mask = torch.rand(weight.shape) >= recipe.sparsity
        layers[name] = encode(weight, mask, recipe)
        weight.copy_(layers[name].decode())
    return writer.Packable(recipe, net, layers, ["a", "b"], None)


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
@pytest.mark.parametrize("most", [2**11, 2**30])
def test_an_estimate_is_near_the_file(recipe, most, monkeypatch):
    monkeypatch.setattr(size_estimate, "MOST_SAMPLED", most)
    model = packable(recipe)
    parts, layers = estimate_parts(model)
    file, of_layers = writer.weigh(model)
    assert parts.keys() == file.keys()
    assert layers.keys() == of_layers.keys()
    assert sum(parts.values()) == pytest.approx(sum(file.values()), rel=0.06)
    assert (parts["scales"], parts["biases"]) == (file["scales"], file["biases"])


def test_a_layer_without_weights_left_is_estimated_too():
    model = packable(Recipe(bits=4))
    for name, layer in model.layers.items():
        layer.mask.zero_()
        model.net.get_submodule(name).weight.zero_()
    parts, _ = estimate_parts(model)
    assert parts["codes"] == parts["positions"] == 0
