"""Figure with its own display in notebooks; Jupyter displays others only after importing pyplot."""

from __future__ import annotations

from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


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
