"""Classroom modes in a real browser: drawn digit, Play, covered numbers, projector."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import CLASSROOM
from explorer_page import ExplorerPage
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOK = Path(__file__).with_name("look.js").read_text()
SCREENS = ({"width": 1920, "height": 1080}, CLASSROOM)
WATCH = """() => {
  const root = document.querySelector(".ow-explorer");
  window.owShown = [];
  new MutationObserver(() => {
    if (root.dataset.owState === "fresh") owShown.push(JSON.parse(root.dataset.owRecipe).sparsity);
  }).observe(root, { attributeFilter: ["data-ow-recipe"] });
}"""
SMALL = """() => [...document.querySelectorAll(".ow-projector *")]
  .filter((node) => node.checkVisibility({ visibilityProperty: true }))
  .filter((node) => [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim()))
  .filter((node) => parseFloat(getComputedStyle(node).fontSize) * node.currentCSSZoom < 24)
  .map((node) => node.textContent)"""
OUTSIDE = """() => [...document.querySelectorAll(".ow-projector *")]
  .filter((node) => node.checkVisibility() && node.textContent.trim())
  .map((node) => [node.className, node.getBoundingClientRect()])
  .filter(([, { right, bottom }]) => right > innerWidth + 1 || bottom > innerHeight + 1)
  .map(([name]) => name)"""


def draw_a_four(explorer: ExplorerPage) -> None:
    box = explorer.root.locator(".ow-canvas").bounding_box()
    assert box
    mouse = explorer.page.mouse
    for line in ([(0.6, 0.12), (0.3, 0.55), (0.75, 0.55)], [(0.6, 0.35), (0.6, 0.88)]):
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in line]
        mouse.move(*places[0])
        mouse.down()
        for place in places[1:]:
            mouse.move(*place, steps=6)
        mouse.up()


def test_a_digit_drawn_is_read_by_both_and_flips_as_the_slider_drags(
    explorer: ExplorerPage,
) -> None:
    explorer.root.get_by_role("tab", name="Draw").click()
    words = explorer.root.locator(".ow-read .ow-words")
    expect(words).to_contain_text("Both read 0")  # a sample, which the first stroke replaces
    draw_a_four(explorer)
    expect(words).to_contain_text("Both read 4")

    def flips(stop: int) -> None:
        expect(words).to_contain_text("Flip: baseline reads 4" if stop > 90 else "Both read 4")

    explorer.drag("Sparsity", 40, 97, meanwhile=flips)
    row = explorer.root.get_by_role("list", name="Scores").get_by_role("listitem").nth(4)
    assert "4: baseline " in (row.get_attribute("aria-label") or "")
    explorer.button("Clear").click()
    expect(words).to_have_text("Draw a digit: both models read it.")
    explorer.root.locator(".ow-canvas").focus()
    explorer.page.keyboard.down("Space")
    for _ in range(9):
        explorer.page.keyboard.press("ArrowDown")
    explorer.page.keyboard.up("Space")
    expect(words).to_contain_text("baseline")


def test_play_shows_every_step_in_order_and_a_hand_on_the_slider_pauses_it(
    explorer: ExplorerPage,
) -> None:
    explorer.set("Sparsity", 93)
    explorer.wait_for(sparsity=0.93)
    explorer.root.locator(".ow-speed-of-play select").select_option("fast")
    explorer.page.evaluate(WATCH)
    explorer.button("Play").click()
    explorer.wait_for(sparsity=0.99)
    expect(explorer.button("Play")).to_be_visible()
    shown = explorer.page.evaluate("owShown")
    assert list(dict.fromkeys(shown)) == [0.94, 0.95, 0.96, 0.97, 0.98, 0.99]
    assert shown == sorted(shown)
    explorer.button("Play").click()
    expect(explorer.button("Pause")).to_be_visible()
    explorer.slider("Sparsity").focus()
    explorer.slider("Sparsity").press("ArrowRight")
    expect(explorer.button("Play")).to_be_visible()
    explorer.wait_for(sparsity=explorer.position("Sparsity") / 100)


def test_what_is_covered_is_so_for_the_eye_and_the_ear_until_a_key_or_a_guess(
    explorer: ExplorerPage,
) -> None:
    explorer.root.get_by_role("tab", name="Class").click()
    explorer.button("Blind vote").click()
    expect(explorer.headline("verdict")).to_have_text("Covered")
    card = explorer.root.locator('[aria-label="Verdict"]')
    expect(card).to_have_attribute("title", "vote first, then press V or Uncover")
    explorer.page.keyboard.press("v")
    expect(explorer.headline("verdict")).to_have_text("Nothing changed yet")
    explorer.button("Predict").click()
    explorer.slider("Sparsity").press("PageUp")
    expect(explorer.root.get_by_role("grid", name="Optimized")).to_have_count(0)
    expect(explorer.root.get_by_role("region", name="Accuracy")).to_have_count(0)
    expect(explorer.root.locator(".ow-spoken")).to_have_text("covered")
    explorer.root.get_by_role("textbox", name="Accuracy, %").fill("90")
    explorer.page.keyboard.press("Enter")
    expect(explorer.root.get_by_role("grid", name="Optimized")).to_be_visible()
    expect(explorer.root.get_by_role("img", name="guess 90 percent")).to_be_visible()
    expect(explorer.root.get_by_role("region", name="Accuracy")).to_contain_text("you said 90.0 %")
    explorer.button("Stop").click()


def test_a_projector_shows_one_large_thing_at_a_time_and_a_clicker_turns(
    explorer: ExplorerPage,
) -> None:
    explorer.set("Sparsity", 97)
    explorer.wait_for(sparsity=0.97)
    explorer.page.evaluate(LOOK)
    explorer.button("Projector").click()
    expect(explorer.root.get_by_role("grid", name="Change")).to_be_hidden()
    expect(explorer.headline("verdict")).to_have_text("Bad")
    for screen in SCREENS:
        explorer.page.set_viewport_size(screen)
        for key, grids in (("PageDown", 2), ("PageDown", 1), ("PageUp", 2), ("PageUp", 0)):
            explorer.page.keyboard.press(key)
            expect(explorer.root.get_by_role("grid")).to_have_count(grids)
            assert explorer.page.evaluate(SMALL) == []
            assert explorer.page.evaluate(OUTSIDE) == []
            explorer.page.wait_for_function("() => owLook.scrolling().length === 0")
    explorer.page.keyboard.press("Escape")
    expect(explorer.button("Projector")).to_be_visible()
    expect(explorer.root.get_by_role("grid")).to_have_count(3)
