"""Chart of the pareto front on a page: labelled points, by mouse and by keyboard."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import nbformat
import pytest
from conftest import Open
from explorer_page import ExplorerPage
from playwright.sync_api import expect
from servers import serving

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.widgets.controls.recipe_words import in_words

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RECIPES = [Recipe(sparsity=s, bits=b) for s in (0, 0.5, 0.7, 0.9) for b in (2, 3, 4, 8, 32)]
CELL = """
import optiwidgets as ow

exp = ow.Experiment.load("digits")
explorer = ow.Explorer()
recipes = [ow.Recipe(sparsity=s, bits=b) for s in (0, 0.5, 0.7, 0.9) for b in (2, 3, 4, 8, 32)]
display(ow.Frontier(exp.sweep(recipes, progress=False), explorer), explorer)
"""


@pytest.fixture(scope="module")
def voila(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Voila server of this module's own notebook."""
    folder = tmp_path_factory.mktemp("frontier")
    cell = nbformat.v4.new_code_cell(CELL)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "explorer.ipynb")
    command = [sys.executable, "-m", "optiwidgets.cli", "app", "--port", "0"]
    with serving([*command, "--lessons", str(folder)], folder) as url:
        yield url


def test_a_point_names_its_recipe_and_a_click_or_enter_loads_it(
    open_lesson: Open, digits: Experiment
) -> None:
    explorer: ExplorerPage = open_lesson("")
    sweep = digits.sweep(RECIPES, progress=False)
    chart = explorer.page.locator(".ow-frontier:not(.ow-explorer *)")
    points = chart.get_by_role("listbox", name="Recipes").get_by_role("option")
    expect(points).to_have_count(len(RECIPES))
    best = sweep.frontier[-1]
    name = f"{in_words(best.recipe)}, {100 * best.accuracy:.1f} % right, {best.total_bytes:,} bytes"
    point = chart.get_by_role("option", name=f"{name}, on the frontier", exact=True)
    point.hover(force=True)
    named = f"{in_words(best.recipe)} {100 * best.accuracy:.1f} %"
    expect(chart.locator(".ow-named")).to_contain_text(named)
    point.click(force=True)
    explorer.wait_for(sparsity=best.recipe.sparsity, bits=best.recipe.bits)
    expect(point).to_have_attribute("aria-selected", "true")

    point.focus()
    explorer.page.keyboard.press("Home")
    smallest = min(sweep, key=lambda trial: (trial.total_bytes, trial.accuracy))
    expect(chart.locator(".ow-named")).to_contain_text(f"{in_words(smallest.recipe)} ")
    for _ in sweep.frontier[1:]:
        explorer.page.keyboard.press("ArrowUp")
    expect(chart.locator(".ow-named")).to_contain_text(f"{in_words(best.recipe)} ")
    explorer.page.keyboard.press("ArrowDown")
    explorer.page.keyboard.press("Enter")
    second = sweep.frontier[-2].recipe
    explorer.wait_for(sparsity=second.sparsity, bits=second.bits)
    explorer.button("Reset").click()
    explorer.wait_for(sparsity=0, bits=32)
    baseline = chart.locator("[aria-selected=true]")
    expect(baseline).to_have_attribute("aria-label", baseline_name(digits))
    assert explorer.witness.complaints == []
    assert explorer.witness.strangers == []


def baseline_name(digits: Experiment) -> str:
    report = digits.run(Recipe())
    return (
        f"untouched, {100 * report.confusion.accuracy:.1f} % right, "
        f"{report.size.total_bytes:,} bytes"
    )
