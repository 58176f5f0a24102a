"""The workflow of pages builds the site by its command, and pushes it to the branch of links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import yaml

from optiwidgets.cli import _parser
from optiwidgets.widgets.pages.python_places import COLAB, VSCODE, lesson_places

ROOT = Path(__file__).parents[2]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/pages.yml").read_text("utf-8"))
STEPS = [step for step in WORKFLOW["jobs"]["site"]["steps"] if "run" in step]


def test_the_site_is_built_by_its_command_and_pushed_to_the_branch_of_links():
    (built,) = (step["run"] for step in STEPS if step["run"].startswith("optiwidgets "))
    arguments = _parser().parse_args(shlex.split(built)[1:])
    assert (arguments.command, arguments.out, arguments.lessons) == (
        "site",
        Path("public"),
        Path("lessons"),
    )
    published = STEPS[-1]
    assert published["working-directory"] == "public"
    (branch,) = re.findall(r'push --force "[^"]*" (\S+)', published["run"])
    assert all(f"/blob/{branch}/notebooks" in address for address in (COLAB, VSCODE))


def test_it_runs_on_main_and_may_write_the_branch():
    assert WORKFLOW[True]["push"] == {"branches": ["main"]}
    assert WORKFLOW["permissions"] == {"contents": "write"}


def test_hosting_has_the_links_of_every_lesson():
    hosting = (ROOT / "lessons/HOSTING.md").read_text("utf-8")
    wanted = {
        address
        for path in (ROOT / "lessons").glob("*.ipynb")
        for words, address in lesson_places(path.stem).links
        if words != "Binder"
    }
    found = {*re.findall(r"\((https://(?:colab|vscode)[^)\s]*)\)", hosting)}
    assert found == wanted
    for path in (ROOT / "lessons").glob("*.ipynb"):
        (binder, *_) = lesson_places(path.stem).links
        assert binder[1] in hosting
