"""Images of a cell: opened by mouse and keys, live while a slider is dragged, the right ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from conftest import PATIENCE_MS
from explorer_page import LABELS, ExplorerPage
from playwright.sync_api import Locator, expect

from optiwidgets.engine.evaluation.comparison import flows, inspect_cell, worst_class
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.session.queries import exploration_pixels
from optiwidgets.session.session import Session

pytestmark = pytest.mark.browser

MINUS = "\N{MINUS SIGN}"
PIXELS = """(canvas) => {
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return [height, width, ...copy.getImageData(0, 0, width, height).data];
}"""
SHOWS = """(wanted) => String([...document.querySelectorAll(".ow-shots .ow-shot")]
  .map((shot) => Number(shot.dataset.index))) === String(wanted)"""
TALLER = "() => document.documentElement.scrollHeight > document.documentElement.clientHeight"


@pytest.fixture
def explorer(explorer: ExplorerPage) -> Iterator[ExplorerPage]:
    yield explorer
    if drawer(explorer).is_visible():
        explorer.button("Close").click()
        expect(drawer(explorer)).to_be_hidden()


def drawer(explorer: ExplorerPage) -> Locator:
    return explorer.root.get_by_role("region", name="Images of the cell")


def wait_for_images(explorer: ExplorerPage, places: Any) -> None:
    explorer.page.wait_for_function(SHOWS, arg=[int(place) for place in places[:24]])


def drawn(canvas: Locator) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Read the pixels of a canvas, H W 3, 0..1."""
    height, width, *values = canvas.evaluate(PIXELS)
    return np.array(values, float).reshape(height, width, 4)[:, :, :3] / 255


def test_keys_open_a_cell_and_give_the_focus_back(explorer: ExplorerPage) -> None:
    explorer.set("Sparsity", 85)
    explorer.wait_for(sparsity=0.85)
    explorer.cells("Change").nth(0).focus()
    explorer.page.keyboard.press("ArrowDown")
    explorer.page.keyboard.press("ArrowRight")
    name = explorer.grid("Change")[11]
    tip = explorer.root.get_by_role("tooltip")
    expect(tip).to_contain_text("truth 1, prediction 1")
    before, after = (
        re.findall(r"\d+", explorer.grid(g)[11])[-1] for g in ("Baseline", "Optimized")
    )
    expect(tip).to_contain_text(
        re.compile(rf"baseline\s*{before} images.*optimized\s*{after} images")
    )
    expect(tip).to_contain_text(f"{int(after) - int(before):+d} images")
    explorer.page.keyboard.press("Enter")
    expect(explorer.button("Close")).to_be_focused()
    expect(drawer(explorer)).to_contain_text(f"{before} before, {after} now")
    expect(explorer.root.locator('[aria-selected="true"][role="gridcell"]')).to_have_count(3)
    explorer.page.keyboard.press("Escape")
    expect(drawer(explorer)).to_be_hidden()
    expect(explorer.root.get_by_role("gridcell", name=name, exact=True).last).to_be_focused()


def test_the_images_of_an_open_cell_follow_the_slider(
    explorer: ExplorerPage, digits: Experiment
) -> None:
    base, found = digits.run(Recipe()), None
    explorer.cells("Baseline").nth(88).click()
    for position in (80, 90):
        explorer.set("Sparsity", position)
        explorer.wait_for(sparsity=position / 100)
        report = digits.run(Recipe(sparsity=position / 100))
        found = inspect_cell(base, report, 8, 8)
        wait_for_images(explorer, found.images)
    assert not explorer.page.evaluate(TALLER)
    lost = report.confusion.counts[8, 8] < base.confusion.counts[8, 8]
    assert lost
    first = drawer(explorer).locator(".ow-shot").first
    expect(first).to_contain_text(f"{MINUS} lost")
    place = int(found.images[0])
    own = exploration_pixels(digits, [place])[0]
    assert np.abs(drawn(first.locator("canvas")) - own).max() < 0.003
    first.focus()
    explorer.page.keyboard.press("Enter")
    scores = explorer.root.get_by_role("list", name="Scores of the image").get_by_role("listitem")
    for position in (90, 70):
        explorer.set("Sparsity", position)
        explorer.wait_for(sparsity=position / 100)
        report = digits.run(Recipe(sparsity=position / 100))
        assert scores.evaluate_all(LABELS) == [
            f"class {k}{', the truth' if k == 8 else ''}: "
            f"{100 * base.scores[place, k]:.0f} % before, {100 * report.scores[place, k]:.0f} % now"
            for k in range(10)
        ]
    explorer.button("Back to the cell").click()
    wait_for_images(explorer, inspect_cell(base, report, 8, 8).images)


def test_what_changed_names_the_mistakes_and_opens_them(
    explorer: ExplorerPage, digits: Experiment
) -> None:
    explorer.root.get_by_role("tab", name="What changed").click()
    lamp = explorer.root.get_by_role("region", name="Is the drop real?")
    expect(lamp).to_contain_text("No sign of a drop")
    explorer.set("Sparsity", 85)
    explorer.wait_for(sparsity=0.85)
    base, report = digits.run(Recipe()), digits.run(Recipe(sparsity=0.85))
    drop, worst = report.drop_from(base), worst_class(base, report)
    assert worst
    expect(lamp).to_contain_text(f"{drop.lost} {MINUS} lost")
    expect(lamp).to_contain_text(f"between {drop.low:.1f} and {drop.high:.1f}")
    points = f"{worst['points']:.9f}"[:-4]  # cropped, not rounded
    expect(explorer.headline("worst")).to_have_attribute(
        "data-ow-value", re.compile(rf"-{re.escape(points)}")
    )
    first = flows(base, report)[0]
    mistakes = explorer.root.get_by_role("region", name="Mistakes that grew")
    line = mistakes.get_by_role("button").first
    expect(line).to_contain_text(f"{first.truth} → {first.prediction}")
    expect(line).to_contain_text(f"+{first.change}")
    line.click()
    expect(drawer(explorer)).to_contain_text(f"truth {first.truth}, prediction {first.prediction}")
    wait_for_images(explorer, inspect_cell(base, report, first.truth, first.prediction).images)


@pytest.mark.slow  # another case is loaded
def test_another_case_closes_the_drawer_and_its_images_have_colours(
    explorer: ExplorerPage,
) -> None:
    explorer.cells("Optimized").nth(0).click()
    expect(drawer(explorer)).to_be_visible()
    explorer.case.select_option("blood cells (synthetic)")
    expect(drawer(explorer)).to_be_hidden(timeout=PATIENCE_MS)  # it is loaded first
    smear = Session(Experiment.load("smear"))
    explorer.wait_for()
    explorer.cells("Optimized").nth(0).click()
    found = inspect_cell(smear.baseline, smear.baseline, 0, 0)
    wait_for_images(explorer, found.images)
    own = exploration_pixels(smear.experiment, found.images[:2].tolist())
    assert np.ptp(own, axis=3).max() > 0.1  # no grey pixels
    for n in range(2):
        canvas = drawer(explorer).locator(".ow-shot canvas").nth(n)
        assert np.abs(drawn(canvas) - own[n]).max() < 0.003
