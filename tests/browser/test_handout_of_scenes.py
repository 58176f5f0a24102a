"""A handout of a detector: one file whose scenes, thresholds and numbers need no Python."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from tiny_detector import own_decode, tiny_detector  # tests/engine

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.pages.page_content import DETECTOR, PageContent
from optiwidgets.widgets.pages.page_tasks import offer_of

pytestmark = pytest.mark.browser

STORED = RecipeFamily(Recipe(), (0.0, 0.5), (4, 32))
CONTENT = PageContent((STORED,), (RecipeFamily(Recipe(score="lamp"), (0.9,), (32,)),))
GRAVE = ("serious", "critical")
SHOWN = """() => Object.fromEntries([...document.querySelectorAll(".ow-explorer [data-ow]")].map(
  ({ dataset }) => [dataset.ow, dataset.owValue]))"""
SHOWS = """(wanted) => {
  const { owState, owRecipe } = document.querySelector(".ow-explorer")?.dataset ?? {};
  const shown = owRecipe && JSON.parse(owRecipe);
  const verdict = document.querySelector("[data-ow=verdict]")?.dataset.owValue;
  return owState === "fresh" && verdict && verdict !== "not yet"
    && Object.keys(wanted).every((name) => shown[name] === wanted[name]);
}"""
FIELDS = ("sparsity", "bits", "score", "pruning")
Opened = Callable[..., Page]


def write_page(experiment: Experiment, path: Path, content: PageContent | None) -> Path:
    """Write the page of an experiment."""
    explorer = Explorer(experiment)._twin(offer_of(experiment))
    path.write_text(explorer.page(content=content, folder=path.parent / "families"), "utf-8")
    explorer.close()
    return path


@pytest.fixture(scope="module")
def detector() -> Experiment:
    return tiny_detector()


@pytest.fixture(scope="module")
def handout(detector: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(detector, tmp_path_factory.mktemp("handout") / "scenes.html", CONTENT)


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Open a file in a context that reaches nothing else; all that it logs fails the test."""
    contexts, said, asked = [], [], []

    def open_page(path: Path, query: str = "", **more: Any) -> Page:
        context = browser.new_context(viewport={"width": 1366, "height": 768}, **more)
        contexts.append(context)
        context.route("http*://**", lambda route: (asked.append(route.request.url), route.abort()))
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda told: said.extend([told.text] * (told.type == "error")))
        page.goto(path.as_uri() + query)
        page.wait_for_selector("body[data-ow-started]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert (asked, said) == ([], [])


def expect_report(page: Page, experiment: Experiment, recipe: Recipe) -> None:
    """Compare the headline with the report of a live run.

    Other runtimes round the last digits of scores, so that near ties may change places.
    """
    own = recipe.as_dict()
    page.wait_for_function(SHOWS, arg={name: own[name] for name in FIELDS})
    base, report = experiment.run(Recipe()), experiment.run(recipe)
    shown = page.evaluate(SHOWN)
    assert float(shown["map"]) == pytest.approx(report.map_50, abs=1e-6)
    assert float(shown["drop"]) == pytest.approx(report.drop_from(base).points, abs=1e-4)
    assert int(shown["bytes"]) == report.size.total_bytes
    assert shown["verdict"] == judge(base, report, Policy.MOBILE).grade


def test_stored_and_computed_recipes_have_the_numbers_of_live_runs(opened, handout, detector):
    for recipe, query in (
        (Recipe(0.5, bits=4), "?sparsity=0.5&bits=4"),
        (Recipe(0.9, score="lamp"), "?sparsity=0.9&score=lamp"),
    ):
        page = opened(handout, query)
        expect_report(page, detector, recipe)
        page.context.close()


def test_scenes_have_pixels_and_a_cell_opens_its_scenes(opened, handout):
    page = opened(handout)
    drawn = page.locator(".ow-scene canvas").first
    page.wait_for_function("(canvas) => canvas.width > 1", arg=drawn.element_handle())
    page.get_by_role("tab", name="Confusion").click()
    missed = page.get_by_role("grid", name="Optimized").get_by_role("gridcell").nth(2)
    missed.press("Enter")
    expect(page.get_by_role("tab", name="Scenes")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".ow-scene-box b").first).to_contain_text("missed")
    page.locator(".ow-scene").first.press("Enter")
    expect(page.locator(".ow-scene-one canvas")).to_have_attribute(
        "aria-label", re.compile("scene")
    )
    page.keyboard.press("Escape")
    expect(page.locator(".ow-scene-one")).to_be_hidden()


def test_a_recipe_without_numbers_needs_python(opened, handout):
    page = opened(handout, "?sparsity=0.33")
    expect(page.locator(".ow-controls .ow-needs-python")).to_contain_text("It needs Python")


def test_tabs_are_accessible(opened, handout):
    page, found = opened(handout), []
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        expect(page.locator("svg[role=img]:not([aria-label]):visible")).to_have_count(0)  # drawn
        violations = Axe().run(page).response["violations"]
        found += [(tab.inner_text(), one["id"]) for one in violations if one["impact"] in GRAVE]
    assert found == []


def test_a_detector_that_only_python_decodes_shows_its_positions(opened, tmp_path):
    own = tiny_detector(own_decode)
    page = opened(write_page(own, tmp_path / "own.html", PageContent((STORED,))), "?sparsity=0.5")
    expect_report(page, own, Recipe(0.5))
    page.get_by_role("slider", name="Sparsity").press("ArrowRight")
    expect(page.locator(".ow-controls .ow-needs-python")).to_contain_text("It needs Python")


@pytest.mark.slow
def test_drawn_positions_of_the_shipped_detector(opened, tmp_path):
    scenes, chance = Experiment.load("scenes"), random.Random(8)
    stored = RecipeFamily(Recipe(), (0.0, *chance.sample(DETECTOR.families[0].sparsities[1:], 4)))
    few = RecipeFamily(Recipe(), stored.sparsities, DETECTOR.families[0].bits[2:])
    others = RecipeFamily(
        Recipe(pruning="layer"), tuple(chance.sample(few.sparsities[1:], 3)), (5, 8)
    )
    path = write_page(scenes, tmp_path / "scenes.html", PageContent((few,), (others,)))
    page = opened(path)
    for recipe in (*chance.sample(few.recipes, 10), *others.recipes):
        words = f"?sparsity={recipe.sparsity}&bits={recipe.bits}&pruning={recipe.pruning}"
        page.goto(path.as_uri() + words)
        expect_report(page, scenes, recipe)
    assert np.isfinite(scenes.run(Recipe()).map_50)
