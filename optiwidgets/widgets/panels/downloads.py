"""Downloads of a report: its figure, the packed file, the ONNX file."""

from __future__ import annotations

import base64
import tempfile
from html import escape
from pathlib import Path

from ipywidgets import HTML, Image, VBox

from optiwidgets.engine.types.report import Report
from optiwidgets.texts import mark, text

NAMES = {"png": "PNG", "svg": "SVG", "owz": mark("packed file"), "onnx": "ONNX"}
MIME = {"png": "image/png", "svg": "image/svg+xml"} | dict.fromkeys(
    ("owz", "onnx"), "application/octet-stream"
)


class Downloads(VBox):
    """Figure of a report, and links that download the figure and the model.

    Examples
    --------
    >>> kept = Downloads()
    >>> kept.links.value, kept.figure.layout.display
    ('<p>The figure is drawn once no control moves.</p>', 'none')
    >>> kept.show({"png": b"", "owz": b"OWZ"})
    >>> "optiwidgets.owz" in kept.links.value, kept.figure.layout.display
    (True, None)
    """

    def __init__(self) -> None:
        self.figure = Image(format="png").add_class("ow-figure")
        self.figure.layout.display = "none"  # no broken image before the first one
        self.links = HTML(f"<p>{escape(text('The figure is drawn once no control moves.'))}</p>")
        super().__init__([self.links, self.figure])

    def show(self, files: dict[str, bytes]) -> None:
        """Show the rendered downloads."""
        self.figure.value, self.figure.layout.display = files["png"], None
        self.links.value = "".join(
            f'<a class="ow-download" download="optiwidgets.{kind}" '
            f'href="data:{MIME[kind]};base64,{base64.b64encode(data).decode()}">{escape(text(NAMES[kind]))}</a>'
            for kind, data in files.items()
        )


def render(report: Report) -> dict[str, bytes]:
    """Render all downloads, as bytes of files by kind."""
    with tempfile.TemporaryDirectory() as folder:
        packed, graph = Path(folder, "m.owz"), Path(folder, "m.onnx")
        report.save(packed)
        report.export(graph)
        return draw(report) | {"owz": packed.read_bytes(), "onnx": graph.read_bytes()}


def draw(report: Report) -> dict[str, bytes]:
    """Draw the figure, as PNG and SVG."""
    from optiwidgets.plotting import plot_report, to_bytes  # seaborn and matplotlib, on first use

    figure = plot_report(report)
    return {kind: to_bytes(figure, kind) for kind in ("png", "svg")}
