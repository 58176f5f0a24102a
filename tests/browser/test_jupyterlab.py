"""Explorer in a cell of JupyterLab."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from expected import expected, shown
from explorer_page import ExplorerPage
from playwright.sync_api import Page, expect
from witness import Witness

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe

# overhang of the output area, if it scrolls sideways
TOO_WIDE = """(area) => area.scrollWidth <= area.clientWidth + 1 ? [] :
  [...area.querySelectorAll("*")]
    .filter((node) => node.getBoundingClientRect().right > area.getBoundingClientRect().right + 1)
    .map((node) => node.className)"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def cell(new_page: Callable[[], Page], jupyterlab: str) -> ExplorerPage:
    page = new_page()
    witness = Witness(page)
    page.goto(f"{jupyterlab}lab/tree/explorer.ipynb")
    prompt = page.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt").first
    for _ in range(5):  # a key press is lost while the page takes the focus away
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        page.locator(".jp-Notebook .jp-CodeCell").first.click()
        page.keyboard.press("Shift+Enter")
        with suppress(AssertionError):
            expect(prompt).not_to_have_text("[ ]:")
            break
    explorer = ExplorerPage(page, witness)
    explorer.wait_for()
    return explorer


def test_dragging_shows_what_running_the_recipe_gives(
    cell: ExplorerPage, digits: Experiment
) -> None:
    before = cell.value("bytes")
    cell.set("Sparsity", 90)
    cell.wait_for(sparsity=0.9)
    assert shown(cell) == expected(digits.run(Recipe()), digits.run(Recipe(sparsity=0.9)))
    assert cell.value("bytes") < before / 2


def test_in_a_narrow_cell_panels_stack_and_nothing_scrolls_sideways(cell: ExplorerPage) -> None:
    cell.page.set_viewport_size({"width": 900, "height": 800})
    cell.page.wait_for_function("document.querySelector('.ow-explorer').clientWidth < 700")
    tops = [
        cell.root.get_by_role("grid", name=name).bounding_box()["y"]
        for name in ("Optimized", "Change", "Baseline")
    ]
    assert tops == sorted(set(tops))
    area = cell.root.locator("xpath=..")
    assert area.evaluate(TOO_WIDE) == []


def test_keys_meant_for_the_explorer_do_not_steer_the_notebook(cell: ExplorerPage) -> None:
    cell.slider("Sparsity").press("ArrowUp")
    cell.wait_for(sparsity=(cell.position("Sparsity")) / 100)
    cell.open_controls()
    layer = cell.choice("Where the cut is made").get_by_role("button", name="layer")
    layer.press("Enter")
    cell.wait_for(pruning="layer")
    expect(layer).to_be_focused()
    cells = cell.cells("Optimized")
    cells.first.focus()
    for key, place in (("ArrowDown", 10), ("ArrowDown", 20), ("ArrowRight", 21)):
        cell.page.keyboard.press(key)
        expect(cells.nth(place)).to_be_focused()


def test_nothing_complains_and_nothing_is_asked_of_another_machine(cell: ExplorerPage) -> None:
    cell.button("Reset").click()
    cell.wait_for(sparsity=0, pruning="global")
    assert cell.witness.asked > 10
    assert cell.witness.strangers == []
    assert cell.witness.complaints == []
