"""Answers of a class in a real browser: from the question to the teacher's page, and back."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from conftest import PATIENCE_MS
from playwright.sync_api import Browser, Page, expect
from servers import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOKEN = "the-teacher"
LESSON = "20_confusion_matrix"
KEY = "confusion.precision_before"  # 0.9
CELLS = "import optiwidgets as ow", f'ow.ask("{KEY}")', "ow.progress()"
HOSTILE = "=1+1</script><img src=x onerror=a()>"
PHONE, CLASSROOM = {"width": 390, "height": 844}, {"width": 1366, "height": 768}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a class with one lesson."""
    folder = tmp_path_factory.mktemp("class")
    lessons = folder / "lessons"
    lessons.mkdir()
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell(code) for code in CELLS]
    for name in (LESSON, "explorer"):
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
        nbformat.write(notebook, lessons / f"{name}.ipynb")
    command = [sys.executable, "-m", "optiwidgets.cli", "serve", "--port", "0"]
    options = ["--lessons", str(lessons), "--state", str(folder / "state"), "--token", TOKEN]
    password = ["--password", "the-student"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTIWIDGETS_GRIDS", "")  # no slider grids
        with serving([*command, *options, *password], _made(folder / "own")) as found:
            yield found


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def entered(browser: Browser, address: str, password: str, size: dict[str, int]) -> Page:
    context = browser.new_context(viewport=size)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{address}login?next=/lessons")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_label("Password")).to_have_count(0)
    return page


def asked(page: Page, address: str) -> None:
    page.goto(f"{address}voila/render/{LESSON}.ipynb")
    expect(page.locator(f"[data-ow-question='{KEY}']")).to_be_visible()
    expect(page.locator(".ow-class-note")).to_contain_text("The teacher of this class sees")


def check(page: Page, answer: str, outcome: str) -> None:
    card = page.locator(f"[data-ow-question='{KEY}']")
    card.locator(".ow-number input").fill(answer)
    card.get_by_role("button", name="Check").click()
    expect(card).to_have_attribute("data-ow-outcome", outcome)


def test_answers_reach_the_teacher_and_come_back_to_their_learner(
    browser: Browser, address: str
) -> None:
    teacher = entered(browser, address, TOKEN, CLASSROOM)
    teacher.goto(f"{address}class/results")
    teacher.get_by_label(re.compile("Ask students for a nickname")).check()
    student = entered(browser, address, "the-student", PHONE)
    asked(student, address)
    student.get_by_label("Your nickname in this class").fill(HOSTILE)
    student.get_by_role("button", name="Use it").click()
    expect(student.locator(".ow-class-note b")).to_have_text(HOSTILE)
    check(student, "1", "incorrect")
    check(student, "0.9", "correct")
    questions = teacher.get_by_role("table", name="Questions")
    expect(questions).to_contain_text("1 (1)")
    expect(teacher.get_by_role("table", name="Students")).to_contain_text(HOSTILE)
    assert teacher.locator("#tables img").count() == 0
    later = student.context.new_page()
    student.close()
    asked(later, address)
    card = later.locator(f"[data-ow-question='{KEY}']")
    expect(card).to_have_attribute("data-ow-outcome", "correct")
    expect(card.locator(".ow-number input")).to_have_value("0.9")
    expect(later.locator(".ow-progress-table")).to_contain_text("correct")
    later.goto(f"{address}voila/render/explorer.ipynb")
    expect(later.locator(".ow-class-offer a")).to_have_text(LESSON)
