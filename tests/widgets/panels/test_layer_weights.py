"""Histogram: its numbers are the model's, and a closed tab computes nothing."""

import numpy as np
import pytest

from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.widgets.explorer.explorer import Explorer


@pytest.fixture
def weights(explorer):
    explorer.tabs.selected_index = explorer.tabs.titles.index("Weights")
    return explorer.weights


def counts(data, name):
    return np.frombuffer(data[name], "<i4")


def layer_of(report, name):
    return next(layer for layer in report.weights() if layer.name == name)


def test_it_moves_with_the_sliders_while_it_is_looked_at(explorer, weights, digits):
    explorer.controls.sparsity.value, explorer.controls.bits.value = 80, 4
    report = digits.run(Recipe(sparsity=0.8, bits=4))
    data, layer = weights.chart.data, layer_of(report, "hidden")
    assert weights.layer.value == "hidden"  # the largest
    values = np.frombuffer(data["values"], "<f4")
    kept = layer.after[layer.kept]
    assert counts(data, "after").tolist() == [int((kept == value).sum()) for value in values]
    assert len(values) == 15
    assert counts(data, "before").sum() == layer.before.size == data["counts"][0]
    assert data["counts"][1] == kept.size
    assert data["layers"][data["index"]]["pruned"] == layer.pruned
    assert "ow-stale" not in weights.chart._dom_classes


def test_before_is_counted_in_equal_bins(explorer, weights, digits):
    layer, data = layer_of(digits.run(Recipe()), "hidden"), weights.chart.data
    expected, _ = np.histogram(layer.before, 96, range=data["range"])
    assert np.abs(counts(data, "before") - expected).sum() <= 4  # float32 at the edges
    assert data["before"] == data["after"]
    assert data["grid"] == "32-bit floats: no grid at this scale."


def test_nobody_looks_nothing_is_sent(explorer):
    explorer.controls.bits.value = 4
    assert explorer.weights.chart.data == {}


def test_another_layer_can_be_looked_at(explorer, weights, digits):
    explorer.controls.bits.value = 3
    weights.layer.set_state({"index": 0})
    data = weights.chart.data
    assert data["layers"][data["index"]]["name"] == "features.0"
    assert counts(data, "after").sum() == 72


def test_each_channel_has_a_grid_of_its_own(explorer, weights, digits):
    explorer.session.ask(Recipe(bits=4, granularity="channel"))
    data = weights.chart.data
    assert len(data["values"]) == 0
    assert "Each of 64 channels has a grid of its own, of 15 values" in data["grid"]
    weights.channel.value = "5"
    layer, data = (
        layer_of(digits.run(Recipe(bits=4, granularity="channel")), "hidden"),
        weights.chart.data,
    )
    assert np.array_equal(np.frombuffer(data["values"], "<f4"), layer.values[5])
    assert counts(data, "after").tolist() == layer.used[5].tolist()
    assert data["counts"] == [288, 288]
    explorer.session.ask(Recipe(bits=4))
    assert (weights.channel.value, weights.channel.disabled) == ("all", True)


def test_a_channel_that_was_removed_is_not_offered(explorer, weights, digits):
    recipe = Recipe(bits=4, granularity="channel", pruning="channel", sparsity=0.5)
    explorer.session.ask(recipe)
    layer = layer_of(digits.run(recipe), "hidden")
    values = [value for _, value in weights.channel.options]
    assert values == ["all", *map(str, layer.outputs)]
    weights.channel.value = str(layer.outputs[3])
    before = counts(weights.chart.data, "before")
    assert before.sum() == layer.before[0].size
    assert weights.chart.data["counts"] == [288, layer.after[3].size]


def test_what_takes_long_is_looked_at_once_the_hand_rests(explorer, weights, digits, monkeypatch):
    slow = Recipe(bits=4, clip="mse", recovery="recalibrate")
    monkeypatch.setattr(type(digits), "knows_weights", lambda self, recipe: False)
    before = weights.chart.data
    explorer.session.ask(slow)
    assert weights.chart.data == before
    assert "ow-stale" in weights.chart._dom_classes
    work, done = weights.on_idle(explorer.session.report)
    done(work(lambda: False))
    assert weights.chart.data["layers"][0]["bits"] == 4
    assert "ow-stale" not in weights.chart._dom_classes


def test_another_model_brings_its_own_layers():
    explorer = Explorer()
    explorer.tabs.selected_index = explorer.tabs.titles.index("Weights")
    explorer.model.value = "wide"
    assert explorer.weights.chart.data["counts"][0] == 73728
    explorer.case.value = "smear"
    names = [layer["name"] for layer in explorer.weights.chart.data["layers"]]
    assert [*explorer.weights.layer.options] == names


def test_one_bit_all_pruned_and_whole_layers_of_zero_are_no_error(explorer, weights):
    for recipe in (Recipe(bits=1), Recipe(sparsity=0.99, bits=2), Recipe(sparsity=0.99)):
        explorer.session.ask(recipe)
        for index in range(len(weights.layer.options)):
            weights.layer.index = index
            assert len(weights.chart.data["layers"]) == 5
