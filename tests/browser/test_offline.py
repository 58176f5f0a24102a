"""Work without internet: a first visit requests this machine only, and few bytes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import PATIENCE_MS
from explorer_page import ExplorerPage
from playwright.sync_api import Browser, Page, Route
from servers import serving
from witness import Witness

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
HERE = "127.0.0.1"
MOST_MB = 5.5  # of a first page, with an empty cache


@pytest.fixture(scope="module")
def served(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("serve")
    command = [sys.executable, "-m", "optiwidgets.cli", "serve", "--port", "0"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTIWIDGETS_GRIDS", "")
        with serving([*command, "--lessons", str(ROOT / "lessons")], folder) as url:
            yield url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Page in its own browser profile: nothing is cached."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        yield page
        page.goto("about:blank")  # leaving lets the server end the kernel


def counting(page: Page) -> list[int]:
    """Count the bytes received from now on, whole responses."""
    network, sizes = page.context.new_cdp_session(page), list[int]()
    network.on("Network.loadingFinished", lambda end: sizes.append(end["encodedDataLength"]))
    network.send("Network.enable")
    return sizes


def test_an_explorer_is_fresh_with_all_but_this_machine_cut_off(page: Page, served: str) -> None:
    cut: list[str] = []

    def judge(route: Route) -> None:
        if urlsplit(route.request.url).hostname == HERE:
            route.continue_()
        else:
            cut.append(route.request.url)
            route.abort()

    page.route("**/*", judge)
    witness = Witness(page)
    sizes = counting(page)
    page.goto(served)
    ExplorerPage(page, witness).wait_for()
    page.evaluate("fetch('http://elsewhere.example/').catch(() => 0)")  # the network is really cut
    assert cut == ["http://elsewhere.example/"]
    assert witness.strangers == cut
    assert len(sizes) > 20
    assert 1 < sum(sizes) / 1e6 <= MOST_MB
