"""Pages name files that exist, and their links lead to pages and headings that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = (
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "README.md",
    "lessons/METHODS.md",
    "lessons/SPEED.md",
)
LINKED = sorted(
    str(path.relative_to(ROOT))
    for folder in (ROOT, ROOT / "lessons")
    for path in folder.glob("*.md")
)
QUOTED = re.compile(r"`([^`\n]+)`")
FOLDER = re.compile(r"[\w.*-]+/[\w.*/-]*")
FILE = re.compile(r"[\w*-]+\.(py|js|css|md|toml|txt|ipynb|json|yml)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def missing(page: str) -> list[str]:
    """Paths in backticks, from the root or the package, or bare file names, that do not exist."""
    quoted = (text.partition("::")[0] for text in QUOTED.findall(CODE.sub("", page)))
    paths = {t for t in quoted if FOLDER.fullmatch(t) or FILE.fullmatch(t)}
    return sorted(path for path in paths if not exists(path))


def exists(path: str) -> bool:
    package = ROOT / "optiwidgets"
    found = [*ROOT.glob(path), *package.glob(path)]
    return bool(found or ("/" not in path and any(package.rglob(path))))


def anchors(page: str) -> set[str]:
    """Names of a page's headings in links, as GitHub makes them."""
    headings = HEADING.findall(CODE.sub("", page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead(page: str, home: Path) -> list[str]:
    """Links of a page in this folder to files or headings that do not exist."""
    found = []
    for link in LINK.findall(CODE.sub("", page)):
        path, _, anchor = link.partition("#")
        if ":" in path:
            continue  # another site
        target = home / path
        there = target.exists() if path else True
        text = page if not path else target.read_text("utf-8") if anchor and there else ""
        if not there or (anchor and anchor not in anchors(text)):
            found.append(link)
    return found


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


@pytest.mark.parametrize("page", LINKED)
def test_every_link_on_a_page_leads_somewhere(page: str) -> None:
    path = ROOT / page
    assert dead(path.read_text("utf-8"), path.parent) == []


def test_readme_leads_to_every_page() -> None:
    reached, ahead = set(), {ROOT / "README.md"}
    while ahead:
        page = ahead.pop()
        reached.add(page)
        links = (link.partition("#")[0] for link in LINK.findall(page.read_text("utf-8")))
        pages = {(page.parent / link).resolve() for link in links if link.endswith(".md")}
        ahead |= {one for one in pages if one.is_relative_to(ROOT)} - reached
    assert {str(page.relative_to(ROOT)) for page in reached} >= set(LINKED)


def test_a_link_that_leads_nowhere_is_noticed() -> None:
    page = (
        "# Two words, `x`\n[a](#two-words-x) [b](#gone) [c](README.md) [d](no.md) [e](README.md#no)"
    )
    assert dead(page, ROOT) == ["#gone", "no.md", "README.md#no"]
