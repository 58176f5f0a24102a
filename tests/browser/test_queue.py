"""No queue of reports: with fast drags and a slow model, the newest recipe is displayed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from explorer_page import ExplorerPage
from playwright.sync_api import Page
from servers import serving
from witness import Witness

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RECORDER = Path(__file__).with_name("recorder.js").read_text()
SLOW = """import time
import optiwidgets as ow

exp = ow.Experiment.load("digits", memory_mb=0)
run = exp.run

def slowly(recipe, **more):
    time.sleep(0.3)
    return run(recipe, **more)

exp.run = slowly
ow.Explorer(exp, first={first})
"""
STORM = """async () => {
  const handle = document.querySelector(".ow-explorer [role=slider]");
  handle.focus();
  const key = (name) => handle.dispatchEvent(
    new KeyboardEvent("keydown", { key: name, code: name, bubbles: true, cancelable: true }));
  for (let event = 0; event < 500; event += 1) {
    key(event % 100 < 60 ? "ArrowRight" : "ArrowLeft");
    await null; // for the observer to see every one
    if (event % 4 === 3) await new Promise((done) => setTimeout(done, 16));
  }
}"""


@pytest.fixture(scope="module")
def slow_models(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve two explorers whose model takes 0.3 s longer than the shipped one."""
    folder = tmp_path_factory.mktemp("slow")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for name, first in (("whole", None), ("part", 300)):
        cell = nbformat.v4.new_code_cell(SLOW.format(first=first))
        book = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
        nbformat.write(book, folder / f"{name}.ipynb")
    command = [sys.executable, "-m", "optiwidgets.cli", "app", "--port", "0", "--lessons"]
    with serving([*command, str(folder)], tmp_path_factory.mktemp("voila")) as url:
        yield url


@pytest.mark.parametrize("name", ["whole", "part"])
def test_five_hundred_events_end_on_the_last_and_never_go_back(
    slow_models: str, new_page: Callable[[], Page], name: str
) -> None:
    page = new_page()
    explorer = ExplorerPage(page, Witness(page))
    page.goto(f"{slow_models}voila/render/{name}.ipynb")
    explorer.wait_for()
    page.evaluate(RECORDER)
    page.evaluate("() => { window.owAsked = []; }")
    page.evaluate(
        """() => new MutationObserver(() => owAsked.push(
             Number(document.querySelector(".ow-explorer [role=slider]").ariaValueNow)))
           .observe(document.querySelector(".ow-explorer [role=slider]"),
             { attributes: true, attributeFilter: ["aria-valuenow"] })"""
    )
    page.evaluate(STORM)
    last = explorer.position("Sparsity")
    explorer.wait_for(sparsity=last / 100)
    asked: list[int] = page.evaluate("window.owAsked")
    notes: list[dict[str, Any]] = page.evaluate("window.owNotes")
    shown = [round(100 * note["recipe"]["sparsity"]) for note in notes]
    assert len(asked) >= 400
    assert asked[-1] == last
    place = 0  # requested in this order: no older report after a newer one
    for number, value in enumerate(shown[1:], 1):
        if value != shown[number - 1]:
            place = asked.index(value, place)
    assert shown[-1] == last


def test_all_numbers_of_an_update_come_in_one_message(
    voila: str, new_page: Callable[[], Page]
) -> None:
    page, heard = new_page(), []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda f: heard.append(f)))
    explorer = ExplorerPage(page, Witness(page))
    page.goto(voila)
    explorer.wait_for()
    explorer.page.get_by_role("slider", name="Sparsity").focus()
    heard.clear()
    page.keyboard.press("ArrowRight")
    explorer.wait_for(sparsity=0.01)
    frames = [frame if isinstance(frame, bytes) else frame.encode() for frame in heard]
    assert sum(b'"buffer_paths": [[' in frame for frame in frames) == 1
