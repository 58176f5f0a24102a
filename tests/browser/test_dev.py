"""`make dev`: what is saved in JavaScript and in Python arrives in the open page."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import write_notebook
from playwright.sync_api import Page, expect
from servers import serving

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
PYTHON = """from pathlib import Path

import anywidget
from traitlets import Unicode


class Probe(anywidget.AnyWidget):
    _esm = Path(__file__).with_suffix(".js").read_text()
    text = Unicode("Python, one").tag(sync=True)
"""
JAVASCRIPT = """export default {
  render({ model, el }) {
    el.classList.add("probe");
    el.textContent = model.get("text") + "; JavaScript, one";
  },
};
"""
CELL = "from optiwidgets.widgets.base.probe import Probe\n\nProbe()"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scratch copy of the package that has a widget more, and one lesson that shows it."""
    folder = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "optiwidgets", folder / "optiwidgets", ignore=ignored)
    base = folder / "optiwidgets/widgets/base"
    (base / "probe.py").write_text(PYTHON)
    (base / "probe.js").write_text(JAVASCRIPT)
    (folder / "lessons").mkdir()
    write_notebook(folder / "lessons/explorer.ipynb", CELL)
    monkeypatch.setenv("PYTHONPATH", str(folder))  # before what is installed, in kernels too
    return folder


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        found: int = bound.getsockname()[1]
        return found


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    saved = path.with_name("saved.tmp")
    saved.write_text(text.replace(old, new))
    os.replace(saved, path)  # as editors do


def test_saved_javascript_and_python_arrive_in_the_open_page(
    checkout: Path, new_page: Callable[[], Page], tmp_path: Path
) -> None:
    base = checkout / "optiwidgets/widgets/base"
    command = [sys.executable, str(ROOT / "tools/dev.py"), "--port", str(free_port())]
    with serving([*command, "--lessons", str(checkout / "lessons")], tmp_path) as url:
        page = new_page()
        page.goto(url)
        probe = page.locator(".probe")
        expect(probe).to_have_text("Python, one; JavaScript, one")
        replace(base / "probe.js", "JavaScript, one", "JavaScript, two")
        expect(probe).to_have_text("Python, one; JavaScript, two")
        replace(base / "probe.py", "Python, one", "Python, two")
        expect(probe).to_have_text("Python, two; JavaScript, two")
        replace(base / "probe.py", "import anywidget", "import anywidgett")
        expect(page.get_by_text(re.compile("ModuleNotFoundError")).first).to_be_visible()
        replace(base / "probe.py", "import anywidgett", "import anywidget")
        expect(probe).to_have_text("Python, two; JavaScript, two")
        page.goto("about:blank")
