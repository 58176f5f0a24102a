"""Slow recipes: displayed without their slow parts first, then complete or cancelled."""

from __future__ import annotations

import pytest
from conftest import Gate
from explorer_page import ExplorerPage
from playwright.sync_api import expect

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe

pytestmark = pytest.mark.browser

REFITTED = Recipe(sparsity=0.9, score="lamp", recovery="sequential")
RECORD = """(root) => {
  window.owStates = [];
  const look = () => {
    const { owState, owRecipe } = root.dataset, recipe = JSON.parse(owRecipe);
    const said = `${owState} ${recipe.recovery} ${recipe.sparsity}`;
    if (window.owStates.at(-1) !== said) window.owStates.push(said);
  };
  new MutationObserver(look).observe(root, { attributes: true });
}"""


def states(explorer: ExplorerPage) -> list[str]:
    seen: list[str] = explorer.page.evaluate("window.owStates")
    return seen


def test_sequential_refit_follows_the_slider_and_ends_as_its_own_run(
    held: ExplorerPage, gate: Gate, digits: Experiment
) -> None:
    held.choose("Who goes first", "LAMP")
    held.choose("Win back", "sequential refit")
    held.wait_for(score="lamp", recovery="sequential")
    held.root.evaluate(RECORD)
    gate.close()
    held.set("Sparsity", 90)
    held.page.wait_for_function("owStates.at(-1) === 'running none 0.9'")
    gate.open()
    held.wait_for(sparsity=0.9, score="lamp", recovery="sequential")
    report = digits.run(REFITTED)
    assert held.value("accuracy") == report.confusion.accuracy
    assert held.value("bytes") == report.size.total_bytes
    assert "Refitted layer by layer" in held.message()
    seen = states(held)
    assert seen[-1] == "fresh sequential 0.9"
    assert [state for state in seen if state.startswith("fresh none")] == []
    assert not [state for state in seen if state.startswith("error")]


def test_cancel_keeps_the_stand_in_stale_and_the_next_move_goes_on(
    held: ExplorerPage, gate: Gate
) -> None:
    held.button("Reset").click()
    held.set("Bit-width", 2)
    held.choose("Rounding", "GPTQ")
    held.set("Sparsity", 80)
    held.wait_for(sparsity=0.8, bits=3, rounding="gptq", recovery="none")
    gate.close()
    held.choose("Win back", "sequential refit")
    expect(held.button("Cancel")).to_be_enabled()
    held.button("Cancel").click()
    expect(held.line).to_contain_text("Not rounded by GPTQ. Not refitted: cancelled.")
    expect(held.root).to_have_attribute("data-ow-state", "stale")
    shown = held.recipe()
    assert (shown["sparsity"], shown["rounding"], shown["recovery"]) == (0.8, "nearest", "none")
    gate.open()
    held.slider("Sparsity").press("ArrowLeft")
    held.wait_for(sparsity=0.79, rounding="gptq", recovery="sequential")
    expect(held.button("Cancel")).to_be_hidden()
    assert held.witness.complaints == []
