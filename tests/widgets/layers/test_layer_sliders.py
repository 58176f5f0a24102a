"""Sliders for every layer, the budget that sets them, and the curves of sensitivity."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optiwidgets.engine.execution.progress import Progress
from optiwidgets.engine.mixed_precision import layer_cost
from optiwidgets.engine.mixed_precision.budget import FIXED, RECOVERY
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.session import Session
from optiwidgets.widgets.layers.layer_sliders import POINTS, REFITTED, Layers, layer_payload
from optiwidgets.widgets.layers.sensitivity import Fragility


@pytest.fixture
def layers(own):
    return Layers(own)


@pytest.fixture
def few(monkeypatch, own):
    """Limit the search to six options a layer, measured anew and not cached afterwards."""
    monkeypatch.setattr(layer_cost, "SPARSITIES", (0.5, 0.9))
    monkeypatch.setattr(layer_cost, "BITS", (2, 4))
    monkeypatch.setattr(own, "_options", None)


def settled(session):
    session.slow.submit((lambda is_cancelled: None, lambda _: None)).result()


def wait(layers_or_fragility, start):
    """Run the work that a button starts to its end."""
    session = layers_or_fragility.session
    jobs = []
    submit, session.slow.submit = session.slow.submit, lambda *j, **k: jobs.append(submit(*j, **k))
    start()
    session.slow.submit = submit
    for job in jobs:
        job.result()


def test_a_layers_sliders_run_its_recipe(layers):
    layers.sparsity["deep"].value, layers.bits["head"].value = 60, 4
    asked = Recipe(layers=(("deep", 0.6, None), ("head", None, 4)))
    assert layers.session.recipe == asked
    report = layers.session.experiment.run(asked)
    data = layers.feed.data
    assert data["value"] == report.confusion.accuracy
    assert data["bytes"] == report.size.total_bytes
    assert data["drop"]["points"] == report.drop_from(layers.session.baseline).points
    assert [row["bytes"] for row in data["layers"]] == list(report.size.layers.values())
    assert layers.feed.state == "fresh"


def test_bars_and_what_is_apart_sum_to_the_file(layers):
    layers.bits["wide"].value = 2
    data = layers.feed.data
    assert sum(row["bytes"] for row in data["layers"]) + data["apart"] == pytest.approx(
        data["bytes"]
    )


def test_back_at_rest_it_is_the_baseline(layers):
    layers.sparsity["deep"].value = 60
    layers.refit.value = True
    assert layers.session.recipe == replace(REFITTED, layers=(("deep", 0.6, None),))
    layers.reset.click()
    assert layers.session.recipe == Recipe()
    assert layers.sparsity["deep"].value == 0
    assert not layers.refit.value


def test_sliders_follow_a_recipe_set_by_code(layers):
    asked = Recipe(sparsity=0.5, bits=8, layers=(("head", 0.0, 32),))
    layers.session.recipe = asked
    assert layers.sparsity["deep"].value == 50
    assert layers.bits["head"].value == 32
    assert layers.session.recipe == asked
    assert layers.feed.message == f"Set by code: {asked}."


def test_where_a_run_fails_the_numbers_stay_and_say_so(layers, monkeypatch):
    before = layers.feed.data["bytes"]
    monkeypatch.setattr(layers.session.experiment, "run", lambda recipe: 1 / 0)
    layers.sparsity["deep"].value = 33
    assert layers.feed.state == "error"
    assert "division by zero" in layers.feed.message
    assert layers.feed.data["bytes"] == before


def test_a_budget_moves_the_sliders_and_says_what_it_is(layers, few):
    layers.most.value = layers.session.baseline.size.total_bytes // 2
    wait(layers, layers.fit.click)
    report = layers.session.report
    assert report.size.total_bytes <= layers.most.value
    assert report.recipe.recovery == RECOVERY
    for name, sparsity, bits in report.recipe.layers:
        assert (layers.sparsity[name].value, layers.bits[name].value) == (100 * sparsity, bits)
    assert layers.feed.data["bytes"] == report.size.total_bytes
    assert f"{report.size.total_bytes:,} bytes" in layers.told.value
    assert layers.feed.message == ""
    assert layers.cancel.disabled


def test_a_budget_that_cannot_be_is_said_and_nothing_moves(layers, few):
    layers.most.value = 3
    wait(layers, layers.fit.click)
    assert "bytes=3 is less than the smallest file that was found" in layers.told.value
    assert layers.session.recipe == Recipe()
    assert layers.feed.state == "fresh"


def test_a_drop_can_be_asked_for_instead(layers, few):
    layers.unit.value = POINTS
    assert layers.most.layout.display == "none"
    layers.points.value = 20.0
    wait(layers, layers.fit.click)
    assert layers.session.report.drop_from(layers.session.baseline).points <= 20


def test_while_it_works_it_can_only_be_cancelled(layers):
    layers.session.progress = Progress(0.25, "damage")
    assert layers.fit.disabled
    assert not layers.cancel.disabled
    assert (layers.progress.value, layers.progress.description) == (0.25, "damage")
    layers.cancel.click()
    assert not layers.fit.disabled


def test_a_page_can_move_sliders_and_nothing_else(layers):
    layers.feed.set_state({"data": {}})
    assert layers.feed.data["layers"]
    assert "data cannot be set from a page" in layers.feed.message
    layers.sparsity["deep"].set_state({"value": 100})
    assert layers.sparsity["deep"].value == 0


def test_what_a_fitted_budget_is_made_of_is_what_the_box_ticks(own):
    assert replace(FIXED, recovery=RECOVERY) == REFITTED


def test_numbers_are_plain_json(own):
    data = layer_payload(own.run(Recipe()), own.run(Recipe(bits=4)))
    assert data["recipe"]["bits"] == 4
    assert data["images"] == 23


@pytest.mark.parametrize("by", ["sparsity", "bits"])
def test_curves_are_what_the_experiment_measures(own, by):
    fragility = Fragility(Session(own))
    fragility.by.value = by
    seen = []
    fragility.curves.observe(lambda change: seen.append(change.new["done"]), "data")
    wait(fragility, fragility.measure.click)
    result, data = own.sensitivity(by), fragility.curves.data
    assert {c["name"]: c["points"] for c in data["curves"]} == {
        name: [list(point) for point in curve] for name, curve in result.curves.items()
    }
    assert data["done"] == data["total"] == seen[-1]
    assert seen == sorted(seen)
    assert len(seen) > 10
    assert not fragility.measure.disabled


def test_the_threshold_moves_the_line(own):
    fragility = Fragility(own)
    fragility.threshold.value = 5
    assert fragility.curves.threshold == 5.0
