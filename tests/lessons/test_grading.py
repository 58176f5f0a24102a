"""Code blocks of GRADING.md: every block that needs no other tool is run, and can fail."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

from optiwidgets.widgets.lesson import answer_log

PAGE = Path(__file__).parents[2] / "lessons" / "GRADING.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
TOOLS = re.compile(r"^(import|from) (otter|nbgrader)\b", re.MULTILINE)


@pytest.fixture(autouse=True)
def _own_register(monkeypatch, tmp_path):
    monkeypatch.setattr(answer_log, "REGISTER", answer_log.Register())
    monkeypatch.chdir(tmp_path)


def run(blocks: list[str], **known: Any) -> dict[str, Any]:
    """Run the page's blocks from top to bottom, in one namespace."""
    names: dict[str, Any] = dict(known)
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
    return names


def test_every_block_runs_but_the_one_that_needs_otter():
    ours = [block for block in BLOCKS if not TOOLS.search(block)]
    assert len(BLOCKS) - len(ours) == 1
    assert len(ours) >= 6
    run(ours)


def block_with(words: str) -> str:
    (found,) = [block for block in BLOCKS if words in block and not TOOLS.search(block)]
    return found


@pytest.mark.parametrize(
    ("precision", "decision", "words"),
    [
        (0.895, ("usually no", [1]), "confusion.precision_after: That is recall"),
        (None, None, "confusion.precision_after: Write a number"),
        (0.85, ("yes", [1]), "selfcheck.production: Size and speed look great"),
        (0.85, "no", "selfcheck.production: Decide first"),
    ],
)
def test_the_nbgrader_cell_fails_for_a_wrong_answer_with_the_checks_message(
    precision, decision, words
):
    cell = block_with('("selfcheck.production", decision)')
    with pytest.raises(AssertionError, match=words):
        run([cell], precision_after=precision, decision=decision)


@pytest.mark.parametrize(("answer", "failed"), [(0.9, 1), (None, 1), ("85 %", 0)])
def test_the_otter_case_fails_for_a_wrong_answer_only(answer, failed):
    test = run([block_with("OK_FORMAT")])["test"]
    assert set(test) == {"name", "points", "suites"}
    (case,) = test["suites"][0]["cases"]
    parsed = doctest.DocTestParser().get_doctest(
        case["code"], {"precision_after": answer}, "precision", None, None
    )
    results = doctest.DocTestRunner(verbose=False).run(parsed, out=lambda _: None)
    assert (results.failed, results.attempted) == (failed, 3)
