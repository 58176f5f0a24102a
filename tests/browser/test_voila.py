"""Explorer on Voila, by mouse: the page shows the results of running a recipe."""

from __future__ import annotations

import pytest
from expected import expected, shown
from explorer_page import ExplorerPage
from playwright.sync_api import expect

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe

pytestmark = pytest.mark.browser


def test_dragging_sparsity_to_90_percent_shows_what_running_that_recipe_gives(
    explorer: ExplorerPage, digits: Experiment
) -> None:
    before = shown(explorer)
    explorer.set("Sparsity", 90)
    explorer.wait_for(sparsity=0.9)
    after = shown(explorer)
    assert after == expected(digits.run(Recipe()), digits.run(Recipe(sparsity=0.9)))
    assert after["Baseline"] == before["Baseline"]
    for changed in ("Optimized", "Change", "accuracy", "drop", "bytes", "recall", "parts"):
        assert after[changed] != before[changed], changed


def test_numbers_change_while_the_button_is_still_down(explorer: ExplorerPage) -> None:
    seen = []

    def look(stop: int) -> None:
        explorer.wait_for(sparsity=explorer.position("Sparsity") / 100)
        seen.append((explorer.value("accuracy"), explorer.value("bytes")))

    explorer.drag("Sparsity", 60, 88, 97, meanwhile=look)
    accuracies, sizes = zip(*seen, strict=True)
    assert sorted(accuracies, reverse=True) == list(accuracies)
    assert sizes[0] > sizes[1] > sizes[2]
    assert accuracies[0] > accuracies[2]


def test_both_sliders_and_every_choice_together_show_their_own_recipe(
    explorer: ExplorerPage, digits: Experiment
) -> None:
    explorer.set("Sparsity", 62)
    explorer.set("Bit-width", 3)
    explorer.choose("Where the cut is made", "layer")
    explorer.choose("Who goes first", "random")
    explorer.choose("One scale per", "channel")
    explorer.choose("Codes", "affine")
    explorer.choose("Range", "99.9 %")
    recipe = Recipe(0.62, "layer", "random", 4, "channel", "affine", "percentile")
    explorer.wait_for(bits=4, clip="percentile", scheme="affine")
    assert explorer.recipe() == recipe.as_dict() | {"layers": []}
    assert shown(explorer) == expected(digits.run(Recipe()), digits.run(recipe))


def test_the_baseline_says_so_in_words_and_numbers(
    explorer: ExplorerPage, digits: Experiment
) -> None:
    base = digits.run(Recipe())
    assert shown(explorer) == expected(base, base)
    assert explorer.recipe() == Recipe().as_dict() | {"layers": []}
    expect(explorer.headline("accuracy")).to_have_text(f"{base.confusion.accuracy:.1%}"[:-1] + " %")
    expect(explorer.headline("drop")).to_contain_text("0.0 points")
    expect(explorer.headline("bytes")).to_have_text(f"{base.size.total_bytes / 1024:.1f} KiB")


def test_what_a_cell_says_is_what_it_shows(explorer: ExplorerPage) -> None:
    explorer.set("Sparsity", 92)
    explorer.wait_for(sparsity=0.92)
    for name in ("Baseline", "Optimized", "Change"):
        spoken = [label.split(", ")[2].split()[0] for label in explorer.grid(name)]
        written = explorer.cells(name).all_inner_texts()
        assert len(spoken) == 100
        assert [text or "0" for text in written] == spoken


def test_reset_returns_every_handle_and_number_to_the_baseline(explorer: ExplorerPage) -> None:
    before = shown(explorer)
    explorer.set("Sparsity", 95)
    explorer.set("Bit-width", 3)
    explorer.choose("Where the cut is made", "channel")
    explorer.wait_for(sparsity=0.95, bits=4, pruning="channel")
    assert shown(explorer) != before
    explorer.button("Reset").click()
    explorer.wait_for(sparsity=0, bits=32, pruning="global")
    assert shown(explorer) == before
    assert (explorer.position("Sparsity"), explorer.position("Bit-width")) == (0, 9)


def test_another_model_keeps_the_handles_and_shows_its_own_numbers(
    explorer: ExplorerPage,
) -> None:
    wide = Experiment.load("digits", model="wide")
    recipe = Recipe(sparsity=0.8)
    explorer.set("Sparsity", 80)
    explorer.wait_for(sparsity=0.8)
    small = shown(explorer)
    explorer.model.select_option("wide")
    explorer.wait_for(sparsity=0.8)
    assert shown(explorer) == expected(wide.run(Recipe()), wide.run(recipe))
    explorer.model.select_option("small")
    explorer.wait_for(sparsity=0.8)
    assert shown(explorer) == small


def test_one_bit_disables_what_has_nothing_to_act_on_and_says_why(
    explorer: ExplorerPage,
) -> None:
    explorer.set("Bit-width", 0)
    explorer.wait_for(bits=1)
    for question in ("Codes", "Range"):
        expect(explorer.dropdown(question)).to_be_disabled()
    for button in explorer.choice("One scale per").get_by_role("button").all():
        expect(button).to_be_enabled()
    expect(explorer.root.get_by_role("note")).to_contain_text("1 bit is")
    explorer.set("Bit-width", 3)
    expect(explorer.dropdown("Codes")).to_be_enabled()
    expect(explorer.root.get_by_role("note")).to_have_count(0)


def test_a_clamp_shows_the_value_that_was_used(explorer: ExplorerPage) -> None:
    explorer.choose("Where the cut is made", "channel")
    explorer.set("Sparsity", 99)
    explorer.wait_for(sparsity=0.99, pruning="channel")
    status_text = explorer.line
    expect(status_text).to_contain_text("99% asked, 96.7% of channels removed (116 of 120)")
    explorer.set("Sparsity", 0)
    explorer.wait_for(sparsity=0)
    expect(status_text).to_be_hidden()


def test_the_other_case_shows_its_own_images_and_model(explorer: ExplorerPage) -> None:
    explorer.set("Sparsity", 55)
    explorer.case.select_option("blood cells (synthetic)")
    expect(explorer.cells("Optimized")).to_have_count(4)
    explorer.wait_for(sparsity=0.55)
    cells = Experiment.load("smear")
    assert shown(explorer) == expected(cells.run(Recipe()), cells.run(Recipe(sparsity=0.55)))
    assert explorer.model.locator("option").all_inner_texts() == ["small"]
    explorer.case.select_option("digits")
    expect(explorer.cells("Optimized")).to_have_count(100)
    explorer.wait_for(sparsity=0.55)
