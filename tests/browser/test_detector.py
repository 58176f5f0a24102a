"""A detector on the page: its numbers, boxes, thresholds and scenes are the engine's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from explorer_page import ExplorerPage
from playwright.sync_api import Locator, Page, ViewportSize, expect
from test_access import RINGLESS, audit, tabs
from test_look import LOOK
from witness import Witness

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.tasks.detection_outcome import DetectionOutcome
from optiwidgets.engine.types.recipe import Recipe

pytestmark = pytest.mark.browser

PERCENT = 30  # of the weights: objects are lost, and others are still found
WIDTHS = (390, 768, 1024, 2560)
LINES = """(all) => all.map((name) => Math.round(
  name.getBoundingClientRect().height / parseFloat(getComputedStyle(name).lineHeight)))"""
Narrow = Callable[[int], None]
TOLD = re.compile(r"scene (\d+), \d+ objects: (\d+) lost, (\d+) gained")


@pytest.fixture(scope="module")
def outcomes() -> list[DetectionOutcome]:
    """Outcomes of the untouched and of the pruned detector, by the engine alone."""
    experiment = Experiment.load("scenes")
    recipes = Recipe(), Recipe(sparsity=PERCENT / 100)
    found = [experiment.run(recipe).outcome for recipe in recipes]
    return [outcome for outcome in found if isinstance(outcome, DetectionOutcome)]


@pytest.fixture(scope="module")
def frames() -> list[str]:
    """Messages of the kernel to the page, as text."""
    return []


@pytest.fixture(scope="module")
def page_of_all_cases(new_page: Callable[[], Page], voila: str, frames: list[str]) -> ExplorerPage:
    page = new_page()
    witness = Witness(page)
    page.on("websocket", lambda socket: socket.on("framereceived", keep(frames)))
    page.goto(voila + "?case=scenes&model=center")
    explorer = ExplorerPage(page, witness)
    explorer.wait_for()
    return explorer


def keep(frames: list[str]) -> Callable[[str | bytes], None]:
    return lambda frame: frames.append(frame if isinstance(frame, str) else frame.decode("latin-1"))


@pytest.fixture
def detector(page_of_all_cases: ExplorerPage) -> Iterator[ExplorerPage]:
    """The detector at 30 % sparsity, its scenes in view, at the first thresholds."""
    explorer = page_of_all_cases
    explorer.case.select_option("scenes of digits (boxes)")
    explorer.nudge("Sparsity", PERCENT)
    explorer.wait_for(sparsity=PERCENT / 100)
    explorer.root.get_by_role("tab", name="Scenes").click()
    set_threshold(explorer, "Overlap (IoU)", 0.5)
    set_threshold(explorer, "Score", 0.3)
    yield explorer
    assert explorer.witness.complaints == []


@pytest.fixture
def narrow(detector: ExplorerPage) -> Iterator[Narrow]:
    """Set the width of the window; it is the classroom's again afterwards."""
    detector.page.evaluate(LOOK)
    yield lambda width: detector.page.set_viewport_size(ViewportSize(width=width, height=844))
    detector.page.set_viewport_size(ViewportSize(width=1366, height=768))


def set_threshold(explorer: ExplorerPage, name: str, value: float) -> None:
    slider = explorer.slider(name)
    while abs(missing := value - float(slider.input_value())) > 0.01:
        slider.press("ArrowRight" if missing > 0 else "ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", f"{value:.2f}")


def scenes(explorer: ExplorerPage) -> Locator:
    return explorer.root.locator(".ow-scene:visible")


def objects_of_scenes(outcome: DetectionOutcome, objects: np.ndarray) -> np.ndarray:
    """Count marked objects by scene."""
    return np.bincount(outcome.true.images[objects], minlength=outcome.count)


def test_the_headline_is_the_map_of_the_live_run(
    detector: ExplorerPage, outcomes: list[DetectionOutcome]
) -> None:
    before, after = outcomes
    assert detector.value("map") == pytest.approx(after.map_50, abs=1e-6)
    expect(detector.headline("map")).to_have_text(f"{after.map_50:.1%}"[:-1] + " %")
    assert detector.headline("accuracy").count() == 0
    drop = after.drop_from(before)
    cards = detector.root.locator(".ow-cards")
    expect(cards).to_contain_text(f"drop {drop.points:.1f} points")
    expect(cards).to_contain_text(f"(95 %: {drop.low:.1f} to {drop.high:.1f})")
    told = cards.inner_text()
    assert f"from {100 * before.map_50:.1f} %" in told
    assert "accuracy" not in told


def test_lost_objects_of_the_worst_scene_are_the_engines(
    detector: ExplorerPage, outcomes: list[DetectionOutcome]
) -> None:
    before, after = outcomes
    lost = objects_of_scenes(before, before.found_objects & ~after.found_objects)
    gained = objects_of_scenes(before, after.found_objects & ~before.found_objects)
    assert lost.max() > 0
    told = TOLD.match(scenes(detector).first.get_attribute("aria-label") or "")
    assert told
    scene, *counts = map(int, told.groups())
    assert counts == [lost[scene], gained[scene]]
    assert lost[scene] == lost.max()
    objects = int((~before.true.crowd).sum())
    expect(detector.root.locator(".ow-scene-box")).to_contain_text(
        f"\N{MINUS SIGN}{lost.sum()} lost, +{gained.sum()} gained of {objects:,} objects"
    )


def test_boxes_and_card_move_while_the_button_is_down(detector: ExplorerPage) -> None:
    picture = detector.root.locator(".ow-scene canvas").first
    seen = []

    def look(stop: int) -> None:
        detector.wait_for(sparsity=detector.position("Sparsity") / 100)
        seen.append((detector.value("map"), picture.evaluate("(canvas) => canvas.toDataURL()")))

    detector.drag("Sparsity", 45, 80, meanwhile=look)
    maps, pictures = zip(*seen, strict=True)
    assert maps[0] > maps[1]
    assert pictures[0] != pictures[1]


def test_thresholds_change_the_matrix_without_a_new_evaluation(
    detector: ExplorerPage, outcomes: list[DetectionOutcome], frames: list[str]
) -> None:
    before, after = outcomes
    assert any("map_50" in frame for frame in frames)  # evaluations did send their figures
    detector.root.get_by_role("tab", name="Confusion").click()
    frames.clear()
    for overlap, score in ((0.5, 0.3), (0.75, 0.3), (0.75, 0.6)):
        set_threshold(detector, "Overlap (IoU)", overlap)
        set_threshold(detector, "Score", score)
        for name, outcome in (("Baseline", before), ("Optimized", after)):
            counts = outcome.confusion_at(overlap, score).counts.ravel()
            expect(detector.cells(name)).to_have_text([str(n) if n else "" for n in counts])
    assert not any("map_50" in frame for frame in frames)


def test_a_cell_and_a_scene_open_and_close_by_keyboard(
    detector: ExplorerPage, outcomes: list[DetectionOutcome]
) -> None:
    missed = outcomes[1].confusion.counts[:-1, -1]
    kind = int(missed.argmax())
    detector.root.get_by_role("tab", name="Confusion").click()
    cell = detector.cells("Optimized").nth(11 * kind + 10)
    expect(cell).to_have_text(str(missed[kind]))
    cell.focus()
    cell.press("Enter")
    box = detector.root.locator(".ow-scene-box")
    expect(box.locator("b")).to_contain_text(f"truth {kind}, prediction missed")
    close = detector.button("Close")
    expect(close).to_be_focused()
    close.press("Escape")
    expect(box.locator("b")).to_have_text("Scenes")
    first = scenes(detector).first
    index = first.get_attribute("data-index")
    first.focus()
    first.press("Enter")
    expect(close).to_be_focused()
    expect(box.locator("b")).to_have_text(f"Scene {index}")
    close.press("ArrowRight")
    expect(box.locator("b")).not_to_have_text(f"Scene {index}")
    close.press("ArrowLeft")
    expect(box.locator("b")).to_have_text(f"Scene {index}")
    assert audit(detector) == []
    close.press("Escape")
    expect(first).to_be_focused()


def test_the_projector_shows_the_scenes_too(detector: ExplorerPage) -> None:
    detector.button("Projector").click()
    detector.button("Next").click()
    expect(scenes(detector)).to_have_count(12)
    expect(detector.root.locator(".ow-scene-grid")).to_be_in_viewport(ratio=1)
    detector.button("Leave").click()


def test_axe_finds_nothing_grave_on_any_tab_and_every_stop_shows_a_ring(
    detector: ExplorerPage,
) -> None:
    found = {}
    for tab in tabs(detector):
        detector.page.keyboard.press("Tab")  # from here on, focus moves by keyboard
        reached, bare = detector.root.evaluate(RINGLESS)
        assert reached > 10
        found[tab] = audit(detector), bare
    assert len(found) == 6
    assert {tab: faults for tab, faults in found.items() if faults != ([], [])} == {}


@pytest.mark.parametrize("tab", ["Scenes", "Confusion"])
def test_no_number_is_cut_off_and_no_class_is_turned_needlessly(
    detector: ExplorerPage, narrow: Narrow, tab: str
) -> None:
    detector.root.get_by_role("tab", name=tab).click()
    for width in WIDTHS:
        narrow(width)
        detector.page.wait_for_function("() => owLook.cut().length === 0")
        page = detector.page.evaluate("() => [document.body.scrollWidth, innerWidth]")
        assert page[0] <= page[1], f"{width}px scrolls sideways"
        names = detector.root.locator(".ow-thresholds:visible label > span").evaluate_all(LINES)
        assert names == [1, 1]
    if tab == "Confusion":
        heads = detector.root.get_by_role("grid", name="Change").get_by_role("columnheader")
        modes = heads.evaluate_all("(all) => all.map((head) => getComputedStyle(head).writingMode)")
        assert modes == ["horizontal-tb"] * 10 + ["vertical-rl"]


def test_a_scene_that_opens_on_a_phone_is_in_view(detector: ExplorerPage, narrow: Narrow) -> None:
    narrow(390)
    card = scenes(detector).nth(7)
    card.scroll_into_view_if_needed()
    card.click()
    picture = detector.root.locator(".ow-scene-one canvas")
    expect(detector.button("Close")).to_be_in_viewport(ratio=1)
    expect(picture).to_be_in_viewport(ratio=1)
    expect(detector.root.locator(".ow-sum:visible")).to_have_text("8 of 300, worst first")
    detector.button("Close").click()
    expect(card).to_be_focused()


def test_the_case_menu_leads_to_the_digits_and_back(
    detector: ExplorerPage, outcomes: list[DetectionOutcome]
) -> None:
    detector.case.select_option("digits")
    expect(detector.headline("accuracy")).to_be_visible()
    detector.wait_for(sparsity=PERCENT / 100)
    assert detector.headline("map").count() == 0
    assert detector.cells("Optimized").count() == 100
    detector.case.select_option("smear fields (synthetic)")
    expect(scenes(detector).first).to_be_visible()
    expect(detector.policy.locator("option:checked")).to_have_text("medical image")
    detector.case.select_option("scenes of digits (boxes)")
    expect(detector.headline("map")).to_have_text(f"{outcomes[1].map_50:.1%}"[:-1] + " %")
    expect(scenes(detector).first).to_be_visible()
    assert detector.headline("accuracy").count() == 0
