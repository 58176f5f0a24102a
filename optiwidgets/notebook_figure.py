"""Figure that a notebook shows by itself: Jupyter draws others only where pyplot was imported."""

from __future__ import annotations

from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """Figure on an Agg canvas, known to no pyplot, with a picture for notebooks.

    Parameters
    ----------
    width, height
        In inches.

    Examples
    --------
    >>> NotebookFigure(2, 1)._repr_png_()[1:4]
    b'PNG'
    """

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        """Render as a notebook shows it."""
        stream = BytesIO()
        self.savefig(stream, format="png", dpi=80)
        return stream.getvalue()
