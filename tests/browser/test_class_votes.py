"""Votes of a class in a real browser: the teacher's form, two students, a projector."""

from __future__ import annotations

import re
from collections.abc import Iterator

import nbformat
import pytest
from classes import serving
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOKEN, PASSWORD = "teacher", "student"
PHONE, LAPTOP, WALL = ((390, 844), (1366, 768), (1920, 1080))
HOSTILE = "</script><img src=x onerror=\"document.title='run'\">'\u202e" + "x" * 10_000
TOUCH_PX = 44


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("lessons")
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_markdown_cell("# A lesson")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / "text.ipynb")
    with serving(folder, OPTIWIDGETS_TOKEN=TOKEN, OPTIWIDGETS_PASSWORD=PASSWORD) as (port, _):
        yield f"http://127.0.0.1:{port}"


def entered(browser: Browser, base: str, secret: str, size: tuple[int, int], path: str) -> Page:
    """Open a page in a browser profile of its own, after the login."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.set_default_timeout(300_000)  # the first kernel waits for its forking process
    page = context.new_page()
    page.goto(f"{base}/login?next=%2Flessons")
    page.get_by_label("Password").fill(secret)
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("heading", name="Lessons")).to_be_visible()
    page.goto(f"{base}{path}")
    return page


def answer(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    expect(page.get_by_text("Your answer is kept")).to_be_visible()


def test_a_vote_from_the_form_to_the_projector(browser: Browser, base: str) -> None:
    desk = entered(browser, base, TOKEN, LAPTOP, "/class")
    wall = entered(browser, base, TOKEN, WALL, "/class/show")
    lesson = "/voila/render/text.ipynb"
    phone = entered(browser, base, PASSWORD, PHONE, lesson)
    laptop = entered(browser, base, PASSWORD, LAPTOP, lesson)
    expect(wall.get_by_text("2 students are here")).to_be_visible()

    desk.get_by_label("Question").fill(HOSTILE[:10_000])
    desk.get_by_label("Answers, one a line").fill(f"ship it\n{HOSTILE[:10_000]}\nnot yet")
    desk.get_by_label("Right answer's line").fill("3")
    desk.get_by_role("button", name="Open the vote").click()
    for page in (phone, laptop, wall):
        title = page.locator(".ow-class-title")
        expect(title).to_have_text(HOSTILE[:10_000])
        assert page.locator("img[src=x]").count() == 0
        assert page.title() != "run"
    for option in phone.locator(".ow-class-option").all():
        box = option.bounding_box()
        assert box
        assert box["height"] >= TOUCH_PX
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE[0]
    answer(phone, "ship it")
    answer(laptop, "not yet")
    expect(wall.get_by_text("Vote now on your page: 2 of 2")).to_be_visible()
    laptop.get_by_role("button", name="ship it").click()
    expect(wall.get_by_text("2 (100 %)")).to_be_visible()
    laptop.reload()
    pressed = laptop.locator(".ow-class-option[aria-pressed=true]")
    expect(pressed).to_have_text("ship it")

    desk.get_by_role("button", name="Close the vote").click()
    desk.get_by_role("button", name="Second round").click()
    expect(phone.get_by_text("second round")).to_be_visible()
    answer(phone, "not yet")
    desk.get_by_role("button", name="Show the right answer").click()
    expect(wall.locator(".ow-class-right")).to_have_count(1)
    expect(wall.locator(".ow-class-fill.ow-class-round-2")).to_have_count(3)

    desk.get_by_label("Question").fill("Where is the cliff?")
    desk.get_by_label("Kind").select_option("number")
    desk.get_by_label("Right number").fill("83")
    desk.get_by_role("button", name="Open the vote").click()
    phone.get_by_role("slider").fill("80")
    answer(phone, "Answer 80")
    desk.get_by_role("button", name="Show the right answer").click()
    expect(wall.get_by_text("right: 83")).to_be_visible()
    expect(wall.get_by_label(re.compile("^78 to 83: 1$"))).to_have_count(1)
    desk.get_by_role("button", name="Take it off the pages").click()
    expect(phone.locator(".ow-class-bar")).to_be_hidden()
    for page in (desk, wall, phone, laptop):
        page.context.close()
