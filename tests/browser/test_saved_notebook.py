"""A saved notebook has an explorer with working sliders, and a picture where frames are removed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from playwright.sync_api import Browser, Page, expect

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.hosting.offline_export import OfflineExporter
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.explorer.notebook_page import NotebookPage
from optiwidgets.widgets.pages.page_content import PageContent

pytestmark = pytest.mark.browser

FEW = PageContent(families=(RecipeFamily(Recipe(), (0.0, 0.01, 0.02), (32,)),))
MOST_MS = 60_000


@pytest.fixture(scope="module")
def saved(chromium: str) -> NotebookPage:
    return Explorer(Experiment.load("digits")).to_notebook(content=FEW)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(offline=True) as context:
        context.set_default_timeout(MOST_MS)
        yield context.new_page()


@pytest.mark.parametrize("exporter", [HTMLExporter, OfflineExporter], ids=lambda e: e.__name__)
def test_sliders_work_in_an_exported_notebook(
    page: Page, saved: NotebookPage, tmp_path: Path, exporter: type
) -> None:
    output = new_output("execute_result", data={"text/html": saved._repr_html_()})
    book = new_notebook(cells=[new_code_cell("explorer.to_notebook()", outputs=[output])])
    file = tmp_path / "saved.html"
    file.write_text(exporter().from_notebook_node(book)[0], encoding="utf-8")
    said = list[str]()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(file.as_uri())
    inside = page.frame_locator(".ow-notebook-page iframe")
    expect(inside.locator("body")).to_have_attribute("data-ow-started", "")
    sparsity = inside.get_by_role("slider", name=re.compile("Sparsity")).first
    sparsity.press("ArrowRight")
    explorer = inside.locator(".ow-explorer")
    expect(explorer).to_have_attribute("data-ow-recipe", re.compile(r'"sparsity":0\.01\b'))
    expect(explorer).to_have_attribute("data-ow-state", "fresh")
    assert said == []


def test_a_picture_is_left_where_frames_are_taken_out(page: Page, saved: NotebookPage) -> None:
    sanitized = re.sub(
        r"<iframe.*?</iframe>| style=\"[^\"]*\"", "", saved._repr_html_(), flags=re.S
    )
    page.set_content(sanitized)
    picture = page.get_by_role("img", name=re.compile("Confusion matrices"))
    expect(picture).to_be_visible()
    assert picture.evaluate("(img) => img.naturalWidth") > 300
