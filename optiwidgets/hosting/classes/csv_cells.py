"""Tables as CSV that a spreadsheet opens as text: no cell of a student becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

Cell = str | int | float | None
WIDE = "\uff1d\uff0b\uff0d\uff20"  # = + - @ of East Asian keyboards; spreadsheets read them alike
FORMULA = tuple(f"=+-@\t\r\n{WIDE}")  # first characters of a text that is computed
MARK = "\ufeff"  # tells a spreadsheet that the text is UTF-8


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    r"""Write a table as CSV (RFC 4180), with a byte order mark.

    A text that a spreadsheet would compute gets a leading apostrophe; numbers stay numbers.

    Examples
    --------
    >>> csv_text(["name", "right"], [["=1+1", -2], ["ann, b", None]])
    '\ufeffname,right\r\n\'=1+1,-2\r\n"ann, b",\r\n'
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    for row in (header, *rows):
        writer.writerow([as_text(cell) for cell in row])
    return MARK + written.getvalue()


def as_text(cell: Cell) -> Cell:
    """Put an apostrophe before a text that a spreadsheet would compute.

    Spaces before it do not hide it: some programs drop them.

    Examples
    --------
    >>> as_text("@SUM(A1)"), as_text("  =1"), as_text("ann"), as_text(-1)
    ("'@SUM(A1)", "'  =1", 'ann', -1)
    """
    if not isinstance(cell, str):
        return cell
    return f"'{cell}" if cell.startswith(FORMULA) or cell.lstrip().startswith(FORMULA) else cell
