"""Terms: each is defined in the lesson in which the path first uses it, before or in that use."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from lesson_pages import LESSONS, parts, path, read

TERMS: list[dict[str, str]] = yaml.safe_load((LESSONS / "glossary.yaml").read_text("utf-8"))
LINK = re.compile(r"\[[^]]+\]\([^)]+\)")
SKIPPED = re.compile(r"#|\||- |\d\. |\*\*After this lesson")  # titles, tables, aims, summaries


def paragraphs(book: Any) -> list[str]:
    """List the running texts of a page, without titles, tables, links, aims and summaries."""
    return [LINK.sub("", part.text) for part in parts(book) if not SKIPPED.match(part.text)]


def first_use(term: dict[str, str], pages: dict[str, list[str]]) -> tuple[str, str]:
    """Find the first lesson and paragraph that use a term."""
    form = term.get("forms", term["term"]).replace(" ", r"\s+")
    word = re.compile(form if "<" in form else rf"\b({form})\b", re.IGNORECASE)
    return next(
        ((name, text) for name, texts in pages.items() for text in texts if word.search(text)),
        ("", ""),
    )


def defines(text: str, term: str) -> bool:
    """Tell whether a paragraph emphasizes a term, as definitions do."""
    words = r"\s+".join(map(re.escape, term.split()))
    return bool(re.search(rf"(?<!\*)\*{words}\b[^*]*\*|<em>{words}\b", text, re.IGNORECASE))


@pytest.fixture(scope="module")
def pages() -> dict[str, list[str]]:
    return {name: paragraphs(read(name)) for name in path()}


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term["term"])
def test_a_term_is_defined_where_the_path_first_uses_it(term, pages):
    lesson, text = first_use(term, pages)
    assert lesson == term["lesson"], text
    assert defines(text, term["term"]), text


def test_a_term_used_before_its_definition_is_noticed(pages):
    sealed = next(term for term in TERMS if term["term"] == "sealed")
    early = pages | {"10_which_metric": ["Judged on sealed images.", *pages["10_which_metric"]]}
    lesson, text = first_use(sealed, early)
    assert lesson == "10_which_metric"
    assert not defines(text, sealed["term"])


def test_each_definition_is_one_sentence_and_each_term_there_once():
    assert len({term["term"] for term in TERMS}) == len(TERMS) >= 40
    for term in TERMS:
        assert set(term) <= {"term", "forms", "lesson", "definition"}
        assert re.fullmatch(r"[A-Z][^.]+\.", term["definition"]), term["definition"]
