"""Every promise of SECURITY.md names a test that exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HELD = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def missing(page: str) -> list[str]:
    """List the tests that a page names and that do not exist."""
    return [
        f"{file}::{test}"
        for file, test in HELD.findall(page)
        if not re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE)
    ]


def test_every_promise_names_tests_that_are_there() -> None:
    promises = (ROOT / "SECURITY.md").read_text().partition("## What is not promised")[0]
    assert missing(promises) == []
    _, *each = re.split(r"^\*\*", promises, flags=re.MULTILINE)
    assert each
    assert [promise for promise in each if not HELD.search(promise)] == []


@pytest.mark.parametrize("test", ["test_nobody_wrote_this", "test_every_promise_names_tests"])
def test_a_promise_without_a_test_is_noticed(test: str) -> None:
    assert missing(f"- `tests/test_security.py::{test}`") == [f"tests/test_security.py::{test}"]
