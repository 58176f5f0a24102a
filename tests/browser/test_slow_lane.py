"""What takes longer than a slider waits: shown without it first, then whole, or given up."""

from __future__ import annotations

import pytest
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
    explorer: ExplorerPage, digits: Experiment
) -> None:
    explorer.choose("Who goes first", "LAMP")
    explorer.choose("Win back", "sequential refit")
    explorer.wait_for(score="lamp", recovery="sequential")
    explorer.root.evaluate(RECORD)
    explorer.set("Sparsity", 90)
    explorer.wait_for(sparsity=0.9, score="lamp", recovery="sequential")
    report = digits.run(REFITTED)
    assert explorer.value("accuracy") == report.confusion.accuracy
    assert explorer.value("bytes") == report.size.total_bytes
    assert "Refitted layer by layer" in explorer.message()
    seen = states(explorer)
    assert "running none 0.9" in seen
    assert seen[-1] == "fresh sequential 0.9"
    assert [state for state in seen if state.startswith("fresh none")] == []
    assert not [state for state in seen if state.startswith("error")]


def test_cancel_keeps_the_stand_in_stale_and_the_next_move_goes_on(
    explorer: ExplorerPage, digits: Experiment
) -> None:
    explorer.model.select_option("wide")
    explorer.set("Bit-width", 2)
    explorer.choose("Rounding", "GPTQ")
    explorer.wait_for(bits=3, rounding="gptq")
    explorer.set("Sparsity", 80)
    explorer.choose("Win back", "sequential refit")
    expect(explorer.button("Cancel")).to_be_enabled()
    explorer.button("Cancel").click()
    expect(explorer.line).to_contain_text("Not rounded by GPTQ. Not refitted: cancelled.")
    expect(explorer.root).to_have_attribute("data-ow-state", "stale")
    shown = explorer.recipe()
    assert (shown["sparsity"], shown["rounding"], shown["recovery"]) == (0.8, "nearest", "none")
    explorer.slider("Sparsity").press("ArrowLeft")
    explorer.wait_for(sparsity=0.79, rounding="gptq", recovery="sequential")
    expect(explorer.button("Cancel")).to_be_disabled()
