"""CSV: texts of students stay texts in a spreadsheet, and nothing else changes."""

import csv
import io

import pytest

from optiwidgets.hosting.classes.csv_cells import MARK, as_text, csv_text


@pytest.mark.parametrize(
    "text",
    ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1+1"],
)
def test_a_text_that_a_spreadsheet_would_compute_is_quoted(text: str) -> None:
    assert as_text(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["ann", "", "a=b", "</script>", "'quoted'", 3, -2.5, None])
def test_all_else_stays_as_it_is(cell: str | float | None) -> None:
    assert as_text(cell) == cell


def test_a_table_is_read_back_with_commas_quotes_and_line_ends() -> None:
    rows = [["a,b", 'say "x"', "two\r\nlines"], ["\u202eright to left", "x" * 10_000, ""]]
    read = csv.reader(io.StringIO(csv_text(["one", "two", "three"], rows)[len(MARK) :], newline=""))
    assert [*read] == [["one", "two", "three"], *rows]
