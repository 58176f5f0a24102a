"""Messages for faults: dead kernel, lost connection, failing panel; none for slow work."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator

import psutil
import pytest
from conftest import PATIENCE_MS, Open
from explorer_page import ExplorerPage
from playwright.sync_api import Page, WebSocketRoute, expect
from witness import Witness

pytestmark = pytest.mark.browser

BLOCKED_MS = 10_000
NEEDS_KERNEL = "Needs the kernel, which has stopped. Reload the page."
DOWN_MS = 2000
PLANT_FAULT = """() => {
  const read = DataView.prototype.getInt32;
  window.owMend = () => { DataView.prototype.getInt32 = read; };
  DataView.prototype.getInt32 = () => { throw new RangeError("planted <b>fault</b>"); };
}"""


def kernel_of(page: Page) -> psutil.Process:
    """Find the process of a page's kernel."""
    settings = json.loads(page.locator("#jupyter-config-data").text_content() or "{}")
    for process in psutil.process_iter(["cmdline"]):
        if any(settings["kernelId"] in part for part in process.info["cmdline"] or ()):
            return process
    raise AssertionError("no process runs this page's kernel")


def link(explorer: ExplorerPage, state: str) -> None:
    """Wait until the page shows this state of its connection; its client retries after seconds."""
    expect(explorer.root).to_have_attribute("data-ow-link", state, timeout=PATIENCE_MS)


@pytest.mark.slow
def test_a_killed_kernel_is_told_and_no_slider_moves_any_more(open_lesson: Open) -> None:
    explorer = open_lesson("")
    explorer.slider("Sparsity").press("PageUp")
    explorer.wait_for(sparsity=0.05)
    kernel_of(explorer.page).kill()
    link(explorer, "gone")
    expect(explorer.root).to_have_attribute("data-ow-state", "error")
    banner = explorer.page.locator(".ow-kernel").get_by_role("alert")
    expect(banner).to_have_count(1)
    expect(banner).to_contain_text("The kernel has stopped. What you see no longer answers.")
    for needs in (explorer.button("Reset"), explorer.slider("Sparsity"), explorer.model):
        expect(needs).to_have_attribute("aria-disabled", "true")
        expect(needs).to_have_attribute("title", NEEDS_KERNEL)
    handle = explorer.root.locator(".ow-percent .noUi-handle")
    box = handle.bounding_box()
    assert box
    explorer.page.mouse.click(box["x"] + 90, box["y"] + 5)
    handle.evaluate("(node) => node.focus()")
    explorer.page.keyboard.press("ArrowRight")
    assert float(handle.get_attribute("aria-valuenow") or "nan") == 5
    banner.get_by_role("button", name="Reload").click()
    explorer.page.wait_for_function("document.querySelector('.ow-explorer')?.dataset.owState")
    explorer.wait_for(sparsity=0)
    explorer.slider("Sparsity").press("ArrowRight")
    explorer.wait_for(sparsity=0.01)


@pytest.fixture
def torn(new_page: Callable[[], Page], voila: str) -> Iterator[tuple[ExplorerPage, Line]]:
    """Explorer, and the connection of its websocket."""
    page, line = new_page(), Line()
    page.route_web_socket("**/api/kernels/**", line.lay)
    page.goto(voila)
    explorer = ExplorerPage(page, Witness(page))
    explorer.wait_for()
    yield explorer, line
    page.goto("about:blank")


class Line:
    """Proxy of a websocket's connection, which can be cut and restored."""

    def __init__(self) -> None:
        self.cut, self.ends = False, list[WebSocketRoute]()

    def lay(self, near: WebSocketRoute) -> None:
        if self.cut:
            near.close()
        else:
            self.ends = [near, near.connect_to_server()]

    def tear(self) -> None:
        self.cut = True
        for end in self.ends:
            end.close()


@pytest.mark.slow
@pytest.mark.parametrize("moves", [0, 1, 3])
def test_a_line_down_for_two_seconds_changes_nothing(
    torn: tuple[ExplorerPage, Line], moves: int
) -> None:
    explorer, line = torn
    explorer.set("Sparsity", 60)
    explorer.wait_for(sparsity=0.6)
    explorer.slider("Bit-width").press("ArrowLeft")  # in transit when the connection was cut
    line.tear()
    link(explorer, "reconnecting")
    expect(explorer.page.locator(".ow-kernel")).to_contain_text("Reconnecting")
    for _ in range(moves):
        explorer.slider("Sparsity").press("ArrowRight")
    if moves:
        expect(explorer.root).not_to_have_attribute("data-ow-state", "fresh")
    explorer.page.wait_for_timeout(DOWN_MS)  # seconds without a connection
    line.cut = False
    link(explorer, "live")
    explorer.wait_for(sparsity=(60 + moves) / 100, bits=16)
    assert explorer.position("Sparsity") == 60 + moves
    explorer.set("Sparsity", 30)
    explorer.wait_for(sparsity=0.3)
    explorer.slider("Bit-width").press("Home")
    explorer.wait_for(sparsity=0.3, bits=1)


@pytest.mark.slow
def test_a_kernel_that_died_while_the_line_was_down_is_gone(
    torn: tuple[ExplorerPage, Line],
) -> None:
    explorer, line = torn
    kernel = kernel_of(explorer.page)
    line.tear()
    link(explorer, "reconnecting")
    kernel.kill()
    kernel.wait()
    line.cut = False
    link(explorer, "gone")


@pytest.mark.slow
def test_a_kernel_blocked_for_ten_seconds_is_busy_not_gone(explorer: ExplorerPage) -> None:
    kernel = kernel_of(explorer.page)
    os.kill(kernel.pid, signal.SIGSTOP)
    try:
        explorer.slider("Sparsity").press("End")
        link(explorer, "busy")
        expect(explorer.root.locator(".ow-link")).to_contain_text("The kernel is busy.")
        expect(explorer.root).to_have_attribute("data-ow-state", "running")
        explorer.page.wait_for_timeout(BLOCKED_MS)  # seconds the kernel is blocked
        link(explorer, "busy")
        assert explorer.recipe()["sparsity"] == 0
    finally:
        os.kill(kernel.pid, signal.SIGCONT)
    explorer.wait_for(sparsity=0.99)
    link(explorer, "live")
    expect(explorer.root.locator(".ow-link")).to_have_text("")


@pytest.mark.slow
def test_in_jupyterlab_a_killed_kernel_is_told_too(
    new_page: Callable[[], Page], jupyterlab: str
) -> None:
    page = new_page()
    page.goto(f"{jupyterlab}lab/tree/explorer.ipynb")
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    page.keyboard.press("Shift+Enter")
    explorer = ExplorerPage(page, Witness(page))
    explorer.wait_for()
    kernels = page.evaluate("async () => (await fetch('/api/kernels')).json()")
    for process in psutil.process_iter(["cmdline"]):
        if any(kernels[-1]["id"] in part for part in process.info["cmdline"] or ()):
            process.kill()
    link(explorer, "gone")
    banner = page.locator(".jp-NotebookPanel > .ow-kernel")
    expect(banner.get_by_role("alert")).to_contain_text("Restart the kernel and run all cells.")
    reset = explorer.root.locator(".ow-reset")  # its name has an icon of ipywidgets now
    expect(reset).to_have_attribute("aria-disabled", "true")


def test_a_panel_that_throws_says_so_in_its_own_box_and_the_others_live(
    explorer: ExplorerPage,
) -> None:
    explorer.page.evaluate(PLANT_FAULT)
    explorer.slider("Sparsity").press("End")
    explorer.wait_for(sparsity=0.99)
    box = explorer.root.locator(".ow-matrices")
    expect(box.get_by_role("alert")).to_contain_text("planted <b>fault</b>")
    expect(box.get_by_role("grid")).to_have_count(0)  # no outdated text is left
    assert explorer.value("accuracy") < 0.5
    assert explorer.rows("Recall per class, %")
    explorer.page.evaluate("owMend()")
    explorer.slider("Sparsity").press("Home")
    explorer.wait_for(sparsity=0)
    expect(box.get_by_role("alert")).to_have_count(0)
    assert len(explorer.grid("Optimized")) == 100
    assert {text.partition(":")[0] for text in explorer.witness.complaints} == {"error"}
    explorer.witness.complaints.clear()
