"""Pages for contributors name files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")
QUOTED = re.compile(r"`([^`\n]+)`")
FOLDER = re.compile(r"[\w.*-]+/[\w.*/-]*")
FILE = re.compile(r"[\w*-]+\.(py|js|css|md|toml|txt|ipynb|json|yml)")


def missing(page: str) -> list[str]:
    """Paths in backticks, from the root or the package, or bare file names, that do not exist."""
    quoted = (text.partition("::")[0] for text in QUOTED.findall(page))
    paths = {t for t in quoted if FOLDER.fullmatch(t) or FILE.fullmatch(t)}
    return sorted(path for path in paths if not exists(path))


def exists(path: str) -> bool:
    package = ROOT / "optiwidgets"
    found = [*ROOT.glob(path), *package.glob(path)]
    return bool(found or ("/" not in path and any(package.rglob(path))))


@pytest.mark.parametrize("page", PAGES)
def test_every_path_on_a_page_is_there(page: str) -> None:
    text = (ROOT / page).read_text()
    assert missing(text) == []
    assert len([t for t in QUOTED.findall(text) if "/" in t]) > 5


def test_a_path_that_is_not_there_is_noticed() -> None:
    page = (
        "`engine/pruning/` `feed.js` `tests/*.py` `/health` `a/b.py::test_x` `gone.js` `ow.ask()`"
    )
    assert missing(page) == ["a/b.py", "gone.js"]
