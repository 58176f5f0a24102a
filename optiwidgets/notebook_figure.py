"""Figures that a notebook shows without pyplot, and without a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from PIL import Image

from optiwidgets.texts import text

SHADES = LinearSegmentedColormap.from_list("counts", ["#ffffff", "#2b6cb0"])
MOST_NUMBERED = 12  # classes; counts of more are coloured only
MOST_NAMED = 25  # classes; more have no labels
LONGEST_NAME = 12  # characters


class NotebookFigure(Figure):
    """Figure on an Agg canvas, independent of pyplot, that notebooks display as PNG.

    Parameters
    ----------
    width, height
        Size in inches.

    Examples
    --------
    >>> NotebookFigure(2, 1)._repr_png_()[1:4]
    b'PNG'
    """

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        """Render as PNG for a notebook."""
        stream = BytesIO()
        self.savefig(stream, format="png", dpi=80)
        return stream.getvalue()


def draw_snapshot(
    matrices: dict[str, Sequence[Sequence[int]]],
    names: Sequence[str],
    above: Sequence[str],
    below: str,
) -> bytes:
    """Draw confusion matrices side by side, with lines of text above and a line below, as PNG.

    Parameters
    ----------
    matrices
        Counts by title, rows truth, columns prediction.
    names
        Names of the classes; of many classes, no names are drawn.
    above, below
        Lines of text.

    Examples
    --------
    >>> draw_snapshot({"Baseline": [[9, 1], [0, 10]]}, ["no", "yes"], ["95 %"], "Run it.")[1:4]
    b'PNG'
    """
    figure = Figure(figsize=(4.2 * len(matrices) + 0.3, 4.9 + 0.26 * len(above)), dpi=80)
    figure.set_figwidth(max(figure.get_figwidth(), _width(figure, [*above, below]) + 0.3))
    height = figure.get_figheight()
    for index, line in enumerate(above):
        where = 0.15, height - 0.3 - 0.26 * index
        weight = "bold" if index == 0 else "normal"
        _write(figure, line, where, weight=weight, fontsize=11)
    for index, (title, counts) in enumerate(matrices.items()):
        place = (0.75 + 4.2 * index, 0.95, 3.4, 3.4)
        width = figure.get_figwidth()
        box = (place[0] / width, place[1] / height, place[2] / width, place[3] / height)
        _draw_counts(figure.add_axes(box), title, counts, names)
    _write(figure, below, (0.15, 0.15), fontsize=10, color="#59636e")
    return _small_png(figure)


def _width(figure: Figure, lines: Sequence[str]) -> float:
    """Measure the widest of some lines of text in bold, in inches."""
    canvas: Any = FigureCanvasAgg(figure)  # matplotlib gives its methods no types
    renderer = canvas.get_renderer()
    font = FontProperties(size=11, weight="bold")
    sizes = [renderer.get_text_width_height_descent(line, font, ismath=False) for line in lines]
    return float(max(width for width, *_ in sizes) / figure.dpi)


def _small_png(figure: Figure) -> bytes:
    """Render with a palette of 64 colours: a third of the bytes, since a notebook keeps them."""
    canvas: Any = FigureCanvasAgg(figure)  # matplotlib gives its methods no types
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    stream = BytesIO()
    picture.quantize(64).save(stream, format="png", optimize=True)
    return stream.getvalue()


def _write(figure: Figure, text: str, where: tuple[float, float], **style: Any) -> None:
    x, y = where[0] / figure.get_figwidth(), where[1] / figure.get_figheight()
    figure.text(x, y, text, parse_math=False, **style)


def _draw_counts(
    ax: Axes, title: str, counts: Sequence[Sequence[int]], names: Sequence[str]
) -> None:
    most = max(1, *(max(row) for row in counts))
    ax.imshow(counts, cmap=SHADES, norm=PowerNorm(0.5, 0, most))
    ax.set_title(title, fontsize=11, parse_math=False)
    ax.set(xlabel=text("prediction"), ylabel=text("truth"))
    shown = len(names) <= MOST_NAMED
    cut = [n if len(n) <= LONGEST_NAME else n[: LONGEST_NAME - 1] + "…" for n in names]
    long = any(len(name) > 2 for name in cut)
    ax.set_xticks(range(len(names)) if shown else [], cut if shown else [])
    ax.set_yticks(range(len(names)) if shown else [], cut if shown else [])
    for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        label.set(parse_math=False, fontsize=7 if long else 9)
    if long and len(names) > 4:
        ax.tick_params("x", rotation=90)
    if len(names) <= MOST_NUMBERED:
        for y, row in enumerate(counts):
            for x, count in enumerate(row):
                if count:
                    color = "white" if count > most / 3 else "#1b1f24"
                    ax.text(x, y, str(count), ha="center", va="center", fontsize=8, color=color)
