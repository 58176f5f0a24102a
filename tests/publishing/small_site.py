"""A site of two tiny lessons, a page, and a list of cells."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HOSTILE = "</script><b>x</b>\u202e \"'=cmd"
FIRST = (
    ("markdown", f"# Pruning {HOSTILE}\n\n*7 minutes, on the core path.* [next](20_next.ipynb)"),
    ("code", "import optiwidgets as ow"),
    ("code", 'ow.ask("pruning.magnitude")'),
    ("code", 'ow.ask("pruning.repair")'),
)
SECOND = (
    ("markdown", "# Next\n\n[back](10_first.ipynb#top), [a page](PAGE.md#two-words)"),
    ("code", 'print("printed")\n"</script>"'),
    ("code", "import matplotlib.pyplot as plt\n\nfigure, ax = plt.subplots()"),
)
PAGE = "# A page\n\n## Two words\n\n![far](https://elsewhere.example/a.svg) [code](static.yaml)\n"
LISTED = """
10_first:
  - {cell: "1", line: import optiwidgets as ow, by: grid, reason: It shows nothing.}
  - {cell: "2", line: ow.ask("pruning.magnitude"), by: grid, reason: The page checks it.}
  - {cell: "3", line: ow.ask("pruning.repair"), by: needs-python, reason: A reason of its own.}
20_next:
  - {cell: "1", line: print("printed"), by: grid, reason: It is text.}
  - {cell: "2", line: import matplotlib.pyplot as plt, by: grid, reason: It is a picture.}
"""


def write_book(path: Path, cells: tuple[tuple[str, str], ...]) -> None:
    make = {"markdown": new_markdown_cell, "code": new_code_cell}
    made = [make[kind](source, id=str(place)) for place, (kind, source) in enumerate(cells)]
    nbformat.write(new_notebook(cells=made), path)


def write_lessons(folder: Path) -> Path:
    folder.mkdir()
    write_book(folder / "10_first.ipynb", FIRST)
    write_book(folder / "20_next.ipynb", SECOND)
    (folder / "PAGE.md").write_text(PAGE)
    (folder / "static.yaml").write_text(LISTED)
    return folder
