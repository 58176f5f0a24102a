"""``?lang=`` of a lesson's address: the kernel's texts, the page's marks and links, a refusal."""

import re
import subprocess
import sys
from collections.abc import Iterator

import nbformat
import pytest
from classes import Browser, serving

from optiwidgets.hosting.page_language import LONGEST, in_language, unknown
from optiwidgets.texts import asked_language, catalogue, languages, text

SHOWN = "from optiwidgets.texts import text; print('shown:', text('Bit-width'))"


def first(**environment: str) -> str:
    """Text of a process with these variables in its environment."""
    given = {"PYTHONPATH": ":".join(sys.path), "PYTHONUTF8": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-c", SHOWN], capture_output=True, encoding="utf-8", check=True, env=given
    )
    return done.stdout.removeprefix("shown:").strip()


def test_the_package_has_german_and_spanish() -> None:
    assert languages() == ["de", "en", "es"]


@pytest.mark.parametrize(
    ("query", "language"),
    [
        ("lang=de", "de"),
        ("case=smear&lang=es&bits=4", "es"),
        ("", ""),
        ("lang=", ""),
        ("la=de", ""),
    ],
)
def test_the_query_of_a_page_asks_for_a_language(query: str, language: str) -> None:
    assert asked_language(query) == language


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({"QUERY_STRING": "bits=4&lang=de"}, "Bitbreite"),
        ({"QUERY_STRING": "lang=es", catalogue.VARIABLE: "de"}, "Ancho de bits"),
        ({"QUERY_STRING": "bits=4", catalogue.VARIABLE: "de"}, "Bitbreite"),
        ({"QUERY_STRING": "lang=xx"}, "Bit-width"),
        ({"QUERY_STRING": "lang=../texts/de"}, "Bit-width"),
        ({"QUERY_STRING": ""}, "Bit-width"),
    ],
)
def test_a_kernel_begins_in_the_language_of_its_page(
    environment: dict[str, str], shown: str
) -> None:
    assert first(**environment) == shown


def test_a_forked_process_chooses_by_its_own_page(monkeypatch: pytest.MonkeyPatch) -> None:
    assert text("Bit-width") == "Bit-width"
    monkeypatch.setenv("QUERY_STRING", "lang=de")
    assert text("Bit-width") == "Bit-width"  # chosen before
    try:
        catalogue.first_language()
        assert text("Bit-width") == "Bitbreite"
    finally:
        catalogue.use_language("en")


def test_the_prose_of_a_page_in_another_language_is_marked_as_english() -> None:
    html = '<div class="jp-Cell jp-MarkdownCell jp-Notebook-cell">'
    assert in_language(html, "de") == f'<div lang="en" {html.removeprefix("<div ")}'
    assert in_language(html, "") == in_language(html, "en") == in_language(html, "xx") == html


def test_links_to_lessons_keep_the_language_and_others_stay() -> None:
    lessons = '<a href="30_pruning.ipynb">a</a><a href="explorer.ipynb?case=smear#top">b</a>'
    others = '<a href="https://example.org/30_pruning.ipynb">c</a><a href="#30_pruning">d</a>'
    assert in_language(lessons + others, "es") == (
        '<a href="30_pruning.ipynb?lang=es">a</a>'
        f'<a href="explorer.ipynb?case=smear&amp;lang=es#top">b</a>{others}'
    )


def test_an_unknown_language_is_named_as_text() -> None:
    cells = '<div id="rendered_cells" style="display: none">\n  <div>'
    told = in_language(cells, "<script>alert(1)</script>" * 9)
    assert told.startswith(f'{cells}<p role="status">There is no language &quot;&lt;script&gt;')
    assert "<script" not in told
    assert len(unknown("x" * 10_000)) < 120 + LONGEST


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("lessons")
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [
        nbformat.v4.new_markdown_cell("Prose. [Next](10_next.ipynb)"),
        nbformat.v4.new_code_cell(SHOWN),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.write(notebook, folder / "explorer.ipynb")
    with serving(folder) as (port, _):
        yield port


@pytest.mark.parametrize(
    ("query", "shown", "marked"),
    [("?lang=de", "Bitbreite", "de"), ("", "Bit-width", "en"), ("?lang=xx", "Bit-width", "en")],
)
def test_a_served_page_is_in_the_language_of_its_address(
    port: int, query: str, shown: str, marked: str
) -> None:
    browser = Browser(port)
    _, page = browser.ask(f"/voila/render/explorer.ipynb{query}")
    assert re.search(r"shown: ([\w-]+( de bits)?)", page)[1] == shown  # type: ignore[index]
    assert f'<html lang="{marked}"' in page
    assert ("There is no language" in page) == (query == "?lang=xx")
    assert ('lang="en" class="jp-Cell jp-MarkdownCell' in page) == (marked == "de")
    assert ('href="10_next.ipynb?lang=de"' in page) == (marked == "de")


def test_the_list_of_lessons_keeps_the_language(port: int) -> None:
    _, page = Browser(port).ask("/lessons?lang=de")
    assert 'href="voila/render/explorer.ipynb?lang=de"' in page
