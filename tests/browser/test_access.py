"""Accessibility: no serious finding of axe, no chatter, no needless motion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import CLASSROOM, PATIENCE_MS, Open
from explorer_page import SHOWS, ExplorerPage
from playwright.sync_api import Browser, Page, expect
from witness import Witness

pytestmark = pytest.mark.browser

FRAME_MS = 17
REST_MS, BREATH_MS = 250, 1000  # a drag is idle after this time, between two announcements
GRAVE = ("serious", "critical")
LESSONS = ("40_quantization", "30_pruning", "60_trade_off", "80_ship_it")
MOVING = """(root) => [root, ...root.querySelectorAll("*")].flatMap((node) =>
  ["", "::before", "::after"].filter((part) => {
    const { animationName, transitionDuration, transitionProperty } = getComputedStyle(node, part);
    return animationName !== "none"
      || (transitionProperty !== "none" && /[1-9]/.test(transitionDuration));
  }).map((part) => `${node.tagName}.${node.className}${part}`))"""
RINGLESS = """(root) => {
  const reached = [...root.querySelectorAll("button, select, input, textarea, a[href], "
    + "summary, [tabindex], [contenteditable=true]")].filter((node) => node.checkVisibility()
    && node.tabIndex >= 0 && !node.disabled && !node.closest("[inert]"));
  const bare = reached.filter((node) => {
    node.focus();
    const { outlineStyle, outlineWidth } = getComputedStyle(node);
    return node === document.activeElement
      && (outlineStyle === "none" || parseFloat(outlineWidth) < 2);
  });
  document.activeElement.blur();
  return [reached.length, bare.map((node) => node.outerHTML.slice(0, 120))];
}"""
LISTEN = """(root) => {
  window.owSaid = [];
  const loud = '[role="alert"], [role="status"], [aria-live]:not([aria-live="off"])';
  const hear = (records) => {
    for (const { target } of records) {
      const region = (target.closest ? target : target.parentElement)?.closest(loud);
      if (!region || region.ariaLive === "off" || !region.textContent) continue;
      owSaid.push([region.role ?? region.ariaLive, region.textContent, performance.now()]);
    }
  };
  window.owEar?.disconnect();
  window.owEar = new MutationObserver(hear);
  owEar.observe(root, { childList: true, characterData: true, subtree: true });
}"""


BUSY = "The kernel is busy."  # from optiwidgets/widgets/explorer/connection.js
# Its own element: the page restores the names of its own sliders on each draw.
ADD_NAMELESS_SLIDER = """(root) => {
  const slider = document.createElement("div");
  slider.id = "nameless";
  slider.role = "slider";
  slider.tabIndex = 0;
  slider.ariaValueNow = "1";
  slider.ariaValueMin = "0";
  slider.ariaValueMax = "2";
  root.append(slider);
}"""


def audit(explorer: ExplorerPage) -> list[tuple[str, Any]]:
    """List the serious findings of axe in the explorer, with their elements."""
    options = {"resultTypes": ["violations"]}
    explorer.root.evaluate("(root) => { root.dataset.audited = 'yes'; }")
    found = Axe().run(explorer.page, "[data-audited]", options).response["violations"]
    explorer.root.evaluate("(root) => { delete root.dataset.audited; }")
    return [
        (rule["id"], [node["html"][:200] for node in rule["nodes"]])
        for rule in found
        if rule["impact"] in GRAVE
    ]


def tabs(explorer: ExplorerPage) -> Iterator[str]:
    """Open each tab in turn, and wait for it."""
    for tab in explorer.root.get_by_role("tab").all():
        tab.click()
        explorer.wait_for()
        expect(explorer.root.locator(".ow-stale:visible")).to_have_count(0)
        yield tab.inner_text()


def test_axe_finds_nothing_grave_on_the_first_tab(explorer: ExplorerPage) -> None:
    explorer.slider("Bit-width").press("Home")
    explorer.wait_for(bits=1)
    assert audit(explorer) == []
    explorer.root.evaluate(ADD_NAMELESS_SLIDER)
    found = audit(explorer)
    explorer.root.locator("#nameless").evaluate("(slider) => slider.remove()")  # the page is shared
    assert [rule for rule, _ in found] == ["aria-input-field-name"]  # axe does check it


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_grave_on_any_tab(open_lesson: Open, theme: str) -> None:
    explorer = open_lesson(f"?theme={theme}")
    explorer.set("Sparsity", 88)
    explorer.set("Bit-width", 3)
    explorer.wait_for(sparsity=0.88, bits=4)
    found = {tab: audit(explorer) for tab in tabs(explorer)}
    assert len(found) >= 3
    assert {tab: grave for tab, grave in found.items() if grave} == {}


@pytest.mark.slow
@pytest.mark.parametrize("lesson_name", LESSONS)
def test_axe_finds_nothing_grave_in_a_lessons_explorers(
    new_page: Callable[[], Page], voila: str, lesson_name: str
) -> None:
    page = new_page()
    page.goto(f"{voila}voila/render/{lesson_name}.ipynb")
    answer_all(page)
    page.wait_for_selector(".ow-explorer[data-ow-state=fresh]", state="attached")
    places = range(page.locator(".ow-explorer").count())
    explorers = [ExplorerPage(page, Witness(page), place) for place in places]
    for explorer in explorers:
        expect(explorer.root).to_have_attribute("data-ow-state", "fresh")
        assert audit(explorer) == []
    assert explorers
    page.goto("about:blank")


def answer_all(page: Page) -> None:
    """Answer every question with choices: predictions uncover the explorers below them."""
    page.wait_for_selector(".ow-quiz [role=status]", state="attached")
    expect(page.locator(".ow-quiz:not([data-ow-question])")).to_have_count(0)  # all are drawn
    for card in page.locator(".ow-quiz").filter(has=page.get_by_role("radio")).all():
        if card.is_visible():
            card.get_by_role("radio").first.check()
            card.get_by_role("button", name="Check").click()
            expect(card).to_have_attribute("data-ow-outcome", re.compile("correct"))


class Paced:
    """Explorer on a page whose clock advances only when a test says so."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.clock.install()
        page.goto(url)
        self.explorer = ExplorerPage(page, Witness(page))
        self.explorer.wait_for()
        page.clock.pause_at(page.evaluate("Date.now()") + 60_000)
        page.clock.run_for(2 * BREATH_MS)  # the announcements of opening are done

    def pass_by(self, milliseconds: int) -> list[tuple[str, str, float]]:
        """Advance the clock; return all announcements so far: role, text, time.

        Messages of a slow kernel are left out: here frames pass faster than a kernel can answer.
        """
        self.page.clock.run_for(milliseconds)
        said = self.page.evaluate("owSaid")
        return [(role, words, ms) for role, words, ms in said if not words.startswith(BUSY)]

    def until_fresh(self, **recipe: object) -> None:
        """Advance frame by frame until a report answers the control; then stop the clock."""
        while not self.page.evaluate(SHOWS, recipe):
            self.page.clock.run_for(FRAME_MS)


@pytest.fixture
def paced(browser: Browser, voila: str) -> Iterator[Paced]:
    with browser.new_context(viewport=CLASSROOM) as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        yield Paced(page, voila)
        page.clock.resume()
        page.goto("about:blank")


def test_a_drag_is_not_read_aloud_update_by_update(paced: Paced) -> None:
    explorer = paced.explorer
    explorer.choose("Where the cut is made", "channel")  # adjusted values give long texts
    paced.until_fresh(pruning="channel")
    explorer.page.clock.run_for(2 * BREATH_MS)
    explorer.root.evaluate(LISTEN)
    pictures = []

    def look(stop: int) -> None:
        paced.until_fresh(sparsity=explorer.position("Sparsity") / 100)
        pictures.append(explorer.recipe()["sparsity"])
        paced.pass_by(REST_MS - 2 * FRAME_MS)  # shorter than the idle time

    explorer.drag("Sparsity", *range(60, 99, 6), 99, meanwhile=look)
    assert len(set(pictures)) == len(pictures) == 8
    assert paced.pass_by(0) == []  # all reports were fresh: no announcement
    (said,) = paced.pass_by(REST_MS)
    assert said[0] == "status"  # no error occurred
    assert said[1].startswith("accuracy ")
    assert "96.7% of channels removed" in said[1]


def test_between_two_things_said_aloud_there_is_a_breath(paced: Paced) -> None:
    paced.explorer.root.evaluate(LISTEN)
    for number, sparsity in ((1, 0.05), (2, 0.1)):
        paced.explorer.slider("Sparsity").press("PageUp")
        paced.until_fresh(sparsity=sparsity)
        while len(said := paced.pass_by(FRAME_MS)) < number:
            pass
    (_, first, sooner), (_, second, later) = said
    assert first != second
    assert later - sooner >= BREATH_MS


def test_who_asked_for_less_motion_gets_none(explorer: ExplorerPage) -> None:
    assert explorer.root.evaluate(MOVING) != []
    explorer.page.emulate_media(reduced_motion="reduce")
    try:
        for tab in tabs(explorer):
            assert explorer.root.evaluate(MOVING) == [], tab
    finally:
        explorer.page.emulate_media(reduced_motion="no-preference")


def test_every_stop_of_the_tab_key_shows_a_ring(explorer: ExplorerPage) -> None:
    explorer.slider("Bit-width").press("Home")
    for tab in tabs(explorer):
        explorer.page.keyboard.press("Tab")  # from here on, focus moves by keyboard
        reached, bare = explorer.root.evaluate(RINGLESS)
        assert reached > 10
        assert bare == [], tab
