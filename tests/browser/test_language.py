"""A page in German: names of its controls, nothing cut on a phone, links that keep the language."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
CUT = """() => [...document.querySelectorAll("label, button, th, td, option, select, [role=tab] *")]
  .filter((one) => one.clientWidth && getComputedStyle(one).overflowX === "hidden")
  .filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => one.textContent.trim())"""
OVER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOWN = "() => document.querySelector('.ow-explorer')?.dataset.owState === 'fresh'"


def test_a_page_in_german_is_whole_on_a_phone(new_page: Callable[[], Page], voila: str) -> None:
    page = new_page()
    page.set_viewport_size(PHONE)
    page.goto(f"{voila}voila/render/explorer.ipynb?lang=de")
    page.wait_for_function(SHOWN)
    for name in ("Sparsity", "Bitbreite"):
        expect(page.get_by_role("slider", name=name)).to_be_visible()
    for name in ("Zurücksetzen", "Link kopieren", "Beamer"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    expect(page.get_by_role("combobox", name="Einsatz")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "de"
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        assert (page.evaluate(OVER), page.evaluate(CUT)) == (0, []), tab.inner_text()
    page.get_by_role("slider", name="Bitbreite").press("ArrowLeft")
    expect(page.locator(".ow-explorer")).to_contain_text("16 Bit")
    page.wait_for_function(SHOWN)
