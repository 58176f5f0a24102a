"""Values that no user can enter: the last valid state is kept, and the page shows the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from expected import shown
from explorer_page import ExplorerPage
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

FORGE = Path(__file__).with_name("forge.js").read_text()


def send_forged(explorer: ExplorerPage, description: str, *values: object) -> None:
    """Set a control's value over a separate websocket, bypassing the page."""
    settings = explorer.page.locator("#jupyter-config-data").text_content() or "{}"
    sent = {"kernel": json.loads(settings)["kernelId"], "description": description}
    explorer.page.evaluate(FORGE, {**sent, "values": values})


@pytest.mark.parametrize("typed", ["abc", "NaN", "-", "", "1e999", "<b>9</b>"])
def test_text_typed_for_a_number_leaves_the_last_good_state(
    explorer: ExplorerPage, typed: str
) -> None:
    explorer.set("Sparsity", 35)
    explorer.wait_for(sparsity=0.35)
    before = shown(explorer)
    readout = explorer.root.locator(".ow-percent .widget-readout")
    readout.fill(typed)
    readout.press("Enter")
    explorer.wait_for(sparsity=explorer.position("Sparsity") / 100)
    assert explorer.position("Sparsity") in (1, 9, 35)  # the number in the text, or the last one
    if explorer.position("Sparsity") == 35:
        assert shown(explorer) == before


def test_a_number_typed_beyond_the_range_is_clamped_to_it(explorer: ExplorerPage) -> None:
    readout = explorer.root.locator(".ow-percent .widget-readout")
    for typed, used in (("500", 99), ("-20", 0), ("64", 64)):
        readout.fill(typed)
        readout.press("Enter")
        explorer.wait_for(sparsity=used / 100)
        assert explorer.position("Sparsity") == used
        assert readout.inner_text() == str(used)


FORGED = ["abc", 500, -1, 4.5, None, True, [1] * 1000, {"a": 1}, "x" * 10**6]


def test_forged_messages_change_nothing_and_are_refused_on_screen(explorer: ExplorerPage) -> None:
    explorer.set("Sparsity", 45)
    explorer.wait_for(sparsity=0.45)
    before = shown(explorer)
    send_forged(explorer, "Sparsity", *FORGED)
    expect(explorer.root.get_by_role("alert")).to_contain_text("Sparsity: refused")
    assert "Sparsity: refused" in explorer.message()
    explorer.wait_for(sparsity=0.45)
    assert shown(explorer) == before
    assert explorer.position("Sparsity") == 45
    explorer.slider("Sparsity").press("ArrowRight")
    explorer.wait_for(sparsity=0.46)
    expect(explorer.root.get_by_role("alert")).to_be_hidden()


def test_what_a_second_client_may_ask_for_moves_the_handle_too(explorer: ExplorerPage) -> None:
    send_forged(explorer, "Sparsity", 77)
    explorer.wait_for(sparsity=0.77)
    assert explorer.position("Sparsity") == 77
