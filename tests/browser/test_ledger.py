"""Share link, history by keys, and the histogram of weights during a drag."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from explorer_page import ExplorerPage
from playwright.sync_api import expect

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Open = Callable[[str], ExplorerPage]


@pytest.fixture(scope="module")
def linked(open_lesson: Open) -> ExplorerPage:
    return open_lesson("voila/render/explorer.ipynb?policy=medical+image&sparsity=0.6&bits=5")


def test_a_link_opens_what_it_says_and_the_page_makes_it_again(linked: ExplorerPage) -> None:
    linked.wait_for(sparsity=0.6, bits=5)
    expect(linked.root.get_by_role("region", name="Verdict")).to_contain_text("medical image")
    linked.slider("Sparsity").press("ArrowRight")
    linked.wait_for(sparsity=0.61)
    linked.button("Copy link").click()
    link = linked.root.get_by_role("textbox", name="Link")
    expect(link).to_have_value(
        re.compile(
            r"/explorer\.ipynb\?case=digits&model=small&policy=medical.*sparsity=0\.61&bits=5$"
        )
    )
    assert link.evaluate("(node) => node.selectionEnd - node.selectionStart === node.value.length")
    expect(linked.root.get_by_role("textbox", name="Recipe")).to_have_value(
        str(Recipe(sparsity=0.61, bits=5))
    )
    linked.page.keyboard.press("Escape")
    expect(link).to_be_hidden()


def test_keys_bring_back_what_was_tried(linked: ExplorerPage) -> None:
    linked.root.get_by_role("tab", name="History").click()
    rows = linked.root.get_by_role("region", name="Recipes tried").locator("tbody tr")
    before = linked.recipe()
    expect(rows.last).to_contain_text("61 % sparsity, 5 bits")  # settled: recorded only then
    linked.slider("Bit-width").press("ArrowLeft")
    linked.wait_for(bits=4)
    expect(rows.last).to_contain_text("61 % sparsity, 4 bits")
    linked.page.keyboard.press("Control+z")
    linked.wait_for(bits=before["bits"])
    assert linked.recipe() == before
    linked.page.keyboard.press("Control+Shift+z")
    linked.wait_for(bits=4)


def test_the_weights_move_with_the_sliders(linked: ExplorerPage, digits: Experiment) -> None:
    linked.root.get_by_role("tab", name="Weights").click()
    linked.slider("Bit-width").press("ArrowLeft")
    linked.wait_for(bits=3)
    shown = linked.recipe()
    layers = digits.run(Recipe(sparsity=shown["sparsity"], bits=3)).weights()
    rows = linked.root.get_by_role("region", name="Layers").locator("tbody tr")
    for row, layer in zip(rows.all(), layers, strict=True):
        expect(row).to_contain_text(
            f"{layer.name}{layer.before.size:,}{layer.pruned:,}{layer.distinct}3"
        )
    expect(linked.root.locator(".ow-weights")).to_contain_text("7 values a code can stand for")
    assert linked.witness.complaints == []


def test_a_link_that_means_nothing_says_so(open_lesson: Open) -> None:
    explorer = open_lesson("?bits=99")
    expect(explorer.root.get_by_role("alert")).to_contain_text("1 to 8, 16 or 32, not 99")
    explorer.wait_for(sparsity=0, bits=32)
