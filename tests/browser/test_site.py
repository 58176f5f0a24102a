"""Lessons on a plain file server, below a path and with all other sites cut off, are answered."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect
from small_site import write_lessons

from optiwidgets.publishing.lesson_store import LessonStore
from optiwidgets.publishing.site import build_site
from optiwidgets.publishing.static_cells import read_static_cells

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
FIRST_VIEW = 600_000  # bytes
MOST_MS = 60_000
GRAVE = ("serious", "critical")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


def serving(folder: Path) -> Iterator[str]:
    """Serve a folder as plain files; yield the address of the site in its folder ``course``."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/a/path/course"
    server.shutdown()
    thread.join()
    server.server_close()


class Visitor:
    """A page with the network cut but for one site; ``troubles`` are errors and other requests."""

    def __init__(self, page: Page, site: str) -> None:
        self.page, self.site = page, site
        self.troubles, self.received = list[str](), list[int]()
        page.set_default_timeout(MOST_MS)
        page.route("**/*", self._judge)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        network = page.context.new_cdp_session(page)
        network.on(
            "Network.loadingFinished", lambda e: self.received.append(e["encodedDataLength"])
        )
        network.send("Network.enable")

    def open(self, name: str) -> Page:
        self.page.goto(f"{self.site}/{name}")
        if self.page.locator("#ow-site").count():
            self.page.wait_for_selector("body[data-ow-started]", state="attached")
        return self.page

    def _judge(self, route: Route) -> None:
        if urlsplit(route.request.url).netloc == urlsplit(self.site).netloc:
            route.continue_()
        else:
            self.troubles.append(route.request.url)
            route.abort()

    def _said(self, message: object) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(message.text)


@pytest.fixture
def visitor(browser: Browser, site: str) -> Iterator[Visitor]:
    with browser.new_context() as context:
        yield Visitor(context.new_page(), site)


@pytest.fixture(scope="module")
def site(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("www")
    lessons, store = write_lessons(folder / "lessons"), LessonStore(folder / "store")
    build_site(folder / "a" / "path" / "course", lessons, store=store, tell=lambda _: None)
    yield from serving(folder)


def test_a_question_is_answered_on_a_plain_file_server(visitor: Visitor) -> None:
    page = visitor.open("index.html")
    page.get_by_role("link", name="Pruning").click()
    page.wait_for_selector("body[data-ow-started]", state="attached")
    card = page.locator(".ow-quiz")
    card.get_by_role("radio", name="Those closest to zero.").check()
    card.get_by_role("button", name="Check").click()
    expect(card.locator(".ow-said")).to_contain_text("Correct.")
    page.get_by_role("link", name="next").click()
    expect(page.get_by_role("img", name="Figure drawn by the code of this cell")).to_be_visible()
    assert visitor.troubles == []


def test_a_lesson_is_read_without_sideways_scrolling_on_a_phone(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    for name in ("index.html", "10_first.html", "PAGE.html"):
        page = visitor.open(name)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        small = page.evaluate(
            "[...document.querySelectorAll('nav a, footer a, main li > a')]"
            ".filter((a) => a.getBoundingClientRect().height < 43.5).map((a) => a.textContent)"
        )
        assert small == []


def test_axe_finds_nothing_grave(visitor: Visitor) -> None:
    for name in ("index.html", "10_first.html", "20_next.html", "PAGE.html"):
        page = visitor.open(name)
        for details in page.locator("details").all():
            details.evaluate("(fold) => { fold.open = true; }")
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in GRAVE] == [], name


def test_progress_is_shown_on_the_start_page_and_in_the_head(visitor: Visitor) -> None:
    page = visitor.open("10_first.html")
    head = page.locator(".ow-site-path")
    expect(head).to_contain_text("0 of 1 questions answered")
    card = page.locator(".ow-quiz")
    card.get_by_role("radio", name="Those closest to zero.").check()
    card.get_by_role("button", name="Check").click()
    expect(head).to_contain_text("1 of 1 questions answered")
    expect(head.get_by_role("link")).to_have_text("✓")
    page = visitor.open("index.html")
    expect(page.get_by_role("status").first).to_have_text(
        "1 of 1 lessons answered. The path is complete."
    )
    page.locator("summary", has_text="Show, keep as a file").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Keep as a file").click()
    page.get_by_role("button", name="Start over").click()
    expect(page.get_by_role("link", name="Pruning")).to_have_count(1)
    expect(page.locator("li[data-state=open]")).to_have_count(2)
    page.locator("input[type=file]").set_input_files(saved.value.path())
    expect(page.locator("li[data-state=done]")).to_have_count(1)
    assert visitor.troubles == []


def test_a_site_works_without_storage_and_says_so(visitor: Visitor) -> None:
    visitor.page.add_init_script(
        "Object.defineProperty(window, 'localStorage',"
        " { get() { throw new DOMException('off', 'SecurityError'); } });"
    )
    page = visitor.open("index.html")
    expect(page.locator(".ow-site-storage")).to_contain_text("This browser keeps no answers")
    page = visitor.open("10_first.html")
    expect(page.locator(".ow-site-path")).to_contain_text("0 of 1 questions answered")
    assert visitor.troubles == []


def test_a_dark_system_gets_dark_pages(browser: Browser, site: str) -> None:
    with browser.new_context(color_scheme="dark") as context:
        visitor = Visitor(context.new_page(), site)
        for name in ("index.html", "10_first.html"):
            page = visitor.open(name)
            found = Axe().run(page).response["violations"]
            assert [one["id"] for one in found if one["impact"] in GRAVE] == [], name
            assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_a_page_whose_files_are_missing_says_so(
    visitor: Visitor, site: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    visitor.page.route("**/widgets-*.js.z", lambda route: route.abort())
    visitor.page.goto(f"{site}/10_first.html")
    expect(visitor.page.locator(".ow-page-trouble")).to_contain_text("could not start")
    expect(visitor.page.get_by_text("Which weights does magnitude pruning remove")).to_be_visible()


# ---- the whole course


@pytest.fixture(scope="module")
def course(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("course")
    build_site(folder / "a" / "path" / "course", ROOT / "lessons", tell=lambda _: None)
    yield from serving(folder)


@pytest.mark.slow
@pytest.mark.course
def test_every_lesson_of_the_course_starts_and_its_list_is_true(
    browser: Browser, course: str
) -> None:
    listed = read_static_cells(ROOT / "lessons" / "static.yaml")
    for path in sorted((ROOT / "lessons").glob("*.ipynb")):
        with browser.new_context() as context:
            visitor = Visitor(context.new_page(), course)
            page = visitor.open(f"{path.stem}.html")
            assert visitor.troubles == [], path.stem
            assert sum(visitor.received) < FIRST_VIEW, path.stem
            for cell in nbformat.read(path, as_version=4).cells:
                if cell.cell_type != "code" or "ow.ask(" not in cell.source:
                    continue
                there = page.locator(f"[data-ow-cell='{cell.id}']")
                live = there.locator(".ow-quiz .ow-check:enabled").count()
                needs = listed[path.stem][cell.id].needs_python
                assert bool(live) is not needs, (path.stem, cell.id)
