"""A handout: one file that opens from a disk, without Python and without a network."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from ipywidgets import HTML, Button, Dropdown, IntSlider, VBox
from playwright.sync_api import Browser, BrowserContext, Page, expect

from optiwidgets.engine.evaluation.policy import Policy
from optiwidgets.engine.evaluation.verdict import judge
from optiwidgets.engine.experiment.experiment import Experiment
from optiwidgets.engine.types.recipe import Recipe
from optiwidgets.engine.types.recipe_family import RecipeFamily
from optiwidgets.widgets.classroom.hidden_recipe import hide
from optiwidgets.widgets.explorer.explorer import Explorer
from optiwidgets.widgets.pages.blocks import encode_block
from optiwidgets.widgets.pages.page_content import PageContent
from optiwidgets.widgets.pages.page_file import page_html
from optiwidgets.widgets.pages.page_offer import FULL
from optiwidgets.widgets.pages.python_places import COLAB, IMPORT, INSTALL

pytestmark = pytest.mark.browser

DESK, PHONE, TABLET = (1366, 768), (390, 844), (1024, 768)
SPARSITIES, BITS = (0.0, 0.5, 0.8, 0.9), (4, 32)
CONTENT = PageContent(
    families=(
        RecipeFamily(Recipe(), SPARSITIES, BITS),
        RecipeFamily(Recipe(pruning="channel"), SPARSITIES, BITS),
    ),
    sizes=(RecipeFamily(Recipe(score="lamp"), SPARSITIES, BITS),),
)
OF_OWN = PageContent([RecipeFamily(Recipe(), (0.0, 0.01), (32,))])
GRAVE = ("serious", "critical")
SHOWN = """() => Object.fromEntries([...document.querySelectorAll(".ow-explorer [data-ow]")].map(
  ({ dataset }) => [dataset.ow, dataset.owValue]))"""
SHOWS = """(wanted) => {
  const { owState, owRecipe } = document.querySelector(".ow-explorer")?.dataset ?? {};
  const shown = owRecipe && JSON.parse(owRecipe);
  return owState === "fresh" && Object.keys(wanted).every((name) => shown[name] === wanted[name]);
}"""
SMALL = """() => [...document.querySelectorAll(".ow-explorer :is(button, select, [role=tab])")]
  .filter((node) => node.checkVisibility() && !node.disabled)
  .map((node) => [node.getBoundingClientRect(), node.outerHTML.slice(0, 90)])
  .filter(([{ width, height }]) => width && height < 43.5).map(([, html]) => html)"""

INSERTED = """() => {
  window.owInserted = [];
  new MutationObserver((changes) => owInserted.push(...changes
    .flatMap(({ target, addedNodes }) => [...addedNodes].map((node) => [target, node]))
    .filter(([target, node]) => node instanceof Element && target.checkVisibility()
      && !target.closest("[class*=verdict]")) // a mark of another grade is made anew
    .map(([target, node]) => `${target.className}: ${node.outerHTML.slice(0, 80)}`)))
    .observe(document.querySelector(".ow-explorer"), { subtree: true, childList: true });
}"""
NO_WEBASSEMBLY = """delete globalThis.WebAssembly;
globalThis.Worker = class { constructor() { throw new Error("refused"); } };"""
HOLD_THE_REST = """globalThis.owHeld = [];
const send = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (told) {
  if (told.call === "run" && told.from > 0) owHeld.push(() => send.call(this, told));
  else send.call(this, told);
};"""
NO_STORAGE = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("refused", "SecurityError"); } });"""
COUNT_REFUSALS = "addEventListener('securitypolicyviolation', () => (window.owRefused = 1))"

WEIGHTS = "runtime weights"

Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def digits() -> Experiment:
    return Experiment.load("digits")


@pytest.fixture(scope="module")
def handout(digits: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Page of a few recipes, made once."""
    explorer = Explorer(digits)._twin(FULL)
    path = tmp_path_factory.mktemp("handout") / "digits & co.html"
    path.write_text(explorer.page(content=CONTENT), encoding="utf-8")
    explorer.close()
    return path


@pytest.fixture
def opened(browser: Browser, handout: Path) -> Iterator[Opened]:
    """Open a file in a context that reaches nothing else; all that it logs fails the test."""
    contexts: list[BrowserContext] = []
    said: list[str] = []
    asked: list[str] = []

    def open_page(
        path: Path = handout,
        query: str = "",
        size: tuple[int, int] = DESK,
        script: str = "",
        refuses: bool = False,
        **more: Any,
    ) -> Page:
        touch = size != DESK
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, has_touch=touch, is_mobile=touch, **more
        )
        contexts.append(context)
        context.route("http*://**", lambda route: (asked.append(route.request.url), route.abort()))
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        if refuses:
            page.add_init_script(COUNT_REFUSALS)
        else:
            page.on("console", lambda told: said.extend([told.text] * (told.type == "error")))
        if script:
            page.add_init_script(script)
        page.goto(path.as_uri() + query)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert asked == [], "the page reached for the network"
    assert said == []


def started(page: Page) -> Page:
    page.wait_for_selector("body[data-ow-started]")
    return page


def press(page: Page, slider: str, keys: str, times: int = 1) -> None:
    page.get_by_role("slider", name=slider).focus()
    for _ in range(times):
        page.keyboard.press(keys)


def expect_report(
    page: Page, digits: Experiment, recipe: Recipe, policy: Policy = Policy.MOBILE
) -> None:
    """Compare the page's headline with the report of a live run."""
    wanted = {
        k: v for k, v in recipe.as_dict().items() if k in ("sparsity", "pruning", "bits", "score")
    }
    page.wait_for_function(SHOWS, arg=wanted)
    base, report = digits.run(Recipe()), digits.run(recipe)
    shown = page.evaluate(SHOWN)
    assert float(shown["accuracy"]) == report.confusion.accuracy
    assert int(shown["bytes"]) == report.size.total_bytes
    assert float(shown["drop"]) == pytest.approx(report.drop_from(base).points, abs=1e-12)
    assert shown["verdict"] == judge(base, report, policy).grade


def test_sliders_menus_and_reset_show_the_numbers_of_live_runs(opened, digits):
    page = started(opened())
    expect_report(page, digits, Recipe())
    press(page, "Bit-width", "ArrowLeft", 6)
    press(page, "Sparsity", "End")
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
    expect_report(page, digits, Recipe(0.9, bits=4))
    page.get_by_label("Policy").select_option("medical image")
    expect_report(page, digits, Recipe(0.9, bits=4), Policy.MEDICAL)
    page.locator(".ow-fold-remove button").click()
    page.get_by_role("group", name="Where the cut is made").get_by_text("channel").click()
    expect_report(page, digits, Recipe(0.9, pruning="channel", bits=4), Policy.MEDICAL)
    page.get_by_role("button", name="Reset", exact=True).click()
    expect_report(page, digits, Recipe(), Policy.MEDICAL)


def test_drag_changes_what_is_there_and_inserts_no_element(opened):
    page = started(opened())
    rail = page.locator(".ow-percent .noUi-target").bounding_box()
    page.locator(".ow-percent .noUi-handle").hover()
    page.mouse.down()
    page.evaluate(INSERTED)
    page.mouse.move(rail["x"] + rail["width"] * 50 / 99, rail["y"] + rail["height"] / 2)
    page.wait_for_function(SHOWS, arg={"sparsity": 0.5})
    page.mouse.up()
    assert page.evaluate("() => owInserted") == []


def test_recipe_outside_of_the_grids_is_run_by_the_page(opened, digits):
    page = started(opened(query="?sparsity=0.8&score=lamp"))
    recipe = Recipe(0.8, score="lamp")
    page.wait_for_function(SHOWS, arg={"score": "lamp", "sparsity": 0.8})
    shown, report = page.evaluate(SHOWN), digits.run(recipe)
    assert float(shown["accuracy"]) == report.confusion.accuracy
    assert int(shown["bytes"]) == report.size.total_bytes


def test_first_images_are_shown_pale_before_the_whole(opened, digits):
    page = started(opened(query="?sparsity=0.8&score=lamp", script=HOLD_THE_REST))
    root = page.locator(".ow-explorer")
    expect(root).to_have_attribute("data-ow-part", "500 of 1,500")
    expect(root).to_have_attribute("data-ow-state", "running")
    expect(page.get_by_text("Not yet")).to_be_visible()
    shown, first = page.evaluate(SHOWN), digits.run(Recipe(0.8, score="lamp"), first=500)
    assert float(shown["accuracy"]) == first.confusion.accuracy
    page.evaluate("() => owHeld.splice(0).forEach((send) => send())")
    page.wait_for_function("() => owHeld.length")
    page.evaluate("() => owHeld.splice(0).forEach((send) => send())")
    page.wait_for_function(SHOWS, arg={"score": "lamp", "sparsity": 0.8})
    assert root.get_attribute("data-ow-part") is None
    report = digits.run(Recipe(0.8, score="lamp"))
    assert float(page.evaluate(SHOWN)["accuracy"]) == report.confusion.accuracy


def test_model_that_the_page_cannot_run_keeps_its_stored_recipes(opened, own, tmp_path):
    explorer = Explorer(own)._twin(FULL)
    path = tmp_path / "own.html"
    path.write_text(explorer.page(content=OF_OWN, folder=tmp_path), encoding="utf-8")
    explorer.close()
    page = started(opened(path))
    said = "Only the page's own recipes are shown: a page's runtime has no"
    expect(page.locator(".ow-message")).to_contain_text(said)
    press(page, "Sparsity", "End")
    note = page.locator(".ow-controls .ow-needs-python")
    expect(note).to_contain_text("It needs Python")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(SHOWS, arg={"sparsity": 0.01})
    shown, report = page.evaluate(SHOWN), own.run(Recipe(0.01))
    assert float(shown["accuracy"]) == report.confusion.accuracy
    assert int(shown["bytes"]) == report.size.total_bytes


def test_page_that_computes_otherwise_than_python_needs_it(opened, digits, handout, tmp_path):
    path = damaged(tmp_path / "otherwise.html", handout, "ow-blocks", change_weight)
    page = started(opened(path, query="?sparsity=0.8&score=lamp"))
    note = page.locator(".ow-controls .ow-needs-python")
    expect(note).to_contain_text("The page's own computation differs from Python")
    expect(note.locator("code").first).to_have_text(INSTALL)
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(note).to_have_count(0)
    expect_report(page, digits, Recipe())
    page.get_by_role("tab", name="Weights").click()
    expect(page.get_by_text("The weights of this recipe need Python.")).to_be_visible()


def test_recipe_that_the_page_lacks_needs_python_and_the_controls_go_on(opened, digits):
    page = started(opened())
    press(page, "Sparsity", "ArrowRight")
    note = page.locator(".ow-controls .ow-needs-python")
    expect(note).to_contain_text("It needs Python")
    opened_by = (INSTALL, IMPORT, "ow.Explorer(ow.Experiment.load('digits', model='small'))")
    expect(note.locator("code")).to_have_text([*opened_by])
    expect(note.get_by_role("link")).to_have_text(["Binder", "Colab", "VS Code"])
    expect(page.locator(".ow-explorer")).to_have_attribute("data-ow-state", "stale")
    press(page, "Sparsity", "ArrowLeft")
    expect(note).to_have_count(0)
    expect_report(page, digits, Recipe())


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?bits=99", "Link not opened: bits"),
        ("?case=dogs", "Link not opened: 'dogs' is not a case"),
        ("?colour=red", "is not a key of a link"),
        ("?sparsity=%3Cb%3E", "sparsity is a fraction from 0 to 0.99, not '<b>'"),
        ("?sparsity=80", "not 80.0; for 80 percent write 0.8"),
        ("?pruning=bogus", "pruning is one of 'global', 'layer'"),
        ("?score=", "Link not opened: score is one of 'magnitude'"),
        ("?bits=4&bits=4", "a link names bits once, not twice"),
        ("?surprise=-1", "a seed is a whole number 0 to 999999, not -1"),
    ],
)
def test_wrong_link_is_refused_in_a_sentence(opened, query, said):
    page = started(opened(query=query))
    expect(page.locator(".ow-message")).to_contain_text(said)
    page.wait_for_function(SHOWS, arg={"sparsity": 0, "bits": 32})


def test_link_of_a_state_opens_it_again(opened, digits):
    page = started(opened(query="?sparsity=0.5&bits=4&policy=medical+image"))
    expect_report(page, digits, Recipe(0.5, bits=4), Policy.MEDICAL)
    page.get_by_role("button", name="Copy link").click()
    link = page.get_by_label("Link", exact=True).input_value()
    assert link.startswith(page.url.split("?")[0] + "?")
    page.goto(link)
    expect_report(started(page), digits, Recipe(0.5, bits=4), Policy.MEDICAL)


def test_link_with_a_seed_hides_its_recipe_until_reveal(opened, digits):
    page = started(opened(query="?surprise=23"))
    hidden = hide(23, digits.run).recipe
    page.get_by_role("tab", name="Class").click()
    expect(page.get_by_text("Seed 23: a hidden recipe")).to_be_visible()
    expect(page.get_by_role("slider", name="Sparsity").first).to_have_attribute(
        "aria-valuenow", "0"
    )
    expect(page.locator(".ow-explorer")).to_have_class(re.compile("ow-cover-cards"))
    link = page.get_by_label("Link", exact=True)
    assert link.input_value().endswith("?case=digits&model=small&policy=mobile+app&surprise=23")
    page.get_by_role("button", name="Reveal").click()
    expect_report(page, digits, hidden)
    expect(link).to_have_value(re.compile("&surprise=23$"))  # of the seed, for the next class
    page.get_by_role("button", name="Stop").click()
    expect(link).to_have_value(re.compile(f"&sparsity={hidden.sparsity}&bits={hidden.bits}$"))


def test_cell_opens_with_its_images_and_scores_by_tap(opened):
    page = started(opened(query="?sparsity=0.9&bits=4", size=PHONE))
    cell = page.get_by_role("grid", name="Optimized").get_by_role(
        "gridcell", name=re.compile("truth 6, prediction 8,")
    )
    cell.tap()
    page.get_by_role("button", name="Show its images").tap()
    panel = page.locator(".ow-drawer.ow-shown")
    expect(panel).to_contain_text("truth 6, prediction 8")
    drawn = panel.locator("canvas").first
    page.wait_for_function("(canvas) => canvas.width === 28", arg=drawn.element_handle())
    panel.get_by_role("button", name=re.compile("image")).first.tap()
    expect(
        panel.get_by_role("list", name="Scores of the image").get_by_role("listitem")
    ).to_have_count(10)


def test_phone_shows_whole_images_and_all_reasons_by_tap(opened):
    page = started(opened(query="?sparsity=0.9&bits=4", size=PHONE))
    page.wait_for_function(SHOWS, arg={"sparsity": 0.9})
    card = page.locator('[data-card="verdict"]')
    reasons = card.get_attribute("title")
    assert "; " in reasons
    card.tap()
    shown = card.evaluate("(card) => getComputedStyle(card, '::after').content")
    assert json.loads(shown) == reasons
    page.get_by_role("grid", name="Optimized").get_by_role(
        "gridcell", name=re.compile("truth 6, prediction 8,")
    ).tap()
    page.get_by_role("button", name="Show its images").tap()
    shots = page.locator(".ow-shot")
    expect(shots.first).to_be_in_viewport()
    first, second = (shots.nth(i).bounding_box() for i in (0, 1))
    picture = shots.first.locator("canvas").bounding_box()
    assert first["y"] < picture["y"]
    assert picture["y"] + picture["height"] < first["y"] + first["height"] < second["y"]
    shots.first.tap()
    close = page.locator(".ow-drawer").get_by_role("button", name="Close").bounding_box()
    assert close["x"] + close["width"] <= PHONE[0]


@pytest.mark.parametrize("size", [PHONE, TABLET])
def test_page_fits_small_screens_and_its_controls_a_thumb(opened, size):
    page = started(opened(size=size))
    page.wait_for_function(SHOWS, arg={"sparsity": 0})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(SMALL) == []
    slider = page.get_by_role("slider", name="Sparsity")
    box = slider.bounding_box()
    rail = page.locator(".ow-percent .noUi-target").bounding_box()
    page.touchscreen.tap(rail["x"] + rail["width"] / 2, box["y"] + box["height"] / 2)
    expect(slider).to_have_attribute("aria-valuenow", re.compile("49|50|51"))


def test_axe_finds_nothing_serious_in_any_tab(opened):
    page = started(opened())
    page.wait_for_function(SHOWS, arg={"sparsity": 0})
    found = []
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        violations = Axe().run(page).response["violations"]
        found += [
            (tab.inner_text(), one["id"], one["nodes"][0]["html"][:200])
            for one in violations
            if one["impact"] in GRAVE
        ]
    assert found == []


def test_tabs_and_sliders_answer_the_keyboard(opened):
    page = started(opened())
    page.get_by_role("tab", name="Confusion").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="What changed")).to_be_focused()
    expect(page.get_by_role("tab", name="What changed")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("End")
    expect(page.get_by_role("tabpanel").locator("visible=true")).to_contain_text(
        "Figures are drawn by Python"
    )
    press(page, "Sparsity", "End")
    expect(page.get_by_role("slider", name="Sparsity")).to_have_attribute("aria-valuenow", "99")


def test_saved_copy_of_a_used_page_works_as_the_page_did(opened, digits, tmp_path):
    page = started(opened(query="?sparsity=0.8&bits=4"))
    expect_report(page, digits, Recipe(0.8, bits=4))
    path = tmp_path / "saved.html"  # a browser saves the document as it stands
    path.write_text(page.evaluate("() => '<!doctype html>' + document.documentElement.outerHTML"))
    copy = started(opened(path))
    expect_report(copy, digits, Recipe())
    expect(copy.get_by_role("slider", name="Sparsity")).to_have_count(1)
    press(copy, "Sparsity", "End")
    for _ in range(9):
        copy.keyboard.press("ArrowLeft")
    expect_report(copy, digits, Recipe(0.9))


NASTY = ("</script><b>no</b>", "\"a\" & 'b'", "=cmd|' /C calc'!A0", "\u202etxt.exe", "x" * 10_000)


def test_names_with_markup_are_text_and_nothing_else_runs(opened, tmp_path):
    shown = [Dropdown(options=[name, "other"], description=name) for name in NASTY]
    shown.append(HTML("<img src=x onerror=\"document.title='run'\">"))
    path = tmp_path / "names.html"
    path.write_text(page_html(NASTY[0], [VBox(shown)], {NASTY[0]: {}}), encoding="utf-8")
    page = started(opened(path, refuses=True))
    page.wait_for_function("() => window.owRefused > 0")
    page.evaluate(
        "() => document.head.append(Object.assign("
        "document.createElement('script'), { textContent: 'document.title = 1' }))"
    )
    assert page.title() == NASTY[0]
    labels = page.locator(".widget-label").all_text_contents()
    assert [label for label in labels if label] == list(NASTY)
    assert page.locator("select").first.evaluate("(menu) => menu.options[0].text") == NASTY[0]


def damaged(path: Path, handout: Path, name: str, change: Callable[[str], str]) -> Path:
    html = handout.read_text(encoding="utf-8")
    start = html.index(">", html.index(f'id="{name}"')) + 1
    end = html.index("</script>", start)
    path.write_text(html[:start] + change(html[start:end]) + html[end:], encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["ow-page", "ow-css", "ow-bundle"])
def test_damaged_file_says_so_in_a_sentence(opened, handout, tmp_path, name):
    path = damaged(tmp_path / "cut.html", handout, name, lambda data: data[: len(data) // 2])
    trouble = opened(path).locator(".ow-page-trouble")
    expect(trouble).to_contain_text("The file is damaged: get it again.")


def test_file_that_was_cut_short_says_so(opened, handout, tmp_path):
    path = tmp_path / "cut.html"
    html = handout.read_text(encoding="utf-8")
    path.write_text(html[: len(html) // 2], encoding="utf-8")
    expect(opened(path).locator("body")).to_contain_text("not complete: get it again")


def spoil(blocks: str) -> str:
    """Change one byte of the predictions, which the checksum finds."""
    found = json.loads(blocks)
    [own] = found.values()
    name = next(key for key in own if key.startswith("predictions"))
    packed = bytearray(base64.b64decode(own[name]["data"]))
    packed[len(packed) // 2] ^= 1
    own[name]["data"] = base64.b64encode(packed).decode()
    return json.dumps(found)


def change_weight(blocks: str) -> str:
    """Change one weight, with a checksum that fits: only the witnesses find it."""
    found = json.loads(blocks)
    [own] = found.values()
    planes = np.frombuffer(zlib.decompress(base64.b64decode(own[WEIGHTS]["data"])), np.uint8)
    weights = planes.reshape(4, -1).T.copy().view("<f4").ravel()
    weights[3] *= 1.5
    own[WEIGHTS] = encode_block(weights, "bytes")
    return json.dumps(found)


def test_damaged_predictions_are_named_in_a_sentence(browser, handout, tmp_path):
    path = damaged(tmp_path / "spoilt.html", handout, "ow-blocks", spoil)
    page = browser.new_page()
    page.goto(path.as_uri())
    expect(page.locator(".ow-page-trouble")).to_contain_text("predictions")
    page.close()


def test_browser_that_cannot_unpack_says_so(opened):
    page = opened(script="delete globalThis.DecompressionStream")
    expect(page.locator(".ow-page-trouble")).to_contain_text("This browser is too old")


def test_page_works_where_storage_is_refused(opened, digits):
    page = started(opened(script=NO_STORAGE, query="?sparsity=0.8&bits=4"))
    expect_report(page, digits, Recipe(0.8, bits=4))


def test_page_without_webassembly_shows_its_own_recipes_and_says_so(opened, digits):
    page = started(opened(script=NO_WEBASSEMBLY, query="?sparsity=0.8&bits=4"))
    expect(page.locator(".ow-message")).to_contain_text("Only the page's own recipes are shown")
    press(page, "Sparsity", "Home")
    expect_report(page, digits, Recipe(bits=4))


def test_widgets_without_a_stand_in_are_shown_as_they_were(opened, tmp_path):
    from optiwidgets.widgets.base.standalone import Standalone

    class Question(Standalone, VBox):
        """Question of another package."""

    shown = Question([IntSlider(3, description="Bits"), Button(description="Check")])
    path = tmp_path / "question.html"
    path.write_text(page_html("Question", [shown]), encoding="utf-8")
    page = started(opened(path))
    expect(page.get_by_role("button", name="Check")).to_be_disabled()
    expect(page.get_by_role("slider", name="Bits")).to_have_attribute("aria-valuenow", "3")
    expect(page.locator(".ow-needs-python")).to_contain_text("This needs Python.")


def test_foot_leads_to_python_and_nothing_is_asked_before_a_click(opened):
    page = started(opened())
    foot = page.locator(".ow-python-places")
    expect(foot).to_contain_text("once the repository is public")
    expect(foot.locator("code").first).to_have_text(INSTALL)
    (binder, colab, _) = foot.get_by_role("link").all()
    wanted = unquote(urlsplit(binder.get_attribute("href")).query)
    shown = "case=digits&model=small&policy=mobile+app"
    assert wanted == f"urlpath=voila/render/lessons/explorer.ipynb?{shown}"
    assert colab.get_attribute("href") == f"{COLAB}/explorer.ipynb"


def test_page_is_of_its_own_size(handout):
    data = re.search(r'id="ow-page">([^<]*)<', handout.read_text(encoding="utf-8"))[1]
    assert len(json.loads(zlib.decompress(base64.b64decode(data)))["models"]) < 300
