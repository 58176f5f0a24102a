"""One Chromium per module; one Voila and one JupyterLab server for all modules."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from chromium import BROWSERS, find_browser, launch
from explorer_page import ExplorerPage
from playwright.sync_api import Browser, Page, expect, sync_playwright
from servers import serving
from witness import Witness

expect.set_options(timeout=60_000)  # ms; a shared machine is slow at times

ROOT = Path(__file__).resolve().parents[2]
CLASSROOM = {"width": 1366, "height": 768}
PATIENCE_MS = 120_000  # for one condition; reached only when a test fails

Open = Callable[[str], ExplorerPage]

HELD = """import time
from pathlib import Path

import optiwidgets as ow

gate = Path({gate!r})
exp = ow.Experiment.load("digits")
run = exp.run

def held(recipe, *, on_progress=lambda progress: None, **more):
    def wait(progress):
        on_progress(progress)
        while gate.exists():
            time.sleep(0.01)
            on_progress(progress)

    return run(recipe, on_progress=wait, **more)

exp.run = held
ow.Explorer(exp)
"""


class Gate:
    """Gate that, while closed, holds long work on the page ``held`` after its first step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def close(self) -> None:
        self.path.touch()

    def open(self) -> None:
        self.path.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser; without one, tests skip on a user's machine and fail under CI."""
    found = find_browser()
    if found:
        return found
    reason = f"no browser: none of {', '.join(BROWSERS)} is installed"
    return pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@pytest.fixture(scope="module")  # while it lives, no other test can use asyncio
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = launch(play, chromium)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def closed_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gate") / "closed"


@pytest.fixture
def gate(closed_path: Path) -> Iterator[Gate]:
    made = Gate(closed_path)
    yield made
    made.open()


@pytest.fixture(scope="session")
def voila(
    chromium: str, closed_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Voila server of the lessons, and of a page whose long work can be held."""
    folder = tmp_path_factory.mktemp("voila")
    lessons = shutil.copytree(ROOT / "lessons", folder / "lessons")
    write_notebook(lessons / "held.ipynb", HELD.format(gate=str(closed_path)))
    command = [sys.executable, "-m", "optiwidgets.cli", "app", "--port", "0"]
    with serving([*command, "--lessons", str(lessons)], folder) as url:
        yield url


@pytest.fixture(scope="session")
def jupyterlab(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("jupyterlab")
    settings = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": "0",
        "ServerApp.root_dir": str(folder),
        "IdentityProvider.token": "",
        "LabApp.news_url": "None",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    write_notebook(folder / "explorer.ipynb", "import optiwidgets as ow\n\now.Explorer()")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    options = [f"--{name}={value}" for name, value in settings.items()]
    with serving([*command, *options], folder) as url:
        yield url


def write_notebook(path: Path, code: str) -> None:
    cell = nbformat.v4.new_code_cell(code)
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), path)


@pytest.fixture(scope="module")
def new_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """Open pages in this module's own browser profile; their kernels end with it."""
    context = browser.new_context(viewport=CLASSROOM)
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page
    for page in context.pages:
        page.goto("about:blank")  # leaving lets Voila end the kernel; closing would not
    context.close()


@pytest.fixture(scope="module")
def open_lesson(new_page: Callable[[], Page], voila: str) -> Open:
    """Open the explorer that Voila serves, and wait until its numbers are displayed."""

    def open_at(query: str = "") -> ExplorerPage:
        page = new_page()
        witness = Witness(page)
        page.goto(voila + query)
        explorer = ExplorerPage(page, witness)
        explorer.wait_for()
        return explorer

    return open_at


@pytest.fixture(scope="module")
def lesson(open_lesson: Open) -> ExplorerPage:
    """Page on Voila, shared by a module's tests."""
    return open_lesson("")


@pytest.fixture(scope="module")
def held(open_lesson: Open) -> ExplorerPage:
    """Page whose long work waits while the gate is closed."""
    return open_lesson("voila/render/held.ipynb")


@pytest.fixture
def explorer(lesson: ExplorerPage) -> Iterator[ExplorerPage]:
    """Shared page in its initial state; the test fails on any complaint of the browser."""
    lesson.start_over()
    yield lesson
    assert lesson.witness.complaints == []
    assert lesson.witness.strangers == []
