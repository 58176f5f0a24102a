"""First key press on the slider in real Chromium, from navigation until its result is shown."""

from __future__ import annotations

from statistics import median
from time import monotonic
from typing import Any

from chromium import find_browser, launch
from playwright.sync_api import Browser, sync_playwright

PATIENCE_MS = 120_000
SHOWN = """() => {
  const { owState, owRecipe } = document.querySelector(".ow-explorer")?.dataset ?? {};
  return owState === "fresh" && JSON.parse(owRecipe).sparsity === 0.01;
}"""


def first_presses(url: str, rounds: int) -> dict[str, Any] | None:
    """Measure seconds until the slider reacts, each in a new profile; None without a browser."""
    found = find_browser()
    if found is None:
        return None
    with sync_playwright() as play:
        browser = launch(play, found)
        seconds = [first_press(browser, url) for _ in range(rounds)]
        browser.close()
    return {"median_s": median(seconds), "each_s": seconds}


def first_press(browser: Browser, url: str) -> float:
    """Open the page, press a key as soon as there is a slider handle, wait for the result."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    began = monotonic()
    page.goto(url, wait_until="commit")
    page.get_by_role("slider", name="Sparsity").press("ArrowRight")
    page.wait_for_function(SHOWN)
    took = monotonic() - began
    page.goto("about:blank")  # navigation makes Voila end the kernel; closing does not
    context.close()
    return took
