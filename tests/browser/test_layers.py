"""Slider of one layer, dragged on Voila: the page shows the results of running the recipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page
from servers import serving

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SHOWS = """() => {
  const { owState, owRecipe } = document.querySelector(".ow-perlayer")?.dataset ?? {};
  return owState === "fresh" && JSON.parse(owRecipe).layers.length === 1;
}"""


@pytest.fixture(scope="module")
def layers_url(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("layers")
    lessons = folder / "lessons"
    lessons.mkdir()
    cell = nbformat.v4.new_code_cell("import optiwidgets as ow\n\now.Layers()")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(
        nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel}),
        Path(lessons, "layers.ipynb"),
    )
    command = [sys.executable, "-m", "optiwidgets.cli", "app", "--port", "0"]
    with serving([*command, "--lessons", str(lessons)], folder) as url:
        yield f"{url}voila/render/layers.ipynb"


def test_a_dragged_layer_shows_what_its_recipe_gives(
    new_page: Callable[[], Page], layers_url: str
) -> None:
    page = new_page()
    page.goto(layers_url)
    page.wait_for_selector(".ow-perlayer[data-ow-state=fresh]")
    handle = page.get_by_role("slider", name="Sparsity of hidden")
    box = handle.bounding_box()
    rail = handle.locator("xpath=../..").bounding_box()
    assert box
    assert rail
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(rail["x"] + 0.9 * rail["width"], rail["y"] + 5, steps=15)
    page.mouse.up()
    position = round(float(handle.get_attribute("aria-valuenow") or "nan"))
    assert 80 < position < 99
    page.wait_for_function(SHOWS)
    root = page.locator(".ow-perlayer")
    shown = json.loads(root.get_attribute("data-ow-recipe") or "{}")
    assert shown["layers"] == [["hidden", position / 100, None]]
    shown["layers"] = tuple(tuple(layer) for layer in shown["layers"])
    experiment = Experiment.load("digits")
    report, baseline = experiment.run(Recipe(**shown)), experiment.run(Recipe())
    values = {
        name: float(root.locator(f'[data-ow="{name}"]').get_attribute("data-ow-value") or "nan")
        for name in ("accuracy", "drop", "bytes")
    }
    assert values == {
        "accuracy": report.confusion.accuracy,
        "drop": report.drop_from(baseline).points,
        "bytes": report.size.total_bytes,
    }
