"""Matrices: a canvas while a slider is dragged, a grid when it is idle, with the same numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import CLASSROOM
from expected import expected
from explorer_page import ExplorerPage
from playwright.sync_api import expect

from optiwidgets.engine.evaluation.comparison import clear_changes
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.report import Report

pytestmark = pytest.mark.browser

# An endless drag while a test reads the page: the page's idle timer does not run.
NEVER_STILL = """() => {
  const timer = window.owTimer = window.setTimeout, STILL_MS = 120; // of feed.js
  window.setTimeout = (f, ms, ...more) => ms === STILL_MS ? 1 : timer(f, ms, ...more);
}"""
RESTS_AGAIN = "() => { window.setTimeout = window.owTimer; }"
PAINTED = """(sparsity) => {
  const root = document.querySelector(".ow-explorer");
  return JSON.parse(root.dataset.owRecipe).sparsity === sparsity
    && root.querySelectorAll(".ow-painted").length === 3;
}"""
FRESH = """() => {
  const root = document.querySelector(".ow-explorer");
  window.owPictures = [];
  window.owWatch = new MutationObserver(() => {
    if (root.dataset.owState !== "fresh") return;
    owPictures.push(root.querySelectorAll(".ow-painted, .ow-later").length);
  });
  owWatch.observe(root, { attributeFilter: ["data-ow-state"] });
}"""
COLOURS = """([name, wanted]) => {
  const grid = document.querySelector(`.ow-matrices [role="grid"][aria-label="${name}"]`);
  const box = grid.closest("figure"), canvas = box.querySelector("canvas");
  const copy = new OffscreenCanvas(canvas.width, canvas.height)
    .getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const frame = box.getBoundingClientRect();
  const spare = new OffscreenCanvas(1, 1)
    .getContext("2d", { willReadFrequently: true });
  return [...grid.querySelectorAll('[role="gridcell"]')].map((cell, i) => {
    const { left, top, width } = cell.getBoundingClientRect();
    const [tone, depth] = wanted[i];
    const swatch = box.querySelector(`.ow-swatch[data-tone="${tone}"][data-depth="${depth}"]`);
    spare.clearRect(0, 0, 1, 1);
    spare.fillStyle = getComputedStyle(swatch).backgroundColor;
    spare.fillRect(0, 0, 1, 1);
    const at = (x, y) => [...copy.getImageData(x - frame.left, y - frame.top, 1, 1).data];
    return [at(left + width / 2, top + 3), [...spare.getImageData(0, 0, 1, 1).data]];
  });
}"""
PLACES = """() => Object.fromEntries(
  [".ow-card", ".ow-big", ".ow-slider", ".ow-matrix", "figcaption > *", "[role=grid]",
    "[role=gridcell]", ".ow-classes", ".ow-bytes"].map((kind) => [kind,
      [...document.querySelectorAll(`.ow-explorer ${kind}`)]
        .filter((node) => node.checkVisibility())
        .map((node) => node.getBoundingClientRect())
        .map(({ left, top }) => `${left} ${top}`).join()]))"""
LINES_CUT = """() => [...document.querySelectorAll(".ow-matrix figcaption > *")]
  .filter((node) => node.checkVisibility() && node.textContent)
  .filter((node) => {
    const text = document.createRange();
    text.selectNodeContents(node);
    const lines = text.getBoundingClientRect();
    const box = node.closest(".ow-matrix").getBoundingClientRect();
    return lines.right > box.right + 0.5 || lines.bottom > box.bottom
      || node.parentElement.scrollHeight > node.parentElement.clientHeight + 1;
  }).map((node) => node.textContent)"""
WIDEST = {"width": 2600, "height": 900}
AT = """([x, y]) => document.elementFromPoint(x, y).getAttribute("aria-label")"""


LOOK = Path(__file__).with_name("look.js").read_text()


@pytest.fixture
def held_drag(explorer: ExplorerPage) -> Iterator[ExplorerPage]:
    """Drag of the sparsity handle that never becomes idle, its last matrices on a canvas."""
    explorer.page.set_viewport_size(CLASSROOM)
    explorer.page.evaluate(NEVER_STILL)
    mouse = explorer.page.mouse
    mouse.move(*middle(explorer.slider("Sparsity")))
    mouse.down()
    explorer.page.mouse.move(*explorer._place("Sparsity", 85), steps=8)
    explorer.page.wait_for_function(PAINTED, arg=explorer.position("Sparsity") / 100)
    yield explorer
    mouse.up()
    explorer.page.evaluate(RESTS_AGAIN)
    explorer.page.set_viewport_size(CLASSROOM)
    explorer.wait_for()


def middle(node: Any) -> tuple[float, float]:
    box = node.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def depth(value: int, most: float) -> int:
    return max(1, int(10 * (abs(value) / most) ** 0.5 + 0.5)) if value else 0


def looks(name: str, base: Report, now: Report) -> list[tuple[str, int]]:
    """Compute tone and depth of every cell from two reports."""
    before, after = base.confusion.counts, now.confusion.counts
    if name != "Change":
        most = int(max(before.max(), after.max()))
        counts = before if name == "Baseline" else after
        return [("count", depth(count, most)) for count in counts.ravel().tolist()]
    clear = set(clear_changes(base, now).tolist())
    found = list[tuple[str, int]]()
    for cell, change in enumerate((after - before).ravel().tolist()):
        row, column = divmod(cell, len(before))
        level = min(10, depth(change, before[row].sum() / 2))  # full colour: half of the row
        helps = "helps" if (change > 0) == (row == column) else "hurts"
        found.append((helps, level) if cell in clear else ("noise", min(2, level)))
    return found


def reports_of(digits: Experiment, explorer: ExplorerPage) -> tuple[Report, Report]:
    recipe = Recipe(sparsity=explorer.recipe()["sparsity"])
    return digits.run(Recipe()), digits.run(recipe)


def check_colours(digits: Experiment, explorer: ExplorerPage) -> None:
    for name in ("Baseline", "Optimized", "Change"):
        wanted = looks(name, *reports_of(digits, explorer))
        for seen, scale in explorer.page.evaluate(COLOURS, [name, wanted]):
            assert max(abs(a - b) for a, b in zip(seen, scale, strict=True)) <= 2, name


def test_pixels_of_the_canvas_are_the_numbers_of_the_recipe_shown(
    held_drag: ExplorerPage, digits: Experiment
) -> None:
    assert held_drag.state() == "running"
    check_colours(digits, held_drag)


def test_a_resize_under_a_held_drag_paints_the_cells_where_they_lie_now(
    held_drag: ExplorerPage, digits: Experiment
) -> None:
    canvas = held_drag.root.locator(".ow-painted canvas").first
    before = canvas.evaluate("(canvas) => canvas.width")
    held_drag.page.set_viewport_size({"width": 1600, "height": 900})
    held_drag.page.wait_for_function(
        "(before) => document.querySelector('.ow-painted canvas').width > before", arg=before
    )
    check_colours(digits, held_drag)


def test_at_rest_labels_are_those_of_the_recipe_and_no_canvas_is_seen(
    explorer: ExplorerPage, digits: Experiment
) -> None:
    def still(stop: int) -> None:  # the button is down, the mouse does not move
        explorer.wait_for(sparsity=explorer.position("Sparsity") / 100)
        check_labels(explorer, digits)

    explorer.drag("Sparsity", 60, 90, meanwhile=still)
    explorer.wait_for(sparsity=explorer.position("Sparsity") / 100)
    check_labels(explorer, digits)
    expect(explorer.root.locator(".ow-painted, .ow-later")).to_have_count(0)


def test_fresh_is_never_said_while_a_matrix_is_still_a_picture(explorer: ExplorerPage) -> None:
    explorer.page.evaluate(FRESH)
    explorer.drag("Sparsity", 40, 85, 30)
    explorer.wait_for(sparsity=explorer.position("Sparsity") / 100)
    pictures = explorer.page.evaluate("() => { owWatch.disconnect(); return owPictures; }")
    assert pictures
    assert set(pictures) == {0}


def check_labels(explorer: ExplorerPage, digits: Experiment) -> None:
    recipe = Recipe(sparsity=explorer.recipe()["sparsity"])
    wanted = expected(digits.run(Recipe()), digits.run(recipe))
    for name in ("Baseline", "Optimized", "Change"):
        assert explorer.grid(name) == wanted[name]


def test_cells_under_the_canvas_take_the_mouse_and_answer_after_the_drag(
    held_drag: ExplorerPage,
) -> None:
    page, cell = held_drag.page, held_drag.cells("Optimized").nth(88)
    place = middle(cell)
    assert page.evaluate(AT, place) == cell.get_attribute("aria-label")
    page.mouse.up()
    held_drag.wait_for(sparsity=held_drag.position("Sparsity") / 100)
    page.mouse.move(*place)
    expect(held_drag.root.get_by_role("tooltip")).to_contain_text("truth 8, prediction 8")
    page.mouse.click(*place)
    drawer = held_drag.root.get_by_role("region", name="Images of the cell")
    expect(drawer).to_contain_text("truth 8, prediction 8")
    held_drag.button("Close").click()
    expect(drawer).to_be_hidden()
    cell.focus()
    page.keyboard.press("ArrowRight")
    expect(held_drag.cells("Optimized").nth(89)).to_be_focused()


def test_forced_colours_show_the_grid_itself_under_the_hand(
    explorer: ExplorerPage, digits: Experiment
) -> None:
    page = explorer.page
    page.emulate_media(forced_colors="active")
    page.evaluate(NEVER_STILL)
    try:
        page.mouse.move(*middle(explorer.slider("Sparsity")))
        page.mouse.down()
        page.mouse.move(*explorer._place("Sparsity", 80), steps=8)
        wanted = explorer.position("Sparsity") / 100
        page.wait_for_function(
            "(wanted) => JSON.parse(document.querySelector('.ow-explorer').dataset.owRecipe)"
            ".sparsity === wanted",
            arg=wanted,
        )
        assert explorer.recipe()["sparsity"] == wanted
        expect(explorer.root.locator(".ow-painted")).to_have_count(0)
        check_labels(explorer, digits)
    finally:
        page.mouse.up()
        page.evaluate(RESTS_AGAIN)
        page.emulate_media(forced_colors="none")


def test_no_number_is_cut_off_at_any_width_of_the_container(explorer: ExplorerPage) -> None:
    page = explorer.page
    page.evaluate(LOOK)
    page.set_viewport_size(WIDEST)
    expect(explorer.root.locator(".ow-cards")).to_contain_text("Nothing changed yet")
    assert page.evaluate("owLook.cardsCutAtWidths()") == {}
    explorer.choose("Where the cut is made", "channel")
    explorer.set("Sparsity", 99)
    explorer.set("Bit-width", 0)
    explorer.wait_for(sparsity=0.99, bits=1, pruning="channel")
    assert page.evaluate("owLook.cardsCutAtWidths()") == {}
    panels = {
        "Confusion": ".ow-bytes",
        "What changed": ".ow-paired",
        "Weights": ".ow-numbers",
        "Size and speed": ".ow-steps",
        "History": ".ow-tried",
    }
    for tab, panel in panels.items():
        explorer.root.get_by_role("tab", name=tab).click()
        expect(explorer.root.locator(panel).first).to_contain_text(re.compile(r"\d"))
        assert page.evaluate("owLook.cutAtWidths()") == {}, tab
    page.set_viewport_size(CLASSROOM)


def test_no_number_on_a_canvas_is_cut_off_at_any_width_of_the_container(
    held_drag: ExplorerPage,
) -> None:
    held_drag.page.evaluate(LOOK)
    held_drag.page.set_viewport_size(WIDEST)
    cut, drawn = held_drag.page.evaluate("owLook.overdrawnAtWidths()")
    assert cut == {}
    assert drawn > 57 * 100  # numbers of three matrices at each width


@pytest.mark.parametrize("width", [390, 1366])
def test_nothing_jumps_while_a_slider_is_dragged(explorer: ExplorerPage, width: int) -> None:
    explorer.page.set_viewport_size({"width": width, "height": 2600})
    explorer.set("Sparsity", 20)
    explorer.wait_for(sparsity=0.2)
    before, found = explorer.page.evaluate(PLACES), list[Any]()
    assert before["[role=gridcell]"].count(",") == 299

    def compare(stop: int) -> None:
        explorer.wait_for(sparsity=explorer.position("Sparsity") / 100)
        found.append(explorer.page.evaluate(PLACES))

    explorer.drag("Sparsity", 50, 75, 92, meanwhile=compare)
    explorer.wait_for()
    found.append(explorer.page.evaluate(PLACES))
    moved = [[kind for kind in before if places[kind] != before[kind]] for places in found]
    assert moved == [[], [], [], []]
    explorer.page.set_viewport_size(CLASSROOM)


def test_tabs_of_a_phone_are_high_enough_for_a_thumb(explorer: ExplorerPage) -> None:
    explorer.page.set_viewport_size({"width": 390, "height": 844})
    tabs = explorer.root.get_by_role("tab")
    assert tabs.count() == 8
    assert min(tabs.evaluate_all("(tabs) => tabs.map((tab) => tab.offsetHeight)")) >= 44
    explorer.page.set_viewport_size(CLASSROOM)


def test_captions_have_lines_of_their_own_and_are_not_cut_in_the_projector(
    explorer: ExplorerPage,
) -> None:
    explorer.set("Sparsity", 70)
    explorer.wait_for(sparsity=0.7)
    assert explorer.page.evaluate(LINES_CUT) == []
    explorer.button("Projector").click()
    try:
        for step in ("2 of 3", "3 of 3"):
            explorer.button("Next").click()
            expect(explorer.root.locator(".ow-counter")).to_have_text(step)
            assert explorer.page.evaluate(LINES_CUT) == [], step
    finally:
        explorer.button("Leave").click()
