"""The module of an explorer's page, in a host that gives no more of a model than MyST."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.pages.page_content import PageContent

pytestmark = pytest.mark.browser

FEW = PageContent(families=(RecipeFamily(Recipe(), (0.0, 0.01, 0.02), (32,)),))
MOST_MS = 60_000
SITE = "http://site.test/"
# As @myst-theme/anywidget 1.4.1: a shadow root, and a model that throws at most calls.
HOST = """<!doctype html><title>Course</title><style>p { color: red }</style>
<p>Before</p><div id="one"></div><div id="two"></div>
<script type="module">
const refuse = () => { throw new Error("not implemented"); };
const show = async (id, state) => {
  const model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; },
    on() {}, off: refuse, save_changes: refuse, send: refuse,
    get widget_manager() { return refuse(); },
  };
  const { default: widget } = await import("./digits.mjs");
  const el = document.createElement("div");
  document.getElementById(id).attachShadow({ mode: "open" }).replaceChildren(el);
  await widget.initialize?.({ model });
  window[`end_${id}`] = await widget.render({ model, el });
};
await show("one", {});
await show("two", { height: 500 });
</script>"""


@pytest.fixture(scope="module")
def module(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("module") / "digits.mjs"
    Explorer(Experiment.load("digits")).to_module(path, sliders_only=True, content=FEW)
    return path


@pytest.fixture
def page(browser: Browser, module: Path) -> Iterator[Page]:
    """Open the host; all that it reaches are its own page and the module."""
    files = {SITE: (HOST, "text/html"), f"{SITE}digits.mjs": (module.read_text("utf-8"), None)}

    def answer(route: Route) -> None:
        body, kind = files[route.request.url]
        route.fulfill(body=body, content_type=kind or "text/javascript")

    with browser.new_context() as context:
        context.set_default_timeout(MOST_MS)
        context.route("**/*", answer)
        yield context.new_page()


def test_a_host_of_modules_shows_explorers_with_working_sliders(page: Page) -> None:
    said = list[str]()
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda told: said.append(told.text) if told.type == "error" else None)
    page.goto(SITE)
    for place in ("#one", "#two"):
        inside = page.frame_locator(f"{place} iframe")
        expect(inside.locator("body")).to_have_attribute("data-ow-started", "")
        explorer = inside.locator(".ow-explorer")
        expect(explorer).to_have_attribute("data-ow-recipe", re.compile(r'"sparsity":0,'))
        inside.get_by_role("slider", name=re.compile("Sparsity")).first.press("ArrowRight")
        expect(explorer).to_have_attribute("data-ow-recipe", re.compile(r'"sparsity":0\.01\b'))
        expect(explorer).to_have_attribute("data-ow-state", "fresh")
    sizes = [page.locator(f"{place} iframe").bounding_box() for place in ("#one", "#two")]
    assert [size and size["height"] for size in sizes] == [900, 500]
    assert said == []


def test_styles_of_page_and_host_do_not_meet(page: Page) -> None:
    page.goto(SITE)
    inside = page.frame_locator("#one iframe")
    expect(inside.locator("body")).to_have_attribute("data-ow-started", "")
    expect(page.get_by_text("Before")).to_have_css("color", "rgb(255, 0, 0)")
    assert page.locator("style").count() == 1
    expect(inside.locator("p").first).not_to_have_css("color", "rgb(255, 0, 0)")


def test_the_end_of_a_view_takes_its_frame_away(page: Page) -> None:
    page.goto(SITE)
    expect(page.locator("iframe")).to_have_count(2)
    page.evaluate("window.end_one()")
    expect(page.locator("iframe")).to_have_count(1)
