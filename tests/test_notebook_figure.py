"""The picture of an explorer in a saved notebook has all of its text."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from optiwidgets.notebook_figure import draw_snapshot

COUNTS = [[9, 1], [0, 10]]
MARGIN = 8  # pixels


def edge(*above: str, below: str = "Run it.", titles: tuple[str, ...] = ("Baseline",)):
    """Return the columns at the right edge of a picture, and its width in pixels."""
    png = draw_snapshot(dict.fromkeys(titles, COUNTS), ["no", "yes"], above, below)
    pixels = np.asarray(Image.open(BytesIO(png)).convert("L"))
    return pixels[:, -MARGIN:], pixels.shape[1]


@pytest.mark.parametrize("titles", [("Baseline",), ("Baseline", "Optimized")])
@pytest.mark.parametrize("letters", [20, 60, 120])
def test_no_line_reaches_the_edge(letters, titles):
    line = "m" * letters
    for lines, below in ((("Short", line), "Run it."), (("Short",), line), ((line,), "Run it.")):
        columns, _ = edge(*lines, below=below, titles=titles)
        assert columns.min() >= 250, (lines, below)


def test_short_lines_leave_the_width_as_it_is():
    assert edge("Short")[1] == edge("A", "B")[1] == 360
