"""Legibility on a projector: no scrolling, large digits, contrast of text in its cell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import CLASSROOM, Open
from explorer_page import ExplorerPage
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LOOK = Path(__file__).with_name("look.js").read_text()
SCREENS = (CLASSROOM, {"width": 1920, "height": 1080})
PROJECTORS = {1024: 768, 1280: 720, 1366: 768, 1920: 1080, 2560: 1440}
LEGIBLE = 4.5  # WCAG 2.2, contrast of text, level AA
FITS = "({ parentElement: line }) => line.scrollWidth <= line.clientWidth"
WHOLE = "(message) => message.textContent && message.scrollHeight <= message.clientHeight + 1"
STUBBORN = """() => [...document.querySelectorAll(".ow-controls > *")].filter((node) => {
  const { display } = node.style;
  node.style.display = "none"; // as a lesson hides what it is not about
  const seen = node.checkVisibility();
  node.style.display = display;
  return seen;
}).map((node) => node.className)"""
TEXTS = ".ow-explorer :is(button, select, p, .widget-label)"
SMALL = """(texts) => [...document.querySelectorAll(texts)]
  .filter((node) => node.checkVisibility() && node.textContent.trim())
  .map((node) => ({
    text: node.textContent, target: node.matches("button, select"), height: node.offsetHeight,
    size: parseFloat(getComputedStyle(node).fontSize),
  }))
  .filter(({ target, height, size }) => size < 13 || (target && height < 28))"""
CUT_OFF = """() => [...document.querySelectorAll(".ow-controls :is(button, .widget-label)")]
  .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
  .map((node) => node.textContent)"""
PALETTE = """() => {  // no grey is deeper than 2
  const spare = document.querySelector(".ow-matrix [role=gridcell]").cloneNode(true);
  document.querySelector(".ow-matrix [role=row]").append(spare);
  const tones = { count: 11, helps: 11, hurts: 11, noise: 3 };
  const all = Object.entries(tones);
  const seen = all.flatMap(([tone, depths]) => [...Array(depths).keys()].map((depth) => {
    Object.assign(spare.dataset, { tone, depth });
    return owLook.cell(spare);
  }));
  spare.remove();
  return seen;
}"""


@pytest.fixture(scope="module", params=["light", "dark"])
def lesson(request: pytest.FixtureRequest, open_lesson: Open) -> ExplorerPage:
    """Page shared by this module, in both themes."""
    explorer = open_lesson(f"?theme={request.param}")
    explorer.page.evaluate(LOOK)
    return explorer


def look(explorer: ExplorerPage, what: str) -> Any:
    return explorer.page.evaluate(f"owLook.{what}()")


def wait_for_none(explorer: ExplorerPage, what: str) -> None:
    """Wait until a list is empty: panels draw anew in the frames after a change of the window."""
    explorer.page.wait_for_function("(what) => owLook[what]().length === 0", arg=what)


def crowd(explorer: ExplorerPage) -> None:
    """Fullest page: notes on idle options, a note on an adjusted value, all cells used."""
    explorer.choose("Where the cut is made", "channel")
    explorer.choose("Who goes first", "random")
    explorer.set("Sparsity", 99)
    explorer.set("Bit-width", 0)
    explorer.choose("Win back", "bias")
    explorer.wait_for(sparsity=0.99, bits=1, pruning="channel", score="random", recovery="bias")


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: f"{screen['width']}px")
def test_nothing_scrolls_and_no_number_is_cut_off(
    explorer: ExplorerPage, screen: dict[str, int]
) -> None:
    explorer.page.set_viewport_size(screen)
    wait_for_none(explorer, "scrolling")
    crowd(explorer)
    assert look(explorer, "scrolling") == []
    assert [cell for cell in look(explorer, "cells") if not cell["fits"]] == []
    assert explorer.root.locator(".ow-message").evaluate(WHOLE)
    for name in ("accuracy", "drop", "bytes", "worst"):
        assert explorer.headline(name).evaluate(FITS), name


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: f"{screen['width']}px")
def test_digits_and_headline_can_be_read_from_the_back_row(
    explorer: ExplorerPage, screen: dict[str, int]
) -> None:
    explorer.page.set_viewport_size(screen)
    size = "(node) => parseFloat(getComputedStyle(node).fontSize)"
    assert min(cell["size"] for cell in look(explorer, "cells")) >= 13
    for name in ("accuracy", "bytes"):
        assert explorer.headline(name).evaluate(size) >= 28


@pytest.mark.parametrize("width", PROJECTORS)
def test_no_text_of_a_card_is_cut_off_on_a_projector(explorer: ExplorerPage, width: int) -> None:
    page = explorer.page
    explorer.root.get_by_role("button", name="Projector").click()
    expect(explorer.root).to_have_class(re.compile("ow-step-numbers"))
    page.set_viewport_size({"width": width, "height": PROJECTORS[width]})
    try:
        wait_for_none(explorer, "cutCards")
        wait_for_none(explorer, "scrolling")
    finally:
        explorer.root.get_by_role("button", name="Leave").click()
        page.set_viewport_size(CLASSROOM)


def test_controls_can_be_read_and_hit(explorer: ExplorerPage) -> None:
    assert explorer.page.evaluate(SMALL, TEXTS) == []


def test_every_control_can_be_hidden(explorer: ExplorerPage) -> None:
    assert explorer.page.evaluate(STUBBORN) == []


def test_notes_of_every_kind_fit_too(explorer: ExplorerPage) -> None:
    explorer.choose("Training", "quantization-aware")
    expect(explorer.root.get_by_role("note")).to_contain_text(
        "Quantization-aware training and codes take"
    )
    explorer.choose("Where the cut is made", "1:4")
    explorer.wait_for(pruning="1:4")
    wait_for_none(explorer, "scrolling")
    assert explorer.page.evaluate(CUT_OFF) == []


@pytest.mark.parametrize("sparsity", [0, 70, 88, 93, 97])
def test_every_count_stands_out_from_its_own_cell(explorer: ExplorerPage, sparsity: int) -> None:
    explorer.set("Sparsity", sparsity)
    explorer.wait_for(sparsity=sparsity / 100)
    filled = [cell for cell in look(explorer, "cells") if cell["text"]]
    assert len(filled) >= 20
    assert all(cell["opaque"] for cell in filled)
    assert [cell for cell in filled if cell["contrast"] < LEGIBLE] == []


def test_so_it_does_at_every_depth_of_every_colour(explorer: ExplorerPage) -> None:
    palette = explorer.page.evaluate(PALETTE)
    assert len({(cell["tone"], cell["depth"]) for cell in palette}) == 36
    assert all(cell["opaque"] for cell in palette)
    assert [cell for cell in palette if cell["contrast"] < LEGIBLE] == []


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: f"{screen['width']}px")
def test_nothing_moves_when_a_note_comes_or_a_cell_opens(
    explorer: ExplorerPage, screen: dict[str, int]
) -> None:
    explorer.page.set_viewport_size(screen)
    height = "() => document.querySelector('.ow-explorer').getBoundingClientRect().height"
    found = set()
    explorer.page.get_by_role("slider", name="Bit-width").focus()
    for key, bits in (("End", 32), ("ArrowLeft", 16), ("ArrowLeft", 8), ("Home", 1)):
        explorer.page.keyboard.press(key)
        explorer.wait_for(bits=bits)
        found.add(explorer.page.evaluate(height))
    explorer.root.get_by_role("gridcell").first.click()
    expect(explorer.root.locator(".ow-drawer.ow-shown")).to_be_visible()
    found.add(explorer.page.evaluate(height))
    explorer.page.keyboard.press("Escape")
    assert len(found) == 1
