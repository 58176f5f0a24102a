"""The API reference in docs/: every public name on one page, with an example; no warning."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import optiwidgets as ow

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ENTRY = re.compile(r"^\.\. auto(class|function|exception):: optiwidgets\.(\w+)$", re.MULTILINE)
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def entries() -> list[tuple[str, str]]:
    """Kind and name of every public name on the API pages."""
    return [
        found for page in sorted(DOCS.glob("*.md")) for found in ENTRY.findall(page.read_text())
    ]


def kind(value: object) -> str:
    if not inspect.isclass(value):
        return "function"
    return "exception" if issubclass(value, Exception) else "class"


def has_example(value: object) -> bool:
    """Tell whether an object's own docstring has a section "Examples" with a doctest."""
    _, section, examples = inspect.cleandoc(value.__doc__ or "").partition("Examples\n--------\n")
    return bool(section) and ">>> " in examples


def test_every_public_name_stands_on_exactly_one_page() -> None:
    assert Counter(name for _, name in entries()) == Counter(ow.__all__)


def test_every_entry_is_of_the_right_kind() -> None:
    assert [entry for entry in entries() if entry[0] != kind(getattr(ow, entry[1]))] == []


def test_every_page_is_in_the_table_of_contents() -> None:
    index = (DOCS / "index.md").read_text()
    pages = {page.stem for page in DOCS.glob("*.md")} - {"index"}
    assert set(re.findall(r"^(\w+)$", index.partition("{toctree}")[2], re.MULTILINE)) == pages


@pytest.mark.parametrize("name", ow.__all__)
def test_every_public_name_has_an_example(name: str) -> None:
    assert has_example(getattr(ow, name))


def test_a_docstring_without_a_doctest_is_found() -> None:
    def bare() -> None:
        """Do nothing.

        Examples
        --------
        None yet.
        """

    assert not has_example(bare)
    assert not has_example(DOCS)


def test_the_example_on_the_first_page_runs() -> None:
    (block,) = BLOCK.findall((DOCS / "index.md").read_text())
    names: dict[str, object] = {}
    exec(block, names)
    assert isinstance(names["report"], ow.Report)


@pytest.mark.slow
def test_the_reference_is_built_without_a_warning(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "sphinx", "--builder", "html", "--fail-on-warning"]
    done = subprocess.run(
        [*build, "--keep-going", "--quiet", str(DOCS), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    pages = "".join(page.read_text() for page in tmp_path.glob("*.html"))
    assert [name for name in ow.__all__ if f'id="optiwidgets.{name}"' not in pages] == []
    assert "kwargs" not in pages  # what traitlets shows in place of a widget's parameters
    assert "&lt;factory&gt;" not in pages
    assert str(ROOT) not in pages
