"""Operation by keyboard and screen reader, without a mouse; the focus ring is visible."""

from __future__ import annotations

import pytest
from explorer_page import ExplorerPage
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

BUTTONS = ("Where the cut is made", "One scale per", "Rounding")
DROPDOWNS = ("Who goes first", "Codes", "Range", "Activation bits", "Win back", "Training")
FOCUSED = """() => {
  const node = document.activeElement;
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(node);
  const near = node.closest("[role=group], [role=grid]")?.getAttribute("aria-label");
  const name = node.ariaLabel ?? node.labels?.[0]?.textContent ?? node.textContent;
  return {
    inside: !!node.closest(".ow-explorer"),
    name: (near ? near + ": " : "") + name.trim(),
    ring: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && outlineColor,
  };
}"""


def tab_through(explorer: ExplorerPage) -> dict[str, str]:
    """Press Tab from the top of the page to the end of the explorer; return names and rings."""
    explorer.page.mouse.click(1, 1)  # Tab starts at the last click
    stops: dict[str, str] = {}
    for _ in range(100):
        explorer.page.keyboard.press("Tab")
        focused = explorer.page.evaluate(FOCUSED)
        if focused["inside"]:
            stops[focused["name"]] = focused["ring"]
        elif stops:
            return stops
    raise AssertionError(f"Tab never leaves the explorer: {list(stops)}")


def test_tab_reaches_every_control_and_each_shows_a_focus_ring(explorer: ExplorerPage) -> None:
    explorer.set("Bit-width", 3)  # at 4 bits all options have an effect
    explorer.wait_for(bits=4)
    stops = tab_through(explorer)
    buttons = [
        f"{question}: {button}"
        for question in BUTTONS
        for button in explorer.choice(question).get_by_role("button").all_inner_texts()
    ]
    grids = [f"{grid}: {explorer.grid(grid)[0]}" for grid in ("Baseline", "Optimized", "Change")]
    sliders = {"Sparsity", "Bit-width"}
    others = {"Model", "Reset", "Fine-tune", "Confusion"}
    assert sliders | others | {*DROPDOWNS, *buttons, *grids} <= set(stops)
    assert [name for name, ring in stops.items() if not ring] == []


def test_groups_of_controls_fold_by_keyboard_and_hide_no_state(explorer: ExplorerPage) -> None:
    headings = {name: explorer.heading(name) for name in ("Remove weights", "Fewer bits")}
    explorer.dropdown("Who goes first").press("ArrowDown")
    explorer.wait_for(score="random")
    for heading in headings.values():
        heading.press("Enter")
        expect(heading).to_have_attribute("aria-expanded", "false")
    for name in ("Who goes first", "Codes", "Activation bits"):
        expect(explorer.dropdown(name)).to_have_count(0)
    expect(explorer.slider("Sparsity")).to_be_visible()
    expect(headings["Remove weights"]).to_contain_text("random")
    headings["Remove weights"].press("Space")
    expect(explorer.dropdown("Who goes first")).to_be_visible()
    expect(explorer.dropdown("Codes")).to_have_count(0)


IN_VIEW = """(node) => {
  const { left, right, top, bottom } = node.getBoundingClientRect();
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return node.contains(document.elementFromPoint(x, y));
}"""


def test_on_a_phone_slider_accuracy_and_tabs_stay_in_view_and_cover_no_focus(
    explorer: ExplorerPage,
) -> None:
    size = explorer.page.viewport_size
    assert size
    explorer.page.set_viewport_size({"width": 390, "height": 844})
    try:
        cells = explorer.cells("Optimized")
        cells.last.focus()
        cells.first.focus()
        expect(explorer.root.locator(".ow-strip.ow-shown")).to_have_count(1)
        tab = explorer.root.get_by_role("tab", name="Confusion")
        for node in (cells.first, explorer.slider("Sparsity"), explorer.slider("Bit-width"), tab):
            assert node.evaluate(IN_VIEW)
        strip = explorer.root.locator(".ow-strip p")
        expect(strip).to_be_in_viewport()
        expect(strip).to_contain_text(explorer.headline("accuracy").inner_text())
        explorer.slider("Sparsity").press("End")
        explorer.wait_for(sparsity=0.99)
        expect(strip).to_contain_text(explorer.headline("accuracy").inner_text())
        assert cells.first.evaluate(IN_VIEW)
    finally:
        explorer.page.set_viewport_size(size)
    expect(explorer.root.locator(".ow-strip.ow-shown")).to_have_count(0)


def test_arrow_keys_move_a_slider_and_what_it_says(explorer: ExplorerPage) -> None:
    sparsity, bits = explorer.slider("Sparsity"), explorer.slider("Bit-width")
    for key, position in (("ArrowRight", 1), ("ArrowUp", 2), ("End", 99), ("ArrowLeft", 98)):
        sparsity.press(key)
        explorer.wait_for(sparsity=position / 100)
        assert explorer.position("Sparsity") == position
        expect(sparsity).to_have_attribute("aria-valuetext", f"{position} percent")
    for key, width in (("ArrowLeft", 16), ("ArrowDown", 8), ("Home", 1)):
        bits.press(key)
        explorer.wait_for(bits=width)
        expect(bits).to_have_attribute("aria-valuetext", f"{width} bit{'s' * (width > 1)}")


def test_space_and_enter_press_buttons(explorer: ExplorerPage) -> None:
    explorer.slider("Sparsity").press("PageUp")
    layer = explorer.choice("Where the cut is made").get_by_role("button", name="layer")
    layer.press("Space")
    explorer.wait_for(pruning="layer")
    expect(layer).to_have_attribute("aria-pressed", "true")
    explorer.button("Reset").press("Enter")
    explorer.wait_for(pruning="global", score="magnitude", sparsity=0)
    expect(layer).to_have_attribute("aria-pressed", "false")


def test_scores_and_what_wins_back_can_be_chosen_with_arrow_keys(explorer: ExplorerPage) -> None:
    explorer.slider("Sparsity").press("End")
    explorer.dropdown("Who goes first").press("ArrowDown")
    explorer.wait_for(sparsity=0.99, score="random")
    for value in ("recalibrate", "bias", "refit"):
        explorer.dropdown("Win back").press("ArrowDown")
        explorer.wait_for(sparsity=0.99, score="random", recovery=value)
    explorer.slider("Bit-width").press("Home")
    gptq = explorer.choice("Rounding").get_by_role("button", name="GPTQ")
    expect(gptq).to_be_enabled()  # floats are not rounded
    gptq.press("Space")
    explorer.wait_for(bits=1, rounding="gptq", recovery="refit")


def test_a_pattern_takes_the_slider_away_and_brings_it_back(explorer: ExplorerPage) -> None:
    patterns = explorer.choice("Where the cut is made")
    patterns.get_by_role("button", name="2:4").press("Enter")
    explorer.wait_for(pruning="2:4", sparsity=0.5)
    expect(explorer.slider("Sparsity")).to_have_attribute("aria-disabled", "true")
    expect(explorer.slider("Sparsity")).to_have_attribute("aria-valuetext", "50 percent")
    expect(explorer.root.get_by_role("note")).to_contain_text("2:4 keeps 2 of every 4 weights")
    patterns.get_by_role("button", name="global").press("Enter")
    explorer.wait_for(pruning="global", sparsity=0)  # its position before
    explorer.slider("Sparsity").press("ArrowRight")
    explorer.wait_for(pruning="global", sparsity=0.01)


def test_the_model_can_be_chosen_with_arrow_keys(explorer: ExplorerPage) -> None:
    small = explorer.value("bytes")
    explorer.model.press("ArrowDown")
    explorer.wait_for(sparsity=0)
    assert explorer.value("bytes") > 2 * small
    explorer.model.press("ArrowUp")
    explorer.wait_for(sparsity=0)
    assert explorer.value("bytes") == small


def test_arrow_keys_walk_the_cells_of_a_matrix_and_stay_inside(explorer: ExplorerPage) -> None:
    cells = explorer.cells("Optimized")
    cells.first.focus()
    path = ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft"]
    for key, place in zip(path, (0, 0, 1, 11, 21, 20), strict=True):
        explorer.page.keyboard.press(key)
        expect(cells.nth(place)).to_be_focused()
    explorer.page.keyboard.press("ArrowLeft")
    expect(cells.nth(20)).to_be_focused()
    assert explorer.page.evaluate(FOCUSED)["ring"]
    assert cells.evaluate_all("(cells) => cells.filter((c) => c.tabIndex === 0).length") == 1


def test_the_figures_tab_opens_by_keyboard(explorer: ExplorerPage) -> None:
    tabs = explorer.root.get_by_role("tab")
    tabs.first.focus()
    for name in tabs.all_inner_texts()[1:]:
        explorer.page.keyboard.press("ArrowRight")
        expect(explorer.root.get_by_role("tab", name=name, exact=True)).to_be_focused()
    assert name == "Figure"
    explorer.page.keyboard.press("Enter")
    expect(explorer.root.get_by_role("link", name="PNG")).to_be_visible()


def test_sliders_matrices_and_headline_have_names_and_values_to_hear(
    explorer: ExplorerPage,
) -> None:
    expect(explorer.slider("Sparsity")).to_have_attribute("aria-valuetext", "0 percent")
    expect(explorer.slider("Bit-width")).to_have_attribute("aria-valuetext", "32 bits")
    expect(explorer.button("Reset")).to_be_visible()
    for grid in ("Baseline", "Optimized", "Change"):
        labels = explorer.grid(grid)
        assert len(labels) == 100
        assert labels[49].startswith("truth 4, prediction 9, ")
    assert sum(label.endswith(" 0 images") for label in explorer.grid("Change")) == 100
    explorer.slider("Sparsity").press("PageUp")
    accuracy = explorer.headline("accuracy")
    expect(explorer.root.locator(".ow-spoken")).to_contain_text(
        f"accuracy {accuracy.inner_text()[:-2]}"
    )
