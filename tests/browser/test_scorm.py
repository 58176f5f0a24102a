"""A lesson of a SCORM package in a learning platform: scorm-again, in a real browser."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from learning_platform import SCORM_AGAIN, Kept, Platform, serving_platform
from playwright.sync_api import Error, FrameLocator, Locator, Page, expect
from small_site import write_book
from witness import Witness

from optiwidgets.grading.questions import QUESTIONS
from optiwidgets.publishing.lesson_store import LessonStore
from optiwidgets.publishing.scorm import ScormLesson, package
from optiwidgets.publishing.site import build_site

pytestmark = pytest.mark.browser
TOOLS = Path(__file__).parents[1] / "javascript" / "tools.py"
CHOICE, GUESS, NUMBER = "pruning.magnitude", "pruning.predict", "confusion.precision_after"
ASKED = (CHOICE, GUESS, NUMBER)
RIGHT = QUESTIONS[CHOICE].right
LINE = ".ow-lms"
FIRST = "# First\n\n[Next](b.ipynb), [elsewhere](https://elsewhere.example/)\n"
LAST = "<br>\n" * 60 + "\n## Below\n\n" + "<br>\n" * 60


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Package of two lessons at a platform: one with three questions, one with none."""
    if not SCORM_AGAIN.is_file():
        subprocess.run([sys.executable, str(TOOLS), "install"], check=True)
    folder = tmp_path_factory.mktemp("scorm")
    cells = [("markdown", FIRST), ("code", "import optiwidgets as ow")]
    cells += [("code", f'ow.ask("{key}")') for key in ASKED]
    (folder / "lessons").mkdir()
    write_book(folder / "lessons" / "a.ipynb", (*cells, ("markdown", LAST)))
    write_book(folder / "lessons" / "b.ipynb", (("markdown", "# Second"),))
    store = LessonStore(folder / "store")
    build_site(folder / "site", folder / "lessons", store=store, tell=lambda said: None)
    lessons = [ScormLesson("a.html", "Three questions", ASKED), ScormLesson("b.html", "Second")]
    package(folder / "site", lessons, folder / "course.zip")
    with zipfile.ZipFile(folder / "course.zip") as archive:
        archive.extractall(folder / "course")
    with serving_platform(folder / "course") as served:
        yield served


class Visit:
    """A lesson that the platform opened in a frame."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.witness = page, Witness(page)
        page.goto(address)
        self.frame: FrameLocator = page.frame_locator("iframe")
        self.line: Locator = self.frame.locator(LINE)

    def question(self, key: str) -> Locator:
        return self.frame.locator(f'[data-ow-question="{key}"]')

    def choose(self, key: str, option: int) -> None:
        self.question(key).get_by_role("radio").nth(option).check()
        self.press(key)

    def enter(self, key: str, value: str) -> None:
        self.question(key).get_by_role("textbox").fill(value)
        self.press(key)

    def press(self, key: str) -> None:
        self.question(key).get_by_role("button", name="Check").click()


@pytest.fixture
def kept(platform: Platform, request: pytest.FixtureRequest) -> Kept:
    """Data that the platform keeps of the test's own learner."""
    return platform.learners[request.node.name]


@pytest.fixture
def open_lesson(new_page: Callable[[], Page], platform: Platform, request: pytest.FixtureRequest):
    """Open the lesson as often as a test likes; the browser has nothing to complain about."""
    visits: list[Visit] = []

    def open_now(lesson: str = "a.html") -> Visit:
        visits.append(Visit(new_page(), platform.launch(request.node.name, lesson)))
        return visits[-1]

    yield open_now
    for visit in visits:
        visit.page.close()
    assert [visit.witness.complaints for visit in visits] == [[] for _ in visits]
    assert [visit.witness.strangers for visit in visits] == [[] for _ in visits]


def test_answers_reach_the_platform_one_by_one(open_lesson, kept):
    visit = open_lesson()
    assert kept.core["lesson_status"] == "incomplete"
    wrong = (RIGHT + 1) % 3
    visit.choose(CHOICE, wrong)
    expect(visit.line).to_have_text("Recorded: 1 of 3 questions answered, score 0 of 100.")
    visit.choose(CHOICE, RIGHT)
    visit.choose(GUESS, 0)
    expect(visit.line).to_have_text("Recorded: 2 of 3 questions answered, score 50 of 100.")
    told = [(each["id"], each["student_response"], each["result"]) for each in kept.interactions]
    letters = "abcdef"
    assert told == [
        (CHOICE, letters[wrong], "wrong"),
        (CHOICE, letters[RIGHT], "correct"),
        (GUESS, "a", "neutral"),
    ]
    assert all(each["time"] and each["latency"] for each in kept.interactions)
    assert (kept.core["score"]["raw"], kept.core["lesson_location"]) == ("50", GUESS)


def test_a_killed_page_loses_nothing(open_lesson, kept):
    first = open_lesson()
    first.choose(CHOICE, RIGHT)
    first.choose(GUESS, 0)
    expect(first.line).to_contain_text("2 of 3")
    kill(first.page)
    second = open_lesson()
    expect(second.line).to_have_text("Recorded: 2 of 3 questions answered, score 50 of 100.")
    expect(second.question(CHOICE).get_by_role("radio").nth(RIGHT)).to_be_checked()
    second.enter(NUMBER, "85 %")
    expect(second.line).to_have_text("Recorded: 3 of 3 questions answered, score 100 of 100.")
    assert kept.core["lesson_status"] == "passed"
    assert kept.interactions[-1]["type"] == "fill-in"


def kill(page: Page) -> None:
    """Kill the process that draws a page."""
    with pytest.raises(Error, match="crash"):
        page.goto("chrome://crash")


def test_leaving_the_lesson_ends_its_session_and_keeps_the_place(open_lesson, kept):
    visit = open_lesson()
    visit.choose(CHOICE, RIGHT)
    expect(visit.line).to_contain_text("1 of 3")
    expect(visit.frame.locator("body")).to_have_attribute("data-ow-started", "")  # it has its size
    visit.frame.locator("#below").evaluate("heading => heading.scrollIntoView()")
    visit.page.evaluate("document.querySelector('iframe').src = 'about:blank'")
    visit.page.wait_for_function("API.isTerminated()")
    kept.wait_for(lambda: kept.core["lesson_location"] == "below")
    assert kept.core["lesson_status"] == "incomplete"
    assert kept.core["exit"] == "suspend"
    again = open_lesson()
    expect(again.frame.locator("#below")).to_be_in_viewport()


def test_a_wrong_lesson_is_completed_and_not_passed(open_lesson, kept):
    visit = open_lesson()
    visit.choose(CHOICE, (RIGHT + 1) % 3)
    visit.choose(GUESS, 1)
    visit.enter(NUMBER, "3")
    expect(visit.line).to_contain_text("3 of 3")
    assert (kept.core["lesson_status"], kept.core["score"]["raw"]) == ("completed", "0")


def test_a_lesson_without_questions_is_completed_when_opened(open_lesson, kept):
    open_lesson("b.html")
    assert kept.core["lesson_status"] == "completed"


def test_a_platform_that_does_not_save_is_told_and_gets_the_answer_later(open_lesson, kept):
    visit = open_lesson()
    kept.works = False
    visit.choose(CHOICE, RIGHT)
    expect(visit.line).to_contain_text("did not save your last answer")
    assert kept.core["score"]["raw"] == "0"
    kept.works = True
    visit.page.evaluate(
        "document.querySelector('iframe').contentWindow.dispatchEvent(new Event('online'))"
    )
    assert kept.core["score"]["raw"] == "50"
    assert [each["id"] for each in kept.interactions] == [CHOICE]


def test_links_to_other_pages_of_the_course_are_left_to_the_platform(open_lesson, kept):
    visit = open_lesson()
    visit.frame.get_by_role("link", name="Next").click()
    expect(visit.line).to_have_text("Open “Second” in the list of the learning platform.")
    visit.frame.get_by_role("link", name="download the notebook").click()
    expect(visit.line).to_have_text("notebooks/a.ipynb is not in this package.")
    expect(visit.frame.get_by_role("navigation", name="Site")).to_have_count(0)
    expect(visit.question(CHOICE)).to_be_visible()


def test_another_learner_at_this_computer_sees_no_answers(open_lesson, kept):
    visit = open_lesson()
    visit.choose(CHOICE, RIGHT)
    expect(visit.line).to_contain_text("1 of 3")
    stored = visit.frame.locator("body").evaluate("() => Object.keys(localStorage)")
    assert stored == []


def test_a_page_without_a_platform_works_and_says_so(new_page, platform):
    page = new_page()
    page.goto(f"{platform.address}/course/a.html")
    expect(page.locator(LINE)).to_have_text(
        "No learning platform opened this page: answers are recorded nowhere else."
    )
    card = page.locator(f'[data-ow-question="{CHOICE}"]')
    card.get_by_role("radio").nth(RIGHT).check()
    card.get_by_role("button", name="Check").click()
    expect(card.get_by_role("status")).to_contain_text("Correct.")
    page.close()
