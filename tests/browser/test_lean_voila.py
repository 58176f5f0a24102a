"""Voila beside a newer JupyterLab: extensions that no page uses are not loaded and say nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest
from conftest import PATIENCE_MS, write_notebook
from playwright.sync_api import Browser
from servers import serving
from witness import Witness

pytestmark = [pytest.mark.browser, pytest.mark.slow]

UNNEEDED = "unneeded-extension"
OURS = {"@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget"}
SLIDER = "import ipywidgets\n\nipywidgets.IntSlider(description='Moved')"
COMPLAINS = "console.error('wants a JupyterLab of another version');"


@pytest.fixture(scope="module")
def page_of_a_slider(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Server whose Jupyter path has a prebuilt extension that complains when it is loaded."""
    folder = tmp_path_factory.mktemp("lean")
    extension = folder / "path" / "labextensions" / UNNEEDED
    (extension / "static").mkdir(parents=True)
    load = {"load": "static/remoteEntry.js", "extension": "./extension"}
    package = {"name": UNNEEDED, "version": "1.0.0", "jupyterlab": {"_build": load}}
    (extension / "package.json").write_text(json.dumps(package))
    (extension / "static" / "remoteEntry.js").write_text(COMPLAINS)
    lessons = folder / "lessons"
    lessons.mkdir()
    write_notebook(lessons / "explorer.ipynb", SLIDER)
    command = ["env", f"JUPYTER_PATH={folder / 'path'}", sys.executable, "-m", "optiwidgets.cli"]
    options = ["app", "--port", "0", "--lessons", str(lessons)]
    with serving([*command, *options], folder / "server") as url:
        yield url


def test_only_the_pages_own_extensions_are_loaded_and_the_console_is_clean(
    browser: Browser, page_of_a_slider: str
) -> None:
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        witness = Witness(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_of_a_slider)
        page.get_by_text("Moved").wait_for()
        settings = json.loads(page.locator("#jupyter-config-data").text_content() or "{}")
        assert {each["name"] for each in settings["federated_extensions"]} == OURS
        assert any("labextensions/anywidget/" in url for url in asked)
        assert not any(UNNEEDED in url for url in asked)
        there = page.request.get(f"{page_of_a_slider}voila/labextensions/{UNNEEDED}/package.json")
        assert there.ok  # the extension was on the path
        assert witness.complaints == []
        page.goto("about:blank")  # leaving lets the server end the kernel
